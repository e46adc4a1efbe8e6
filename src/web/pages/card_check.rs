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
use crate::vietqr::{Field, Hindrance, ScanError, read, scan};
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
    is_offline: bool,
    verdict: &'static str,
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
        is_offline: look.way == CheckWay::Offline,
        verdict: match look.verdict {
            CodeVerdict::Right => lang.pick("Đúng", "Right"),
            CodeVerdict::Revoked => lang.pick("Thẻ đã thu hồi", "Card revoked"),
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
}

/// What is said of a code: three words, loud enough for a market.
#[derive(Serialize)]
struct Verdict {
    verdict: CodeVerdict,
    /// The words: ĐÚNG, SAI, THẺ ĐÃ THU HỒI.
    title: &'static str,
    /// What was found, and what to do.
    sentence: String,
    /// Whose it is, where it is somebody's.
    stall_code: Option<String>,
    household_name: Option<String>,
    holder_name: Option<String>,
    /// Last four of the account in the code.
    tail: Option<String>,
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
    judged(
        &shared,
        &seen.payload,
        (CheckWay::Camera, None),
        &person,
        visit.lang,
    )
    .await
}

/// What a phone says of a photo that waited on it until there was network.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waited {
    /// The id that the phone gave it, so that sending it twice keeps it once.
    id: Option<String>,
    /// When it was taken, by the clock of the phone.
    at_ms: Option<i64>,
}

impl Waited {
    fn read(self, time: TimeMs) -> Result<Option<(String, TimeMs)>, Problem> {
        let Some(id) = self.id else {
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
    let waited = waited.into_inner().read(now())?;
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
        Ok([one]) => judged(&shared, one, (CheckWay::Photo, waited), &person, visit.lang).await,
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
            "Tệp này không phải ảnh PNG hoặc JPEG. Hãy chụp lại.",
            "The file is no PNG or JPEG picture. Take another.",
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

async fn judged(
    shared: &Shared,
    payload: &str,
    (way, waited): (CheckWay, Option<(String, TimeMs)>),
    person: &Person,
    lang: Lang,
) -> Result<HttpResponse, Problem> {
    let time = now();
    let day = Day::of(waited.as_ref().map_or(time, |(_, at)| *at));
    let checked = shared.store.check_payload(payload, day).await?;
    let verdict = verdict(&checked, payload, lang);
    let inspection = NewInspection {
        verdict: verdict.verdict,
        way,
        serial: checked.serial().map(str::to_owned),
        tail: verdict.tail.clone(),
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

fn verdict(checked: &Checked, payload: &str, lang: Lang) -> Verdict {
    let reading = read(payload);
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
        Checked::Unknown => {
            let sentence = match &reading {
                Err(refusal) => match lang {
                    Lang::Vi => refusal.fault.sentence_vi().to_owned(),
                    Lang::En => format!("This is no VietQR code to pay with: {refusal}."),
                },
                Ok(reading) => {
                    let note = reading.code.texts.get(Field::Purpose).unwrap_or_default();
                    let shop = if note.is_empty() { String::new() } else { format!(" «{note}»") };
                    match lang {
                        Lang::Vi => format!(
                            "Sổ không có mã này{shop}. Có thể mã bị dán đè: gỡ xuống, báo chủ sạp và công an phường; tiền sẽ không vào tài khoản của sạp."
                        ),
                        Lang::En => format!(
                            "The register has no such code{shop}. It may be pasted over: take it down, tell the owner and the police; the money would not reach the stall."
                        ),
                    }
                }
            };
            Verdict { sentence, ..blank }
        }
    }
}
