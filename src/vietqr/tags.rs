//! The numbers and fixed values of the format (docs/spec/vietqr.md, sections 3 to 6), for writing and reading.

/// Objects of the outermost level that are no [`Field`].
pub(super) mod root {
    pub const PAYLOAD_FORMAT: u8 = 0;
    pub const INITIATION: u8 = 1;
    pub const VNPAY: u8 = 26;
    pub const NAPAS: u8 = 38;
    pub const CURRENCY: u8 = 53;
    pub const AMOUNT: u8 = 54;
    pub const COUNTRY: u8 = 58;
    pub const ADDITIONAL: u8 = 62;
    pub const CRC: u8 = 63;
    pub const ALTERNATE_LANGUAGE: u8 = 64;
}

/// Objects of template 38; VNPAY's 26 has the first two, and its 01 is a merchant id.
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

/// Objects of template 64.
pub(super) mod alternate {
    pub const LANGUAGE: u8 = 0;
    pub const MERCHANT_NAME: u8 = 1;
    pub const CITY: u8 = 2;
}

/// The only payload format there is.
pub(super) const PAYLOAD_FORMAT: &str = "01";
pub(super) const NAPAS_AID: &str = "A000000727";
pub(super) const VNPAY_AID: &str = "A000000775";
/// The dong in ISO 4217.
pub(super) const CURRENCY: &str = "704";
/// Viet Nam in ISO 3166.
pub(super) const COUNTRY: &str = "VN";
/// The longest value a two-digit length can state.
pub(super) const VALUE_MAX: usize = 99;
pub(super) const PAYLOAD_MAX: usize = 512;
/// The longest account number.
pub(super) const ACCOUNT_MAX: usize = 19;
/// The longest amount, a trailing dot included.
pub(super) const AMOUNT_MAX: usize = 13;

/// IDs and lengths as they stand in a code.
pub(super) const TWO_DIGITS: [&str; 100] = {
    const DIGITS: [u8; 200] = {
        let mut digits = [b'0'; 200];
        let mut n = 0;
        while n < 100 {
            digits[2 * n] += n as u8 / 10;
            digits[2 * n + 1] += n as u8 % 10;
            n += 1;
        }
        digits
    };
    let mut texts = [""; 100];
    let (mut rest, mut n): (&[u8], usize) = (&DIGITS, 0);
    while let Some((two, others)) = rest.split_at_checked(2) {
        match std::str::from_utf8(two) {
            Ok(text) => texts[n] = text,
            Err(_) => panic!("digits are UTF-8"),
        }
        rest = others;
        n += 1;
    }
    texts
};

/// A text of a code that whoever makes it chooses, and that can therefore be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// 52: category of ISO 18245, four digits.
    Mcc,
    /// 55: `01` the app asks for a tip, `02` there is a fixed fee, `03` a fee in percent.
    TipIndicator,
    /// 56: fee in đồng; only beside `02`.
    FeeFixed,
    /// 57: fee in percent, 00.01 to 99.99; only beside `03`.
    FeePercent,
    /// 59. It proves nothing about the account's owner; the payer's app looks the owner up.
    MerchantName,
    /// 60.
    City,
    /// 61.
    PostalCode,
    /// 62-01; `***` here and in the labels below asks the payer for it.
    BillNumber,
    /// 62-02.
    MobileNumber,
    /// 62-03.
    StoreLabel,
    /// 62-04.
    LoyaltyNumber,
    /// 62-05.
    ReferenceLabel,
    /// 62-06.
    CustomerLabel,
    /// 62-07.
    TerminalLabel,
    /// 62-08: the transfer note that the app fills in. Some apps drop it: never rely on it alone.
    Purpose,
    /// 62-09: what the app is asked to hand over; any of `A`, `M` and `E`, each once.
    ConsumerDataRequest,
}

impl Field {
    /// All of them, in the order in which they stand in a code.
    pub const ALL: [Field; 16] = [
        Field::Mcc,
        Field::TipIndicator,
        Field::FeeFixed,
        Field::FeePercent,
        Field::MerchantName,
        Field::City,
        Field::PostalCode,
        Field::BillNumber,
        Field::MobileNumber,
        Field::StoreLabel,
        Field::LoyaltyNumber,
        Field::ReferenceLabel,
        Field::CustomerLabel,
        Field::TerminalLabel,
        Field::Purpose,
        Field::ConsumerDataRequest,
    ];

    /// The name it has as an input, for example `merchant_name` (docs/spec/vietqr.md, section 13).
    pub const fn key(self) -> &'static str {
        match self {
            Field::Mcc => "mcc",
            Field::TipIndicator => "tip_indicator",
            Field::FeeFixed => "fee_fixed",
            Field::FeePercent => "fee_percent",
            Field::MerchantName => "merchant_name",
            Field::City => "city",
            Field::PostalCode => "postal_code",
            Field::BillNumber => "bill_number",
            Field::MobileNumber => "mobile_number",
            Field::StoreLabel => "store_label",
            Field::LoyaltyNumber => "loyalty_number",
            Field::ReferenceLabel => "reference_label",
            Field::CustomerLabel => "customer_label",
            Field::TerminalLabel => "terminal_label",
            Field::Purpose => "purpose",
            Field::ConsumerDataRequest => "consumer_data_request",
        }
    }

    /// The most characters it may have, after folding.
    pub const fn length_max(self) -> usize {
        match self {
            Field::Mcc => 4,
            Field::TipIndicator => 2,
            Field::FeeFixed => 13,
            Field::FeePercent => 5,
            Field::City => 15,
            Field::PostalCode => 10,
            Field::ConsumerDataRequest => 3,
            _ => 25,
        }
    }

    /// What people call it.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Field::Mcc => "Mã ngành hàng",
            Field::TipIndicator => "Cách tính tiền thêm",
            Field::FeeFixed => "Phí cố định",
            Field::FeePercent => "Phí phần trăm",
            Field::MerchantName => "Tên người bán",
            Field::City => "Tên thành phố",
            Field::PostalCode => "Mã bưu chính",
            Field::BillNumber => "Số hóa đơn",
            Field::MobileNumber => "Số điện thoại",
            Field::StoreLabel => "Mã cửa hàng",
            Field::LoyaltyNumber => "Số khách hàng thân thiết",
            Field::ReferenceLabel => "Mã tham chiếu",
            Field::CustomerLabel => "Mã khách hàng",
            Field::TerminalLabel => "Mã quầy",
            Field::Purpose => "Nội dung chuyển khoản",
            Field::ConsumerDataRequest => "Thông tin hỏi người trả",
        }
    }

    /// What it is called in English, at the start of a sentence.
    pub const fn name_en(self) -> &'static str {
        match self {
            Field::Mcc => "The merchant category",
            Field::TipIndicator => "The tip indicator",
            Field::FeeFixed => "The fixed fee",
            Field::FeePercent => "The percentage fee",
            Field::MerchantName => "The merchant's name",
            Field::City => "The city",
            Field::PostalCode => "The postal code",
            Field::BillNumber => "The bill number",
            Field::MobileNumber => "The mobile number",
            Field::StoreLabel => "The store label",
            Field::LoyaltyNumber => "The loyalty number",
            Field::ReferenceLabel => "The reference label",
            Field::CustomerLabel => "The customer label",
            Field::TerminalLabel => "The terminal label",
            Field::Purpose => "The transfer note",
            Field::ConsumerDataRequest => "The consumer data request",
        }
    }

    /// Its ID on the level where it stands.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Field::Mcc => 52,
            Field::TipIndicator => 55,
            Field::FeeFixed => 56,
            Field::FeePercent => 57,
            Field::MerchantName => 59,
            Field::City => 60,
            Field::PostalCode => 61,
            Field::BillNumber => 1,
            Field::MobileNumber => 2,
            Field::StoreLabel => 3,
            Field::LoyaltyNumber => 4,
            Field::ReferenceLabel => 5,
            Field::CustomerLabel => 6,
            Field::TerminalLabel => 7,
            Field::Purpose => 8,
            Field::ConsumerDataRequest => 9,
        }
    }

    /// Whether it stands in template 62 instead of the outermost level.
    pub(super) const fn is_additional(self) -> bool {
        self as usize >= Field::BillNumber as usize
    }
}
