//! One sentence in both languages: what is wrong is found in one place and read in another, by people of either.

use std::borrow::Cow;

use super::Lang;

/// The same sentence in Vietnamese and in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    pub vi: Cow<'static, str>,
    pub en: Cow<'static, str>,
}

impl Sentence {
    pub fn new(vi: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Sentence {
        Sentence {
            vi: vi.into(),
            en: en.into(),
        }
    }

    /// As it is read in this language.
    pub fn in_lang(&self, lang: Lang) -> &str {
        lang.pick(&self.vi, &self.en)
    }
}

impl From<(&'static str, &'static str)> for Sentence {
    fn from((vi, en): (&'static str, &'static str)) -> Sentence {
        Sentence::new(vi, en)
    }
}

/// A [`Sentence`] from two format strings, which take names from where they stand.
macro_rules! sentence {
    ($vi:literal, $en:literal $(,)?) => {
        $crate::vn::Sentence::new(format!($vi), format!($en))
    };
}
pub(crate) use sentence;

/// Makes errors of types whose `sentence()` says them: shown in English where no reader is known, as in a log.
macro_rules! error_by_sentence {
    ($($error:ty),+ $(,)?) => {$(
        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.sentence().en)
            }
        }
        impl std::error::Error for $error {}
    )+};
}
pub(crate) use error_by_sentence;
