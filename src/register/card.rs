//! What becomes of cards that were handed out: how one ends, and what a check of a code finds.

/// How a code that was handed out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeEnd {
    /// Another card with the same text took its place.
    Replaced,
    Revoked,
    Destroyed,
}

impl CodeEnd {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            CodeEnd::Replaced => "replaced",
            CodeEnd::Revoked => "revoked",
            CodeEnd::Destroyed => "destroyed",
        }
    }

    pub fn parse(word: &str) -> Option<CodeEnd> {
        let ends = [CodeEnd::Replaced, CodeEnd::Revoked, CodeEnd::Destroyed];
        ends.into_iter().find(|end| end.as_str() == word)
    }
}

/// What a check of a code found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeVerdict {
    /// A card in use, or another code to an account of the register.
    Right,
    /// No code of the register: perhaps pasted over.
    Wrong,
    /// A card that is no longer in use.
    Revoked,
}

impl CodeVerdict {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            CodeVerdict::Right => "right",
            CodeVerdict::Wrong => "wrong",
            CodeVerdict::Revoked => "revoked",
        }
    }

    pub fn parse(word: &str) -> Option<CodeVerdict> {
        let verdicts = [CodeVerdict::Right, CodeVerdict::Wrong, CodeVerdict::Revoked];
        verdicts.into_iter().find(|verdict| verdict.as_str() == word)
    }
}
