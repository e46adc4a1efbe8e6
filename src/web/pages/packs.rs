//! Print packs: all cards of a street, a market or a selection, drawn beside the requests, with a page that
//! shows how far it is.

use std::collections::VecDeque;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use askama::Template;

use super::answer::{self, Html};
use super::codes::print_question;
use super::frame::{Fault, Frame, encoded};
use super::live::Live;
use super::officer::Officer;
use super::printing::{card_of, concerns};
use super::question::{Question, Sure, is_sure};
use super::register::place_name;
use super::words;
use crate::clock::now;
use crate::print::{Format, Pack, PackLine};
use crate::store::{Creation, NewCode, WhichCards, fresh_id};
use crate::vn::{Day, Lang, TimeMs, fold};
use crate::web::{Problem, Shared};

/// Packs that are remembered, drawn or waiting; the oldest drawn one goes when one more is ordered.
const PACKS_KEPT: usize = 8;
/// Cards of one pack: a whole old district fits.
const CARDS_MAX: usize = 20_000;

/// The packs of this process. A pack is drawn and fetched on the instance that was asked for it; what is
/// lost with an instance is ordered again.
#[derive(Debug)]
pub struct Packs {
    kept: Mutex<VecDeque<Arc<Ordered>>>,
    /// One is drawn at a time: drawing takes all cores.
    drawing: Arc<tokio::sync::Semaphore>,
}

impl Default for Packs {
    fn default() -> Packs {
        Packs {
            kept: Mutex::default(),
            drawing: Arc::new(tokio::sync::Semaphore::new(1)),
        }
    }
}

/// A pack that somebody asked for.
#[derive(Debug)]
struct Ordered {
    id: String,
    /// Who may see it.
    by: String,
    title: String,
    format: Format,
    cards: usize,
    pages: usize,
    done: AtomicUsize,
    /// The finished file, without a name on the disk; or nothing, if it could not be written.
    file: OnceLock<Option<Mutex<std::fs::File>>>,
}

impl Packs {
    /// Remembers a pack and begins to draw it. Whoever waits for one orders no second; and when all that are
    /// remembered are still to be drawn, nobody orders one more.
    fn begin(&self, pack: Pack, by: &str) -> Result<Arc<Ordered>, Fault> {
        let ordered = Arc::new(Ordered {
            id: fresh_id(now()),
            by: by.to_owned(),
            title: pack.title.clone(),
            format: pack.format,
            cards: pack.lines().len(),
            pages: pack.pages(),
            done: AtomicUsize::new(0),
            file: OnceLock::new(),
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_drawn = |pack: &Arc<Ordered>| pack.file.get().is_some();
        if let Some(own) = kept.iter().find(|pack| pack.by == by && !is_drawn(pack)) {
            let problem = Problem::conflict((
                "Tập in trước của bạn đang được vẽ. Hãy chờ nó xong rồi đặt tập tiếp theo.",
                "Your last print pack is being drawn. Wait until it is done, then order the next.",
            ));
            return Err(Fault::from(problem).or_go(format!("/packs/{}", own.id), own.title.clone()));
        }
        if kept.len() >= PACKS_KEPT {
            let drawn = kept.iter().position(is_drawn);
            let Some(oldest) = drawn else {
                return Err(Problem::conflict((
                    "Đang có nhiều tập in chờ vẽ. Hãy thử lại sau vài phút.",
                    "Many print packs wait to be drawn. Try again in a few minutes.",
                ))
                .into());
            };
            kept.remove(oldest);
        }
        kept.push_back(ordered.clone());
        let drawing = self.drawing.clone();
        let work = ordered.clone();
        let failed = ordered.clone();
        tokio::spawn(async move {
            let Ok(_turn) = drawing.acquire_owned().await else {
                return;
            };
            let drawn = web::block(move || {
                let bytes = pack.pdf(&|done| work.done.store(done, Ordering::Relaxed));
                let written = tempfile::tempfile().and_then(|mut file| file.write_all(&bytes).map(|()| file));
                if let Err(error) = &written {
                    tracing::error!(%error, "a print pack could not be written");
                }
                let _ = work.file.set(written.ok().map(Mutex::new));
            });
            if let Err(error) = drawn.await {
                tracing::error!(%error, "a print pack could not be drawn");
                let _ = failed.file.set(None);
            }
        });
        Ok(ordered)
    }

    fn find(&self, id: &str, by: &str) -> Result<Arc<Ordered>, Fault> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|pack| pack.id == id && pack.by == by).cloned();
        found.ok_or_else(|| {
            Problem::missing((
                "Tập in này không còn. Hãy mở lại trang tuyến đường hoặc chợ và bấm In thẻ QR.",
                "This print pack is gone. Open the page of the street or market and press Print QR cards.",
            ))
            .into()
        })
    }
}

/// No such street or market.
pub(super) fn no_place() -> Problem {
    Problem::missing((
        "Không có tuyến đường hay chợ này trong sổ.",
        "The register has no such street or market.",
    ))
}

/// What the form of a street or market sends; of a selection also its serials.
#[derive(serde::Deserialize)]
pub(super) struct PackForm {
    format: String,
    /// Serials with commas between them; nothing means all.
    serials: Option<String>,
    /// `1` once the question was answered.
    sure: Option<String>,
}

/// A pack to be drawn, or what is asked before.
enum Wanted {
    Pack(Pack),
    Question(Question),
}

/// `POST /places/{street or market}/packs`
pub(super) async fn order(
    officer: Officer,
    place: web::Path<String>,
    form: web::Form<PackForm>,
    shared: web::Data<Shared>,
    live: web::Data<Live>,
    packs: web::Data<Packs>,
) -> HttpResponse {
    let begun = async {
        let snapshot = live.snapshot(&shared.store).await?;
        let title = place_name(&snapshot.facts, &place).ok_or_else(no_place)?;
        match pack_of(&officer, &place, title, form.into_inner(), &shared).await? {
            Wanted::Pack(pack) => packs.begin(pack, &officer.person.name).map(Ok),
            Wanted::Question(question) => Ok(Err(question)),
        }
    };
    match begun.await {
        Ok(Ok(pack)) => answer::seen(&format!("/packs/{}", pack.id)),
        Ok(Err(question)) => {
            let frame = officer.frame(question.title.clone());
            officer.answer(question.page(frame))
        }
        Err(fault) => {
            let words = officer.visit.pick("Về trang trước", "Back");
            officer.answer(Err(
                fault.or_go(format!("/places/{}", encoded(&place)), words.to_owned())
            ))
        }
    }
}

/// The cards of a place, or those picked there, as a pack.
async fn pack_of(
    officer: &Officer,
    place: &str,
    title: String,
    form: PackForm,
    shared: &Shared,
) -> Result<Wanted, Fault> {
    let format = Format::of(&form.format)
        .ok_or_else(|| Problem::invalid("format", ("Hãy chọn khổ in.", "Choose what to print.")))?;
    let serials: Option<Vec<String>> = form.serials.as_deref().map(|list| {
        list.split(',')
            .map(|s| s.trim().to_owned())
            .filter(|s| !s.is_empty())
            .collect()
    });
    let which = match serials.filter(|list| !list.is_empty()) {
        Some(list) => WhichCards::Serials(list),
        None => WhichCards::At(place.to_owned()),
    };
    let today = Day::of(now());
    let found = shared.store.printable_cards(&which, today).await?;
    if found.is_empty() || found.len() > CARDS_MAX {
        let sentence = if found.is_empty() {
            (
                "Chưa có thẻ nào để in ở đây. Hãy phát mã cho các sạp trước.",
                "There is no card to print here. Hand out codes to the stalls first.",
            )
        } else {
            (
                "Quá nhiều thẻ cho một tập in. Hãy in từng tuyến đường hoặc từng chợ.",
                "These are too many cards for one pack. Print street by street, or market by market.",
            )
        };
        return Err(Problem::conflict(sentence).into());
    }
    let banks = shared.banks.banks();
    let host = shared.public_host.as_deref();
    let asked = concerns(&found, &banks, host);
    if !asked.is_empty() && !is_sure(form.sure.as_deref()) {
        let href = format!("/places/{}", encoded(place));
        let question = print_question(
            officer,
            (found.len(), asked.as_slice()),
            format!("{href}/packs"),
            "post",
        )
        .with("format", &form.format)
        .with("serials", form.serials.as_deref().unwrap_or_default());
        return Ok(Wanted::Question(Question {
            back_href: href,
            ..question
        }));
    }
    let drawn: Vec<String> = found.iter().map(|card| card.serial.clone()).collect();
    shared.store.note_drawn(&drawn, now()).await?;
    let lines = found.into_iter().map(|card| PackLine {
        number: card.number.clone(),
        card: card_of(card, &banks, host),
    });
    Ok(Wanted::Pack(Pack::new(
        title,
        today.show(),
        format,
        lines.collect(),
    )))
}

/// `POST /places/{street or market}/codes`: hands out the codes that are missing there.
pub(super) async fn issue_all(
    officer: Officer,
    place: web::Path<String>,
    sure: web::Form<Sure>,
    shared: web::Data<Shared>,
) -> HttpResponse {
    let time = now();
    let back = format!("/places/{}", encoded(&place));
    let handed_out = async {
        let missing = shared
            .store
            .stalls_without_code(
                &place,
                Day::of(time),
                TimeMs(time.0 - shared.account_change_wait_ms),
            )
            .await?;
        if missing.is_empty() {
            let sentence = (
                "Mọi sạp có tài khoản ở đây đều đã có mã.",
                "Every stall with an account here has its code.",
            );
            return Err(Fault::from(Problem::conflict(sentence)));
        }
        if !sure.is_sure() {
            return Ok(Err(issue_question(&officer, missing.len(), &back)));
        }
        // In steps, so that callbacks wait behind a few stalls at most.
        for chunk in missing.chunks(100) {
            let new = chunk.iter().map(|(stall, account)| NewCode {
                stall_id: stall.clone(),
                account_id: Some(account.clone()),
            });
            let new: Vec<NewCode> = new.collect();
            let wait_ms = shared.account_change_wait_ms;
            let actor = officer.person.at(time);
            let issue = async |creation: &mut Creation| {
                creation.issue_codes(&new, Day::of(time), wait_ms, actor).await
            };
            shared.store.create(issue).await?;
        }
        Ok(Ok(missing.len()))
    };
    match handed_out.await {
        Ok(Ok(count)) => answer::seen(&format!("{back}?done=codes&n={count}&at={}", time.0)),
        Ok(Err(question)) => {
            let frame = officer.frame(question.title.clone());
            officer.answer(question.page(frame))
        }
        Err(fault) => {
            let words = officer.visit.pick("Về trang trước", "Back");
            officer.answer(Err(fault.or_go(back, words.to_owned())))
        }
    }
}

/// How many codes it is about, and what follows.
fn issue_question(officer: &Officer, count: usize, back: &str) -> Question {
    let visit = &officer.visit;
    let n = words::number(visit.lang, count as i64);
    let title = match visit.lang {
        Lang::Vi => format!("Phát mã QR cho {n} sạp?"),
        Lang::En => format!("Hand out QR codes to {n} stalls?"),
    };
    let lines = [
        visit.pick(
            "Mỗi sạp nhận một mã cho tài khoản đang gắn với sạp. Sau đó còn phải in và đưa thẻ cho chủ sạp.",
            "Each stall gets one code for the account that is linked to it. The cards still have to be printed and given to the owners.",
        ),
        visit.pick(
            "Tỷ lệ phủ QR tính các mã này từ hôm nay.",
            "QR coverage counts these codes from today on.",
        ),
        visit.pick(
            "Thu lại được trong 24 giờ, chừng nào chưa in thẻ.",
            "They can be taken back within 24 hours, as long as no card was printed.",
        ),
    ];
    let yes = match visit.lang {
        Lang::Vi => format!("Phát {n} mã"),
        Lang::En => format!("Hand out {n} codes"),
    };
    Question::new(&title, &lines, &yes, format!("{back}/codes"), back.to_owned())
}

#[derive(Template)]
#[template(path = "pack.html")]
struct PackPage {
    frame: Frame,
    title: String,
    format: &'static str,
    cards: usize,
    pages: usize,
    done: usize,
    file_href: String,
    is_ready: bool,
    is_broken: bool,
}

/// `GET /packs/{pack}`: how far it is; loads itself again until it is there.
pub(super) async fn show(officer: Officer, id: web::Path<String>, packs: web::Data<Packs>) -> HttpResponse {
    let made = packs.find(&id, &officer.person.name).and_then(|pack| {
        let file = pack.file.get();
        Html::of(&PackPage {
            frame: officer.frame(format!(
                "{} · {}",
                officer.visit.pick("In thẻ QR", "Print QR cards"),
                pack.title
            )),
            format: officer.visit.pick(pack.format.name_vi(), pack.format.name_en()),
            title: pack.title.clone(),
            cards: pack.cards,
            pages: pack.pages,
            done: pack.done.load(Ordering::Relaxed).min(pack.pages),
            file_href: format!("/packs/{}.pdf", pack.id),
            is_ready: file.is_some_and(Option::is_some),
            is_broken: file.is_some_and(Option::is_none),
        })
    });
    officer.answer(made)
}

/// `GET /packs/{pack}.pdf`
pub(super) async fn file(officer: Officer, id: web::Path<String>, packs: web::Data<Packs>) -> HttpResponse {
    let found = async {
        let pack = packs.find(&id, &officer.person.name)?;
        let work = pack.clone();
        let read = web::block(move || {
            let file = work.file.get()?.as_ref()?;
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0)).ok()?;
            file.read_to_end(&mut bytes).ok().map(|_| bytes)
        });
        let bytes = read.await.ok().flatten();
        let unready = || {
            Problem::missing((
                "Tập in chưa vẽ xong. Hãy chờ ở trang tiến độ.",
                "The print pack is not drawn yet. Wait on its page.",
            ))
        };
        Ok::<_, Fault>((pack, bytes.ok_or_else(unready)?))
    };
    match found.await {
        Ok((pack, bytes)) => {
            let name = format!(
                "the-qr-{}-{}.pdf",
                fold(&pack.title).replace(' ', "-"),
                pack.format.key()
            );
            HttpResponse::Ok()
                .content_type("application/pdf")
                .insert_header((
                    CONTENT_DISPOSITION,
                    format!("inline; filename=\"{}\"", plain_name(&name)),
                ))
                .insert_header((CACHE_CONTROL, "private, no-store"))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(bytes)
        }
        Err(fault) => officer.answer(Err(fault)),
    }
}

/// A name of a file that every system takes.
fn plain_name(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack() -> Pack {
        Pack::new(
            "Chợ Thử".to_owned(),
            "22/11/2026".to_owned(),
            Format::Label,
            Vec::new(),
        )
    }

    #[test]
    fn whoever_waits_for_a_pack_orders_no_second_and_a_drawn_one_makes_room() {
        // Nobody gets a turn to draw.
        let packs = Packs {
            kept: Mutex::default(),
            drawing: Arc::new(tokio::sync::Semaphore::new(0)),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _inside = runtime.enter();
        let first = packs.begin(pack(), "0").unwrap();
        assert!(
            packs.begin(pack(), "0").is_err(),
            "the first is still to be drawn"
        );
        for person in 1..PACKS_KEPT {
            packs.begin(pack(), &person.to_string()).unwrap();
        }
        assert!(
            packs.begin(pack(), "one more").is_err(),
            "all that are remembered wait"
        );
        first.file.set(None).unwrap();
        assert!(packs.begin(pack(), "0").is_ok(), "a drawn one goes");
        assert!(packs.find(&first.id, "0").is_err());
    }
}
