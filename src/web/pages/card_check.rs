//! The wall check: a phone looks at the code that hangs at a stall, and says whether it is the stall's.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

use super::answer::Html;
use super::frame::{Fault, Frame};
use super::live::Live;
use super::officer::Officer;
use super::offline_check::LOOK_AGE_MAX_MS;
use super::register::places_with_codes;
use crate::clock::now;
use crate::register::CodeVerdict;
use crate::store::{CheckWay, Checked, Inspection, NewInspection};
use crate::vietqr::{Banks, Hindrance, ScanError, bare, read, scan};
use crate::vn::{Day, Lang, Sentence, TimeMs};
use crate::web::body::{read_body, read_body_up_to};
use crate::web::{Person, Problem, ProblemKind, Shared};

/// Bytes of a photo: a page makes it smaller before it sends it.
const PHOTO_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Points of a photo: a page makes it smaller before it sends it.
const PHOTO_PIXELS_MAX: u64 = 16_000_000;
/// Looks that the page lists.
const LOOKS_SHOWN: i64 = 15;

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    frame: Frame,
    person: String,
    /// Streets and markets whose list can be taken along: id and name.
    places: Vec<(String, String)>,
    looks: Vec<LookRow>,
}

/// A look that was kept.
struct LookRow {
    is_good: bool,
    /// Neither good nor bad.
    is_open: bool,
    is_offline: bool,
    verdict: &'static str,
    place: Option<String>,
    /// Address of the card's check page, and its stall code.
    card: Option<(String, String)>,
    tail: Option<String>,
    at: String,
    by: String,
}

/// `GET /check`
pub(super) async fn page(officer: Officer, shared: web::Data<Shared>, live: web::Data<Live>) -> HttpResponse {
    officer.answer(drawn(&officer, &shared, &live).await)
}

async fn drawn(officer: &Officer, shared: &Shared, live: &Live) -> Result<Html, Fault> {
    let visit = &officer.visit;
    let lang = officer.visit.lang;
    let snapshot = live.snapshot(&shared.store).await?;
    let looks = shared.store.inspections(LOOKS_SHOWN).await?;
    let row = |look: Inspection| LookRow {
        is_good: look.verdict == CodeVerdict::Right,
        is_open: look.verdict == CodeVerdict::Unregistered,
        place: look.place,
        is_offline: look.way == CheckWay::Offline,
        verdict: match look.verdict {
            CodeVerdict::Right => lang.pick("Đúng", "Right"),
            CodeVerdict::Revoked => lang.pick("Thẻ đã thu hồi", "Card revoked"),
            CodeVerdict::Unregistered => lang.pick("Chưa có trong sổ", "Not on the register"),
            // A list knows a place's own codes and nothing else.
            CodeVerdict::Wrong if look.way == CheckWay::Offline => {
                lang.pick("Không có trong danh sách", "Not in the list")
            }
            CodeVerdict::Wrong => lang.pick("Sai", "Wrong"),
        },
        card: look.card.map(|(serial, code)| (format!("/k/{serial}"), code)),
        tail: look.tail,
        at: look.checked_at.show(),
        by: look.checked_by,
    };
    Html::of(&WallPage {
        frame: officer.frame(visit.pick("Kiểm tra mã", "Check a code")),
        person: officer.person.name.clone(),
        places: places_with_codes(&snapshot.facts),
        looks: looks.into_iter().map(row).collect(),
    })
}

/// A code that a phone read by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    payload: String,
    /// The street or market where the phone is, if it says so.
    #[serde(default)]
    place: Option<String>,
}

/// What is said of a code: a few words, loud enough for a market.
#[derive(Serialize)]
struct Verdict {
    verdict: CodeVerdict,
    /// The words: ĐÚNG, SAI, THẺ ĐÃ THU HỒI, CHƯA CÓ TRONG SỔ.
    title: &'static str,
    /// What was found, and what to do.
    sentence: String,
    /// Whose it is, where it is somebody's.
    stall_code: Option<String>,
    household_name: Option<String>,
    holder_name: Option<String>,
    /// Last four of the account in the code.
    tail: Option<String>,
    /// Bank and last four of the account in the code, where they are to be compared.
    on_code: Option<String>,
    /// Banks and last four of the stall's own accounts.
    of_stall: Option<String>,
}

/// `POST /check/code`: judges a payload and keeps the inspection.
pub(super) async fn code(
    person: Person,
    payload: web::Payload,
    visit: super::frame::Visit,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let seen: Seen = serde_json::from_slice(&read_body(payload).await?)
        .map_err(|error| Problem::invalid("payload", Sentence::new(error.to_string(), error.to_string())))?;
    let look = Look {
        payload: &seen.payload,
        way: CheckWay::Camera,
        place: seen.place.as_deref(),
        waited: None,
    };
    judged(&shared, look, &person, visit.lang).await
}

/// What a phone says of a photo that waited on it until there was network.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waited {
    /// The id that the phone gave it, so that sending it twice keeps it once.
    id: Option<String>,
    /// When it was taken, by the clock of the phone.
    at_ms: Option<i64>,
    /// The street or market where it was taken, as [`Seen`] has it.
    place: Option<String>,
}

impl Waited {
    fn read(&self, time: TimeMs) -> Result<Option<(String, TimeMs)>, Problem> {
        let Some(id) = self.id.clone() else {
            return Ok(None);
        };
        let at_ms = self.at_ms.unwrap_or(time.0);
        if (1..=64).contains(&id.len()) && at_ms > time.0 - LOOK_AGE_MAX_MS {
            return Ok(Some((id, TimeMs(at_ms.min(time.0)))));
        }
        Err(Problem::invalid(
            "id",
            (
                "Ảnh đã giữ trong máy quá 90 ngày hoặc không có số hợp lệ. Hãy chụp lại.",
                "The photo was kept for more than 90 days or has no valid id. Take it again.",
            ),
        ))
    }
}

/// `POST /check/photo`: finds the code in a picture, then as [`code`].
pub(super) async fn photo(
    person: Person,
    waited: web::Query<Waited>,
    payload: web::Payload,
    visit: super::frame::Visit,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let asked = waited.into_inner();
    let waited = asked.read(now())?;
    let bytes = read_body_up_to(payload, PHOTO_BYTES_MAX).await?;
    let turn = shared.turns.photo_search.wait().await;
    let found = web::block(move || {
        // Held until the search has ended, also when nobody waits for it any more.
        let _turn = turn;
        scan(&bytes, PHOTO_PIXELS_MAX)
    })
    .await
    .map_err(|_| unread(&ScanError::NoCode(Hindrance::Unclear)))?;
    match found.as_deref() {
        Ok([one]) => {
            let look = Look {
                payload: one,
                way: CheckWay::Photo,
                place: asked.place.as_deref(),
                waited,
            };
            judged(&shared, look, &person, visit.lang).await
        }
        Ok(_) => Err(Problem::invalid(
            "photo",
            (
                "Ảnh có nhiều mã. Hãy chụp từng mã một.",
                "The picture has several codes. Take one at a time.",
            ),
        )),
        Err(error) => Err(unread(error)),
    }
}

fn unread(error: &ScanError) -> Problem {
    let sentence = match error {
        ScanError::NoCode(hindrance) => hindrance.sentence(),
        ScanError::Format(_) => Sentence::from((
            "Tệp này không phải ảnh PNG, JPEG hay WebP. Hãy chụp lại.",
            "The file is no PNG, JPEG or WebP picture. Take another.",
        )),
        ScanError::Damaged(_) => Sentence::from((
            "Ảnh bị hỏng hoặc thiếu. Hãy chụp lại.",
            "The picture is damaged. Take it again.",
        )),
        ScanError::TooLarge(_) => Sentence::from((
            "Ảnh quá lớn. Hãy chụp nhỏ hơn.",
            "The picture is too large. Take a smaller one.",
        )),
    };
    Problem::new(ProblemKind::NoCode, sentence)
}

/// A code that was read, how and where.
struct Look<'a> {
    payload: &'a str,
    way: CheckWay,
    place: Option<&'a str>,
    /// Of a photo that waited on a phone: its id there, and when it was taken.
    waited: Option<(String, TimeMs)>,
}

async fn judged(
    shared: &Shared,
    Look {
        payload,
        way,
        place,
        waited,
    }: Look<'_>,
    person: &Person,
    lang: Lang,
) -> Result<HttpResponse, Problem> {
    let time = now();
    let payload = bare(payload);
    let day = Day::of(waited.as_ref().map_or(time, |(_, at)| *at));
    let checked = shared.store.check_payload(payload, day).await?;
    let verdict = verdict(&checked, payload, &shared.banks.banks(), lang);
    let inspection = NewInspection {
        verdict: verdict.verdict,
        way,
        serial: checked.serial().map(str::to_owned),
        tail: verdict.tail.clone(),
        place: place.map(str::to_owned),
        stall_code: checked.stall_code().map(str::to_owned),
        waited,
    };
    shared
        .store
        .keep_inspection(payload, &inspection, person.at(time))
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(verdict))
}

/// `Vietcombank •••• 1234`
fn account_words(bank_bin: &str, tail: &str, banks: &Banks) -> String {
    format!("{} •••• {tail}", banks.name(bank_bin)).trim().to_owned()
}

fn verdict(checked: &Checked, payload: &str, banks: &Banks, lang: Lang) -> Verdict {
    let reading = read(payload);
    let payee = reading.as_ref().ok().and_then(|r| r.code.account());
    let on_code = payee.map(|(bank_bin, number)| account_words(bank_bin, number.tail(), banks));
    let on_code = on_code.filter(|words| !words.contains(char::is_control));
    let tail = reading
        .as_ref()
        .ok()
        .and_then(|r| r.code.account().map(|(_, number)| number.tail().to_owned()));
    let tail = tail.filter(|tail| !tail.contains(char::is_control));
    let blank = Verdict {
        verdict: CodeVerdict::Wrong,
        title: lang.pick("SAI", "WRONG"),
        sentence: String::new(),
        stall_code: None,
        household_name: None,
        holder_name: None,
        tail,
        on_code: None,
        of_stall: None,
    };
    match checked {
        Checked::Active(card) => Verdict {
            verdict: CodeVerdict::Right,
            title: lang.pick("ĐÚNG", "RIGHT"),
            sentence: lang
                .pick(
                    "Mã này là của sạp dưới đây. Hãy so tên sạp và số thẻ in trên thẻ.",
                    "This code is of the stall below. Compare the stall's name and the serial printed on the card.",
                )
                .to_owned(),
            stall_code: Some(card.stall_code.clone()),
            household_name: Some(card.household_name.clone()),
            holder_name: Some(card.holder_name.clone()),
            ..blank
        },
        Checked::Ended(card) => Verdict {
            verdict: CodeVerdict::Revoked,
            title: lang.pick("THẺ ĐÃ THU HỒI", "CARD REVOKED"),
            sentence: lang
                .pick(
                    "Thẻ này không còn dùng. Hãy gỡ xuống và đưa thẻ đang dùng cho chủ sạp.",
                    "This card is no longer in use. Take it down and give the owner the one in use.",
                )
                .to_owned(),
            stall_code: Some(card.stall_code.clone()),
            household_name: Some(card.household_name.clone()),
            holder_name: Some(card.holder_name.clone()),
            ..blank
        },
        Checked::OwnAccount {
            stall_codes,
            household_name,
            holder_name,
        } => Verdict {
            verdict: CodeVerdict::Right,
            title: lang.pick("ĐÚNG TÀI KHOẢN", "RIGHT ACCOUNT"),
            sentence: lang
                .pick(
                    "Tiền vào đúng tài khoản của sạp dưới đây, nhưng mã này không phải thẻ do sổ phát. Hãy so tên sạp; nên thay bằng thẻ của sổ.",
                    "The money reaches the account of the stall below, but the code is no card of the register. Compare the stall's name; better hang up the register's card.",
                )
                .to_owned(),
            stall_code: Some(stall_codes.join(", ")),
            household_name: Some(household_name.clone()),
            holder_name: Some(holder_name.clone()),
            ..blank
        },
        Checked::OtherAccount(stall) => {
            let own: Vec<String> = stall
                .accounts
                .iter()
                .map(|(bank_bin, number)| account_words(bank_bin, number.tail(), banks))
                .collect();
            let nothing = lang.pick("chưa có tài khoản", "no account yet");
            let of_stall = if own.is_empty() { nothing.to_owned() } else { own.join(", ") };
            Verdict {
                title: lang.pick("ĐÂY KHÔNG PHẢI TÀI KHOẢN CỦA SẠP", "THIS IS NOT THE STALL'S ACCOUNT"),
                sentence: lang
                    .pick(
                        "Mã ghi đúng mã sạp dưới đây nhưng tiền vào tài khoản khác. Hãy so hai tài khoản với chủ sạp. Nếu không phải của họ: gỡ xuống ngay và báo công an phường.",
                        "The code names the stall below, but the money goes to another account. Compare both accounts with the owner. If it is not theirs: take it down at once and tell the police.",
                    )
                    .to_owned(),
                stall_code: Some(stall.stall_code.clone()),
                household_name: Some(stall.household_name.clone()),
                on_code,
                of_stall: Some(of_stall),
                ..blank
            }
        }
        Checked::Unregistered => Verdict {
            verdict: CodeVerdict::Unregistered,
            title: lang.pick("CHƯA CÓ TRONG SỔ", "NOT ON THE REGISTER"),
            sentence: lang
                .pick(
                    "Sổ chưa có tài khoản này; có thể là mã ngân hàng của chính chủ sạp. Hãy hỏi chủ sạp và so tên người nhận khi quét. Nếu đúng là của họ: mở trang của sạp, mục Thêm tài khoản, để ghi vào sổ. Nếu chủ sạp không biết mã này: gỡ xuống và báo công an phường.",
                    "The register does not know this account; it may be the bank code of the stall's own owner. Ask the owner, and compare the receiver's name when scanning. If it is theirs: add it on the stall's page, under Add an account. If the owner does not know the code: take it down and tell the police.",
                )
                .to_owned(),
            on_code,
            ..blank
        },
        Checked::Unknown => {
            let sentence = match &reading {
                Err(refusal) => refusal.sentence().in_lang(lang).to_owned(),
                Ok(_) => lang
                    .pick(
                        "Mã này không trả tiền vào một tài khoản. Hãy hỏi chủ sạp mã này để làm gì.",
                        "This code pays no account. Ask the owner what it is for.",
                    )
                    .to_owned(),
            };
            Verdict { sentence, ..blank }
        }
    }
}
