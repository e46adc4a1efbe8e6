//! What a person can answer about a file, as a mapping remembers it.

use serde::{Deserialize, Serialize};

/// What a person says that a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordMeaning {
    /// The money came in.
    In,
    /// The money went out.
    Out,
    /// Money that had come in went back.
    Refund,
    Fee,
    /// It is done.
    Settled,
    /// It is not done yet.
    Pending,
    /// It did not come to pass.
    Failed,
    /// Neither a direction nor a status.
    Nothing,
}

impl WordMeaning {
    pub const ALL: [WordMeaning; 8] = [
        WordMeaning::In,
        WordMeaning::Out,
        WordMeaning::Refund,
        WordMeaning::Fee,
        WordMeaning::Settled,
        WordMeaning::Pending,
        WordMeaning::Failed,
        WordMeaning::Nothing,
    ];

    /// The word kept in a mapping.
    pub const fn as_str(self) -> &'static str {
        match self {
            WordMeaning::In => "in",
            WordMeaning::Out => "out",
            WordMeaning::Refund => "refund",
            WordMeaning::Fee => "fee",
            WordMeaning::Settled => "settled",
            WordMeaning::Pending => "pending",
            WordMeaning::Failed => "failed",
            WordMeaning::Nothing => "nothing",
        }
    }

    pub fn parse(word: &str) -> Option<WordMeaning> {
        WordMeaning::ALL
            .into_iter()
            .find(|meaning| meaning.as_str() == word)
    }

    /// As a person chooses it, in Vietnamese and in English.
    pub const fn show(self) -> (&'static str, &'static str) {
        match self {
            WordMeaning::In => ("tiền vào", "money in"),
            WordMeaning::Out => ("tiền ra", "money out"),
            WordMeaning::Refund => ("hoàn tiền cho khách", "a refund"),
            WordMeaning::Fee => ("phí", "a fee"),
            WordMeaning::Settled => ("đã xong", "done"),
            WordMeaning::Pending => ("chưa xong", "not done yet"),
            WordMeaning::Failed => ("không thành công", "failed"),
            WordMeaning::Nothing => (
                "không nói tiền vào hay ra, cũng không nói xong hay chưa",
                "neither a direction nor a status",
            ),
        }
    }
}

/// In which order a day is written in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayOrder {
    /// 15/06/2026
    DayFirst,
    /// 06/15/2026
    MonthFirst,
    /// 26/06/15, where the year has two digits
    YearFirst,
}

impl DayOrder {
    pub const ALL: [DayOrder; 3] = [DayOrder::DayFirst, DayOrder::MonthFirst, DayOrder::YearFirst];

    /// The word kept in a mapping.
    pub const fn as_str(self) -> &'static str {
        match self {
            DayOrder::DayFirst => "day_first",
            DayOrder::MonthFirst => "month_first",
            DayOrder::YearFirst => "year_first",
        }
    }

    pub fn parse(word: &str) -> Option<DayOrder> {
        DayOrder::ALL.into_iter().find(|order| order.as_str() == word)
    }

    /// As a person chooses it, in Vietnamese and in English.
    pub const fn show(self) -> (&'static str, &'static str) {
        match self {
            DayOrder::DayFirst => ("ngày/tháng/năm", "day/month/year"),
            DayOrder::MonthFirst => ("tháng/ngày/năm", "month/day/year"),
            DayOrder::YearFirst => ("năm/tháng/ngày", "year/month/day"),
        }
    }
}
