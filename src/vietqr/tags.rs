//! The numbers and fixed values of the format (vietqr FORMAT sections 3 to 6), for writing and reading.

/// Objects of the outermost level.
pub(super) mod root {
    pub const PAYLOAD_FORMAT: u8 = 0;
    pub const INITIATION: u8 = 1;
    pub const NAPAS: u8 = 38;
    pub const MCC: u8 = 52;
    pub const CURRENCY: u8 = 53;
    pub const AMOUNT: u8 = 54;
    pub const COUNTRY: u8 = 58;
    pub const MERCHANT_NAME: u8 = 59;
    pub const CITY: u8 = 60;
    pub const ADDITIONAL: u8 = 62;
    pub const CRC: u8 = 63;
}

/// Objects of template 38.
pub(super) mod napas {
    pub const AID: u8 = 0;
    pub const BENEFICIARY: u8 = 1;
    pub const SERVICE: u8 = 2;
}

/// Objects of template 38-01.
pub(super) mod beneficiary {
    pub const BANK_BIN: u8 = 0;
    pub const ACCOUNT: u8 = 1;
}

/// Objects of template 62.
pub(super) mod additional {
    pub const BILL_NUMBER: u8 = 1;
    pub const STORE_LABEL: u8 = 3;
    pub const REFERENCE_LABEL: u8 = 5;
    pub const TERMINAL_LABEL: u8 = 7;
    pub const PURPOSE: u8 = 8;
}

/// The only payload format there is.
pub(super) const PAYLOAD_FORMAT: &str = "01";
/// NAPAS's application identifier.
pub(super) const NAPAS_AID: &str = "A000000727";
/// The dong in ISO 4217.
pub(super) const CURRENCY: &str = "704";
/// Viet Nam in ISO 3166.
pub(super) const COUNTRY: &str = "VN";
/// The longest value a two-digit length can state.
pub(super) const VALUE_MAX: usize = 99;

/// A text of a code that a person chooses, and that can therefore be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// 59.
    MerchantName,
    /// 60.
    City,
    /// 62-01.
    BillNumber,
    /// 62-03.
    StoreLabel,
    /// 62-05.
    ReferenceLabel,
    /// 62-07.
    TerminalLabel,
    /// 62-08.
    Purpose,
    /// 62-08 of a stall's card, by which receipts are told apart.
    StallCode,
}

impl Field {
    /// The name it has as an input, for example `merchant_name` (vietqr FORMAT section 13).
    pub const fn key(self) -> &'static str {
        match self {
            Field::MerchantName => "merchant_name",
            Field::City => "city",
            Field::BillNumber => "bill_number",
            Field::StoreLabel => "store_label",
            Field::ReferenceLabel => "reference_label",
            Field::TerminalLabel => "terminal_label",
            Field::Purpose => "purpose",
            Field::StallCode => "stall_code",
        }
    }

    /// The most characters it may have, after folding. A stall code stays within the 19 that every bank is
    /// known to carry (vietqr FORMAT section 7).
    pub const fn length_max(self) -> usize {
        match self {
            Field::City => 15,
            Field::StallCode => 19,
            _ => 25,
        }
    }

    /// What people call it.
    pub(super) const fn name_vi(self) -> &'static str {
        match self {
            Field::MerchantName => "Tên người bán",
            Field::City => "Tên thành phố",
            Field::BillNumber => "Số hóa đơn",
            Field::StoreLabel => "Mã cửa hàng",
            Field::ReferenceLabel => "Mã tham chiếu",
            Field::TerminalLabel => "Mã quầy",
            Field::Purpose => "Nội dung chuyển khoản",
            Field::StallCode => "Mã sạp",
        }
    }

    /// Its ID, within the level it stands on.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Field::MerchantName => root::MERCHANT_NAME,
            Field::City => root::CITY,
            Field::BillNumber => additional::BILL_NUMBER,
            Field::StoreLabel => additional::STORE_LABEL,
            Field::ReferenceLabel => additional::REFERENCE_LABEL,
            Field::TerminalLabel => additional::TERMINAL_LABEL,
            Field::Purpose | Field::StallCode => additional::PURPOSE,
        }
    }
}
