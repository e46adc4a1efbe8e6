//! Units of amounts that are not the đồng: another currency, or thousands of đồng. A header, a title or a line at the
//! foot may name one, and every amount of the table is then another amount than its digits say.

use crate::vn::fold;

/// Currencies that accounts and terminals in Viet Nam are kept in, besides the đồng.
const CURRENCIES: &str = "usd | eur | jpy | gbp | aud | sgd | cny | rmb | krw | thb | hkd | chf | cad | nzd | twd | lak | khr | \
     myr | idr | inr | rub | php | sek | dkk | nok | aed | us dollar | us dollars | dollar | dollars | do la | \
     do la my | euro | euros | yen | yen nhat | nhan dan te | bang anh | bat thai | won | $ | us$ | € | £ | ¥";
/// Words that mean a thousand or more wherever they stand beside money.
const MULTIPLES: &str = "nghin | trieu | thousand | thousands | million | millions | 'k";
/// Those that mean it only before or behind the name of the đồng: «ngân hàng» folds to «ngan» too.
const MULTIPLES_OF_DONG: &str = "ngan | ty | ti | tr | k | 1000 | x1000 | 1 000 | 000 | 1000000 | 1 000 000";
const DONG: &str = "dong | d | vnd | vnđ | ₫ | viet nam dong";
/// What stands before the unit of all amounts of a table.
const UNIT_LABELS: &str = "don vi tinh | dvt | don vi do | don vi | unit of measure | unit of amount | units | unit | \
     so lieu tinh bang | so tien tinh bang | tinh bang | figures in | amounts in";
/// What stands before the currency of an account.
const CURRENCY_LABELS: &str = "loai tien | loai tien te | loai tien tk | don vi tien te | don vi tien | tien te | nguyen te | ma tien te | \
     currency | ccy | account currency | currency code | loai ngoai te";
/// Bytes of a text that may be a label with its unit.
const TEXT_BYTES_MAX: usize = 160;

fn listed(words: &'static str) -> impl Iterator<Item = &'static str> {
    words.split(" | ")
}

/// A text as words, its brackets and marks as blanks.
fn words_of(text: &str) -> String {
    let marks = |c: char| {
        matches!(
            c,
            '/' | '('
                | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | ','
                | ';'
                | '|'
                | '\''
                | '’'
                | '\n'
                | '_'
                | '.'
                | '*'
                | ':'
                | '-'
                | '"'
        )
    };
    let bare: String = text.chars().map(|c| if marks(c) { ' ' } else { c }).collect();
    let plain = fold(&bare);
    plain
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether words hold these, whole.
fn holds(words: &str, wanted: &str) -> bool {
    format!(" {words} ").contains(&format!(" {wanted} "))
}

fn currency(words: &str) -> Option<&'static str> {
    listed(CURRENCIES).find(|name| holds(words, name))
}

/// The part of these words that says thousands of đồng.
fn multiple(words: &str) -> Option<String> {
    let beside_dong = listed(MULTIPLES_OF_DONG)
        .chain(listed(MULTIPLES))
        .find_map(|many| {
            listed(DONG).find_map(|dong| {
                let ways = [
                    format!("{many} {dong}"),
                    format!("{dong} {many}"),
                    format!("{many}{dong}"),
                ];
                ways.into_iter().find(|way| holds(words, way))
            })
        });
    beside_dong.or_else(|| {
        let alone = listed(MULTIPLES).find(|many| holds(words, many));
        alone.map(str::to_owned)
    })
}

/// The unit that the header of a column of money names, if it is not the đồng.
pub(crate) fn in_header(header: &str) -> Option<String> {
    if header.len() > TEXT_BYTES_MAX || header.is_empty() {
        return None;
    }
    let words = words_of(header);
    if let Some(name) = currency(&words) {
        return Some(name.to_uppercase());
    }
    // «(k)», «(x1000)» in brackets of their own.
    let parts = header.split(['(', ')', '[', ']', '\n', '/']).map(words_of);
    let alone = |part: &String| listed(MULTIPLES_OF_DONG).any(|many| part == many);
    multiple(&words).or_else(|| parts.skip(1).find(alone))
}

/// Whether what a format of numbers writes beside the digits names another unit than the đồng.
pub(crate) fn in_format(literal: &str) -> bool {
    let words = words_of(literal);
    !words.is_empty() && (currency(&words).is_some() || unit_alone(&words, true).is_some())
}

/// A header without the unit that it names, for what else it says; none if it names no other unit than the đồng.
pub(crate) fn without_unit(header: &str) -> Option<String> {
    let unit = in_header(header)?;
    let words = words_of(header);
    let bare = format!(" {words} ").replace(&format!(" {} ", unit.to_lowercase()), " ");
    Some(bare.trim().to_owned())
}

/// The unit of all amounts of a table that a line above or below it names, if it is not the đồng: «Loại tiền: USD»,
/// «(Đơn vị tính: nghìn đồng)», or the currency behind the number of the account.
pub(crate) fn in_titles(cells: &[&str]) -> Option<String> {
    cells.iter().enumerate().find_map(|(at, cell)| {
        if cell.is_empty() || cell.len() > TEXT_BYTES_MAX {
            return None;
        }
        let plain_words = words_of(cell);
        let is_foreign = holds(&plain_words, "ngoai te") && !holds(&plain_words, "khong");
        let is_of_account = ["tai khoan", "account"]
            .iter()
            .any(|word| holds(&plain_words, word));
        if is_foreign || is_of_account && behind_account(cell).is_some() {
            return behind_account(cell).or_else(|| Some("ngoai te".to_owned()));
        }
        let (label, behind) = cell.split_once(':').unwrap_or((cell, ""));
        let label = words_of(label);
        let value = || match behind.trim() {
            "" => cells[at + 1..]
                .iter()
                .copied()
                .find(|cell| !cell.is_empty())
                .unwrap_or_default(),
            behind => behind,
        };
        let names = |labels: &'static str| listed(labels).any(|name| ends_with(&label, name));
        if names(CURRENCY_LABELS) {
            return other_currency(value());
        }
        if names(UNIT_LABELS) {
            let words = words_of(value());
            return unit_alone(&words, true);
        }
        // «Đơn vị tính nghìn đồng», «(nghìn đồng)»
        let whole = words_of(cell);
        let stated = listed(UNIT_LABELS).find_map(|name| whole.strip_prefix(name)?.strip_prefix(' '));
        let unit = unit_alone(stated.unwrap_or(&whole), stated.is_some());
        unit.filter(|_| behind.is_empty())
    })
}

/// Whether a label is this one, perhaps behind other words: «Số tài khoản / Loại tiền».
fn ends_with(label: &str, name: &str) -> bool {
    label
        .strip_suffix(name)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
}

/// Words that say a unit and nothing else. Without a label in front «1.000 đồng» is an amount.
fn unit_alone(words: &str, has_label: bool) -> Option<String> {
    let rest = |unit: &str| {
        let left = format!(" {words} ")
            .replace(&format!(" {unit} "), " ")
            .replace(" viet nam ", " ");
        left.split(' ')
            .filter(|word| !word.is_empty())
            .all(|word| listed(DONG).any(|dong| dong == word) || matches!(word, "of" | "vn"))
    };
    if let Some(name) = currency(words).filter(|name| rest(name)) {
        return Some(name.to_uppercase());
    }
    let is_named = |many: &String| has_label || !many.bytes().any(|b| b.is_ascii_digit());
    if let Some(many) = multiple(words).filter(|many| rest(many) && is_named(many)) {
        return Some(many);
    }
    if !has_label {
        return None;
    }
    let bare = words.strip_prefix("x ").unwrap_or(words);
    listed(MULTIPLES_OF_DONG)
        .find(|many| bare == *many)
        .map(str::to_owned)
}

/// The currency that stands behind its label, if it is not the đồng.
fn other_currency(value: &str) -> Option<String> {
    let words = words_of(value);
    if words.is_empty() || listed(DONG).any(|dong| words == dong || words.starts_with(&format!("{dong} "))) {
        return None;
    }
    let is_code = value.trim().len() == 3 && value.trim().bytes().all(|b| b.is_ascii_alphabetic());
    match currency(&words) {
        Some(name) => Some(name.to_uppercase()),
        None if is_code => Some(value.trim().to_uppercase()),
        None => multiple(&words),
    }
}

/// Whether a text is the code of a currency and nothing else, and whether that is the đồng.
pub(crate) fn currency_code(text: &str) -> Option<bool> {
    let code = text.trim();
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    if !is_code {
        return None;
    }
    let is_dong = code == "VND";
    (is_dong || currency(&code.to_lowercase()).is_some()).then_some(is_dong)
}

/// The currency that stands behind the number of an account, in capitals as codes are written.
pub(crate) fn behind_account(text: &str) -> Option<String> {
    const CODES: [&str; 8] = ["USD", "EUR", "JPY", "GBP", "AUD", "SGD", "CNY", "KRW"];
    let mut words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let last = words.next_back()?;
    let first = words.find(|word| !word.bytes().all(|b| b.is_ascii_digit()));
    [Some(last), first]
        .into_iter()
        .flatten()
        .find(|word| CODES.contains(word))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_units() {
        for (header, unit) in [
            ("Số tiền (USD)", "USD"),
            ("Amount USD", "USD"),
            ("Số tiền (nghìn đồng)", "nghin dong"),
            ("Số tiền (1.000đ)", "1 000d"),
            ("Số tiền (1.000 đ)", "1 000 d"),
            ("Số tiền (x1000)", "x1000"),
            ("Ghi có (triệu đồng)", "trieu dong"),
            ("Ghi có (tr.đ)", "tr d"),
            ("Amount (VND'000)", "vnd 000"),
            ("Amount (in thousands)", "thousands"),
            ("Số tiền (k)", "k"),
            ("Giá trị ngàn đồng", "ngan dong"),
        ] {
            assert_eq!(in_header(header).as_deref(), Some(unit), "{header}");
        }
        for header in [
            "Số tiền (VND)",
            "Số tiền",
            "Số tiền (đồng)",
            "Số tiền ngân hàng trả",
            "Amount",
            "Số tiền (1)",
            "(5)=(3)-(4)",
            "Phát sinh có/Credit (VNĐ)",
            "Tiền khách trả",
            "",
        ] {
            assert_eq!(in_header(header), None, "{header}");
        }
    }

    #[test]
    fn titles_name_units() {
        for cells in [
            &["Loại tiền: USD"][..],
            &["Loại tiền", "USD"],
            &["Loại tiền:", "", "EUR"],
            &["Currency: US Dollar"],
            &["Account Currency", "XAU"],
            &["Đơn vị tính: nghìn đồng"],
            &["(Đơn vị tính: nghìn đồng)"],
            &["ĐVT: 1.000 đ"],
            &["ĐVT: triệu VNĐ"],
            &["", "(Nghìn đồng)"],
            &["Unit: VND thousand"],
            &["Đơn vị tính nghìn đồng"],
            &["Đơn vị", "triệu đồng"],
            &["Amounts in thousands of VND"],
            &["SAO KÊ TÀI KHOẢN USD"],
            &["SAO KÊ TÀI KHOẢN NGOẠI TỆ"],
        ] {
            assert!(in_titles(cells).is_some(), "{cells:?}");
        }
        for cells in [
            &["Loại tiền: VND"][..],
            &["Loại tiền", "VNĐ"],
            &["Đơn vị tính: đồng"],
            &["Đơn vị: UBND PHƯỜNG VÍ DỤ"],
            &["Đơn vị thụ hưởng: HO KINH DOANH VI DU"],
            &["Bằng chữ: năm triệu đồng chẵn"],
            &["Tổng số tiền: 1.000 đồng"],
            &["Năm triệu đồng"],
            &["Từ ngày: 01/06/2026", "Đến ngày: 30/06/2026"],
            &["SAO KÊ TÀI KHOẢN"],
            &["Sao kê tài khoản VND"],
            &["Số dư đầu kỳ", "1.000"],
            &["Trang", "1 000"],
        ] {
            assert_eq!(in_titles(cells), None, "{cells:?}");
        }
        assert_eq!(behind_account("0011012345678 - USD").as_deref(), Some("USD"));
        assert_eq!(
            behind_account("0011012345678 (USD) HO KINH DOANH").as_deref(),
            Some("USD")
        );
        assert_eq!(behind_account("0011012345678 - HO KINH DOANH VI DU (VND)"), None);
    }
}
