//! The kinds of finding, with the sentence that says what is wrong and what to do next.

use serde::{Deserialize, Serialize};

use crate::vn::{Day, Dong, Lang};

/// What reconciliation finds of a row, a receipt or a notice: the closed list of docs/spec/contract.md, section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Row and receipt agree, found by a pass.
    MatchedAuto,
    /// A person matched them.
    MatchedManual,
    /// A person accepted a difference.
    MatchedForced,
    /// A receipt without a row, before the deadline.
    AwaitingStatement,
    /// A receipt without a row, after the deadline.
    MissingInStatement,
    /// A row without a notice: its receipt is posted from the statement.
    MissingNotice,
    /// The same payment with another amount.
    AmountDiffers,
    /// The same payment further away than the slack around the end of a day.
    DateDiffers,
    /// A second notice of one payment with other content.
    DuplicateNotice,
    /// A second row of one payment.
    DuplicateRow,
    /// The row names an account that is not on the register, another than its notice did, or none.
    UnknownAccount,
    /// More than one possible partner.
    Ambiguous,
    /// One row for many receipts.
    Lump,
    Reversed,
    /// A debit where a credit was expected.
    WrongDirection,
    /// The row's fee, tax or net is off.
    FeeDiffers,
    /// The notice said paid, the row says failed or pending.
    StatusDiffers,
    /// The row could not be read; only the reader says so.
    BadRow,
}

/// The four parts that the rows of a file fall into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Agrees, by itself or by a person's word.
    Matched,
    /// Somebody has to look, or the ledger to follow.
    Exceptions,
    /// Of no concern to receipts.
    Ignored,
    /// Could not be read.
    Bad,
}

/// What a sentence may tell; what is not known is left out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// What the row says.
    pub row_vnd: Option<i64>,
    pub row_day: Option<Day>,
    /// What the receipt, or the receipts together, say.
    pub receipt_vnd: Option<i64>,
    pub receipt_day: Option<Day>,
    /// How many receipts one row stands for, or could stand for.
    pub receipts: Option<u32>,
    /// By how much the net is off.
    pub fee_gap_vnd: Option<i64>,
    /// Past T+1: the row is the last word on the status.
    pub is_final: bool,
}

impl FindingKind {
    /// Every kind, in the order of docs/spec/contract.md, section 2.
    pub const ALL: [FindingKind; 18] = [
        FindingKind::MatchedAuto,
        FindingKind::MatchedManual,
        FindingKind::MatchedForced,
        FindingKind::AwaitingStatement,
        FindingKind::MissingInStatement,
        FindingKind::MissingNotice,
        FindingKind::AmountDiffers,
        FindingKind::DateDiffers,
        FindingKind::DuplicateNotice,
        FindingKind::DuplicateRow,
        FindingKind::UnknownAccount,
        FindingKind::Ambiguous,
        FindingKind::Lump,
        FindingKind::Reversed,
        FindingKind::WrongDirection,
        FindingKind::FeeDiffers,
        FindingKind::StatusDiffers,
        FindingKind::BadRow,
    ];

    /// The word kept in the database and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            FindingKind::MatchedAuto => "matched_auto",
            FindingKind::MatchedManual => "matched_manual",
            FindingKind::MatchedForced => "matched_forced",
            FindingKind::AwaitingStatement => "awaiting_statement",
            FindingKind::MissingInStatement => "missing_in_statement",
            FindingKind::MissingNotice => "missing_notice",
            FindingKind::AmountDiffers => "amount_differs",
            FindingKind::DateDiffers => "date_differs",
            FindingKind::DuplicateNotice => "duplicate_notice",
            FindingKind::DuplicateRow => "duplicate_row",
            FindingKind::UnknownAccount => "unknown_account",
            FindingKind::Ambiguous => "ambiguous",
            FindingKind::Lump => "lump",
            FindingKind::Reversed => "reversed",
            FindingKind::WrongDirection => "wrong_direction",
            FindingKind::FeeDiffers => "fee_differs",
            FindingKind::StatusDiffers => "status_differs",
            FindingKind::BadRow => "bad_row",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<FindingKind> {
        FindingKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Where a row of this kind is counted; none for the three that only receipts and notices have.
    pub const fn bucket(self) -> Option<Bucket> {
        match self {
            FindingKind::MatchedAuto
            | FindingKind::MatchedManual
            | FindingKind::MatchedForced
            | FindingKind::Lump => Some(Bucket::Matched),
            FindingKind::AwaitingStatement
            | FindingKind::MissingInStatement
            | FindingKind::DuplicateNotice => None,
            FindingKind::BadRow => Some(Bucket::Bad),
            _ => Some(Bucket::Exceptions),
        }
    }

    /// The words of docs/spec/domain.md, section 8, in both languages.
    pub const fn name(self) -> (&'static str, &'static str) {
        match self {
            FindingKind::MatchedAuto => ("Khớp tự động", "Matched"),
            FindingKind::MatchedManual => ("Khớp bằng tay", "Matched by hand"),
            FindingKind::MatchedForced => ("Chấp nhận lệch", "Difference accepted"),
            FindingKind::AwaitingStatement => ("Chờ sao kê", "Awaiting statement"),
            FindingKind::MissingInStatement => ("Quá hạn sao kê", "Missing in statement"),
            FindingKind::MissingNotice => ("Thiếu thông báo", "Missing notice"),
            FindingKind::AmountDiffers => ("Lệch tiền", "Amount differs"),
            FindingKind::DateDiffers => ("Lệch ngày", "Date differs"),
            FindingKind::DuplicateNotice => ("Trùng thông báo", "Duplicate notice"),
            FindingKind::DuplicateRow => ("Trùng sao kê", "Duplicate row"),
            FindingKind::UnknownAccount => ("Tài khoản lạ", "Unknown account"),
            FindingKind::Ambiguous => ("Nhiều ứng viên", "Ambiguous"),
            FindingKind::Lump => ("Gộp nhiều khoản", "Lump settlement"),
            FindingKind::Reversed => ("Đã hoàn", "Reversed"),
            FindingKind::WrongDirection => ("Sai chiều", "Wrong direction"),
            FindingKind::FeeDiffers => ("Lệch phí", "Fee differs"),
            FindingKind::StatusDiffers => ("Lệch trạng thái", "Status differs"),
            FindingKind::BadRow => ("Dòng lỗi", "Bad row"),
        }
    }

    /// One sentence for the person who reviews, and the next step.
    pub fn sentence(self, facts: &Facts, lang: Lang) -> String {
        match lang {
            Lang::Vi => self.vietnamese(facts),
            Lang::En => self.english(facts),
        }
    }

    fn vietnamese(self, facts: &Facts) -> String {
        let says = Says {
            facts,
            lang: Lang::Vi,
        };
        let row = says.row();
        let receipt = says.receipt();
        match self {
            FindingKind::MatchedAuto => format!("Sao kê{row} khớp với khoản đã ghi nhận. Không phải làm gì."),
            FindingKind::MatchedManual => format!("Sao kê{row} đã được ghép bằng tay. Không phải làm gì, có thể hoàn tác."),
            FindingKind::MatchedForced => {
                format!("Sao kê{row} khác khoản đã ghi nhận{receipt}, đã chấp nhận lệch. Có thể hoàn tác.")
            }
            FindingKind::AwaitingStatement => format!("Đã nhận báo{receipt}, sao kê chưa có. Hãy chờ đến hạn."),
            FindingKind::MissingInStatement => format!(
                "Đã nhận báo{receipt} nhưng quá hạn mà sao kê không có. Hãy hỏi nhà cung cấp giao dịch này có tiền về không."
            ),
            FindingKind::MissingNotice => format!(
                "Sao kê có{row} nhưng không nhận được báo. Đã ghi nhận theo sao kê; lúc tiền về, sạp không được báo. Hãy nhắc nhà cung cấp gửi báo."
            ),
            FindingKind::AmountDiffers => format!(
                "Sao kê ghi{row}, thông báo ghi{receipt}{}. Sổ theo sao kê, phần lệch ghi riêng; hãy hỏi nhà cung cấp vì sao lệch.",
                says.difference()
            ),
            FindingKind::DateDiffers => format!(
                "Cùng một khoản nhưng sao kê ghi{row}, thông báo ghi{receipt}. Hãy xác nhận ngày đúng với nhà cung cấp."
            ),
            FindingKind::DuplicateNotice => {
                format!("Mã giao dịch{receipt} được báo lần nữa với nội dung khác. Bản sau không có hiệu lực; hãy so sánh hai bản.")
            }
            FindingKind::DuplicateRow => format!(
                "Dòng sao kê{row} trùng với một dòng trước. Dòng này không có hiệu lực; nếu là hai khoản khác nhau, hãy ghép bằng tay."
            ),
            FindingKind::UnknownAccount => format!(
                "Tài khoản trong sao kê{row} không có trong sổ, hoặc không phải tài khoản đã báo. Hãy đăng ký tài khoản cho sạp hoặc hỏi nhà cung cấp."
            ),
            FindingKind::Ambiguous => format!(
                "Sao kê{row} có thể ứng với nhiều khoản{}, hoặc trùng với dòng của một tệp khác. Chưa ghi nhận; hãy chọn đúng khoản rồi ghép bằng tay.",
                says.count()
            ),
            FindingKind::Lump => format!(
                "Một dòng sao kê{row} gộp nhiều khoản đã ghi nhận{}{receipt}. Không phải làm gì.",
                says.count()
            ),
            FindingKind::Reversed => format!(
                "Sao kê cho biết tiền{row} đã hoàn cho người trả. Sổ đã trừ theo sao kê; hãy báo cho chủ sạp và nhắc nhà cung cấp gửi báo hoàn."
            ),
            FindingKind::WrongDirection => format!(
                "Sao kê ghi tiền ra{row} trong khi thông báo là tiền vào{receipt}. Hãy hỏi nhà cung cấp chiều đúng."
            ),
            FindingKind::FeeDiffers => format!(
                "Số thực nhận của dòng{row} lệch do phí hoặc thuế của phí{}. Khoản của sạp vẫn đúng; hãy gửi dòng này cho nhà cung cấp.",
                says.gap()
            ),
            FindingKind::StatusDiffers if facts.is_final => format!(
                "Đã nhận báo có tiền{receipt} nhưng sao kê cho biết không thành công. Sổ đã trừ theo sao kê; hãy hỏi nhà cung cấp và báo cho chủ sạp."
            ),
            FindingKind::StatusDiffers => format!(
                "Đã nhận báo có tiền{receipt} nhưng sao kê ghi chưa xong hoặc không thành công. Hãy chờ sao kê ngày sau, quá hạn thì theo sao kê."
            ),
            FindingKind::BadRow => {
                "Không đọc được dòng sao kê này. Hãy sửa dòng trong tệp rồi nhập lại; các dòng khác vẫn được đối chiếu.".to_owned()
            }
        }
    }

    fn english(self, facts: &Facts) -> String {
        let says = Says {
            facts,
            lang: Lang::En,
        };
        let row = says.row();
        let receipt = says.receipt();
        match self {
            FindingKind::MatchedAuto => format!("The row{row} agrees with its receipt. Nothing to do."),
            FindingKind::MatchedManual => {
                format!("The row{row} was matched by hand. Nothing to do; it can be undone.")
            }
            FindingKind::MatchedForced => {
                format!(
                    "The row{row} differs from the receipt{receipt}; that was accepted. It can be undone."
                )
            }
            FindingKind::AwaitingStatement => {
                format!("A notice came{receipt}, no row yet. Wait for the deadline.")
            }
            FindingKind::MissingInStatement => format!(
                "A notice came{receipt}, but the deadline passed without a row. Ask the provider whether the money arrived."
            ),
            FindingKind::MissingNotice => format!(
                "The statement has a row{row}, but no notice came. It is posted from the statement, not announced; remind the provider to send notices."
            ),
            FindingKind::AmountDiffers => format!(
                "The row says{row}, the notice said{receipt}{}. The books follow the statement, the difference stands apart; ask the provider why they differ.",
                says.difference()
            ),
            FindingKind::DateDiffers => format!(
                "One payment, but the row says{row} and the notice said{receipt}. Confirm the day with the provider."
            ),
            FindingKind::DuplicateNotice => {
                format!(
                    "The transaction id{receipt} was reported again with other content. The second has no effect; compare the two."
                )
            }
            FindingKind::DuplicateRow => format!(
                "The row{row} repeats an earlier one. It has no effect; if they are two payments, match it by hand."
            ),
            FindingKind::UnknownAccount => format!(
                "The account of the row{row} is not on the register, or not the one of the notice. Register it for its stall, or ask the provider."
            ),
            FindingKind::Ambiguous => {
                format!(
                    "The row{row} has several possible partners{}, or may repeat a row of another file. Nothing is posted; choose the right one and match it by hand.",
                    says.count()
                )
            }
            FindingKind::Lump => format!(
                "One row{row} stands for many receipts{}{receipt}. Nothing to do.",
                says.count()
            ),
            FindingKind::Reversed => format!(
                "The statement says that money{row} went back to the payer. The books took it off; tell the owner, and remind the provider to send a notice of it."
            ),
            FindingKind::WrongDirection => format!(
                "The row is money out{row}, the notice said money in{receipt}. Ask the provider for the right direction."
            ),
            FindingKind::FeeDiffers => format!(
                "The net of the row{row} is off by its fee or the tax on it{}. The stall's receipt stands; send the row to the provider.",
                says.gap()
            ),
            FindingKind::StatusDiffers if facts.is_final => format!(
                "The notice said paid{receipt}, the statement says that it failed. The books took it off; ask the provider and tell the owner."
            ),
            FindingKind::StatusDiffers => format!(
                "The notice said paid{receipt}, the row says pending or failed. Wait for the next day's statement; after that the row wins."
            ),
            FindingKind::BadRow => {
                "This row cannot be read. Correct it in the file and import it again; the other rows go on."
                    .to_owned()
            }
        }
    }
}

/// The parts of a sentence, each with the space before it, empty if nothing is known.
struct Says<'f> {
    facts: &'f Facts,
    lang: Lang,
}

impl Says<'_> {
    fn row(&self) -> String {
        self.amount_on(self.facts.row_vnd, self.facts.row_day)
    }

    fn receipt(&self) -> String {
        self.amount_on(self.facts.receipt_vnd, self.facts.receipt_day)
    }

    fn amount_on(&self, vnd: Option<i64>, day: Option<Day>) -> String {
        let amount = vnd.map(|v| format!(" {}", Dong::new(v).show(self.lang)));
        let day = day.map(|d| format!(" {} {}", self.lang.pick("ngày", "on"), d.show()));
        amount.unwrap_or_default() + &day.unwrap_or_default()
    }

    fn difference(&self) -> String {
        let (Some(row), Some(receipt)) = (self.facts.row_vnd, self.facts.receipt_vnd) else {
            return String::new();
        };
        let size = Dong::new(row - receipt).vnd().saturating_abs();
        let word = if row > receipt {
            self.lang.pick("thừa", "over by")
        } else {
            self.lang.pick("thiếu", "short by")
        };
        format!(", {word} {}", Dong::new(size).show(self.lang))
    }

    fn gap(&self) -> String {
        let gap = self.facts.fee_gap_vnd.unwrap_or_default();
        let word = if gap > 0 {
            self.lang.pick("nhiều hơn", "paid out too much by")
        } else {
            self.lang.pick("ít hơn", "paid out too little by")
        };
        match gap {
            0 => String::new(),
            gap => format!(": {word} {}", Dong::new(gap.saturating_abs()).show(self.lang)),
        }
    }

    fn count(&self) -> String {
        match (self.facts.receipts, self.lang) {
            (None | Some(0), _) => String::new(),
            (Some(n), Lang::Vi) => format!(" ({n} khoản)"),
            (Some(n), Lang::En) => format!(" ({n})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_contract_and_read_back() {
        let words: Vec<_> = FindingKind::ALL.iter().map(|k| k.as_str()).collect();
        assert_eq!(
            words.join(" "),
            "matched_auto matched_manual matched_forced awaiting_statement missing_in_statement \
             missing_notice amount_differs date_differs duplicate_notice duplicate_row unknown_account \
             ambiguous lump reversed wrong_direction fee_differs status_differs bad_row"
        );
        for (at, kind) in FindingKind::ALL.into_iter().enumerate() {
            assert_eq!(FindingKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::json!(kind), kind.as_str());
            assert_eq!(
                kind as usize, at,
                "the order of the list is the order of the kinds"
            );
        }
        assert_eq!(FindingKind::parse("matched"), None);
    }

    #[test]
    fn a_sentence_says_both_amounts_and_the_difference() {
        let facts = Facts {
            row_vnd: Some(45_000),
            row_day: Some(Day::ymd(2026, 6, 16)),
            receipt_vnd: Some(54_000),
            receipt_day: Some(Day::ymd(2026, 6, 15)),
            ..Facts::default()
        };
        assert_eq!(
            FindingKind::AmountDiffers.sentence(&facts, Lang::Vi),
            "Sao kê ghi 45.000 đ ngày 16/06/2026, thông báo ghi 54.000 đ ngày 15/06/2026, thiếu 9.000 đ. \
             Sổ theo sao kê, phần lệch ghi riêng; hãy hỏi nhà cung cấp vì sao lệch."
        );
        let english = FindingKind::AmountDiffers.sentence(&facts, Lang::En);
        assert!(english.contains("short by 9,000 VND"), "{english}");
        let gap = Facts {
            fee_gap_vnd: Some(-110),
            ..facts
        };
        assert!(
            FindingKind::FeeDiffers
                .sentence(&gap, Lang::Vi)
                .contains("ít hơn 110 đ")
        );
    }

    #[test]
    fn every_kind_has_a_sentence_of_its_own_with_a_next_step_also_when_nothing_is_known() {
        for lang in [Lang::Vi, Lang::En] {
            let mut all: Vec<_> = FindingKind::ALL
                .iter()
                .map(|k| k.sentence(&Facts::default(), lang))
                .collect();
            for sentence in &all {
                assert!(sentence.ends_with('.') && !sentence.contains("  "), "{sentence}");
                assert!(
                    sentence.contains(". ") || sentence.contains("; "),
                    "a next step: {sentence}"
                );
            }
            all.sort();
            all.dedup();
            assert_eq!(all.len(), FindingKind::ALL.len());
        }
    }
}
