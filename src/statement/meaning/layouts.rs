//! Layouts that are known without asking: which header means what in the files of a provider or bank.
//!
//! No provider publishes the columns of its settlement file (docs/spec/providers.md, section 15.1). What is marked
//! inferred here was put together from that section, from the names in the provider's own notices and
//! from what portals show; a person still sees the first rows before anything is kept. A new layout is
//! a new entry, not new code.

use crate::statement::meaning::mapping::Column;
use crate::statement::movement::RowKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The word under which a mapping names it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Profiles of providers whose file this may be even without a mark.
    pub profiles: &'static [&'static str],
    /// Folded texts, one of which in the header or above it says whose file it is.
    pub marks: &'static [&'static str],
    /// Which folded headers mean what. Other columns go by the general words.
    pub columns: &'static [(Column, &'static [&'static str])],
    /// Meanings without which it is not this layout.
    pub required: &'static [Column],
    /// What money that went out is.
    pub debit_is: RowKind,
    /// Bank of the statement's account, or empty.
    pub bank_bin: &'static str,
    /// Whether it was put together from other sources than a file.
    pub inferred: bool,
}

const GATEWAY: &[Column] = &[Column::When, Column::Amount, Column::TransactionId];
const BANK_SIDES: &[Column] = &[Column::When, Column::Debit, Column::Credit];

/// A gateway's or wallet's file; a mark in its header is one of the provider's own field names.
const fn gateway(name: &'static str, title: &'static str, profiles: &'static [&'static str]) -> Layout {
    Layout {
        name,
        title,
        profiles,
        marks: &[],
        columns: &[],
        required: GATEWAY,
        debit_is: RowKind::Refund,
        bank_bin: "",
        inferred: true,
    }
}

/// A bank's export with a column for each side.
const fn bank(name: &'static str, title: &'static str, bank_bin: &'static str) -> Layout {
    Layout {
        name,
        title,
        profiles: &[],
        marks: &[],
        columns: &[],
        required: BANK_SIDES,
        debit_is: RowKind::Outgoing,
        bank_bin,
        inferred: true,
    }
}

/// All layouts. Those with the narrowest marks stand first.
pub const LAYOUTS: &[Layout] = &[
    Layout {
        marks: &["transid", "momo", "ma giao dich momo"],
        columns: &[
            (
                Column::TransactionId,
                &["transid", "ma giao dich momo", "ma giao dich"],
            ),
            (Column::Reference, &["orderid", "ma don hang"]),
            (
                Column::When,
                &["responsetime", "thoi gian giao dich", "thoi gian", "ngay gd"],
            ),
            (Column::Terminal, &["storeid", "ma cua hang", "ten cua hang"]),
        ],
        ..gateway("momo", "MoMo", &["momo"])
    },
    Layout {
        marks: &["qrtrace", "vnpay qr"],
        columns: &[
            (Column::TransactionId, &["qrtrace", "so trace qr", "ma giao dich"]),
            (Column::Reference, &["txnid", "ma don hang", "bill no"]),
            (Column::When, &["paydate", "thoi gian giao dich", "ngay gd"]),
            (Column::Terminal, &["terminalid", "ma diem ban"]),
        ],
        ..gateway("vnpay_qr", "VNPAY-QR", &["vnpay"])
    },
    Layout {
        // vnp_Amount of a notice is in hundredths of a đồng, so a column of that name is left to a person.
        marks: &["vnp transactionno", "vnp txnref", "vnpay"],
        columns: &[
            (
                Column::TransactionId,
                &[
                    "vnp transactionno",
                    "ma giao dich vnpay",
                    "so giao dich",
                    "ma giao dich",
                ],
            ),
            (Column::Reference, &["vnp txnref", "ma don hang", "ma hoa don"]),
            (
                Column::When,
                &["vnp paydate", "thoi gian giao dich", "thoi gian thanh toan"],
            ),
            (Column::BankRef, &["vnp banktranno", "ma giao dich ngan hang"]),
            (Column::Status, &["vnp transactionstatus", "vnp responsecode"]),
        ],
        required: &[Column::When, Column::TransactionId],
        ..gateway("vnpay", "VNPAY", &["vnpay"])
    },
    Layout {
        marks: &[
            "vt transaction id",
            "vtrequestid",
            "viettel money",
            "viettelpay",
            "viettel",
        ],
        columns: &[
            (
                Column::TransactionId,
                &[
                    "vt transaction id",
                    "vtrequestid",
                    "ma giao dich viettel",
                    "ma giao dich",
                ],
            ),
            (Column::Reference, &["order id", "orderid", "ma don hang"]),
            (Column::Amount, &["trans amount", "so tien giao dich", "so tien"]),
            (Column::When, &["paymentdate", "thoi gian giao dich", "ngay gd"]),
        ],
        ..gateway("viettel", "Viettel Money", &["viettel"])
    },
    Layout {
        marks: &["mertrxid", "trxid", "vnpt", "vnpt epay", "vnpt money"],
        columns: &[
            (Column::TransactionId, &["trxid", "ma giao dich"]),
            (Column::Reference, &["mertrxid", "invoiceno", "ma don hang"]),
            (Column::When, &["trxdt", "thoi gian giao dich", "ngay gd"]),
            (Column::Time, &["trxtm"]),
        ],
        ..gateway("vnpt", "VNPT ePay, VNPT Money", &["vnpt"])
    },
    Layout {
        marks: &[
            "zp trans id",
            "zptransid",
            "app trans id",
            "apptransid",
            "zalopay",
        ],
        columns: &[
            (
                Column::TransactionId,
                &["zp trans id", "zptransid", "ma giao dich zalopay", "ma giao dich"],
            ),
            (Column::Reference, &["app trans id", "apptransid", "ma don hang"]),
            (
                Column::When,
                &["server time", "thoi gian giao dich", "thoi gian thanh toan"],
            ),
            (Column::Discount, &["discount amount", "khuyen mai"]),
        ],
        ..gateway("zalopay", "ZaloPay", &["zalopay"])
    },
    Layout {
        marks: &["paymentlinkid", "payos"],
        columns: &[
            (
                Column::TransactionId,
                &["reference", "ma tham chieu", "ma giao dich"],
            ),
            (Column::Reference, &["ordercode", "ma don hang"]),
            (
                Column::When,
                &["transactiondatetime", "thoi gian giao dich", "thoi gian"],
            ),
            (Column::Account, &["accountnumber", "so tai khoan"]),
        ],
        ..gateway("payos", "payOS", &["payos"])
    },
    Layout {
        marks: &["sepay", "transfertype"],
        columns: &[
            (
                Column::TransactionId,
                &["id", "ma giao dich sepay", "ma giao dich"],
            ),
            (Column::Reference, &["code", "ma thanh toan"]),
            (
                Column::BankRef,
                &["referencecode", "reference number", "ma tham chieu"],
            ),
            (Column::Amount, &["transferamount", "so tien"]),
            (
                Column::When,
                &[
                    "transactiondate",
                    "transaction date",
                    "ngay giao dich",
                    "thoi gian",
                ],
            ),
            (
                Column::Account,
                &["accountnumber", "account number", "so tai khoan"],
            ),
            (Column::Note, &["content", "transaction content", "noi dung"]),
        ],
        debit_is: RowKind::Outgoing,
        ..gateway("sepay", "SePay", &["sepay"])
    },
    Layout {
        marks: &["payoo", "ma gd qr", "so tien payoo thanh toan"],
        columns: &[
            (Column::TransactionId, &["ma gd qr", "ma giao dich"]),
            (Column::When, &["ngay giao dich"]),
            (Column::Amount, &["so tien giao dich"]),
            (Column::Fee, &["phi xu ly giao dich qr", "phi xu ly giao dich"]),
            (Column::Net, &["so tien payoo thanh toan"]),
            (Column::SettledOn, &["ngay payoo thanh toan"]),
            (Column::Terminal, &["ma thiet bi"]),
            (Column::Kind, &["loai tac nghiep"]),
        ],
        ..gateway("payoo", "Payoo", &["payoo"])
    },
    Layout {
        // Columns seen in a published importer (docs/spec/providers.md, section 15.2).
        marks: &["phat sinh no"],
        columns: &[
            (Column::When, &["ngay gd"]),
            (Column::BankRef, &["so tham chieu"]),
            (Column::Note, &["mo ta"]),
            (Column::Debit, &["phat sinh no"]),
            (Column::Credit, &["phat sinh co"]),
            (Column::Balance, &["so du"]),
        ],
        required: &[
            Column::When,
            Column::BankRef,
            Column::Note,
            Column::Debit,
            Column::Credit,
            Column::Balance,
        ],
        inferred: false,
        ..bank("bidv", "BIDV", "970418")
    },
    Layout {
        marks: &["vietcombank", "ngan hang tmcp ngoai thuong viet nam"],
        columns: &[
            (Column::When, &["ngay giao dich", "transaction date", "tnx date"]),
            (Column::BankRef, &["so tham chieu", "so ct", "reference"]),
            (Column::Debit, &["so tien ghi no", "ghi no", "debit"]),
            (Column::Credit, &["so tien ghi co", "ghi co", "credit"]),
            (
                Column::Note,
                &[
                    "mo ta",
                    "noi dung chi tiet",
                    "description",
                    "transactions in detail",
                ],
            ),
        ],
        ..bank("vietcombank", "Vietcombank", "970436")
    },
    Layout {
        marks: &["vietinbank", "ngan hang tmcp cong thuong viet nam"],
        columns: &[
            (
                Column::When,
                &["ngay giao dich", "thoi gian giao dich", "ngay phat sinh"],
            ),
            (Column::BankRef, &["so giao dich", "ma giao dich", "so but toan"]),
            (Column::Debit, &["so tien ghi no", "ghi no", "no"]),
            (Column::Credit, &["so tien ghi co", "ghi co", "co"]),
            (Column::Note, &["mo ta giao dich", "noi dung giao dich"]),
        ],
        ..bank("vietinbank", "VietinBank", "970415")
    },
    Layout {
        profiles: &["mb"],
        marks: &["mbbank", "mb bank", "ngan hang tmcp quan doi"],
        columns: &[
            (
                Column::When,
                &["ngay giao dich", "transaction date", "ngay hach toan"],
            ),
            (
                Column::BankRef,
                &["so but toan", "transaction no", "ma giao dich"],
            ),
            (
                Column::Debit,
                &["phat sinh no", "debit", "so tien ghi no", "ghi no"],
            ),
            (
                Column::Credit,
                &["phat sinh co", "credit", "so tien ghi co", "ghi co"],
            ),
            (Column::Note, &["noi dung", "details", "description"]),
        ],
        ..bank("mb", "MB Bank", "970422")
    },
    Layout {
        // Columns seen in a published importer (docs/spec/providers.md, section 15.2). They name no bank, so they
        // give no bank either unless a title does.
        marks: &["techcombank", "ngan hang tmcp ky thuong"],
        columns: &[
            (Column::When, &["date", "ngay giao dich", "transaction date"]),
            (Column::Note, &["description", "dien giai"]),
            (Column::Debit, &["debit", "no"]),
            (Column::Credit, &["credit", "co"]),
            (Column::Balance, &["balance", "so du"]),
        ],
        inferred: false,
        ..bank("techcombank", "Techcombank", "970407")
    },
];

/// The layout of this name.
pub(crate) fn named(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.name == name)
}

/// Whether some layout has a column of this folded header.
pub(crate) fn has_column(header: &str) -> bool {
    let mut columns = LAYOUTS.iter().flat_map(|layout| layout.columns);
    columns.any(|(_, texts)| texts.contains(&header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vn::fold;

    #[test]
    fn layouts_are_written_as_headers_are_compared() {
        for layout in LAYOUTS {
            let texts = layout.columns.iter().flat_map(|(_, texts)| *texts);
            for text in texts.chain(layout.marks) {
                assert_eq!(
                    crate::statement::meaning::words::plain(text),
                    *text,
                    "{}",
                    layout.name
                );
                assert_eq!(fold(text), *text, "{}", layout.name);
            }
            assert!(!layout.marks.is_empty(), "{}", layout.name);
            assert_eq!(
                LAYOUTS.iter().filter(|other| other.name == layout.name).count(),
                1,
                "{}",
                layout.name
            );
        }
    }

    #[test]
    fn every_provider_of_the_issue_has_a_layout() {
        for name in [
            "momo",
            "vnpay",
            "viettel",
            "vnpt",
            "zalopay",
            "payos",
            "sepay",
            "mb",
            "vietcombank",
            "techcombank",
            "bidv",
            "vietinbank",
        ] {
            assert!(named(name).is_some(), "{name}");
        }
    }
}
