//! The agreed way to read a provider's file: which column means what. It is kept as JSON in the database.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::statement::kind::{FileKind, Source};
use crate::statement::limits::COLUMNS_MAX;
use crate::statement::meaning::answers::{DayOrder, WordMeaning};
use crate::statement::meaning::questions::Question;
use crate::statement::movement::RowKind;
use crate::vn::{Sentence, digest_128, error_by_sentence, fold};

/// Rows that a header takes at most.
pub(crate) const HEADER_ROWS: [u8; 3] = [1, 2, 3];

/// What a column of a table can mean. Columns of no meaning here are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    RowNo,
    /// Day of the payment, with or without the time.
    When,
    /// Time of the payment, where it has a column of its own.
    Time,
    /// Day of settlement, or value date.
    SettledOn,
    /// Gross amount; a minus says that money went out.
    Amount,
    /// Money that went out.
    Debit,
    /// Money that came in.
    Credit,
    Fee,
    /// VAT on the fee.
    Vat,
    /// Promotion borne by the provider.
    Discount,
    /// What is paid out.
    Net,
    /// Balance of the account after the row.
    Balance,
    /// Payment, refund, fee …
    Kind,
    Status,
    /// Currency; everything but VND is a bad row.
    Currency,
    /// The provider's id of the transaction.
    TransactionId,
    Reference,
    BankRef,
    /// The id of the payment that a refund takes back.
    RefundOf,
    /// Terminal, shop or point of sale.
    Terminal,
    /// Bank of the payee account.
    BankBin,
    Account,
    Note,
    /// Settlement batch or period.
    Batch,
    /// What of the row's payment went back.
    Refunded,
}

impl Column {
    pub const ALL: [Column; 25] = [
        Column::RowNo,
        Column::When,
        Column::Time,
        Column::SettledOn,
        Column::Amount,
        Column::Debit,
        Column::Credit,
        Column::Fee,
        Column::Vat,
        Column::Discount,
        Column::Net,
        Column::Balance,
        Column::Kind,
        Column::Status,
        Column::Currency,
        Column::TransactionId,
        Column::Reference,
        Column::BankRef,
        Column::RefundOf,
        Column::Terminal,
        Column::BankBin,
        Column::Account,
        Column::Note,
        Column::Batch,
        Column::Refunded,
    ];

    pub const fn show(self) -> &'static str {
        match self {
            Column::RowNo => "số thứ tự",
            Column::When => "ngày giao dịch",
            Column::Time => "giờ giao dịch",
            Column::SettledOn => "ngày thanh toán",
            Column::Amount => "số tiền",
            Column::Debit => "phát sinh nợ",
            Column::Credit => "phát sinh có",
            Column::Fee => "phí",
            Column::Vat => "thuế VAT",
            Column::Discount => "khuyến mãi",
            Column::Refunded => "số tiền đã hoàn",
            Column::Net => "số tiền thực nhận",
            Column::Balance => "số dư",
            Column::Kind => "loại giao dịch",
            Column::Status => "trạng thái",
            Column::Currency => "loại tiền",
            Column::TransactionId => "mã giao dịch",
            Column::Reference => "mã đơn hàng",
            Column::BankRef => "số tham chiếu ngân hàng",
            Column::RefundOf => "mã giao dịch gốc",
            Column::Terminal => "điểm bán",
            Column::BankBin => "mã ngân hàng",
            Column::Account => "tài khoản nhận",
            Column::Note => "nội dung",
            Column::Batch => "kỳ đối soát",
        }
    }

    pub const fn show_en(self) -> &'static str {
        match self {
            Column::RowNo => "row number",
            Column::When => "day of the payment",
            Column::Time => "time of the payment",
            Column::SettledOn => "day of settlement",
            Column::Amount => "amount",
            Column::Debit => "debit (money out)",
            Column::Credit => "credit (money in)",
            Column::Fee => "fee",
            Column::Vat => "VAT on the fee",
            Column::Discount => "discount",
            Column::Refunded => "amount refunded",
            Column::Net => "net amount",
            Column::Balance => "balance",
            Column::Kind => "kind",
            Column::Status => "status",
            Column::Currency => "currency",
            Column::TransactionId => "transaction id",
            Column::Reference => "order reference",
            Column::BankRef => "bank reference",
            Column::RefundOf => "original transaction id",
            Column::Terminal => "point of sale",
            Column::BankBin => "bank BIN",
            Column::Account => "payee account",
            Column::Note => "note",
            Column::Batch => "settlement period",
        }
    }
}

/// How the files of a provider are read: agreed once, saved as JSON, held against every header after.
///
/// Columns are found by the text of their header, so their order may change; a header with other
/// columns is [`HeaderChanged`](crate::statement::StatementError::HeaderChanged), never a silent shift.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// What kind of file.
    pub source: Source,
    /// The known layout it was taken from, or empty.
    #[serde(default)]
    pub layout: String,
    /// Texts of the header, column by column; empty for a column without one.
    #[serde(default)]
    pub header: Vec<String>,
    /// Rows that the header takes: 1 to 3.
    #[serde(default = "one")]
    pub header_rows: u8,
    /// Which column is what, as places in `header`, from 0.
    #[serde(default)]
    pub columns: BTreeMap<Column, usize>,
    /// What money that went out is, where the row itself does not say: a refund in a provider's file, an
    /// outgoing transfer in a bank's.
    #[serde(default = "outgoing")]
    pub debit_is: RowKind,
    /// Bank of the statement's account, six digits, or empty.
    #[serde(default)]
    pub bank_bin: String,
    /// What words of a column say of direction and status, where a person said so: by the place of the column, then by
    /// the word in plain letters. `null` is a word that nobody has explained yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<usize, BTreeMap<String, Option<WordMeaning>>>,
    /// Columns of which a person said that they tell neither direction nor status.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub silent: BTreeSet<usize>,
    /// The files list a part of the account's movements only, as a person said: one side, or some kinds. Their balances
    /// then prove nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_partial: bool,
    /// In which order days are written, where a file does not show it and a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_order: Option<DayOrder>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn one() -> u8 {
    1
}

fn outgoing() -> RowKind {
    RowKind::Outgoing
}

/// Why a mapping cannot be used, in a Vietnamese sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MappingError {
    NoDay,
    NoAmount,
    /// One amount too many.
    TwoAmounts,
    /// A place that the header does not have.
    Place(Column),
    /// Two meanings for one column.
    Shared(Column, Column),
    /// A header of no or too many rows or columns.
    Header,
    BankBin,
    /// Money that went out cannot be a payment.
    DebitIs,
    /// The file says something that nobody understands.
    Asked(Box<Question>),
}

error_by_sentence!(MappingError);

impl MappingError {
    /// What is wrong and what to do.
    pub fn sentence(&self) -> Sentence {
        match self {
            MappingError::NoDay => Sentence::new(
                "Chưa biết cột nào là ngày giao dịch. Hãy chọn cột ngày.",
                "It is not known which column has the day. Choose the column of the day.",
            ),
            MappingError::NoAmount => Sentence::new(
                "Chưa biết cột nào là số tiền. Hãy chọn cột số tiền, hoặc hai cột phát sinh nợ và phát sinh có.",
                "It is not known which column has the amount. Choose it, or the two columns of debit and credit.",
            ),
            MappingError::TwoAmounts => Sentence::new(
                "Vừa có cột số tiền vừa có cột phát sinh nợ, có. Hãy chỉ chọn một cách.",
                "There is a column of amounts and one of debit or credit as well. Choose one of the two ways.",
            ),
            MappingError::Place(column) => {
                let vi = column.show();
                let en = column.show_en();
                Sentence::new(
                    format!("Cột {vi} chỉ vào một ô không có trong dòng tiêu đề. Hãy xem lại cách đọc tệp."),
                    format!(
                        "The column «{en}» points to a cell that the header does not have. Look at how the file is read."
                    ),
                )
            }
            MappingError::Shared(one, other) => Sentence::new(
                format!(
                    "Cột {} và cột {} chỉ vào cùng một cột của tệp. Hãy xem lại cách đọc tệp.",
                    one.show(),
                    other.show()
                ),
                format!(
                    "«{}» and «{}» point to one column of the file. Look at how the file is read.",
                    one.show_en(),
                    other.show_en()
                ),
            ),
            MappingError::Header => Sentence::new(
                "Dòng tiêu đề đã lưu không dùng được. Hãy xem lại cách đọc tệp.",
                "The header that was saved cannot be used. Look at how the file is read.",
            ),
            MappingError::BankBin => Sentence::new(
                "Mã ngân hàng cần đúng 6 chữ số, ví dụ 970422.",
                "A bank's code has exactly 6 digits, for example 970422.",
            ),
            MappingError::DebitIs => Sentence::new(
                "Tiền ra chỉ có thể là hoàn tiền hoặc chuyển đi. Hãy xem lại cách đọc tệp.",
                "Money that went out is a refund or an outgoing transfer. Look at how the file is read.",
            ),
            MappingError::Asked(question) => question.sentence(),
        }
    }
}

impl Mapping {
    /// For a format whose fields have fixed meanings.
    pub(crate) fn without_columns(kind: FileKind) -> Mapping {
        Mapping {
            source: kind.source(),
            layout: String::new(),
            header: Vec::new(),
            header_rows: 1,
            columns: BTreeMap::new(),
            debit_is: RowKind::Outgoing,
            bank_bin: String::new(),
            words: BTreeMap::new(),
            silent: BTreeSet::new(),
            is_partial: false,
            day_order: None,
        }
    }

    /// The shape of the files that it reads: tables with these headers in whatever order, or a format. A provider has
    /// one mapping for each shape.
    pub fn shape(&self) -> String {
        match self.source {
            Source::Table => {
                let mut texts: Vec<String> = self.header.iter().map(|text| fold(text)).collect();
                texts.sort_unstable();
                texts.retain(|text| !text.is_empty());
                format!("table {}", hex::encode(digest_128(&texts)))
            }
            Source::Mt940 => "mt940".to_owned(),
            Source::Camt053 => "camt053".to_owned(),
        }
    }

    /// Whether a file can be read with it.
    pub fn check(&self) -> Result<(), MappingError> {
        let is_bin = self.bank_bin.len() == 6 && self.bank_bin.bytes().all(|b| b.is_ascii_digit());
        if !self.bank_bin.is_empty() && !is_bin {
            return Err(MappingError::BankBin);
        }
        if self.source != Source::Table {
            return Ok(());
        }
        if !matches!(self.debit_is, RowKind::Refund | RowKind::Outgoing) {
            return Err(MappingError::DebitIs);
        }
        let mut told = self.words.keys().chain(&self.silent);
        if !HEADER_ROWS.contains(&self.header_rows)
            || self.header.len() > COLUMNS_MAX
            || told.any(|&place| place >= self.header.len())
        {
            return Err(MappingError::Header);
        }
        let mut by_place: BTreeMap<usize, Column> = BTreeMap::new();
        for (&column, &place) in &self.columns {
            if self.header.get(place).is_none_or(|text| text.is_empty()) {
                return Err(MappingError::Place(column));
            }
            if let Some(other) = by_place.insert(place, column) {
                return Err(MappingError::Shared(other, column));
            }
        }
        let has = |column: Column| self.columns.contains_key(&column);
        let has_sides = has(Column::Debit) || has(Column::Credit);
        match (has(Column::When), has(Column::Amount), has_sides) {
            (false, ..) => Err(MappingError::NoDay),
            (_, false, false) => Err(MappingError::NoAmount),
            (_, true, true) => Err(MappingError::TwoAmounts),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> Mapping {
        Mapping {
            source: Source::Table,
            layout: String::new(),
            header: vec!["Ngày".into(), "Số tiền".into(), "Nội dung".into()],
            header_rows: 1,
            columns: [(Column::When, 0), (Column::Amount, 1)].into(),
            debit_is: RowKind::Refund,
            bank_bin: "970422".into(),
            ..Mapping::without_columns(FileKind::Csv)
        }
    }

    #[test]
    fn a_mapping_survives_being_saved() {
        let json = serde_json::to_string(&mapping()).unwrap();
        assert!(json.contains(r#""columns":{"when":0,"amount":1}"#), "{json}");
        assert_eq!(serde_json::from_str::<Mapping>(&json).unwrap(), mapping());
        let with_stray = json.replacen('{', r#"{"colour":1,"#, 1);
        assert!(serde_json::from_str::<Mapping>(&with_stray).is_err());
        let unknown_column = json.replace("when", "whenever");
        assert!(serde_json::from_str::<Mapping>(&unknown_column).is_err());
    }

    #[test]
    fn a_mapping_that_cannot_be_used_says_why() {
        assert_eq!(mapping().check(), Ok(()));
        let changed = |change: fn(&mut Mapping)| {
            let mut mapping = mapping();
            change(&mut mapping);
            mapping.check().unwrap_err()
        };
        assert_eq!(
            changed(|m| {
                m.columns.remove(&Column::When);
            }),
            MappingError::NoDay
        );
        assert_eq!(
            changed(|m| {
                m.columns.remove(&Column::Amount);
            }),
            MappingError::NoAmount
        );
        assert_eq!(
            changed(|m| {
                m.columns.insert(Column::Debit, 2);
            }),
            MappingError::TwoAmounts
        );
        assert_eq!(
            changed(|m| {
                m.columns.insert(Column::Note, 3);
            }),
            MappingError::Place(Column::Note)
        );
        assert_eq!(
            changed(|m| {
                m.columns.insert(Column::Note, 1);
            }),
            MappingError::Shared(Column::Amount, Column::Note)
        );
        assert_eq!(changed(|m| m.header_rows = 4), MappingError::Header);
        assert_eq!(changed(|m| m.bank_bin = "9704".into()), MappingError::BankBin);
        assert_eq!(changed(|m| m.debit_is = RowKind::Fee), MappingError::DebitIs);
    }

    #[test]
    fn every_meaning_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Column::ALL.iter().map(|c| c.show()).collect();
        assert_eq!(names.len(), Column::ALL.len());
    }
}
