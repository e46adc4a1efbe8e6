//! Statements that somebody puts into a folder: taken in one after the other, then put away beside.
//!
//! The folder itself is the memory of what was done: a file that still lies there was not dealt with. So a process
//! that was stopped, at whatever moment, only has to look again; what it had taken in is known by its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::archive::unpack_beside;
use super::days::Reconciler;
use super::error::ImportError;
use super::import::{Imported, StatementFile, Taken, bad_rows_csv};
use crate::statement::StatementError;
use crate::store::{Store, StoreError};
use crate::turns::{Turn, Turns};
use crate::vn::{Lang, TimeMs, WorkingCalendar};

/// Where files go that were taken in, and those that were refused.
const DONE_FOLDER: &str = "da-nhap";
const REFUSED_FOLDER: &str = "tu-choi";
/// What lies beside them: why a file was refused, and the rows of a file that could not be read.
const REASON_SUFFIX: &str = ".ly-do.txt";
const BAD_ROWS_SUFFIX: &str = ".dong-loi.csv";
/// A file that was changed less than this ago may still be on its way.
const QUIET_MS: i64 = 60_000;
/// Files put away in one round; the rest waits for the next.
const FILES_MAX: usize = 100;
/// Names that are told of as no provider's.
const UNKNOWN_NAMES_MAX: usize = 100;
/// Files of one name in a folder.
const SAME_NAME_MAX: u32 = 9_999;
/// Endings that programs give to a file while they write it.
const UNFINISHED: [&str; 5] = [".part", ".partial", ".tmp", ".filepart", ".crdownload"];
/// Entries of the folders of refused files that are looked at for a page, those shown, and bytes of a reason.
const LISTED_MAX: usize = 500;
const SHOWN_MAX: usize = 20;
const REASON_BYTES_MAX: u64 = 2_048;
/// A folder on another machine that does not answer must not hold a page up.
const LISTING_TIMEOUT: Duration = Duration::from_secs(2);

/// The words that people read of the inbox.
#[derive(Debug, Clone, Copy)]
pub struct InboxWords {
    /// Who hands the files in, as it is kept with them.
    pub by: &'static str,
    /// Why a file is not taken in, on one line.
    pub reason: fn(&ImportError) -> String,
    /// What is written beside a refused file of a provider: the reason in the first line, the same in English in
    /// the third.
    pub note: fn(&ImportError, &str) -> String,
}

/// A file that was dealt with.
#[derive(Debug)]
pub struct PickedUp {
    /// The provider whose folder it lay in.
    pub provider_id: String,
    /// What it is called.
    pub name: String,
    /// What became of it.
    pub end: PickedUpEnd,
}

/// What became of a file.
#[derive(Debug)]
pub enum PickedUpEnd {
    /// It was taken in.
    Taken(Box<Taken>),
    /// The very file had been taken in before; it was put away with those.
    Known {
        imported_by: String,
        imported_at: TimeMs,
    },
    /// It was an archive of so many statements, which lie beside it now and are taken in one by one.
    Unpacked(usize),
    /// It cannot be taken in as it is, for this reason.
    Refused(String),
    /// It stays where it is, for this reason, until another round.
    Left(String),
}

/// What a round came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PickUpRound {
    /// Files that were put away.
    pub moved: usize,
    /// Something is left that may go well in a little while: a file that is still written, somebody's import that
    /// is under way, a database that is away, or more files than fit into a round.
    pub is_to_repeat: bool,
    /// Names in the inbox that are no folder of a provider.
    pub unknown_names: Vec<String>,
}

/// What a round through the inbox needs.
#[derive(Clone, Copy)]
pub struct PickUp<'a> {
    pub store: &'a Store,
    /// The folder with the folders of the providers.
    pub inbox: &'a Path,
    pub calendar: &'a WorkingCalendar,
    pub turns: &'a Turns,
    pub words: &'a InboxWords,
}

/// Goes through the folders of the providers in order and takes in what lies there, the first name first. `told`
/// hears of each file. The clock is asked anew for each file: others judge by it whether an import was given up.
pub async fn pick_up_statements(
    PickUp {
        store,
        inbox,
        calendar,
        turns,
        words,
    }: PickUp<'_>,
    clock: impl Fn() -> TimeMs,
    mut told: impl FnMut(&PickedUp),
) -> Result<PickUpRound, ImportError> {
    let providers = store.providers(clock()).await?;
    let profiles: BTreeMap<String, String> = providers
        .into_iter()
        .map(|p| (p.provider_id, p.profile))
        .collect();
    let found = {
        let path = inbox.to_owned();
        let ids = profiles.keys().cloned().collect();
        let wrong = |error: io::Error| ImportError::File(format!("{}: {error}", inbox.display()));
        off_thread(move || folders(&path, &ids)).await.map_err(wrong)?
    };
    let mut round = PickUpRound {
        unknown_names: found.others,
        ..PickUpRound::default()
    };
    for (provider_id, folder) in found.of_providers {
        let waiting = {
            let folder = folder.clone();
            let now = clock();
            let left = FILES_MAX - round.moved;
            off_thread(move || waiting(&folder, now, left)).await
        };
        let (names, has_more) = match waiting {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::warn!(provider = provider_id, %error, "a folder of statements cannot be read");
                round.is_to_repeat = true;
                continue;
            }
        };
        round.is_to_repeat |= has_more;
        for name in names {
            let file = StatementFile {
                provider_id: provider_id.clone(),
                profile: profiles.get(&provider_id).cloned().unwrap_or_default(),
                path: folder.join(&name),
                name: name.to_string_lossy().into_owned(),
                mapping: None,
                by: words.by.to_owned(),
                is_trial: false,
            };
            // An import on a page waits for the first, a comparison for the second: each holds as much in memory.
            let import_turn = turns.import.wait().await;
            let comparison_turn = turns.comparison.wait().await;
            let (end, next) = pick_up(
                Reconciler {
                    store,
                    calendar,
                    now: clock(),
                },
                &file,
                words,
            )
            .await;
            drop((import_turn, comparison_turn));
            match end {
                None => {}
                Some(PickedUpEnd::Left(_)) => round.is_to_repeat = true,
                Some(PickedUpEnd::Unpacked(_)) => {
                    round.moved += 1;
                    round.is_to_repeat = true;
                }
                Some(_) => round.moved += 1,
            }
            if let Some(end) = end {
                told(&PickedUp {
                    provider_id: provider_id.clone(),
                    name: file.name,
                    end,
                });
            }
            match next {
                Next::File => {}
                Next::Folder => break,
                Next::Round => return Ok(round),
            }
        }
    }
    Ok(round)
}

/// With what a round goes on after a file.
enum Next {
    File,
    Folder,
    Round,
}

/// Takes one file in and puts it away. It has no end here if somebody else did so meanwhile.
async fn pick_up(
    reconciler: Reconciler<'_>,
    file: &StatementFile,
    words: &InboxWords,
) -> (Option<PickedUpEnd>, Next) {
    let path = file.path.clone();
    let may_not_read = match off_thread(move || File::open(&path).map(drop)).await {
        Ok(()) => false,
        Err(error) => match error.kind() {
            ErrorKind::NotFound => return (None, Next::File),
            ErrorKind::PermissionDenied => true,
            _ => return (Some(PickedUpEnd::Left(error.to_string())), Next::File),
        },
    };
    let path = file.path.clone();
    let unpacked = match off_thread(move || unpack_beside(&path, free_name)).await {
        Ok(unpacked) => unpacked,
        // What is wrong with the file itself is said below.
        Err(error) if may_not_read || error.kind() == ErrorKind::InvalidData => None,
        Err(error) => return (Some(PickedUpEnd::Left(error.to_string())), Next::File),
    };
    if let Some(files) = unpacked.filter(|files| *files > 0) {
        let path = file.path.clone();
        let end = match off_thread(move || put_away(&path, DONE_FOLDER, None)).await {
            Ok(()) => PickedUpEnd::Unpacked(files),
            Err(error) => PickedUpEnd::Left(format!("{DONE_FOLDER}: {error}")),
        };
        return (Some(end), Next::File);
    }
    let imported = if may_not_read {
        Err(ImportError::Unreadable)
    } else {
        reconciler.import_statement(file, |_| {}).await
    };
    let (end, folder, beside) = match imported {
        Ok(Imported::Kept(taken)) => {
            let bad_rows =
                (!taken.bad.is_empty()).then(|| (BAD_ROWS_SUFFIX, bad_rows_csv(&taken.bad, Lang::Vi)));
            (PickedUpEnd::Taken(taken), DONE_FOLDER, bad_rows)
        }
        Ok(Imported::Known {
            imported_by,
            imported_at,
        }) => {
            let end = PickedUpEnd::Known {
                imported_by,
                imported_at,
            };
            (end, DONE_FOLDER, None)
        }
        Err(error) if is_refusal(&error) => {
            let note = (words.note)(&error, &file.provider_id);
            let beside = Some((REASON_SUFFIX, note.into_bytes()));
            (
                PickedUpEnd::Refused((words.reason)(&error)),
                REFUSED_FOLDER,
                beside,
            )
        }
        Err(error) => {
            // The sentence is for people; what the database said itself is for whoever mends it.
            tracing::warn!(provider = file.provider_id, %error, "a statement of the inbox stays where it is");
            let next = match &error {
                ImportError::Store(StoreError::Conflict(_)) => Next::Folder,
                ImportError::Store(error) if !error.is_about_content() => Next::Round,
                _ => Next::File,
            };
            return (Some(PickedUpEnd::Left((words.reason)(&error))), next);
        }
    };
    let path = file.path.clone();
    match off_thread(move || put_away(&path, folder, beside)).await {
        Ok(()) => (Some(end), Next::File),
        Err(error) if error.kind() == ErrorKind::NotFound => (None, Next::File),
        Err(error) => {
            let said = match end {
                PickedUpEnd::Refused(reason) => format!("{reason} ({folder}: {error})"),
                _ => format!("{folder}: {error}"),
            };
            (Some(PickedUpEnd::Left(said)), Next::File)
        }
    }
}

/// Whether the file itself is at fault, so that it would be refused again: not the medium, not the database, not
/// that it changed meanwhile.
fn is_refusal(error: &ImportError) -> bool {
    let mut of_file = match error {
        ImportError::TooManyBad(_)
        | ImportError::AllBad { .. }
        | ImportError::Unmapped(_)
        | ImportError::Unreadable => return true,
        ImportError::File(_) | ImportError::Changed | ImportError::Store(_) => return false,
        ImportError::Statement(error) => error,
    };
    while let StatementError::Interrupted { because, .. } = of_file {
        of_file = because;
    }
    !matches!(of_file, StatementError::Io(_) | StatementError::Stopped)
}

/// What lies in the inbox.
struct InboxFolders {
    /// Folders by the id of their provider.
    of_providers: BTreeMap<String, PathBuf>,
    /// Names of what is none.
    others: Vec<String>,
}

/// The folders of providers in the inbox, in order, and what else lies there. A link is no folder.
fn folders(inbox: &Path, ids: &BTreeSet<String>) -> io::Result<InboxFolders> {
    let mut folders = BTreeMap::new();
    let mut unknown_names = BTreeSet::new();
    for entry in fs::read_dir(inbox)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if ids.contains(&name) && entry.file_type()?.is_dir() {
            folders.insert(name, entry.path());
        } else {
            unknown_names.insert(name);
            if unknown_names.len() > UNKNOWN_NAMES_MAX {
                unknown_names.pop_last();
            }
        }
    }
    Ok(InboxFolders {
        of_providers: folders,
        others: unknown_names.into_iter().collect(),
    })
}

/// The files of a folder that are complete, the first names first, at most so many; and whether there are others,
/// more than that or still being written.
fn waiting(folder: &Path, now: TimeMs, at_most: usize) -> io::Result<(BTreeSet<OsString>, bool)> {
    let mut names = BTreeSet::new();
    let mut has_more = false;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !entry.file_type()?.is_file() || is_unfinished(&name) {
            continue;
        }
        let changed = match entry.metadata() {
            Ok(data) => time_ms(data.mtime(), data.mtime_nsec()),
            // Gone between the listing and the look.
            Err(_) => continue,
        };
        if now.0.saturating_sub(changed.0) < QUIET_MS {
            has_more = true;
            continue;
        }
        names.insert(name);
        if names.len() > at_most {
            names.pop_last();
            has_more = true;
        }
    }
    Ok((names, has_more))
}

/// Whether a name says that the file is hidden or still written. `~$` begins what a spreadsheet program puts beside
/// a workbook that is open.
fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_lowercase();
    name.starts_with('.') || name.starts_with("~$") || UNFINISHED.iter().any(|end| name.ends_with(end))
}

/// Moves a file into a folder beside it, under a name that is free there, and writes what belongs to it next to it.
/// A file that stays without that is put away all the same: its reason is in the log, its bad rows on the page.
fn put_away(path: &Path, folder: &str, beside: Option<(&str, Vec<u8>)>) -> io::Result<()> {
    let wrong = |what: &str| io::Error::new(ErrorKind::InvalidInput, what.to_owned());
    let name = path.file_name().ok_or_else(|| wrong("no name"))?;
    let folder = path.parent().ok_or_else(|| wrong("no folder"))?.join(folder);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // A link could lead the file anywhere.
    if !fs::symlink_metadata(&folder)?.is_dir() {
        return Err(wrong("not a folder"));
    }
    let suffix = beside.as_ref().map_or("", |(suffix, _)| suffix);
    let is_free = |to: &Path| {
        let is_none =
            |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        is_none(to) && (suffix.is_empty() || is_none(&with_suffix(to, suffix)))
    };
    let to = (1..=SAME_NAME_MAX)
        .map(|nth| folder.join(numbered(name, nth)))
        .find(|to| is_free(to))
        .ok_or_else(|| wrong("no free name"))?;
    fs::rename(path, &to)?;
    if let Some((suffix, text)) = beside {
        let to = with_suffix(&to, suffix);
        let written = File::create_new(&to).and_then(|mut file| file.write_all(&text));
        if let Err(error) = written {
            tracing::warn!(file = ?to, %error, "what belongs to a statement could not be written beside it");
        }
    }
    Ok(())
}

/// A path in a folder under which nothing lies yet.
fn free_name(folder: &Path, name: &str) -> Option<PathBuf> {
    let is_free =
        |path: &PathBuf| fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    (1..=SAME_NAME_MAX)
        .map(|nth| folder.join(numbered(OsStr::new(name), nth)))
        .find(is_free)
}

/// The name itself at first, then with a number before the ending: `a.csv`, `a-2.csv`, `a-3.csv`.
fn numbered(name: &OsStr, nth: u32) -> OsString {
    if nth == 1 {
        return name.to_owned();
    }
    let path = Path::new(name);
    let mut out = path.file_stem().unwrap_or(name).to_owned();
    out.push(format!("-{nth}"));
    if let Some(extension) = path.extension() {
        out.push(".");
        out.push(extension);
    }
    out
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut out = path.as_os_str().to_owned();
    out.push(suffix);
    out.into()
}

fn time_ms(seconds: i64, nanoseconds: i64) -> TimeMs {
    TimeMs(
        seconds
            .saturating_mul(1000)
            .saturating_add(nanoseconds / 1_000_000),
    )
}

/// A file that was refused and that nobody has taken away yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Whose folder it lay in.
    pub provider_id: String,
    /// What it is called now.
    pub name: String,
    /// Why, in Vietnamese; empty if that is not written beside it.
    pub reason: String,
    /// Why, in English; as in Vietnamese where it is not written so.
    pub reason_en: String,
    /// Since when it lies there.
    pub at: TimeMs,
}

/// The refused files of these providers, those that came last first, and how many more there are at least. None if
/// the folder does not answer.
pub async fn refused_statements(
    inbox: &Path,
    ids: Vec<String>,
    turn: &Turn,
) -> Option<(Vec<RefusedFile>, usize)> {
    let inbox = inbox.to_owned();
    let listed = async {
        let turn = turn.wait().await;
        let listing = move || {
            let _turn = turn;
            refused_files(&inbox, &ids.into_iter().collect())
        };
        off_thread(listing).await.ok()
    };
    tokio::time::timeout(LISTING_TIMEOUT, listed).await.ok()?
}

fn refused_files(inbox: &Path, ids: &BTreeSet<String>) -> io::Result<(Vec<RefusedFile>, usize)> {
    let mut found: Vec<(TimeMs, String, PathBuf)> = Vec::new();
    for (provider_id, folder) in folders(inbox, ids)?.of_providers {
        let folder = folder.join(REFUSED_FOLDER);
        if !fs::symlink_metadata(&folder).is_ok_and(|data| data.is_dir()) {
            continue;
        }
        for entry in fs::read_dir(&folder)?.take(LISTED_MAX) {
            let entry = entry?;
            let name = entry.file_name();
            let is_reason = name.to_string_lossy().ends_with(REASON_SUFFIX);
            let data = entry.metadata().ok().filter(Metadata::is_file);
            if let Some(data) = data.filter(|_| !is_reason && !is_unfinished(&name)) {
                // Moving changes this time and leaves that of the content.
                let at = time_ms(data.ctime(), data.ctime_nsec());
                found.push((at, provider_id.clone(), entry.path()));
            }
        }
    }
    found.sort_by(|a, b| (b.0, &a.2).cmp(&(a.0, &b.2)));
    let more = found.len().saturating_sub(SHOWN_MAX);
    let shown = found.into_iter().take(SHOWN_MAX);
    let files = shown.map(|(at, provider_id, path)| {
        let (reason, reason_en) = reason_of(&with_suffix(&path, REASON_SUFFIX)).unwrap_or_default();
        let name = path.file_name().unwrap_or_default();
        RefusedFile {
            provider_id,
            name: name.to_string_lossy().into_owned(),
            reason,
            reason_en,
            at,
        }
    });
    Ok((files.collect(), more))
}

/// The lines of a file that say why: the first and the third.
fn reason_of(path: &Path) -> io::Result<(String, String)> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(Default::default());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(REASON_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let reason = lines.next().unwrap_or_default();
    let reason_en = lines.nth(1).unwrap_or(reason);
    Ok((reason.to_owned(), reason_en.to_owned()))
}

/// Folders may be on another machine: nothing that answers callbacks waits for them.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_still_written_are_known() {
        for name in [
            ".a.csv",
            "a.csv.part",
            "a.csv.TMP",
            "a.xlsx.filepart",
            "a.partial",
            "~$a.xlsx",
        ] {
            assert!(is_unfinished(OsStr::new(name)), "{name}");
        }
        for name in ["a.csv", "part.csv", "tmp", "a~$.xlsx", "sao k\u{ea}.sta"] {
            assert!(!is_unfinished(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_ending() {
        let name = |name, nth| numbered(OsStr::new(name), nth).into_string().unwrap();
        assert_eq!(name("a.csv", 1), "a.csv");
        assert_eq!(name("a.csv", 2), "a-2.csv");
        assert_eq!(name("2026.06.15", 3), "2026.06-3.15");
        assert_eq!(name("statement", 2), "statement-2");
    }

    #[test]
    fn what_the_medium_or_the_database_did_is_no_refusal() {
        let medium = || StatementError::Io(io::Error::other("gone"));
        let interrupted = |because| StatementError::Interrupted {
            rows: 3,
            because: Box::new(because),
        };
        assert!(is_refusal(&StatementError::Empty.into()));
        assert!(is_refusal(&interrupted(StatementError::ZipBomb).into()));
        assert!(is_refusal(&ImportError::TooManyBad(1)));
        assert!(!is_refusal(&medium().into()));
        assert!(!is_refusal(&interrupted(medium()).into()));
        assert!(!is_refusal(&ImportError::Changed));
        assert!(!is_refusal(&StoreError::Corrupt("x".to_owned()).into()));
    }
}
