//! Codes that were just handed out, taken back before a card of them left the house.

use choso::vn::TimeMs;

use crate::support::*;

on_both! {
    codes_are_taken_back_until_a_card_of_them_was_drawn
}

fn codes_are_taken_back_until_a_card_of_them_was_drawn(database: Database) {
    let books = Books::with_register(database);
    let at = noon();
    let stalls = books.rows(
        "SELECT s.stall_id FROM stall s JOIN household h ON h.household_id = s.household_id WHERE h.household_ref IN ('two', 'nam')",
    );
    let new: Vec<_> = stalls.iter().map(|stall| new_code(stall, None)).collect();
    let issued = books
        .create(async |creation| creation.issue_codes(&new, market_day(), 0, actor("an", at)).await)
        .expect("codes");
    let left = |by: &str, at| books.run(books.store.codes_to_undo(at, by)).expect("a count");
    assert_eq!(
        (left("an", at), left("bình", at), left("an", TimeMs(at.0 + 1))),
        (3, 0, 0)
    );
    books
        .run(books.store.note_drawn(&[issued[0].serial.clone()], at))
        .expect("noted");
    assert_eq!(left("an", at), 2);
    let undo = |by: &str| {
        books
            .run(books.store.undo_codes(at, actor(by, TimeMs(at.0 + 5_000))))
            .expect("undone")
    };
    assert_eq!((undo("bình"), undo("an"), undo("an")), (0, 2, 0));
    let active = |serial: &str| {
        books
            .run(books.store.card(serial, market_day()))
            .expect("read")
            .expect("a card")
            .is_active()
    };
    let stand: Vec<bool> = issued.iter().map(|code| active(&code.serial)).collect();
    assert_eq!(stand, [true, false, false], "what was printed stays");
    // The register's own code was handed out by somebody else, and is drawn or not as before.
    assert_eq!(
        left("thu", registered_at()),
        books
            .rows("SELECT serial FROM code WHERE recorded_by = 'thu'")
            .len() as i64
    );
}
