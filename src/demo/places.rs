//! Real streets and markets of the former Hải Châu district, for the demonstration.

/// A street that lies in one ward as of 31/12/2024.
#[derive(Debug, Clone, Copy)]
pub struct DemoStreet {
    pub name: &'static str,
    /// Code of its ward on 31/12/2024.
    pub ward_code_2024: &'static str,
}

/// A market of the district.
#[derive(Debug, Clone, Copy)]
pub struct DemoMarket {
    /// Its name, with the word "Chợ".
    pub name: &'static str,
    /// Code of its ward on 31/12/2024.
    pub ward_code_2024: &'static str,
    pub address: &'static str,
}

/// The wards of the district on 31/12/2024.
pub const WARDS_2024: &[&str] = &[
    "20227", // Thanh Bình
    "20230", // Thuận Phước
    "20233", // Thạch Thang
    "20236", // Hải Châu I
    "20239", // Hải Châu II
    "20242", // Phước Ninh
    "20245", // Hòa Thuận Tây
    "20246", // Hòa Thuận Đông
    "20248", // Nam Dương
    "20251", // Bình Hiên
    "20254", // Bình Thuận
    "20257", // Hòa Cường Bắc
    "20258", // Hòa Cường Nam
];

/// Three markets that everybody in the city knows.
pub const MARKETS: [DemoMarket; 3] = [
    DemoMarket {
        name: "Chợ Hàn",
        ward_code_2024: "20236",
        address: "119 Trần Phú",
    },
    DemoMarket {
        name: "Chợ Cồn",
        ward_code_2024: "20239",
        address: "290 Hùng Vương",
    },
    DemoMarket {
        name: "Chợ Mới Hòa Thuận",
        ward_code_2024: "20246",
        address: "582 Hoàng Diệu",
    },
];

/// Streets short enough to lie in one ward. The city's list tells no single ward for the streets of
/// Hải Châu I, Nam Dương, Bình Hiên and Hòa Thuận Đông, so none is named here.
pub const REAL_STREETS: &[DemoStreet] = &[
    // Thanh Bình
    street("Bắc Đẩu", "20227"),
    street("Cao Thắng", "20227"),
    street("Thanh Duyên", "20227"),
    // Thuận Phước
    street("Bùi Xuân Phái", "20230"),
    street("Cao Xuân Dục", "20230"),
    street("Lê Khắc Cần", "20230"),
    street("Mai Am", "20230"),
    street("Xuân Diệu", "20230"),
    street("Đinh Công Tráng", "20230"),
    street("Đầm Rong 1", "20230"),
    street("Đầm Rong 2", "20230"),
    street("Đỗ Xuân Cát", "20230"),
    // Thạch Thang
    street("Ba Đình", "20233"),
    // Hải Châu II
    street("Chi Lăng", "20239"),
    street("Cô Bắc", "20239"),
    street("Mạc Đĩnh Chi", "20239"),
    street("Đoàn Thị Điểm", "20239"),
    // Phước Ninh
    street("Trần Văn Trà", "20242"),
    // Hòa Thuận Tây
    street("Nguyễn Phi Khanh", "20245"),
    street("Trưng Nhị", "20245"),
    street("Đặng Thùy Trâm", "20245"),
    // Bình Thuận
    street("Bình Minh 1", "20254"),
    street("Bình Minh 2", "20254"),
    street("Bình Minh 3", "20254"),
    // Hòa Cường Bắc
    street("Ca Văn Thỉnh", "20257"),
    street("Dương Bá Trạc", "20257"),
    street("Hà Huy Giáp", "20257"),
    street("Hồ Biểu Chánh", "20257"),
    street("Hồ Tông Thốc", "20257"),
    street("Nam Sơn 1", "20257"),
    street("Nam Sơn 2", "20257"),
    street("Nam Sơn 3", "20257"),
    street("Nam Sơn 5", "20257"),
    street("Ngô Thị Liễu", "20257"),
    street("Trần Tấn Mới", "20257"),
    street("Tôn Thất Thuyết", "20257"),
    street("Đốc Ngữ", "20257"),
    // Hòa Cường Nam
    street("Bùi Viện", "20258"),
    street("Giang Văn Minh", "20258"),
    street("Hoàng Thúc Trâm", "20258"),
    street("Huỳnh Tấn Phát", "20258"),
    street("Hóa Sơn 1", "20258"),
    street("Hóa Sơn 2", "20258"),
    street("Hóa Sơn 5", "20258"),
    street("Lê Anh Xuân", "20258"),
    street("Lê Bá Trinh", "20258"),
    street("Lưu Trọng Lư", "20258"),
    street("Nguyễn Lộ Trạch", "20258"),
    street("Nguyễn Súy", "20258"),
    street("Nguyễn Thi", "20258"),
    street("Nguyễn Trác", "20258"),
    street("Ngô Thế Vinh", "20258"),
    street("Tiên Sơn 1", "20258"),
    street("Tiên Sơn 2", "20258"),
    street("Tiên Sơn 3", "20258"),
    street("Tiên Sơn 4", "20258"),
    street("Tiên Sơn 5", "20258"),
    street("Tiên Sơn 6", "20258"),
    street("Tiên Sơn 8", "20258"),
    street("Tiên Sơn 9", "20258"),
    street("Tiên Sơn 11", "20258"),
    street("Tiên Sơn 12", "20258"),
    street("Tiên Sơn 13", "20258"),
    street("Tiên Sơn 14", "20258"),
    street("Tiên Sơn 15", "20258"),
    street("Tiên Sơn 16", "20258"),
    street("Tiên Sơn 20", "20258"),
    street("Tiên Sơn 21", "20258"),
    street("Trương Chí Cương", "20258"),
    street("Văn Cận", "20258"),
    street("Vũ Trọng Phụng", "20258"),
    street("Đặng Nguyên Cẩn", "20258"),
];

const fn street(name: &'static str, ward_code_2024: &'static str) -> DemoStreet {
    DemoStreet { name, ward_code_2024 }
}
