//! The ways in which programs write one table of payments: the container, and how a cell says what it says.

/// What holds the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Text with this character between cells.
    Text(char),
    /// A page of HTML that is called .xls.
    Html,
    /// A workbook whose amounts are numbers and whose days are dates.
    Workbook,
}

/// How a row says which way its money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A minus before the amount.
    Sign,
    /// A column for money out and one for money in.
    Sides,
    /// A column of `+` and `-` beside an amount without a sign.
    Marks,
    /// A column of `Có` and `Nợ` beside an amount without a sign.
    Words,
}

/// A way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub name: &'static str,
    pub container: Container,
    /// Between groups of three digits, if anything.
    pub group: Option<char>,
    /// What stands behind a whole amount.
    pub behind: &'static str,
    pub direction: Direction,
    /// What stands where there is no id or reference.
    pub no_id: &'static str,
    /// All rows of a file have one batch number.
    pub has_batch: bool,
    /// Each row has the balance of its account beside it.
    pub has_balance: bool,
}

const PLAIN: Dialect = Dialect {
    name: "semicolons",
    container: Container::Text(';'),
    group: Some('.'),
    behind: "",
    direction: Direction::Sign,
    no_id: "",
    has_batch: false,
    has_balance: false,
};

/// All of them. Which three a run has is chosen by its seed.
pub const DIALECTS: [Dialect; 11] = [
    PLAIN,
    Dialect {
        name: "commas",
        container: Container::Text(','),
        group: Some(','),
        ..PLAIN
    },
    Dialect {
        name: "tabs",
        container: Container::Text('\t'),
        ..PLAIN
    },
    Dialect {
        name: "decimals",
        group: None,
        behind: ",00",
        ..PLAIN
    },
    Dialect {
        name: "sides",
        direction: Direction::Sides,
        ..PLAIN
    },
    Dialect {
        name: "sign column",
        direction: Direction::Marks,
        ..PLAIN
    },
    Dialect {
        name: "credit and debit words",
        container: Container::Text('|'),
        direction: Direction::Words,
        ..PLAIN
    },
    Dialect {
        name: "NONREF",
        no_id: "NONREF",
        ..PLAIN
    },
    Dialect {
        name: "batch number",
        container: Container::Text(','),
        group: None,
        has_batch: true,
        ..PLAIN
    },
    Dialect {
        name: "HTML .xls",
        container: Container::Html,
        ..PLAIN
    },
    Dialect {
        name: "workbook",
        container: Container::Workbook,
        ..PLAIN
    },
];

/// Of the file beside the three, which is written once more with a balance that does not follow.
pub const BALANCED: Dialect = Dialect {
    name: "balances",
    direction: Direction::Sides,
    has_balance: true,
    ..PLAIN
};

impl Dialect {
    /// An amount as a cell has it.
    pub fn amount(&self, vnd: i64) -> String {
        let digits = match self.group {
            Some(mark) => choso::vn::grouped(vnd, mark),
            None => vnd.to_string(),
        };
        digits + self.behind
    }

    /// The name of the file with this number, from 1.
    pub fn file_name(&self, number: usize) -> String {
        let extension = match self.container {
            Container::Text(_) => "csv",
            Container::Html => "xls",
            Container::Workbook => "xlsx",
        };
        format!("statement-{number}.{extension}")
    }
}

/// The dialects of a run's files, by its seed: three different ones, and each one is the first of some run.
pub fn chosen<const N: usize>(seed: u64) -> [Dialect; N] {
    std::array::from_fn(|at| DIALECTS[((seed as usize) * 4 + at * 5) % DIALECTS.len()])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn eleven_seeds_have_each_dialect_in_each_place() {
        for place in 0..3 {
            let names: HashSet<&str> = (0..11).map(|seed| chosen::<3>(seed)[place].name).collect();
            assert_eq!(names.len(), DIALECTS.len());
        }
        for seed in 0..11 {
            let [a, b, c] = chosen::<3>(seed).map(|dialect| dialect.name);
            assert!(a != b && b != c && a != c);
        }
    }
}
