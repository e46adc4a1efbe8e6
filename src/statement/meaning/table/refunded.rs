//! Payments that lost their amount, or of which something went back.

use super::{Amounts, NoMovement, SHIFTED_EN, SHIFTED_VI, Table};
use crate::statement::containers::cells::RowBuf;
use crate::statement::meaning::amounts;
use crate::statement::meaning::mapping::Column;
use crate::statement::meaning::said;
use crate::statement::meaning::words;
use crate::statement::movement::RowKind;
use crate::vn::sentence;

/// What to do about a payment of which something went back.
const REFUNDED_VI: &str = "cho biết khoản này đã hoàn hoặc hủy, một phần hay tất cả, nên không rõ còn lại bao nhiêu. Chưa ghi gì cho dòng này; hãy đối chiếu với nhà cung cấp, hoặc nhập tệp có dòng riêng cho từng lần hoàn.";
const REFUNDED_EN: &str = "says that this was refunded or cancelled, in part or as a whole, so what is left is not known. Nothing was taken in for this row; check it with the provider, or import a file in which each refund has a row of its own.";
/// The place of [`Column::Refunded`] in [`MONEY`].
const REFUNDED: usize = 7;

impl Table {
    /// A row with a day and an id whose amount is empty is a payment that lost it, and one of 0 beside an amount that
    /// went back is a refund of which nobody says from what.
    pub(super) fn check_is_payment(&self, row: &RowBuf, amounts: &Amounts) -> Result<(), NoMovement> {
        self.check_refunded(row, amounts, RowKind::Payment)?;
        let is_empty = amounts[..3].iter().all(Option::is_none);
        if is_empty && self.has_own_id(row) {
            let column = [Column::Amount, Column::Credit, Column::Debit]
                .into_iter()
                .find(|column| self.has(*column))
                .unwrap_or(Column::Amount);
            return Err(NoMovement::Bad(self.about(
                column,
                format!("còn trống. {SHIFTED_VI}"),
                format!("is empty. {SHIFTED_EN}"),
            )));
        }
        Ok(())
    }

    /// A row without a number of its own whose only words are those of a total or a balance is none of a payment, whatever
    /// day stands before it.
    pub(super) fn check_is_no_sum(&self, row: &RowBuf) -> Result<(), NoMovement> {
        if self.has_own_id(row) {
            return Ok(());
        }
        let has_words = |text: &&str| text.chars().any(char::is_alphabetic) && *text != "VND";
        let mut texts = row.texts().filter(has_words).peekable();
        if texts.peek().is_none() || !texts.all(words::is_only_a_sum) {
            return Ok(());
        }
        Err(NoMovement::Bad(sentence!(
            "Dòng này không có mã giao dịch và chỉ ghi chữ của dòng tổng hoặc số dư, nên không được tính là khoản thu. Hãy kiểm tra lại dòng này.",
            "This row has no id and only the words of a total or a balance, so it is not taken for a payment. Check it."
        )))
    }

    pub(super) fn has_own_id(&self, row: &RowBuf) -> bool {
        let ids = [Column::TransactionId, Column::BankRef, Column::Reference];
        ids.iter().any(|&column| {
            let cell = self.cell(row, column);
            cell.is_some_and(|cell| cell.text.bytes().any(|b| b.is_ascii_digit()))
        })
    }

    /// What the row says went back of it. How much is left, and whether a row of its own takes it back, a file does not
    /// say: only a row that is the refund itself is read.
    pub(super) fn check_refunded(
        &self,
        row: &RowBuf,
        amounts: &Amounts,
        kind: RowKind,
    ) -> Result<(), NoMovement> {
        let stated = amounts[REFUNDED].filter(|amount| *amount != 0);
        let own = amounts[..3].iter().flatten().find(|amount| **amount != 0);
        let is_itself = kind == RowKind::Refund
            && stated
                .is_some_and(|stated| own.is_some_and(|own| own.saturating_abs() == stated.saturating_abs()));
        if stated.is_some() && !is_itself {
            return Err(NoMovement::Bad(self.about(
                Column::Refunded,
                REFUNDED_VI,
                REFUNDED_EN,
            )));
        }
        let says_back = |place: &&usize| {
            let cell = row.cell(**place);
            let is_nothing = matches!(amounts::amount(cell), Ok(None | Some(0)));
            !is_nothing && said::is_taken_back(cell.text)
        };
        match self.columns.refunds.iter().find(says_back) {
            Some(place) if kind != RowKind::Refund => {
                let name = self.header.texts.get(*place).map_or("", String::as_str);
                Err(NoMovement::Bad(sentence!(
                    "Cột «{name}» {REFUNDED_VI}",
                    "Column «{name}» {REFUNDED_EN}"
                )))
            }
            _ => Ok(()),
        }
    }
}
