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
    /// It names a stall and pays somebody else, or is no code to pay with.
    Wrong,
    /// A card that is no longer in use.
    Revoked,
    /// To an account that the register does not know: the stall's own bank code, or anybody's.
    Unregistered,
}

impl CodeVerdict {
    /// The word in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            CodeVerdict::Right => "right",
            CodeVerdict::Wrong => "wrong",
            CodeVerdict::Revoked => "revoked",
            CodeVerdict::Unregistered => "unregistered",
        }
    }

    pub fn parse(word: &str) -> Option<CodeVerdict> {
        let verdicts = [
            CodeVerdict::Right,
            CodeVerdict::Wrong,
            CodeVerdict::Revoked,
            CodeVerdict::Unregistered,
        ];
        verdicts.into_iter().find(|verdict| verdict.as_str() == word)
    }
}
