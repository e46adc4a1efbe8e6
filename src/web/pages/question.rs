//! A question before what cannot be taken back by one press: how many it is about, and what follows.

use askama::Template;

use super::answer::Html;
use super::frame::{Fault, Frame};

/// What a button sends once its question was answered.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Sure {
    sure: Option<String>,
}

impl Sure {
    pub fn is_sure(&self) -> bool {
        is_sure(self.sure.as_deref())
    }
}

/// Whether this is the answer of a question.
pub(super) fn is_sure(answer: Option<&str>) -> bool {
    answer == Some("1")
}

/// A question, and what its answer sends.
pub(super) struct Question {
    pub title: String,
    /// How many it is about and what follows, a sentence each.
    pub lines: Vec<String>,
    /// The words of the button that does it.
    pub yes: String,
    /// Whether something ends by it.
    pub is_danger: bool,
    /// Where the answer is sent: by `post`, or by `get` for a file.
    pub method: &'static str,
    pub action: String,
    pub fields: Vec<(&'static str, String)>,
    pub back_href: String,
}

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    frame: Frame,
    question: Question,
}

impl Question {
    /// A question that is answered by a POST.
    pub fn new(title: &str, lines: &[&str], yes: &str, action: String, back_href: String) -> Question {
        Question {
            title: title.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            yes: yes.to_owned(),
            is_danger: false,
            method: "post",
            action,
            fields: Vec::new(),
            back_href,
        }
    }

    /// Something ends by it.
    pub fn danger(mut self) -> Question {
        self.is_danger = true;
        self
    }

    /// What the button sent comes along.
    pub fn with(mut self, name: &'static str, value: &str) -> Question {
        self.fields.push((name, value.to_owned()));
        self
    }

    pub fn page(self, frame: Frame) -> Result<Html, Fault> {
        Html::of(&QuestionPage {
            frame,
            question: self,
        })
    }
}
