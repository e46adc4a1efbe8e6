//! Statements that people hand in on the web, from the file to its end: looked at, tried, taken in. Trying and
//! taking in go on beside the requests, and whoever comes back sees how far they are.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web;
use tempfile::TempPath;
use tokio::sync::watch;

use crate::clock::now;
use crate::reconcile::RunSummary;
use crate::settlement::{
    AgreedMapping, ImportError, Imported, Progress, StatementFile, Taken, agreed_mapping, preview_mapping,
    propose_mapping,
};
use crate::statement::{BadRow, Column, Mapping, MappingError, Proposal, StatementError, Summary};
use crate::store::{StatementTotals, Store, StoreError, fresh_id};
use crate::table::{Fault as TableFault, write_rejects};
use crate::vn::{Lang, Sentence, TimeMs, sentence};
use crate::web::{Problem, Shared};
use crate::words::import_error;

/// Files that are held at once, those on their way included: each may have 256 MiB.
const HELD_MAX: usize = 8;
/// A file that nobody looked at for so long is dropped.
const UNSEEN_MS_MAX: i64 = 30 * 60 * 1000;
/// Bad rows that a page lists; the download has all.
const BAD_SHOWN: usize = 20;

/// The statements of this process that are being handed in, one for each person. They are lost with the instance,
/// but for what was taken in; an import that is cut short is taken away whole by the next.
#[derive(Debug, Default)]
pub struct Uploads {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    uploads: Vec<Arc<Upload>>,
    /// Who sends a file just now.
    sending: Vec<String>,
}

impl Held {
    fn drop_unseen(&mut self, now: TimeMs) {
        let is_seen =
            |upload: &Arc<Upload>| now.0 - upload.seen_at_ms.load(Ordering::Relaxed) < UNSEEN_MS_MAX;
        self.uploads.retain(|upload| upload.is_busy() || is_seen(upload));
    }
}

/// A place for a file that is on its way; given back when this goes.
#[derive(Debug)]
pub(super) struct Sending {
    held: Arc<Mutex<Held>>,
    by: String,
}

impl Drop for Sending {
    fn drop(&mut self) {
        lock(&self.held).sending.retain(|by| *by != self.by);
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Uploads {
    /// Makes place for one more file of this person, whose former one goes unless it is at work.
    pub(super) fn begin(&self, by: &str, now: TimeMs) -> Result<Sending, Problem> {
        let waits =
            |vi, en| Problem::conflict((vi, en)).titled(("Chưa nhận được tệp", "The file was not taken"));
        let mut held = lock(&self.held);
        held.drop_unseen(now);
        if held.sending.iter().any(|sender| sender == by) {
            return Err(waits(
                "Bạn đang gửi một tệp khác. Hãy chờ gửi xong rồi gửi tệp tiếp theo.",
                "You are sending another file. Wait until it is sent, then send the next.",
            ));
        }
        if held.uploads.iter().any(|own| own.by == by && own.is_busy()) {
            return Err(waits(
                "Sao kê trước của bạn đang được đọc hoặc đang nhập. Hãy mở lại trang Nhập sao kê, chờ nó xong rồi gửi tệp tiếp theo.",
                "Your last statement is being read or taken in. Open its page again, wait until it is done, then send the next.",
            ));
        }
        held.uploads.retain(|own| own.by != by);
        if held.uploads.len() + held.sending.len() >= HELD_MAX {
            let is_over = |upload: &Arc<Upload>| matches!(upload.now().stage, Stage::Ended(_));
            let Some(over) = held.uploads.iter().position(is_over) else {
                return Err(waits(
                    "Đang có nhiều sao kê chờ người xem. Hãy thử lại sau vài phút.",
                    "Many statements wait for people to look at them. Try again in a few minutes.",
                ));
            };
            held.uploads.remove(over);
        }
        held.sending.push(by.to_owned());
        Ok(Sending {
            held: self.held.clone(),
            by: by.to_owned(),
        })
    }

    /// Holds a file that has come, and begins to try it if it can be read.
    pub(super) fn keep(
        &self,
        place: Sending,
        file: HandedIn,
        plan: Plan,
        shared: &web::Data<Shared>,
    ) -> Arc<Upload> {
        let stage = match plan.lacks {
            None => Stage::Trying(None),
            Some(_) => Stage::Asking,
        };
        let is_whole = plan.lacks.is_none();
        let state = State {
            plan: Arc::new(plan),
            stage,
            turn: 0,
        };
        let upload = Arc::new(Upload {
            id: fresh_id(now()),
            by: place.by.clone(),
            file,
            seen_at_ms: AtomicI64::new(now().0),
            state: watch::Sender::new(state),
        });
        lock(&self.held).uploads.push(upload.clone());
        drop(place);
        if is_whole {
            upload.clone().work(shared.clone(), Job::Try(None));
        }
        // Also where nobody ever comes back.
        let held = Arc::downgrade(&self.held);
        let id = upload.id.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(UNSEEN_MS_MAX as u64)).await;
                let Some(held) = held.upgrade() else { return };
                let mut held = lock(&held);
                held.drop_unseen(now());
                if held.uploads.iter().all(|upload| upload.id != id) {
                    return;
                }
            }
        });
        upload
    }

    /// The person's own upload of this id; somebody else's is as if it were not there.
    pub(super) fn find(&self, id: &str, by: &str, now: TimeMs) -> Option<Arc<Upload>> {
        self.own(by, now).filter(|upload| upload.id == id)
    }

    /// What this person handed in last, if it is still held.
    pub(super) fn own(&self, by: &str, now: TimeMs) -> Option<Arc<Upload>> {
        let mut held = lock(&self.held);
        held.drop_unseen(now);
        let own = held.uploads.iter().find(|upload| upload.by == by).cloned();
        if let Some(upload) = &own {
            upload.seen_at_ms.store(now.0, Ordering::Relaxed);
        }
        own
    }

    /// Drops the person's upload, unless it is at work.
    pub(super) fn drop_own(&self, id: &str, by: &str) {
        let is_it = |upload: &Arc<Upload>| upload.id == id && upload.by == by && !upload.is_busy();
        lock(&self.held).uploads.retain(|upload| !is_it(upload));
    }
}

/// A file that has come.
#[derive(Debug)]
pub(super) struct HandedIn {
    /// Whose statement it is.
    pub provider_id: String,
    pub profile: String,
    /// What the person's machine calls it.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// Where it lies until it is dropped.
    pub path: TempPath,
}

/// Where the page of a statement is.
pub(super) fn href(id: &str) -> String {
    format!("/reconcile/statements/{id}")
}

/// A statement on its way in.
#[derive(Debug)]
pub(super) struct Upload {
    /// Where its page is.
    pub id: String,
    by: String,
    pub file: HandedIn,
    seen_at_ms: AtomicI64,
    state: watch::Sender<State>,
}

/// How a statement stands at one moment.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// How it is read.
    pub plan: Arc<Plan>,
    /// How far it is.
    pub stage: Stage,
    /// Which reading it is: whoever agrees names the one that was seen.
    pub turn: u32,
}

/// How far a statement is.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// The mapping lacks something that a person has to say.
    Asking,
    /// It is read and compared without being kept; nothing is said before its turn has come.
    Trying(Option<Progress>),
    /// It waits for a person's word; an import that failed says why.
    Tried(Arc<Outcome>, Option<Sentence>),
    /// It cannot be read like this.
    Refused(Sentence),
    /// It is being taken in.
    Importing(Option<Progress>),
    Ended(Arc<End>),
}

/// How an import ended.
#[derive(Debug)]
pub(super) enum End {
    /// The very file had been taken in before.
    Known { by: String, at: TimeMs },
    /// It is in the books now.
    Kept(Box<Outcome>),
}

/// How a file is read.
#[derive(Debug)]
pub(super) struct Plan {
    /// What the file is, which column is what, and its first rows.
    pub proposal: Proposal,
    /// Where that comes from.
    pub way: Way,
    /// What is missing, in one sentence.
    pub lacks: Option<Sentence>,
}

/// Where a way of reading comes from.
#[derive(Debug)]
pub(super) enum Way {
    /// It was agreed for this provider before.
    Agreed,
    /// The program proposes it.
    Proposed,
    /// As well, since what was agreed does not fit this file; why.
    ProposedInstead(Sentence),
    /// The person at the page chose it.
    Chosen,
}

/// What reading a file came to, tried or kept.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the file came to.
    pub totals: StatementTotals,
    /// Totals at its foot, balances.
    pub file: Summary,
    /// What its days come to with it.
    pub days: RunSummary,
    /// Receipts that were posted from it.
    pub posted: usize,
    /// The first rows that cannot be read, each with the reason.
    pub bad: Vec<(u64, Sentence)>,
    /// All of them as a CSV file, without a name on the disk.
    pub rejects: Option<Mutex<File>>,
}

/// What is done beside the requests.
enum Job {
    /// Look by this mapping, if there is one, and try what was planned.
    Try(Option<Mapping>),
    /// Take in; what was tried is shown again if that fails.
    Import(Arc<Outcome>),
}

/// How a file is to be read: as was agreed for its provider if that fits, else as is proposed.
pub(super) async fn plan_of(store: &Store, file: &HandedIn) -> Result<Plan, ImportError> {
    let unfit = match agreed_mapping(store, &file.provider_id, &file.path).await? {
        AgreedMapping::This(mapping) => match preview_mapping(&file.path, *mapping).await {
            // What was agreed stays, also where the file has a word that nobody explained yet.
            Ok(proposal) => {
                return Ok(Plan {
                    lacks: proposal.lacks.as_ref().map(MappingError::sentence),
                    way: Way::Agreed,
                    proposal,
                });
            }
            Err(ImportError::Statement(error)) => Some(error.sentence()),
            Err(error) => return Err(error),
        },
        AgreedMapping::Changed(change) => Some(StatementError::HeaderChanged { change }.sentence()),
        AgreedMapping::None => None,
    };
    let proposal = propose_mapping(&file.path, &file.profile).await?;
    Ok(Plan {
        lacks: proposal.lacks.as_ref().map(MappingError::sentence),
        way: unfit.map_or(Way::Proposed, Way::ProposedInstead),
        proposal,
    })
}

impl Upload {
    pub fn now(&self) -> State {
        self.state.borrow().clone()
    }

    /// How it stands once nothing is at work, or after this time. Small files need no second look.
    pub async fn settled(&self, within: Duration) -> State {
        let mut watched = self.state.subscribe();
        let _ = tokio::time::timeout(within, watched.wait_for(|state| !state.stage.is_busy())).await;
        self.now()
    }

    fn is_busy(&self) -> bool {
        self.state.borrow().stage.is_busy()
    }

    /// Reads it as a person says from now on. Nothing happens while it is at work, or after it was taken in.
    pub fn read_as(self: &Arc<Self>, mapping: Mapping, shared: &web::Data<Shared>) {
        let begins = self.state.send_if_modified(|state| {
            let is_open = !state.stage.is_busy() && !matches!(state.stage, Stage::Ended(_));
            if is_open {
                state.stage = Stage::Trying(None);
            }
            is_open
        });
        if begins {
            self.clone().work(shared.clone(), Job::Try(Some(mapping)));
        }
    }

    /// Asks the person again: these meanings cannot all be meant, and why.
    pub fn ask(&self, meanings: &[Option<Column>], why: Sentence) {
        self.state.send_if_modified(|state| {
            let is_open = !state.stage.is_busy() && !matches!(state.stage, Stage::Ended(_));
            if is_open {
                let mut proposal = state.plan.proposal.clone();
                for (cell, meaning) in proposal.header.iter_mut().zip(meanings) {
                    cell.meaning = *meaning;
                }
                proposal.preview = Vec::new();
                state.stage = Stage::Asking;
                state.turn += 1;
                state.plan = Arc::new(Plan {
                    proposal,
                    way: Way::Chosen,
                    lacks: Some(why),
                });
            }
            is_open
        });
    }

    /// Takes it in as it was tried, if the reading that the person saw is still the one.
    pub fn import(self: &Arc<Self>, turn: u32, shared: &web::Data<Shared>) {
        let mut tried = None;
        self.state.send_if_modified(|state| {
            if let (Stage::Tried(outcome, _), true) = (&state.stage, state.turn == turn) {
                tried = Some(outcome.clone());
                state.stage = Stage::Importing(None);
            }
            tried.is_some()
        });
        if let Some(outcome) = tried {
            self.clone().work(shared.clone(), Job::Import(outcome));
        }
    }

    /// Does a job beside the requests. However it ends, the statement is not left at work.
    fn work(self: Arc<Self>, shared: web::Data<Shared>, job: Job) {
        tokio::spawn(async move {
            let before = match &job {
                Job::Try(_) => None,
                Job::Import(outcome) => Some(outcome.clone()),
            };
            let upload = self.clone();
            let done = tokio::spawn(async move {
                match job {
                    Job::Try(mapping) => upload.tried(&shared, mapping).await,
                    Job::Import(_) => upload.imported(&shared).await,
                }
            });
            let ended = match done.await {
                Ok(ended) => ended.map_err(reason),
                Err(error) => Err(broken(&error)),
            };
            let stage = match (ended, before) {
                (Ok(stage), _) => stage,
                (Err(why), None) => Stage::Refused(why),
                (Err(why), Some(outcome)) => Stage::Tried(outcome, Some(why)),
            };
            self.state.send_modify(|state| state.stage = stage);
        });
    }

    async fn tried(&self, shared: &Shared, mapping: Option<Mapping>) -> Result<Stage, ImportError> {
        // Comparisons of days take the same turn: each holds as much in memory.
        let _turn = shared.turns.comparison.wait().await;
        self.say(Stage::Trying(Some(Progress::Reading(0))));
        if let Some(mapping) = mapping {
            let proposal = preview_mapping(&self.file.path, mapping).await?;
            let plan = Plan {
                lacks: proposal.lacks.as_ref().map(MappingError::sentence),
                way: Way::Chosen,
                proposal,
            };
            self.plan(plan);
        }
        if self.now().plan.lacks.is_some() {
            return Ok(Stage::Asking);
        }
        let say = |progress| self.say(Stage::Trying(Some(progress)));
        match shared
            .reconciler()
            .import_statement(&self.statement(true), say)
            .await?
        {
            Imported::Kept(taken) => Ok(Stage::Tried(Arc::new(self.outcome(*taken).await), None)),
            // A trial begins no file, so it meets none.
            Imported::Known { .. } => Err(StoreError::Corrupt("a trial was kept".to_owned()).into()),
        }
    }

    async fn imported(&self, shared: &Shared) -> Result<Stage, ImportError> {
        let _turn = shared.turns.import.wait().await;
        self.say(Stage::Importing(Some(Progress::Reading(0))));
        let say = |progress| self.say(Stage::Importing(Some(progress)));
        let end = match shared
            .reconciler()
            .import_statement(&self.statement(false), say)
            .await?
        {
            Imported::Kept(taken) => End::Kept(Box::new(self.outcome(*taken).await)),
            Imported::Known {
                imported_by,
                imported_at,
            } => End::Known {
                by: imported_by,
                at: imported_at,
            },
        };
        Ok(Stage::Ended(Arc::new(end)))
    }

    /// Another reading than before, with a number of its own.
    fn plan(&self, plan: Plan) {
        self.state.send_modify(|state| {
            state.plan = Arc::new(plan);
            state.turn += 1;
        });
    }

    fn say(&self, stage: Stage) {
        self.state.send_modify(|state| state.stage = stage);
    }

    fn statement(&self, is_trial: bool) -> StatementFile {
        StatementFile {
            provider_id: self.file.provider_id.clone(),
            profile: self.file.profile.clone(),
            path: self.file.path.to_path_buf(),
            name: self.file.name.clone(),
            mapping: Some(self.now().plan.proposal.mapping.clone()),
            by: self.by.clone(),
            is_trial,
        }
    }

    /// What is shown of it; the rows that were refused go to a file, since they may be many.
    async fn outcome(&self, taken: Taken) -> Outcome {
        let header = self.now().plan.proposal.mapping.header.clone();
        let bad = taken.bad.iter().take(BAD_SHOWN);
        let bad = bad.map(|row| (row.row_number, row.reason.clone())).collect();
        let rejects = if taken.bad.is_empty() {
            None
        } else {
            tokio::task::spawn_blocking(move || rejects(&header, taken.bad))
                .await
                .map_err(std::io::Error::other)
                .flatten()
                .inspect_err(|error| tracing::error!(%error, "refused rows could not be written"))
                .ok()
        };
        Outcome {
            totals: taken.totals,
            file: taken.file,
            days: taken.summary,
            posted: taken.posted,
            bad,
            rejects: rejects.map(Mutex::new),
        }
    }
}

impl Stage {
    /// Whether something goes on by itself.
    pub fn is_busy(&self) -> bool {
        matches!(self, Stage::Trying(_) | Stage::Importing(_))
    }
}

fn rejects(header: &[String], bad: Vec<BadRow>) -> std::io::Result<File> {
    let fault = |row: BadRow| TableFault {
        row: row.row_number,
        cells: row.cells,
        reason: row.reason,
    };
    let faults: Vec<TableFault> = bad.into_iter().map(fault).collect();
    let mut file = tempfile::tempfile()?;
    file.write_all(&write_rejects(header, &faults, Lang::Vi))?;
    Ok(file)
}

/// Why a statement was not read or taken in, for whoever is at the page.
pub(super) fn reason(error: ImportError) -> Sentence {
    match error {
        ImportError::TooManyBad(rows) => sentence!(
            "Hơn {rows} dòng không đọc được: có lẽ cột bị hiểu sai. Hãy xem lại cột nào là gì rồi đọc lại.",
            "More than {rows} rows cannot be read: columns are probably taken for something else. Look at which column is what, then read again."
        ),
        ImportError::Store(error) => Problem::from(error).detail,
        // Its words name a place on this machine.
        error @ (ImportError::File(_) | ImportError::Changed | ImportError::Unreadable) => broken(&error),
        error @ (ImportError::Statement(_) | ImportError::Unmapped(_) | ImportError::AllBad { .. }) => {
            import_error(&error)
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> Sentence {
    tracing::error!(%error, "a statement that was handed in could not be read");
    Sentence::new(
        "Máy chủ chưa đọc được tệp đã gửi. Hãy gửi lại tệp; nếu vẫn lỗi, báo quản trị viên.",
        "The file could not be read here. Hand it in again; if it still fails, tell the administrator.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::propose;
    use std::io::Cursor;

    fn upload(by: &str, stage: Stage, seen_at: TimeMs) -> Arc<Upload> {
        let mut file = Cursor::new("Ngày,Mã giao dịch,Số tiền\n15/01/2026,A1,5.000\n");
        let plan = Plan {
            proposal: propose(&mut file, "").unwrap(),
            way: Way::Proposed,
            lacks: None,
        };
        Arc::new(Upload {
            id: by.to_owned(),
            by: by.to_owned(),
            file: HandedIn {
                provider_id: "p".to_owned(),
                profile: String::new(),
                name: "a.csv".to_owned(),
                bytes: 1,
                path: tempfile::NamedTempFile::new().unwrap().into_temp_path(),
            },
            seen_at_ms: AtomicI64::new(seen_at.0),
            state: watch::Sender::new(State {
                plan: Arc::new(plan),
                stage,
                turn: 0,
            }),
        })
    }

    fn known() -> Stage {
        Stage::Ended(Arc::new(End::Known {
            by: "x".to_owned(),
            at: TimeMs(0),
        }))
    }

    const NOON: TimeMs = TimeMs(1_000_000_000_000);

    #[test]
    fn eight_files_are_held_and_one_that_is_over_makes_room() {
        let uploads = Uploads::default();
        for person in 0..7 {
            lock(&uploads.held)
                .uploads
                .push(upload(&person.to_string(), Stage::Asking, NOON));
        }
        let on_its_way = uploads.begin("seven", NOON).unwrap();
        assert!(uploads.begin("seven", NOON).is_err(), "one sends one at a time");
        assert!(uploads.begin("eight", NOON).is_err(), "none of the eight is over");
        drop(on_its_way);
        drop(uploads.begin("eight", NOON).unwrap());
        lock(&uploads.held).uploads.push(upload("seven", known(), NOON));
        drop(uploads.begin("eight", NOON).unwrap());
        assert!(uploads.own("seven", NOON).is_none(), "it was over and went");
        assert!(uploads.own("3", NOON).is_some());
    }

    #[test]
    fn a_new_file_takes_the_place_of_the_own_one_unless_that_is_at_work() {
        let uploads = Uploads::default();
        let mine = upload("me", Stage::Importing(None), NOON);
        let path = mine.file.path.to_path_buf();
        lock(&uploads.held).uploads.push(mine.clone());
        assert!(uploads.begin("me", NOON).is_err());
        uploads.drop_own("me", "me");
        assert!(uploads.find("me", "me", NOON).is_some(), "what is at work stays");
        mine.say(Stage::Asking);
        drop(mine);
        drop(uploads.begin("me", NOON).unwrap());
        assert!(uploads.own("me", NOON).is_none());
        assert!(!path.exists(), "its file went with it");
    }

    #[test]
    fn what_nobody_looks_at_goes_after_half_an_hour_but_not_while_it_is_at_work() {
        let uploads = Uploads::default();
        let later = |ms: i64| TimeMs(NOON.0 + ms);
        let held = [
            upload("idle", Stage::Asking, NOON),
            upload("busy", Stage::Importing(None), NOON),
        ];
        lock(&uploads.held).uploads.extend(held);
        assert!(uploads.own("idle", later(UNSEEN_MS_MAX - 1)).is_some());
        assert!(
            uploads.own("idle", later(2 * UNSEEN_MS_MAX - 2)).is_some(),
            "it was seen since"
        );
        assert!(uploads.own("idle", later(3 * UNSEEN_MS_MAX)).is_none());
        assert!(uploads.own("busy", later(9 * UNSEEN_MS_MAX)).is_some());
        assert!(uploads.find("busy", "idle", later(9 * UNSEEN_MS_MAX)).is_none());
    }
}
