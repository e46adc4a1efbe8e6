//! What a file says and nobody understands: a question about the file, for a person to answer before anything of it is
//! taken in. The answers are kept in the mapping.

use crate::statement::meaning::answers::{DayOrder, WordMeaning};
use crate::vn::{Sentence, sentence};

/// Words that a sentence names.
const NAMED_MAX: usize = 8;

/// Something about a file that a person has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Words of a column that may say which way the money went, or whether it went at all.
    Words {
        /// The place of the column, from 0.
        place: usize,
        /// What its header says.
        header: String,
        words: Vec<AskedWord>,
    },
    /// Only money in or only money out has a column.
    OneSide {
        /// Its header.
        header: String,
        is_credit: bool,
    },
    /// Days whose numbers read in several orders.
    Days { header: String },
}

/// A word that is asked about, or that stands beside one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedWord {
    /// As the mapping keeps it.
    pub key: String,
    /// As the file writes it; empty where nothing stands.
    pub text: String,
    /// What it is taken to mean, if it is understood.
    pub meaning: Option<WordMeaning>,
}

impl Question {
    /// What is not known and how to say it.
    pub fn sentence(&self) -> Sentence {
        match self {
            Question::Words { place, header, words } => {
                let unknown: Vec<&AskedWord> = words.iter().filter(|word| word.meaning.is_none()).collect();
                let named = |blank: &str| {
                    let texts = unknown
                        .iter()
                        .take(NAMED_MAX)
                        .map(|word| match word.text.as_str() {
                            "" => blank.to_owned(),
                            text => format!("«{text}»"),
                        });
                    let mut named = texts.collect::<Vec<_>>().join(", ");
                    if unknown.len() > NAMED_MAX {
                        named.push_str(", …");
                    }
                    named
                };
                let number = place + 1;
                let column = match header.as_str() {
                    "" => (format!("thứ {number}"), format!("{number}")),
                    text => (format!("«{text}»"), format!("«{text}»")),
                };
                Sentence::new(
                    format!(
                        "Cột {} có thể cho biết tiền vào hay ra, hoặc giao dịch đã xong hay chưa, mà chưa hiểu: {}. Hãy cho biết từng chữ nghĩa là gì, một lần cho các tệp như vậy; chưa nhập dòng nào.",
                        column.0,
                        named("ô trống")
                    ),
                    format!(
                        "Column {} may say which way the money went, or whether it is done, and this is not understood: {}. Say what each of them means, once for all files like this; no row was taken in.",
                        column.1,
                        named("an empty cell")
                    ),
                )
            }
            Question::OneSide { header, is_credit } => {
                let (vi, en, other_vi, other_en) = if *is_credit {
                    ("tiền vào", "money in", "tiền ra", "money out")
                } else {
                    ("tiền ra", "money out", "tiền vào", "money in")
                };
                sentence!(
                    "Chỉ nhận ra cột {vi} «{header}», không thấy cột {other_vi}. Hãy chọn cột {other_vi}, hoặc xác nhận rằng tệp chỉ liệt kê một phần giao dịch.",
                    "Only the column of {en} «{header}» is known, and none of {other_en}. Choose that column, or say that the file lists a part of the movements only."
                )
            }
            Question::Days { header } => {
                let orders = DayOrder::ALL.map(DayOrder::show);
                let vi = orders.map(|(vi, _)| vi).join(", ");
                let en = orders.map(|(_, en)| en).join(", ");
                sentence!(
                    "Cột «{header}»: không phân biệt được ngày với tháng, vì mọi ngày trong tệp đều đọc được theo nhiều cách. Hãy cho biết ngày viết theo thứ tự nào ({vi}).",
                    "Column «{header}»: days and months cannot be told apart, since every day of the file reads in several ways. Say in which order they are written ({en})."
                )
            }
        }
    }
}
