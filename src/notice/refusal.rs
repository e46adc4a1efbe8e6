//! Why a callback is refused: the class, the field, and what is wrong with it.

/// The class of a refusal; the words of `expect.verdict` in `tests/data/provider_vectors.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The proof of origin is absent or does not fit.
    Signature,
    /// The proof fits but is too old or too new.
    Replay,
    /// The proof fits but the content cannot be read.
    Malformed,
    /// Genuine, but for another merchant, terminal or application.
    Foreign,
}

/// Why a callback was refused. Nothing of it becomes a notice, and the provider is never told success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {because}")]
pub struct Refusal {
    pub kind: RefusalKind,
    /// The header, parameter or member, e.g. `data.amount`.
    pub field: String,
    /// What is wrong with it and what is wanted; never holds a secret.
    pub because: String,
    /// Whether the header that should carry the proof, or a part of it, did not come at all.
    pub lacks_header: bool,
}

/// Longest field name that a refusal repeats: a stranger chooses it, and it goes into logs.
const FIELD_CHARS_MAX: usize = 100;

impl Refusal {
    pub(super) fn new(kind: RefusalKind, field: &str, because: impl Into<String>) -> Refusal {
        Refusal {
            kind,
            field: field.chars().take(FIELD_CHARS_MAX).collect(),
            because: because.into(),
            lacks_header: false,
        }
    }

    /// A header that the proof needs and that did not come.
    pub(super) fn without_header(field: &str, because: &str) -> Refusal {
        Refusal {
            lacks_header: true,
            ..Refusal::signature(field, because)
        }
    }

    pub(super) fn signature(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Signature, field, because)
    }

    pub(super) fn replay(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Replay, field, because)
    }

    pub(super) fn malformed(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Malformed, field, because)
    }

    pub(super) fn foreign(field: &str, because: impl Into<String>) -> Refusal {
        Refusal::new(RefusalKind::Foreign, field, because)
    }

    /// Refuses what is meant for another merchant, terminal or application. Compared exactly: where values
    /// run together in the signed text, a character of the next one could stand at its end (docs/spec/providers.md,
    /// section 1, rules 7 and 13).
    pub(super) fn unless_own(field: &str, sent: &str, own: &str, setting: &str) -> Result<(), Refusal> {
        if sent == own {
            Ok(())
        } else {
            Err(Refusal::foreign(
                field,
                format!("is not the configured {setting}"),
            ))
        }
    }

    /// The word in `tests/data/provider_vectors.json`.
    pub fn verdict(&self) -> &'static str {
        match self.kind {
            RefusalKind::Signature => "reject_signature",
            RefusalKind::Replay => "reject_replay",
            // Calling a foreign message malformed is right too (docs/spec/providers.md, section 1, rule 13).
            RefusalKind::Malformed | RefusalKind::Foreign => "reject_malformed",
        }
    }
}
