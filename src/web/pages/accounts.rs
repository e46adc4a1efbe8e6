//! Adding a payee account to a stall, from its page or from a payment that waits.

use actix_web::{HttpResponse, web};

use super::answer;
use super::frame::{Fault, encoded};
use super::officer::Officer;
use crate::clock::now;
use crate::register::{AccountDraft, HolderRelation};
use crate::store::Creation;
use crate::vietqr::Banks;
use crate::vn::{AccountNumber, Day, fold};
use crate::web::{Problem, Shared};

/// Characters of a holder's name.
const HOLDER_CHARS_MAX: usize = 100;

/// What the form on a stall's page sends.
#[derive(serde::Deserialize)]
pub(super) struct NewAccount {
    bank: String,
    number: String,
    holder: String,
    relation: String,
}

/// The banks to choose from, as (BIN, name), in the order of their names.
pub(super) fn bank_choices(banks: &Banks) -> Vec<(String, String)> {
    let mut choices: Vec<(String, String)> = banks
        .all()
        .map(|bank| (bank.bin.clone(), bank.short_name.clone()))
        .collect();
    choices.sort_by_cached_key(|(_, name)| fold(name));
    choices
}

/// An account as somebody states it, every part of it checked.
pub(super) fn draft(
    bank: &str,
    number: AccountNumber,
    (holder, relation): (&str, &str),
    banks: &Banks,
) -> Result<AccountDraft, Problem> {
    if banks.get(bank).is_none() {
        let detail = (
            "Hãy chọn ngân hàng trong danh sách. Ngân hàng mới thì nhờ quản trị viên thêm vào banks_file.",
            "Choose a bank of the list. The administrator adds a new bank to the banks file.",
        );
        return Err(Problem::invalid("bank", detail));
    }
    let holder = holder.split_whitespace().collect::<Vec<_>>().join(" ");
    if holder.is_empty() || holder.chars().count() > HOLDER_CHARS_MAX || holder.contains(char::is_control) {
        let detail = (
            "Hãy ghi tên chủ tài khoản như ngân hàng hiện, từ 1 đến 100 ký tự.",
            "Write the holder's name as the bank shows it, 1 to 100 characters.",
        );
        return Err(Problem::invalid("holder", detail));
    }
    let wrong = || {
        Problem::invalid(
            "relation",
            ("Hãy chọn tài khoản của ai.", "Choose whose account it is."),
        )
    };
    Ok(AccountDraft {
        bank_bin: bank.to_owned(),
        number,
        holder_name: holder,
        relation: HolderRelation::parse(relation).ok_or_else(wrong)?,
    })
}

/// `POST /stalls/{stall}/accounts`: links an account to a stall from today on.
pub(super) async fn add(
    officer: Officer,
    stall: web::Path<String>,
    new: web::Form<NewAccount>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let back = format!("/stalls/{}", encoded(&stall));
    let added = async {
        let typed: String = new.number.chars().filter(|c| !c.is_whitespace()).collect();
        let wrong = |_| {
            let detail = (
                "Số tài khoản cần 1 đến 19 chữ cái hoặc chữ số.",
                "An account number has 1 to 19 letters or digits.",
            );
            Problem::invalid("number", detail)
        };
        let number = AccountNumber::parse(&typed).map_err(wrong)?;
        let account = draft(
            &new.bank,
            number,
            (&new.holder, &new.relation),
            &shared.banks.banks(),
        )?;
        let actor = officer.person.at(now());
        let link = async |creation: &mut Creation| {
            creation
                .link_account(&stall, &account, Day::of(actor.now), actor)
                .await
        };
        shared.store.create(link).await?;
        Ok::<(), Fault>(())
    };
    match added.await {
        Ok(()) => answer::seen(&format!("{back}?done=account-added")),
        Err(fault) => {
            let words = officer
                .visit
                .pick("Về trang của sạp", "Back to the stall")
                .to_owned();
            officer.answer(Err(fault.or_go(back, words)))
        }
    }
}
