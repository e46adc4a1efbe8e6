//! Which days an owner asks for, what they are called, and the addresses of others.

use super::super::frame::{Fault, Visit, encoded};
use crate::ledger::{Grain, LedgerNo};
use crate::store::{ListPosition, OwnerReceipt};
use crate::vn::{Day, Lang, TimeMs};
use crate::web::Problem;

/// Days at once: a leap year.
const DAYS_MAX: i64 = 366;
/// Days whose single receipts are shown on pages.
const RECEIPT_DAYS_MAX: i64 = 31;

/// What an owner asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub from: Day,
    pub to: Day,
    pub by: Grain,
    /// Whether single receipts are shown.
    pub has_receipts: bool,
    /// The receipt behind which to go on.
    pub after: Option<ListPosition>,
}

impl Asked {
    /// The days in the question, or this month.
    pub fn of(visit: &Visit, today: Day) -> Result<Asked, Fault> {
        let (first, last) = Grain::Month.around(today);
        let from = visit.day("from", first)?;
        // A day alone is that day, none is this month.
        let to = visit.day("to", if visit.asked("from").is_some() { from } else { last })?;
        if to < from || to.number() - from.number() >= DAYS_MAX {
            let sentence = (
                "Hãy chọn từ 1 đến 366 ngày, ngày đầu không sau ngày cuối.",
                "Choose 1 to 366 days, the first not after the last.",
            );
            return Err(Problem::invalid("to", sentence).into());
        }
        let length = to.number() - from.number() + 1;
        let usual = if length > RECEIPT_DAYS_MAX {
            Grain::Month
        } else {
            Grain::Day
        };
        let is_short = length <= RECEIPT_DAYS_MAX;
        Ok(Asked {
            from,
            to,
            by: visit.asked("by").and_then(Grain::of).unwrap_or(usual),
            has_receipts: from == to || (is_short && visit.asked("show") == Some("receipts")),
            after: visit.asked("after").and_then(place_of),
        })
    }

    pub fn is_one_day(&self) -> bool {
        self.from == self.to
    }

    /// The question that asks for the same sums.
    pub fn question(&self) -> String {
        format!("from={}&to={}&by={}", self.from, self.to, self.by.key())
    }

    /// Periods to choose: address, words, and whether it is this one.
    pub fn presets(&self, lang: Lang, today: Day) -> Vec<(String, String, bool)> {
        let before = |grain: Grain| grain.around(grain.around(today).0.plus(-1));
        let all = [
            (lang.pick("Hôm nay", "Today"), (today, today)),
            (lang.pick("Hôm qua", "Yesterday"), before(Grain::Day)),
            (lang.pick("Tháng này", "This month"), Grain::Month.around(today)),
            (lang.pick("Tháng trước", "Last month"), before(Grain::Month)),
            (lang.pick("Quý này", "This quarter"), Grain::Quarter.around(today)),
            (lang.pick("Quý trước", "Last quarter"), before(Grain::Quarter)),
            (lang.pick("Năm nay", "This year"), Grain::Year.around(today)),
            (lang.pick("Năm trước", "Last year"), before(Grain::Year)),
        ];
        all.into_iter()
            .map(|(words, (from, to))| {
                let href = format!("/own?from={from}&to={to}");
                (href, words.to_owned(), (from, to) == (self.from, self.to))
            })
            .collect()
    }

    /// Grains that divide these days: address, words, and whether it is this one.
    pub fn grains(&self, lang: Lang) -> Vec<(String, String, bool)> {
        let words = |grain| match grain {
            Grain::Day => lang.pick("Từng ngày", "By day"),
            Grain::Month => lang.pick("Từng tháng", "By month"),
            Grain::Quarter => lang.pick("Từng quý", "By quarter"),
            Grain::Year => lang.pick("Từng năm", "By year"),
        };
        let divides = |grain: &Grain| *grain == Grain::Day || grain.around(self.from).1 < self.to;
        let grains: Vec<Grain> = Grain::ALL.into_iter().filter(divides).collect();
        if grains.len() < 2 {
            return Vec::new();
        }
        grains
            .into_iter()
            .map(|grain| {
                let href = format!(
                    "/own?{}",
                    Asked {
                        by: grain,
                        ..self.clone()
                    }
                    .question()
                );
                (href, words(grain).to_owned(), grain == self.by)
            })
            .collect()
    }

    /// Where the single receipts of these days are; nowhere if they are shown, or too many.
    pub fn receipts_href(&self) -> Option<String> {
        let is_short = self.to.number() - self.from.number() < RECEIPT_DAYS_MAX;
        (is_short && !self.has_receipts).then(|| format!("/own?{}&show=receipts", self.question()))
    }

    /// Where the receipts behind this one are.
    pub fn more_href(&self, last: ListPosition) -> String {
        format!(
            "/own?{}&show=receipts&after={}",
            self.question(),
            encoded(&place_text(last))
        )
    }

    /// What is inside a part of these days; nothing for the whole, which is here.
    pub fn inside(&self, from: Day, to: Day) -> Option<String> {
        ((from, to) != (self.from, self.to)).then(|| format!("/own?from={from}&to={to}"))
    }
}

fn place_text(place: ListPosition) -> String {
    format!("{}.{}.{}", place.day, place.at.0, place.entry_no)
}

/// Reads what [`place_text`] wrote; anything else is as if it were not there.
fn place_of(text: &str) -> Option<ListPosition> {
    let mut parts = text.splitn(3, '.');
    Some(ListPosition {
        day: parts.next()?.parse().ok()?,
        at: TimeMs(parts.next()?.parse().ok()?),
        entry_no: LedgerNo::parse(parts.next()?)?,
    })
}

/// `01/11/2026 – 30/11/2026`
pub(super) fn days(from: Day, to: Day) -> String {
    if from == to {
        from.show()
    } else {
        format!("{} – {}", from.show(), to.show())
    }
}

/// The days of a period, unless they are its name.
pub(super) fn dates(name: &str, from: Day, to: Day) -> Option<String> {
    let days = days(from, to);
    (from != to && days != name).then_some(days)
}

/// `Thứ Bảy 21/11/2026`, `Tháng 11/2026`, `Quý 4/2026`, `Năm 2026`, else the days.
pub(super) fn name(lang: Lang, from: Day, to: Day) -> String {
    let (year, month) = from.year_month();
    if from == to {
        return format!("{} {}", weekday(lang, from), from.show());
    }
    match [Grain::Month, Grain::Quarter, Grain::Year]
        .into_iter()
        .find(|grain| grain.around(from) == (from, to))
    {
        Some(Grain::Month) => format!("{} {month}/{year}", lang.pick("Tháng", "Month")),
        Some(Grain::Quarter) => format!("{} {}/{year}", lang.pick("Quý", "Quarter"), (month + 2) / 3),
        Some(_) => format!("{} {year}", lang.pick("Năm", "Year")),
        None => days(from, to),
    }
}

fn weekday(lang: Lang, day: Day) -> &'static str {
    // Day 0 was a Thursday.
    match day.number().rem_euclid(7) {
        0 => lang.pick("Thứ Năm", "Thursday"),
        1 => lang.pick("Thứ Sáu", "Friday"),
        2 => lang.pick("Thứ Bảy", "Saturday"),
        3 => lang.pick("Chủ nhật", "Sunday"),
        4 => lang.pick("Thứ Hai", "Monday"),
        5 => lang.pick("Thứ Ba", "Tuesday"),
        _ => lang.pick("Thứ Tư", "Wednesday"),
    }
}

/// `17:58`; none where only the day is known, as from a statement that came later.
pub(super) fn hour(receipt: &OwnerReceipt) -> Option<String> {
    let place = receipt.place;
    let shown = place.at.show();
    let hour = shown.split(' ').nth(1)?;
    (Day::of(place.at) == place.day).then(|| hour.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn ymd(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn asked(question: &str) -> Option<Asked> {
        let request = TestRequest::get()
            .uri(&format!("/own?{question}"))
            .to_http_request();
        Asked::of(&Visit::of(&request), ymd("2026-11-22")).ok()
    }

    #[test]
    fn an_owner_asks_for_days() {
        let this_month = asked("").unwrap();
        assert_eq!(
            (this_month.from, this_month.to),
            (ymd("2026-11-01"), ymd("2026-11-30"))
        );
        assert_eq!((this_month.by, this_month.has_receipts), (Grain::Day, false));
        let one = asked("from=2026-11-03").unwrap();
        assert!(one.is_one_day() && one.has_receipts);
        assert_eq!(asked("from=2026-01-01&to=2026-12-31").unwrap().by, Grain::Month);
        assert!(
            !asked("from=2026-01-01&to=2026-12-31&show=receipts")
                .unwrap()
                .has_receipts
        );
        assert!(
            asked("from=2026-11-01&to=2026-11-30&show=receipts")
                .unwrap()
                .has_receipts
        );
        assert!(asked("from=2024-01-01&to=2024-12-31").is_some(), "a leap year");
        for wrong in [
            "from=2026-11-03&to=2026-11-02",
            "from=2025-01-01&to=2026-01-02",
            "from=x",
        ] {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn periods_before_this_one_reach_over_the_year() {
        let january = ymd("2026-01-05");
        let presets: Vec<String> = asked("")
            .unwrap()
            .presets(Lang::Vi, january)
            .into_iter()
            .map(|p| p.0)
            .collect();
        assert_eq!(presets[1], "/own?from=2026-01-04&to=2026-01-04");
        assert_eq!(presets[3], "/own?from=2025-12-01&to=2025-12-31");
        assert_eq!(presets[5], "/own?from=2025-10-01&to=2025-12-31");
        assert_eq!(presets[7], "/own?from=2025-01-01&to=2025-12-31");
    }

    #[test]
    fn periods_have_names() {
        let name = |from, to| name(Lang::Vi, ymd(from), ymd(to));
        assert_eq!(name("2026-11-22", "2026-11-22"), "Chủ nhật 22/11/2026");
        assert_eq!(name("2024-02-01", "2024-02-29"), "Tháng 2/2024");
        assert_eq!(name("2026-10-01", "2026-12-31"), "Quý 4/2026");
        assert_eq!(name("2026-01-01", "2026-12-31"), "Năm 2026");
        assert_eq!(name("2026-01-02", "2026-12-31"), "02/01/2026 – 31/12/2026");
    }

    #[test]
    fn a_place_in_the_list_reads_back() {
        let place = ListPosition {
            day: ymd("2026-11-22"),
            at: TimeMs(1_800_000_000_123),
            entry_no: LedgerNo::start_of(ymd("2026-11-22")),
        };
        assert_eq!(place_of(&place_text(place)), Some(place));
        for wrong in [
            "",
            "2026-11-22",
            "2026-11-22.1.zz",
            "x.1.0000000000000000",
            "2026-11-22.x.0000000000000000",
        ] {
            assert_eq!(place_of(wrong), None, "{wrong}");
        }
    }
}
