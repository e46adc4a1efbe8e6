//! The directory of banks, wallets and finance companies, by BIN.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::vn::fold;

/// The directory as shipped; its head says where the facts are from.
const SHIPPED: &str = include_str!("../../assets/banks.txt");

/// Lines of a directory at most; all that ever had a BIN fit many times.
const LINES_MAX: usize = 10_000;

/// What kind of house receives the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BankKind {
    Bank,
    /// An e-wallet or mobile money.
    Wallet,
    Finance,
}

/// A bank, wallet or finance company that a code can pay to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    /// Six digits, its identity; short codes clash between lists.
    pub bin: String,
    /// The name people use.
    pub short_name: String,
    pub kind: BankKind,
    /// The name it is registered under.
    pub full_name: String,
    /// Whether its own app pays by scanning VietQR; none if unknown. Nobody is blocked because of it.
    pub pays_by_scan: Option<bool>,
    /// Whether a holder's name can be looked up; none if unknown.
    pub looks_up_holder: Option<bool>,
    /// Codes of other lists, former names.
    pub other_names: Vec<String>,
}

/// The directory of banks, by BIN.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Banks(BTreeMap<String, Bank>);

/// Why a directory is refused, as a whole: a bank left out would be called unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {what}; the form is BIN;short name;bank|wallet|finance;full name;yes|no;yes|no;other|names"
)]
pub struct BanksError {
    /// Counted from 1.
    pub line: usize,
    pub what: &'static str,
}

impl Banks {
    /// The directory this program comes with.
    pub fn shipped() -> &'static Banks {
        static BANKS: LazyLock<Banks> =
            LazyLock::new(|| Banks::parse(SHIPPED).expect("the shipped directory is read by a test"));
        &BANKS
    }

    /// Reads a directory in the form of the shipped one (`assets/banks.txt` says it).
    pub fn parse(text: &str) -> Result<Banks, BanksError> {
        let mut banks = Banks::default();
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |what| BanksError { line: at + 1, what };
            let bank = bank(line).map_err(fault)?;
            if at >= LINES_MAX {
                return Err(fault("more lines than any directory has"));
            }
            if banks.0.insert(bank.bin.clone(), bank).is_some() {
                return Err(fault("this BIN stands twice"));
            }
        }
        Ok(banks)
    }

    /// These and the others; where both have a BIN, the other's line holds.
    pub fn updated(&self, with: Banks) -> Banks {
        let mut banks = self.clone();
        banks.0.extend(with.0);
        banks
    }

    /// The bank with this BIN.
    pub fn get(&self, bin: &str) -> Option<&Bank> {
        self.0.get(bin)
    }

    /// What to call a bank: its short name, or its BIN if it is not in the directory.
    pub fn name<'a>(&'a self, bin: &'a str) -> &'a str {
        self.get(bin).map_or(bin, |bank| &bank.short_name)
    }

    /// All of them, by BIN.
    pub fn all(&self) -> impl Iterator<Item = &Bank> {
        self.0.values()
    }

    /// Banks that any of its names, its codes or its BIN fits, the best fits first: the very name, then the
    /// beginning of one, then the beginning of a word, then any part. Accents and letter case do not count.
    pub fn search(&self, text: &str) -> Vec<&Bank> {
        let wanted = fold(text);
        if wanted.is_empty() {
            return self.all().collect();
        }
        let mut found: Vec<(u8, &Bank)> = self
            .all()
            .filter_map(|b| Some((match_rank(b, &wanted)?, b)))
            .collect();
        found.sort_by_key(|(rank, bank)| (*rank, &bank.bin));
        found.into_iter().map(|(_, bank)| bank).collect()
    }
}

impl Bank {
    /// Whether this is one of its names, accents and letter case aside.
    pub fn is_called(&self, name: &str) -> bool {
        match_rank(self, &fold(name)) == Some(0)
    }
}

/// How well the best of a bank's names fits; 0 is the very name.
fn match_rank(bank: &Bank, wanted: &str) -> Option<u8> {
    let names = [&bank.bin, &bank.short_name, &bank.full_name];
    let all = names.into_iter().chain(&bank.other_names).map(|name| fold(name));
    all.filter_map(|name| match () {
        () if name == wanted => Some(0),
        () if name.starts_with(wanted) => Some(1),
        () if name.split(' ').any(|word| word.starts_with(wanted))
            || name.contains(&format!(" {wanted}")) =>
        {
            Some(2)
        }
        () if name.contains(wanted) || name.replace(' ', "").contains(&wanted.replace(' ', "")) => Some(3),
        () => None,
    })
    .min()
}

fn bank(line: &str) -> Result<Bank, &'static str> {
    let cells: Vec<&str> = line.split(';').map(str::trim).collect();
    let [bin, short_name, kind, full_name, pays, looks_up, others] = cells[..] else {
        return Err("not seven parts");
    };
    if bin.len() != 6 || !bin.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a BIN has six digits");
    }
    if short_name.is_empty() || full_name.is_empty() {
        return Err("a name is empty");
    }
    let kind = match kind {
        "bank" => BankKind::Bank,
        "wallet" => BankKind::Wallet,
        "finance" => BankKind::Finance,
        _ => return Err("the kind is bank, wallet or finance"),
    };
    let known = |text| match text {
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        "" => Ok(None),
        _ => Err("neither yes nor no"),
    };
    let others = others.split('|').map(str::trim).filter(|name| !name.is_empty());
    Ok(Bank {
        bin: bin.to_owned(),
        short_name: short_name.to_owned(),
        kind,
        full_name: full_name.to_owned(),
        pays_by_scan: known(pays)?,
        looks_up_holder: known(looks_up)?,
        other_names: others.map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_directory_has_every_bank_and_its_other_names() {
        let banks = Banks::shipped();
        assert!(banks.all().count() >= 63);
        let vietinbank = banks.get("970415").unwrap();
        assert_eq!(
            (vietinbank.short_name.as_str(), vietinbank.pays_by_scan),
            ("VietinBank", Some(true))
        );
        assert_eq!(banks.get("971133").unwrap().looks_up_holder, None);
        assert_eq!(banks.get("971025").unwrap().kind, BankKind::Wallet);
        assert_eq!((banks.name("970422"), banks.name("999999")), ("MBBank", "999999"));
    }

    #[test]
    fn any_of_its_names_finds_a_bank_and_clashing_codes_find_both() {
        let first = |text: &str| Banks::shipped().search(text).first().map(|b| b.bin.as_str());
        for (text, bin) in [
            ("970436", "970436"),
            ("vietcombank", "970436"),
            ("VCB", "970436"),
            ("ngoại thương việt nam", "970436"),
            ("ngoai thuong viet nam", "970436"),
            ("CTG", "970415"),
            ("icb", "970415"),
            ("Đông Á", "970406"),
            ("donga", "970406"),
            ("quan doi", "970422"),
            ("momo", "971025"),
            ("sai gon thuong tin", "970403"),
        ] {
            assert_eq!(first(text), Some(bin), "{text}");
        }
        let bvb: Vec<&str> = Banks::shipped()
            .search("BVB")
            .iter()
            .map(|b| b.bin.as_str())
            .collect();
        assert!(bvb.contains(&"970438") && bvb.contains(&"970454"), "{bvb:?}");
        assert!(Banks::shipped().search("zzz").is_empty());
        assert_eq!(Banks::shipped().search(" ").len(), Banks::shipped().all().count());
    }

    #[test]
    fn a_directory_of_ones_own_adds_and_replaces() {
        let own = Banks::parse("\u{feff}# mine\r\n\r\n970415; Mới ;bank; Ngân hàng Mới ;;no;\n999999;Thử;finance;Công ty Thử;yes;;A|B\n").unwrap();
        let banks = Banks::shipped().updated(own);
        assert_eq!(banks.name("970415"), "Mới");
        assert_eq!(banks.get("999999").unwrap().other_names, ["A", "B"]);
        assert_eq!(banks.name("970436"), "Vietcombank");
    }

    #[test]
    fn a_wrong_line_refuses_the_directory_and_is_named() {
        for (text, line) in [
            ("97041;A;bank;A;;;", 1),
            ("#\n970415;A;bank;A;;", 2),
            ("970415;A;shop;A;;;", 1),
            ("970415;;bank;A;;;", 1),
            ("970415;A;bank;A;1;;", 1),
            ("970415;A;bank;A;;;\n970415;B;bank;B;;;", 2),
        ] {
            assert_eq!(Banks::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
