//! What each column of a register file takes, for whoever fills it in.

/// What a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Text,
    Day,
    /// One of these words, or those of docs/spec/contract.md, section 2.
    Choice(&'static [&'static str]),
    /// A bank of the directory, its six digits first.
    Bank,
}

/// A column of a register file.
#[derive(Debug, Clone, Copy)]
pub struct ColumnGuide {
    pub name: &'static str,
    pub takes: Takes,
    pub is_required: bool,
    /// What to write, in Vietnamese and in English.
    pub explained: [&'static str; 2],
    /// Three invented rows.
    pub examples: [&'static str; 3],
}

const fn column(
    name: &'static str,
    takes: Takes,
    is_required: bool,
    explained: [&'static str; 2],
    examples: [&'static str; 3],
) -> ColumnGuide {
    ColumnGuide {
        name,
        takes,
        is_required,
        explained,
        examples,
    }
}

/// The columns in the order of the template.
pub const COLUMNS: [ColumnGuide; 17] = [
    column(
        "household_ref",
        Takes::Text,
        true,
        [
            "Mã hộ do phường đặt, không đổi qua các lần nhập. Các dòng cùng mã là các sạp của một hộ; dòng đầu là nơi chính.",
            "The ward's own reference of the household; it stays the same. Rows with one reference are the stalls of one household, the first is its principal place.",
        ],
        ["HKD-0001", "HKD-0002", "HKD-0003"],
    ),
    column(
        "household_name",
        Takes::Text,
        true,
        [
            "Tên hộ, giống nhau ở mọi dòng của hộ.",
            "Its name, the same in all its rows.",
        ],
        ["Hộ 0001", "Hộ 0002", "Hộ 0003"],
    ),
    column(
        "class",
        Takes::Choice(&["Có đăng ký", "Chưa đăng ký"]),
        true,
        [
            "Hộ có giấy chứng nhận đăng ký kinh doanh hay chưa (registered, street_vendor).",
            "Registered with a business code or not: registered, street_vendor.",
        ],
        ["Có đăng ký", "Có đăng ký", "Chưa đăng ký"],
    ),
    column(
        "trading_status",
        Takes::Choice(&["Đang kinh doanh", "Tạm nghỉ", "Đã chuyển đi", "Đã ngừng"]),
        false,
        [
            "Để trống là đang kinh doanh (trading, paused, moved, closed).",
            "Empty is trading: trading, paused, moved, closed.",
        ],
        ["Đang kinh doanh", "Đang kinh doanh", "Đang kinh doanh"],
    ),
    column(
        "unit_code",
        Takes::Text,
        true,
        [
            "Mã phường, xã vào ngày ở cột from, 5 chữ số.",
            "The code of the ward or commune on the day in from, 5 digits.",
        ],
        ["20242", "20242", "20242"],
    ),
    column(
        "street",
        Takes::Text,
        false,
        [
            "Tên đường như trong danh mục, không cần chữ «Đường». Cần tên đường hoặc tên chợ. Tên chưa có trong sổ sẽ được hỏi lại.",
            "The street's name as it is listed. A street or a market is needed. A name that is not known is asked about.",
        ],
        ["Bạch Đằng", "", ""],
    ),
    column(
        "house_number",
        Takes::Text,
        false,
        [
            "Số nhà, ví dụ 12 hoặc 12/3.",
            "House number, for example 12 or 12/3.",
        ],
        ["12", "", ""],
    ),
    column(
        "market",
        Takes::Text,
        false,
        [
            "Tên chợ, nếu sạp ở trong chợ.",
            "The market's name, if the stall is in one.",
        ],
        ["", "Chợ Hàn", "Chợ Hàn"],
    ),
    column(
        "stall_number",
        Takes::Text,
        false,
        ["Số sạp trong chợ.", "The stall's number in the market."],
        ["", "A-07", "A-08"],
    ),
    column(
        "stall_code",
        Takes::Text,
        false,
        [
            "Mã sạp 8 ký tự nếu sạp đã có. Để trống thì chương trình cấp.",
            "The stall's code of 8 characters if it has one. Empty: it is given one.",
        ],
        ["", "", ""],
    ),
    column(
        "bank_bin",
        Takes::Bank,
        false,
        [
            "Sáu chữ số của ngân hàng, chọn trong danh sách. Để trống với ví không có mã.",
            "The bank's six digits, chosen from the list. Empty for a wallet without them.",
        ],
        ["970415 VietinBank", "970415 VietinBank", ""],
    ),
    column(
        "account_number",
        Takes::Text,
        false,
        [
            "Số tài khoản, đủ cả số 0 ở đầu. Ô phải ở dạng Văn bản (Text), như sẵn trong mẫu này.",
            "The account number with the zeros in front. The cell has to be text, as it is in this form.",
        ],
        ["1130000000001", "1130000000002", ""],
    ),
    column(
        "account_holder",
        Takes::Text,
        false,
        [
            "Tên chủ tài khoản đúng như ngân hàng hiện ra, chữ hoa không dấu.",
            "The holder as the bank shows it, in capitals without accents.",
        ],
        ["HO KHONG KHONG KHONG MOT", "HO KHONG KHONG KHONG HAI", ""],
    ),
    column(
        "holder_relation",
        Takes::Choice(&["Chủ hộ", "Người nhà", "Khác"]),
        false,
        [
            "Tài khoản đứng tên ai; để trống là chủ hộ (owner, relative, other).",
            "Whose account it is; empty is the owner: owner, relative, other.",
        ],
        ["Chủ hộ", "Chủ hộ", ""],
    ),
    column(
        "phone",
        Takes::Text,
        false,
        ["Số điện thoại của chủ hộ.", "The owner's phone."],
        ["", "", ""],
    ),
    column(
        "from",
        Takes::Day,
        true,
        [
            "Ngày bắt đầu kinh doanh tại đây, hoặc ngày thay đổi có hiệu lực.",
            "The day since which it trades here, or from which a change holds.",
        ],
        ["2025-08-01", "2025-08-01", "2025-08-01"],
    ),
    column(
        "code_from",
        Takes::Day,
        false,
        [
            "Ngày đã giao mã QR cho sạp, nếu đã giao.",
            "The day on which the stall was handed its QR code, if it was.",
        ],
        ["", "2025-08-15", ""],
    ),
];

#[cfg(test)]
mod tests {
    use super::super::SHAPE;
    use super::*;

    #[test]
    fn every_column_is_explained_in_the_order_of_the_template() {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let shape: Vec<&str> = SHAPE.required.iter().chain(SHAPE.optional).copied().collect();
        assert_eq!(names, shape);
    }
}
