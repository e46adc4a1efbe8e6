//! What store and statements refuse, and what people are told besides, in both languages.
//!
//! The rooms below return facts; here each has its one sentence, for pages, API and command line alike. A
//! sentence says what is wrong, where, and what to do next.

use crate::settlement::ImportError;
use crate::settlement::InboxWords;
use crate::statement::{MappingError, StatementError};
use crate::store::{ChangedAccount, Conflict, Missing, StoreError};
use crate::vn::{Sentence, sentence};

/// Who hands in what lies in the inbox of statements, as it is kept with each file.
pub const INBOX: &str = "hộp sao kê";

/// Who did something, as a page shows it: the inbox has a name in each language, people have one.
pub fn by_whom(name: String) -> Sentence {
    match &*name {
        INBOX => (INBOX, "statement inbox").into(),
        _ => Sentence::new(name.clone(), name),
    }
}

/// A wish that contradicts what is there.
pub fn conflict(conflict: &Conflict) -> Sentence {
    match conflict {
        Conflict::SchemaDiffers { found: None, .. } => (
            "Cơ sở dữ liệu này chưa có gì của chương trình. Hãy chạy `choso migrate`.",
            "The database holds nothing of this program yet. Run `choso migrate`.",
        )
            .into(),
        Conflict::SchemaDiffers {
            found: Some(found),
            known,
        } => sentence!(
            "Cơ sở dữ liệu có lược đồ {found}, chương trình này cần {known}. Hãy dùng đúng phiên bản chương trình.",
            "The database has schema {found}, this program wants {known}. Use the program that fits the database."
        ),
        Conflict::UnitsContradict(error) => {
            let Sentence { vi, en } = error.sentence();
            sentence!(
                "Các đơn vị hành chính mâu thuẫn nhau: {vi}",
                "The units contradict each other: {en}"
            )
        }
        Conflict::ProviderExists { provider_id } => sentence!(
            "Đã có nhà cung cấp «{provider_id}». Hãy chọn tên khác.",
            "Provider «{provider_id}» is already there. Choose another name."
        ),
        // Rules are set on the command line only, which speaks English.
        Conflict::ProviderRules(error) => Sentence::new(error.to_string(), error.to_string()),
        Conflict::LastKey { provider_id } => sentence!(
            "Đây là khóa duy nhất còn hiệu lực của «{provider_id}». Hãy đổi khóa (`choso provider rotate-key --overlap-hours 0`), hoặc ngừng nhà cung cấp (`choso provider disable`).",
            "This is the only live key of «{provider_id}», which could not be heard without it. Replace it (`choso provider rotate-key --overlap-hours 0`), or stop the provider (`choso provider disable`)."
        ),
        Conflict::PhoneOfAnother => Sentence::new(
            "Người khác đang đăng nhập bằng số điện thoại này. Hãy dùng số khác, hoặc thu hồi mã của người kia trước.",
            "Somebody else signs in with this phone number. Use another number, or revoke that person's token first.",
        ),
        Conflict::TokenExists { name } => sentence!(
            "«{name}» đã có mã truy cập. Nếu mã bị mất, thêm --replace để thu hồi và tạo mã mới.",
            "«{name}» already has a token; if it was lost, add --replace to revoke it and make a new one"
        ),
        Conflict::StreetIntoItself => (
            "Đây là một tuyến đường; hãy chọn hai tuyến khác nhau.",
            "This is one street; choose two.",
        )
            .into(),
        Conflict::StreetMerged { id } => sentence!(
            "Tuyến đường {id} đã được gộp vào tuyến khác từ trước.",
            "Street {id} was merged into another one before."
        ),
        Conflict::StreetsApart => (
            "Hai tuyến đường thuộc hai thành phố khác nhau, nên không gộp được.",
            "The two streets are of two cities, so they cannot be one.",
        )
            .into(),
        Conflict::NoFreeStallCode => (
            "Không tìm được mã sạp còn trống. Hãy thử lại.",
            "No free stall codes were found. Try again.",
        )
            .into(),
        Conflict::CodeEnded { serial } => sentence!(
            "Mã QR số {serial} đã kết thúc từ trước.",
            "QR code {serial} had ended before. Look at the stall's page for the code in use."
        ),
        Conflict::AccountWithoutCode(error) => {
            let Sentence { vi, en } = error.sentence();
            sentence!(
                "Tài khoản này không tạo được mã VietQR: {vi}",
                "No VietQR code can be made for this account: {en}"
            )
        }
        Conflict::NoAccount { on } => {
            let on = on.show();
            sentence!(
                "Sạp chưa có tài khoản nhận tiền gắn vào ngày {on}. Hãy gắn tài khoản trước.",
                "No account is linked to the stall on {on}. Link an account first."
            )
        }
        Conflict::SeveralAccounts => (
            "Sạp có nhiều tài khoản. Hãy chọn một bằng account_id.",
            "The stall has several accounts. Choose one by account_id.",
        )
            .into(),
        Conflict::FirstAccount => (
            "Tài khoản này là tài khoản đầu tiên của sạp, không cần duyệt.",
            "This is the stall's first account; it needs no approval.",
        )
            .into(),
        Conflict::ApproverRecordedAccount => (
            "Người duyệt phải khác người đã ghi tài khoản. Hãy nhờ một người khác duyệt.",
            "Whoever recorded the account cannot approve it. Ask somebody else to approve it.",
        )
            .into(),
        Conflict::AccountApproved => (
            "Tài khoản này đã được duyệt từ trước.",
            "This account was approved before; nothing is left to do.",
        )
            .into(),
        Conflict::AccountNotApproved => (
            "Tài khoản của sạp đã đổi. Cần một người thứ hai duyệt trên trang của sạp trước khi phát thẻ mới.",
            "The stall's account has changed. A second person has to approve it on the stall's page before a new card is handed out.",
        )
            .into(),
        Conflict::AccountWaits { until } => {
            let until = until.show();
            sentence!(
                "Tài khoản đã đổi và đã duyệt; thẻ mới phát được từ {until}. Chủ sạp cần được báo trong thời gian chờ.",
                "The account has changed and is approved; a new card can be handed out from {until}. Tell the stall's owner meanwhile."
            )
        }
        Conflict::BillWithoutCode(error) => {
            let Sentence { vi, en } = error.sentence();
            sentence!(
                "Không tạo được mã cho hóa đơn này: {vi}",
                "No code can be made for this bill: {en}"
            )
        }
        Conflict::BillNumberTaken { bill_number } => sentence!(
            "Sạp đã có hóa đơn số {bill_number}. Hãy dùng số khác, hoặc bỏ trống để hệ thống tự đặt.",
            "The stall already has a bill {bill_number}. Use another number, or none to be given one."
        ),
        Conflict::OrderReferenceTaken { reference } => sentence!(
            "Mã đơn «{reference}» đã dùng cho đơn khác. Hãy chọn mã khác.",
            "Reference «{reference}» belongs to another order. Choose another one."
        ),
        Conflict::TooManyDays { max } => {
            sentence!("Hãy chọn nhiều nhất {max} ngày.", "Choose at most {max} days.")
        }
        Conflict::NoticeNotWaiting => (
            "Thông báo này không còn chờ xem xét. Hãy mở lại danh sách.",
            "This notice no longer waits for review. Load the list again.",
        )
            .into(),
        Conflict::NoticeNotPostable => (
            "Thông báo này không ghi nhận bằng tay được. Hãy làm theo lời hướng dẫn bên cạnh nó.",
            "This notice cannot be posted by hand. Do what the sentence beside it says.",
        )
            .into(),
        Conflict::AccountNotOfStall => (
            "Tài khoản trong thông báo không phải của sạp này vào ngày nhận tiền, hoặc còn chờ người thứ hai duyệt. Hãy ghi tài khoản cho sạp trước.",
            "The account of this notice was not the stall's on that day, or it still waits for a second person. Add it to the stall first.",
        )
            .into(),
        Conflict::ImportUnderWay => (
            "Đang có người nhập sao kê của nhà cung cấp này. Hãy chờ xong rồi nhập tiếp.",
            "Somebody is importing a statement of this provider. Wait until that is done, then import yours.",
        )
            .into(),
        Conflict::ImportAbandoned => (
            "Việc nhập tệp này đã bị hủy giữa chừng. Hãy nhập lại từ đầu.",
            "The import of this file was given up halfway. Import it again from the start.",
        )
            .into(),
        Conflict::Decision(error) => error.sentence(),
        Conflict::DecisionOver => (
            "Quyết định này đã thôi hiệu lực, không còn gì để hoàn tác.",
            "This decision is no longer in force; nothing is left to undo.",
        )
            .into(),
        Conflict::DecisionNotWaiting => (
            "Quyết định này không còn chờ duyệt.",
            "This decision no longer waits for approval. Load the page again.",
        )
            .into(),
        Conflict::SecondPersonNeeded => (
            "Khoản lớn cần người thứ hai: người đã quyết định không tự duyệt được.",
            "A large amount needs a second person: whoever decided cannot approve it. Ask somebody else.",
        )
            .into(),
        Conflict::RowDecided => (
            "Dòng này đã có quyết định. Hãy hoàn tác quyết định cũ trước.",
            "This row has a decision already. Undo that one first.",
        )
            .into(),
        Conflict::ReceiptDecided => (
            "Khoản đã chọn thuộc một quyết định khác. Hãy hoàn tác quyết định đó trước.",
            "A chosen receipt belongs to another decision. Undo that one first.",
        )
            .into(),
        Conflict::DayNotOver => (
            "Ngày này chưa hết. Hãy khóa sổ từ ngày hôm sau.",
            "This day is not over. Close it from the next day on.",
        )
            .into(),
        Conflict::DayEmpty { provider_id, day } => {
            let day = day.show();
            sentence!(
                "Ngày {day} của «{provider_id}» không có dòng sao kê nào và không có khoản nào đã ghi nhận, nên không có gì để khóa sổ. Hãy xem lại ngày và nhà cung cấp, hoặc nhập sao kê trước.",
                "On {day} «{provider_id}» has neither rows of a statement nor receipts, so there is nothing to close. Check the day and the provider, or import the statement first."
            )
        }
        Conflict::DayClosed => (
            "Ngày này đã khóa sổ. Muốn thay đổi, hãy lập điều chỉnh và ghi lý do.",
            "This day is closed. To change it, restate it and give a reason.",
        )
            .into(),
        Conflict::DayNotClosed => (
            "Ngày này chưa khóa sổ nên không cần điều chỉnh.",
            "This day is not closed, so it needs no restatement.",
        )
            .into(),
        Conflict::DayChangedMeanwhile => (
            "Ngày này vừa được người khác khóa sổ hoặc điều chỉnh. Hãy mở lại trang.",
            "Somebody else has just closed or restated this day. Load the page again.",
        )
            .into(),
        Conflict::DayHasOpenItems { open } => sentence!(
            "Còn {open} mục chưa xử lý trong ngày. Hãy xử lý, hoặc ghi lý do khóa sổ khi còn mục mở.",
            "The day has {open} open exceptions. Settle them, or give a reason for closing with them open."
        ),
        Conflict::RestatementWithoutReason => (
            "Hãy ghi lý do điều chỉnh, từ 3 đến 500 ký tự.",
            "Give a reason for the restatement, 3 to 500 characters.",
        )
            .into(),
        Conflict::FiguresUnchanged => (
            "Số liệu của ngày không đổi so với lần khóa sổ trước, không có gì để điều chỉnh.",
            "The figures of the day are those of the last close; there is nothing to restate.",
        )
            .into(),
    }
}

/// Something that is not there.
pub fn missing(missing: &Missing) -> Sentence {
    match missing {
        Missing::City => (
            "Chưa có thành phố nào trong sổ. Hãy chạy `choso import units FILE` trước.",
            "No city is known; run `choso import units FILE` first",
        )
            .into(),
        Missing::Person { name } => sentence!(
            "Không có người nào tên «{name}» đăng nhập được. Hãy xem `choso user list`.",
            "Nobody called «{name}» may sign in; `choso user list` shows who may"
        ),
        Missing::Street { id } => sentence!("Không có tuyến đường {id}.", "There is no street {id}."),
        Missing::Provider { provider_id } => sentence!(
            "Không có nhà cung cấp {provider_id}.",
            "There is no provider {provider_id}; `choso provider list` shows them"
        ),
        Missing::LiveKey { provider_id, key_id } => sentence!(
            "«{provider_id}» không có khóa {key_id} còn hiệu lực.",
            "«{provider_id}» has no live key {key_id}; `choso provider keys --id {provider_id}` lists its keys"
        ),
        Missing::ProviderOrStall {
            provider_id,
            stall_id,
        } => sentence!(
            "Không có nhà cung cấp «{provider_id}» hoặc không có sạp {stall_id}. Hãy kiểm tra lại.",
            "There is no provider «{provider_id}», or no stall {stall_id}. Check both."
        ),
        Missing::Household => (
            "Không có hộ này trong sổ. Hãy tìm lại theo tên.",
            "No such household is on the register. Search for it by name.",
        )
            .into(),
        Missing::HouseholdOn { household_id, day } => {
            let day = day.show();
            sentence!(
                "Không có hộ {household_id} vào ngày {day}.",
                "There is no household {household_id} on {day}. Choose a later day, or search for it by name."
            )
        }
        Missing::Stall { stall_id } => sentence!(
            "Không có sạp {stall_id}.",
            "There is no stall {stall_id}. Look for it on its household's page."
        ),
        Missing::StallOn { stall_id, day } => {
            let day = day.show();
            sentence!(
                "Không có sạp {stall_id} vào ngày {day}.",
                "There is no stall {stall_id} on {day}. Choose a later day."
            )
        }
        Missing::Link { link_id } => sentence!(
            "Không có liên kết tài khoản {link_id}.",
            "There is no account link {link_id}. Load the stall's page again."
        ),
        Missing::LinkOrEnded { link_id } => sentence!(
            "Không có liên kết tài khoản {link_id}, hoặc liên kết đã hết trước ngày đó. Muốn dùng lại, hãy gắn tài khoản mới.",
            "There is no account link {link_id}, or it ended before that day. To use the account again, link it anew."
        ),
        Missing::Code { serial } => sentence!(
            "Không có mã QR số {serial}.",
            "There is no QR code {serial}. Check the number printed on the card."
        ),
        Missing::OwnerMessage { message_id } => sentence!(
            "Không có tin báo {message_id}.",
            "There is no message {message_id}. Load the stall's page again."
        ),
        Missing::PageOfCursor => (
            "Con trỏ trang không đúng. Hãy bắt đầu lại từ trang đầu.",
            "The cursor names no page. Start again from the first page.",
        )
            .into(),
        Missing::Decision => (
            "Không có quyết định này.",
            "There is no such decision. Load the page again.",
        )
            .into(),
        Missing::StatementRow => (
            "Không có dòng sao kê này.",
            "There is no such row of a statement. Load the page again.",
        )
            .into(),
        Missing::Receipts => (
            "Không có khoản đã ghi nhận này ở nhà cung cấp này, hoặc một khoản được chọn hai lần.",
            "This provider has no such receipt, or one was chosen twice. Load the page again and choose anew.",
        )
            .into(),
    }
}

/// What the store did not do, for a person at the command line or a file. What the database itself says of it is in
/// English and stands in the English sentence alone.
pub fn store_error(error: &StoreError) -> Sentence {
    let vi = match error {
        StoreError::Conflict(fact) => return conflict(fact),
        StoreError::Missing(fact) => return missing(fact),
        StoreError::Url(_) => "Địa chỉ cơ sở dữ liệu không đúng dạng.",
        StoreError::NoDatabase { .. } | StoreError::NoSchema { .. } => {
            "Không có cơ sở dữ liệu của chương trình ở địa chỉ này. Hãy kiểm tra cài đặt database_url."
        }
        StoreError::NotOpened { .. } | StoreError::NoConnection => {
            "Không nối được với cơ sở dữ liệu. Hãy thử lại sau; nếu vẫn lỗi, báo quản trị viên."
        }
        StoreError::NewerSchema { .. } | StoreError::Migrate(_) => {
            "Phiên bản chương trình không hợp với cơ sở dữ liệu. Hãy báo quản trị viên."
        }
        StoreError::Database(_) => {
            "Cơ sở dữ liệu không thực hiện được. Hãy thử lại sau; nếu vẫn lỗi, báo quản trị viên."
        }
        StoreError::Corrupt(_) => {
            "Cơ sở dữ liệu có chỗ sai lệch nên đã dừng lại. Hãy báo quản trị viên chạy `choso recount`."
        }
    };
    Sentence::new(vi, error.to_string())
}

/// Why a statement is not taken in.
pub fn import_error(error: &ImportError) -> Sentence {
    match error {
        ImportError::Statement(StatementError::Mapping(lacks)) | ImportError::Unmapped(lacks) => {
            unmapped(lacks)
        }
        ImportError::Statement(error) => error.sentence(),
        ImportError::Store(error) => store_error(error),
        ImportError::File(text) => Sentence::new(text.clone(), text.clone()),
        ImportError::Unreadable => (
            "Chương trình không có quyền đọc tệp này. Hãy cho phép đọc.",
            "The program may not read this file. Give it permission.",
        )
            .into(),
        ImportError::Changed => (
            "Tệp đã thay đổi trong khi đang nhập. Hãy nhập lại.",
            "The file was changed while it was imported. Import it again.",
        )
            .into(),
        ImportError::TooManyBad(rows) => sentence!(
            "Hơn {rows} dòng không đọc được: có lẽ cột bị hiểu sai. Chưa nhập dòng nào; hãy xem `choso import statement --look`.",
            "More than {rows} rows cannot be read: columns are probably taken for something else. Nothing was imported; see `choso import statement --look`."
        ),
        ImportError::AllBad { count, bad } => {
            let first = bad.first().map(|row| (row.row_number, &row.reason));
            let (vi, en) = first.map_or_else(Default::default, |(row, reason)| {
                (
                    format!(" Dòng {row}: {}", reason.vi),
                    format!(" Row {row}: {}", reason.en),
                )
            });
            sentence!(
                "Không đọc được dòng nào trong {count} dòng của tệp, nên chưa nhập gì.{vi}",
                "None of the {count} rows of the file can be read, so nothing was taken in.{en}"
            )
        }
    }
}

/// What a mapping lacks, and where to say it.
fn unmapped(lacks: &MappingError) -> Sentence {
    let Sentence { vi, en } = lacks.sentence();
    if let MappingError::Asked(_) = lacks {
        return sentence!(
            "{vi} Trả lời trên trang Nhập sao kê; hoặc xem `choso import statement --look`, điền câu trả lời vào cách đọc rồi đưa lại bằng --mapping.",
            "{en} Answer on the page «Hand in a statement»; or see `choso import statement --look`, fill the answers in and hand them back by --mapping."
        );
    }
    sentence!(
        "Chưa biết cột nào là gì: {vi} Hãy xem `choso import statement --look` rồi đưa cách đọc bằng --mapping.",
        "It is not known which column is what: {en} See `choso import statement --look`, then say how to read it by --mapping."
    )
}

/// The words of the inbox of statements.
pub const INBOX_WORDS: InboxWords = InboxWords {
    by: INBOX,
    reason: |error| on_one_line(&import_error(error).vi),
    note: inbox_note,
};

/// What lies beside a refused file: why and what to do, a line each in Vietnamese, then the same in English.
fn inbox_note(error: &ImportError, provider_id: &str) -> String {
    let Sentence { vi, en } = import_error(error);
    let vi = on_one_line(&vi);
    let en = on_one_line(&en);
    format!(
        "{vi}\nSửa xong, hãy chép tệp trở lại thư mục «{provider_id}» của hộp sao kê.\n\
         {en}\nOnce it is mended, copy the file back into the folder «{provider_id}» of the inbox.\n"
    )
}

fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// What the owner of a stall is told when its account has changed.
pub fn account_changed(to: &ChangedAccount) -> String {
    format!(
        "Sạp {}: tài khoản nhận tiền đổi thành {}, chủ tài khoản {}. Thẻ mới in được từ {}. Nếu không đúng, hãy báo ngay cho phường.",
        to.stall_code,
        to.account,
        to.holder_name,
        to.cards_from.show()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::UnitsError;
    use crate::reconcile::{DecisionError, RulesError};
    use crate::vietqr::BuildError;
    use crate::vn::{Day, TimeMs};

    fn conflicts() -> Vec<Conflict> {
        let x = || "x".to_owned();
        vec![
            Conflict::SchemaDiffers {
                found: Some(1),
                known: 2,
            },
            Conflict::UnitsContradict(UnitsError::TooMany),
            Conflict::ProviderExists { provider_id: x() },
            Conflict::ProviderRules(RulesError::Slack(9)),
            Conflict::LastKey { provider_id: x() },
            Conflict::TokenExists { name: x() },
            Conflict::PhoneOfAnother,
            Conflict::StreetIntoItself,
            Conflict::StreetMerged { id: x() },
            Conflict::StreetsApart,
            Conflict::NoFreeStallCode,
            Conflict::CodeEnded { serial: x() },
            Conflict::AccountWithoutCode(BuildError::Bin),
            Conflict::NoAccount {
                on: Day::ymd(2026, 1, 2),
            },
            Conflict::SeveralAccounts,
            Conflict::FirstAccount,
            Conflict::ApproverRecordedAccount,
            Conflict::AccountApproved,
            Conflict::AccountNotApproved,
            Conflict::AccountWaits { until: TimeMs(0) },
            Conflict::BillWithoutCode(BuildError::Account),
            Conflict::BillNumberTaken { bill_number: x() },
            Conflict::OrderReferenceTaken { reference: x() },
            Conflict::TooManyDays { max: 366 },
            Conflict::NoticeNotWaiting,
            Conflict::NoticeNotPostable,
            Conflict::AccountNotOfStall,
            Conflict::ImportUnderWay,
            Conflict::ImportAbandoned,
            Conflict::Decision(DecisionError::FeeLine),
            Conflict::DecisionOver,
            Conflict::DecisionNotWaiting,
            Conflict::SecondPersonNeeded,
            Conflict::RowDecided,
            Conflict::ReceiptDecided,
            Conflict::DayNotOver,
            Conflict::DayEmpty {
                provider_id: x(),
                day: Day::ymd(2026, 1, 2),
            },
            Conflict::DayClosed,
            Conflict::DayNotClosed,
            Conflict::DayChangedMeanwhile,
            Conflict::DayHasOpenItems { open: 2 },
            Conflict::RestatementWithoutReason,
            Conflict::FiguresUnchanged,
        ]
    }

    fn missings() -> Vec<Missing> {
        let x = || "x".to_owned();
        let day = Day::ymd(2026, 1, 2);
        vec![
            Missing::City,
            Missing::Person { name: x() },
            Missing::Street { id: x() },
            Missing::Provider { provider_id: x() },
            Missing::LiveKey {
                provider_id: x(),
                key_id: x(),
            },
            Missing::ProviderOrStall {
                provider_id: x(),
                stall_id: x(),
            },
            Missing::Household,
            Missing::HouseholdOn {
                household_id: x(),
                day,
            },
            Missing::Stall { stall_id: x() },
            Missing::StallOn { stall_id: x(), day },
            Missing::Link { link_id: x() },
            Missing::LinkOrEnded { link_id: x() },
            Missing::Code { serial: x() },
            Missing::OwnerMessage { message_id: x() },
            Missing::PageOfCursor,
            Missing::Decision,
            Missing::StatementRow,
            Missing::Receipts,
        ]
    }

    #[test]
    fn every_refusal_is_said_in_both_languages() {
        let conflicts = conflicts();
        let missings = missings();
        let said = conflicts.iter().map(|fact| (format!("{fact:?}"), conflict(fact)));
        let said: Vec<(String, Sentence)> = said
            .chain(missings.iter().map(|fact| (format!("{fact:?}"), missing(fact))))
            .collect();
        for (fact, sentence) in &said {
            let is_foreign = |c: char| c.is_alphabetic() && !c.is_ascii();
            assert!(!sentence.en.contains(is_foreign), "{fact}: {}", sentence.en);
            // The command line alone sets rules.
            let is_vietnamese = sentence.vi.contains(is_foreign) || fact.starts_with("ProviderRules");
            assert!(is_vietnamese, "{fact}: {}", sentence.vi);
        }
        // The lists above have every variant.
        let variants = include_str!("store/refusal.rs").lines().filter_map(|line| {
            let name = line.strip_prefix("    ")?;
            name.starts_with(|c: char| c.is_ascii_uppercase())
                .then(|| name.split([' ', '(', ',']).next().unwrap_or_default())
        });
        for variant in variants {
            let is_it = |fact: &str| fact.split([' ', '(']).next() == Some(variant);
            assert!(said.iter().any(|(fact, _)| is_it(fact)), "{variant}");
        }
    }
}
