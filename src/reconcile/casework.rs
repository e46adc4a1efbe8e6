//! What people do about exceptions: what they may decide, when a second person is needed, and the chain of their acts.

use std::fmt;

use sha2::{Digest, Sha256};

use super::Decision;
use crate::statement::{RowKind, RowStatus};
use crate::vn::{Day, Sentence, TimeMs, error_by_sentence, sentence};

/// Characters of a reason: enough to say something, and bounded.
pub const REASON_CHARS: std::ops::RangeInclusive<usize> = 3..=500;
/// Receipts that one row may be given.
pub const RECEIPTS_MAX: usize = 500;

/// What an act is about. Written `row:7`, `entry:7`, `day:2026-06-15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A row of a statement.
    Row(i64),
    /// A receipt or notice of the ledger.
    Entry(i64),
    /// A day of the provider.
    Day(Day),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Row(no) => write!(f, "row:{no}"),
            Subject::Entry(no) => write!(f, "entry:{no}"),
            Subject::Day(day) => write!(f, "day:{day}"),
        }
    }
}

impl Subject {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Subject> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "row" => rest.parse().ok().map(Subject::Row),
            "entry" => rest.parse().ok().map(Subject::Entry),
            "day" => rest.parse().ok().map(Subject::Day),
            _ => None,
        }
    }
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActKind {
    /// Decided about a row or receipt.
    Decide,
    /// Agreed, as the second person.
    Approve,
    /// Did not agree, as the second person.
    Refuse,
    /// Took a decision back.
    Undo,
    Comment,
    /// Gave an exception to somebody, or to nobody.
    Assign,
    Close,
    /// Stated a closed day anew.
    Restate,
    /// Looked at receipts of a household, to decide.
    Look,
    /// Said whose a waiting payment is, for a second person to say the same.
    Propose,
    /// Made a receipt of a waiting payment.
    Post,
    /// Said that a waiting notice moves no money.
    Dismiss,
}

impl ActKind {
    pub const ALL: [ActKind; 12] = [
        ActKind::Decide,
        ActKind::Approve,
        ActKind::Refuse,
        ActKind::Undo,
        ActKind::Comment,
        ActKind::Assign,
        ActKind::Close,
        ActKind::Restate,
        ActKind::Look,
        ActKind::Propose,
        ActKind::Post,
        ActKind::Dismiss,
    ];

    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActKind::Decide => "decide",
            ActKind::Approve => "approve",
            ActKind::Refuse => "refuse",
            ActKind::Undo => "undo",
            ActKind::Comment => "comment",
            ActKind::Assign => "assign",
            ActKind::Close => "close",
            ActKind::Restate => "restate",
            ActKind::Look => "look",
            ActKind::Propose => "propose",
            ActKind::Post => "post",
            ActKind::Dismiss => "dismiss",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<ActKind> {
        ActKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// As people read it, in both languages.
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            ActKind::Decide => ("Quyết định", "Decided"),
            ActKind::Approve => ("Đồng ý (người thứ hai)", "Approved (second person)"),
            ActKind::Refuse => ("Không đồng ý (người thứ hai)", "Refused (second person)"),
            ActKind::Undo => ("Hoàn tác", "Undone"),
            ActKind::Comment => ("Ghi chú", "Comment"),
            ActKind::Assign => ("Giao việc", "Assigned"),
            ActKind::Close => ("Khóa sổ ngày", "Day closed"),
            ActKind::Restate => ("Điều chỉnh sau khóa sổ", "Restated"),
            ActKind::Look => ("Xem khoản tiền của hộ", "Looked at receipts"),
            ActKind::Propose => ("Đề nghị ghi nhận cho sạp", "Proposed the stall"),
            ActKind::Post => ("Ghi nhận cho sạp", "Posted to the stall"),
            ActKind::Dismiss => ("Bỏ qua thông báo", "Set the notice aside"),
        }
    }
}

/// What a person said of a waiting payment that became a receipt: whose it is. The detail of an act, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PostedByHand {
    pub stall_id: String,
    pub household_id: String,
    pub place_id: String,
    pub business_day: Day,
    /// đồng
    pub amount_vnd: i64,
    pub reason: String,
}

impl PostedByHand {
    /// Whether both say that it is of the same stall.
    pub fn is_same_stall(&self, other: &PostedByHand) -> bool {
        self.stall_id == other.stall_id && self.amount_vnd == other.amount_vnd
    }
}

/// One act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its number, from 1 without gaps.
    pub act_no: i64,
    pub at: TimeMs,
    pub by: String,
    /// Whose statements it is about.
    pub provider_id: String,
    /// What it is about.
    pub subject: Subject,
    pub what: ActKind,
    /// More of it, as JSON.
    pub detail: String,
}

impl Act {
    /// The digest of the act and of all before it.
    pub fn digest(&self, before: &[u8; 32]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(before);
        hasher.update(self.act_no.to_be_bytes());
        hasher.update(self.at.0.to_be_bytes());
        let subject = self.subject.to_string();
        for text in [
            &*self.by,
            &*self.provider_id,
            &*subject,
            self.what.as_str(),
            &*self.detail,
        ] {
            // With its length, so that no text runs into the next.
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finalize().into()
    }
}

/// How a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionState {
    /// For a second person, since its amount is above the limit.
    Waiting,
    Standing,
    /// It was taken back.
    Undone,
    /// The second person did not agree.
    Refused,
}

impl DecisionState {
    pub const ALL: [DecisionState; 4] = [
        DecisionState::Waiting,
        DecisionState::Standing,
        DecisionState::Undone,
        DecisionState::Refused,
    ];

    /// The word kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            DecisionState::Waiting => "waiting",
            DecisionState::Standing => "standing",
            DecisionState::Undone => "undone",
            DecisionState::Refused => "refused",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<DecisionState> {
        DecisionState::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// A row as a decision sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowFacts {
    /// What it is about.
    pub kind: RowKind,
    /// Whether the money moved.
    pub status: RowStatus,
    /// Gross, đồng.
    pub amount_vnd: i64,
    /// Fee and its tax, đồng, as the row states them.
    pub charges_vnd: i64,
}

/// Why something cannot be decided so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionError {
    /// Too short or too long.
    Reason,
    /// None, where some are needed.
    NoReceipt,
    /// More than one row may have, or one twice.
    TooManyReceipts,
    /// A match by hand must add up.
    DoesNotAddUp {
        /// The receipts together, đồng.
        receipts: i64,
        /// The row, đồng.
        row: i64,
    },
    /// Only receipts without a row are struck.
    NotAlone,
    /// Money back is of one receipt.
    OneReceipt,
    /// A row whose money did not move agrees with no receipt.
    NotSettled,
    /// A line of charges is nobody's payment.
    FeeLine,
    /// Only money that came in can be a payment of its own.
    NotAPayment,
}

error_by_sentence!(DecisionError);

impl DecisionError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            DecisionError::Reason => Sentence::new(
                "Hãy ghi lý do, từ 3 đến 500 ký tự.",
                "Give a reason, 3 to 500 characters.",
            ),
            DecisionError::NoReceipt => Sentence::new(
                "Hãy chọn ít nhất một khoản đã ghi nhận để ghép với dòng này.",
                "Choose at least one receipt to match with this row.",
            ),
            DecisionError::TooManyReceipts => Sentence::new(
                "Một dòng ghép với nhiều nhất 500 khoản, mỗi khoản một lần.",
                "A row matches at most 500 receipts, each of them once.",
            ),
            DecisionError::DoesNotAddUp { receipts, row } => sentence!(
                "Các khoản đã chọn cộng lại là {receipts} đ, dòng sao kê ghi {row} đ. Hãy chọn lại, hoặc chấp nhận lệch và ghi lý do.",
                "The chosen receipts come to {receipts} dong, the row to {row} dong. Choose again, or accept the difference and give a reason."
            ),
            DecisionError::NotAlone => Sentence::new(
                "Chỉ khoản đã báo mà sao kê không có mới được gạch khỏi sổ.",
                "Only a receipt that no statement has may be struck.",
            ),
            DecisionError::OneReceipt => Sentence::new(
                "Dòng tiền ra chỉ ghép với một khoản. Hãy chọn đúng khoản mà tiền đã hoàn.",
                "Money that went out matches one receipt. Choose the one that was refunded.",
            ),
            DecisionError::NotSettled => Sentence::new(
                "Dòng sao kê này chưa xong hoặc không thành công nên không ghép ngang được. Có thể chấp nhận lệch, ghi rõ lý do.",
                "This row is pending or failed, so it equals no receipt. You may accept the difference; say why.",
            ),
            DecisionError::NotAPayment => Sentence::new(
                "Chỉ dòng sao kê có tiền vào và đã xong, không kèm khoản nào, mới ghi được thành khoản riêng.",
                "Only a row whose money came in and is done can be posted as a payment of its own, and without receipts.",
            ),
            DecisionError::FeeLine => Sentence::new(
                "Dòng phí không ghép với khoản thu nào. Có thể chấp nhận dòng như nó có.",
                "A row of fees matches no receipt. You may accept the row as it is.",
            ),
        }
    }
}

/// Whether this may be decided of a row, or of receipts without one.
pub fn check_decision(
    row: Option<&RowFacts>,
    decision: Decision,
    receipts_vnd: &[i64],
    reason: &str,
) -> Result<(), DecisionError> {
    if receipts_vnd.len() > RECEIPTS_MAX {
        return Err(DecisionError::TooManyReceipts);
    }
    let has_reason = REASON_CHARS.contains(&reason.trim().chars().count());
    if !has_reason {
        return Err(DecisionError::Reason);
    }
    match (row, decision) {
        (Some(row), Decision::Own)
            if row.kind == RowKind::Payment
                && row.status == RowStatus::Settled
                && receipts_vnd.is_empty() =>
        {
            Ok(())
        }
        (_, Decision::Own) => Err(DecisionError::NotAPayment),
        (None, Decision::Manual) | (Some(_), Decision::Struck) => Err(DecisionError::NotAlone),
        (None, _) | (Some(_), Decision::Manual) if receipts_vnd.is_empty() => Err(DecisionError::NoReceipt),
        (Some(row), _) if row.kind == RowKind::Fee && !receipts_vnd.is_empty() => Err(DecisionError::FeeLine),
        (Some(row), _) if row.kind != RowKind::Payment && receipts_vnd.len() > 1 => {
            Err(DecisionError::OneReceipt)
        }
        (Some(row), Decision::Manual) if row.status != RowStatus::Settled => Err(DecisionError::NotSettled),
        (Some(row), Decision::Manual) => {
            let receipts: i64 = receipts_vnd.iter().sum();
            let fits = receipts == row.amount_vnd
                || receipts_vnd.len() > 1 && receipts == row.amount_vnd + row.charges_vnd
                || row.kind != RowKind::Payment && row.amount_vnd <= receipts;
            if fits {
                Ok(())
            } else {
                Err(DecisionError::DoesNotAddUp {
                    receipts,
                    row: row.amount_vnd,
                })
            }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(act_no: i64) -> Act {
        Act {
            act_no,
            at: TimeMs(1_000),
            by: "Nguyễn Thử".to_owned(),
            provider_id: "mb".to_owned(),
            subject: Subject::Row(7),
            what: ActKind::Comment,
            detail: "{}".to_owned(),
        }
    }

    #[test]
    fn any_change_of_an_act_changes_its_digest_and_all_after() {
        let first = act(1);
        let digest = first.digest(&[0; 32]);
        let second = act(2).digest(&digest);
        let changes: [fn(&mut Act); 7] = [
            |a| a.act_no = 9,
            |a| a.at = TimeMs(1_001),
            |a| a.by = "Nguyễn Thửm".to_owned(),
            |a| a.provider_id = "b".to_owned(),
            |a| a.subject = Subject::Entry(7),
            |a| a.what = ActKind::Undo,
            |a| a.detail = "{} ".to_owned(),
        ];
        for change in changes {
            let mut changed = first.clone();
            change(&mut changed);
            let other = changed.digest(&[0; 32]);
            assert_ne!(other, digest);
            assert_ne!(act(2).digest(&other), second);
        }
        let moved = Act {
            by: "Nguyễn Thửmb".to_owned(),
            provider_id: String::new(),
            ..act(1)
        };
        assert_ne!(moved.digest(&[0; 32]), digest, "texts do not run into each other");
    }

    #[test]
    fn subjects_read_back() {
        for subject in [
            Subject::Row(7),
            Subject::Entry(-1),
            Subject::Day(Day::ymd(2026, 6, 15)),
        ] {
            assert_eq!(Subject::parse(&subject.to_string()), Some(subject));
        }
        for wrong in ["", "row", "row:", "row:x", "file:1", "day:2026-13-01"] {
            assert_eq!(Subject::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_match_by_hand_adds_up_and_a_difference_wants_a_reason() {
        let row = RowFacts {
            kind: RowKind::Payment,
            status: RowStatus::Settled,
            amount_vnd: 100_000,
            charges_vnd: 1_100,
        };
        let check =
            |decision, receipts: &[i64], reason| check_decision(Some(&row), decision, receipts, reason);
        assert_eq!(check(Decision::Manual, &[100_000], "đúng rồi"), Ok(()));
        assert_eq!(
            check(Decision::Manual, &[60_000, 41_100], "đúng rồi"),
            Ok(()),
            "net of its charges"
        );
        assert_eq!(
            check(Decision::Manual, &[101_100], "đúng rồi"),
            Err(DecisionError::DoesNotAddUp {
                receipts: 101_100,
                row: 100_000
            })
        );
        assert_eq!(
            check(Decision::Manual, &[], "vì sao"),
            Err(DecisionError::NoReceipt)
        );
        assert_eq!(
            check(Decision::Forced, &[90_000], " x "),
            Err(DecisionError::Reason)
        );
        assert_eq!(check(Decision::Forced, &[90_000], "khách trả thiếu"), Ok(()));
        assert_eq!(check(Decision::Forced, &[], "hai khoản khác nhau"), Ok(()));
        assert_eq!(
            check(Decision::Struck, &[1], "không có tiền"),
            Err(DecisionError::NotAlone)
        );
        assert_eq!(
            check_decision(None, Decision::Struck, &[1], "không có tiền"),
            Ok(())
        );
        assert_eq!(
            check_decision(None, Decision::Struck, &[], "không có tiền"),
            Err(DecisionError::NoReceipt)
        );
        assert_eq!(
            check(Decision::Manual, &[100_000], ""),
            Err(DecisionError::Reason)
        );
        let other = |kind, status| RowFacts { kind, status, ..row };
        let back = other(RowKind::Refund, RowStatus::Settled);
        let of = |row: &RowFacts, receipts: &[i64]| {
            check_decision(Some(row), Decision::Manual, receipts, "đúng rồi")
        };
        assert_eq!(of(&back, &[100_000]), Ok(()));
        assert_eq!(of(&back, &[60_000, 40_000]), Err(DecisionError::OneReceipt));
        let failed = other(RowKind::Payment, RowStatus::Failed);
        assert_eq!(of(&failed, &[100_000]), Err(DecisionError::NotSettled));
        let many = vec![1; RECEIPTS_MAX + 1];
        assert_eq!(
            check(Decision::Forced, &many, "lý do"),
            Err(DecisionError::TooManyReceipts)
        );
    }
}
