//! A throw-away PostgreSQL cluster, made from installed server binaries.
//!
//! Tests and the load generator need a real PostgreSQL, with nobody setting one up and
//! nothing left behind. A small shell process, the *guardian*, owns the server: it makes a
//! temporary folder, creates the cluster in it, starts the server on a port of the loopback
//! interface (as clients of a real one connect; a password of its own keeps others out) and
//! on a socket in that folder, and waits for words on its standard input. When that pipe
//! closes, it stops the server and removes the folder. The system closes the pipe however
//! this process ends, `kill -9` included, so nothing survives it.

#![allow(
    dead_code,
    reason = "every binary that includes this file uses only a part of it"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// A server given from outside for [`Cluster::shared`], as a URL whose user may create databases.
const GIVEN_URL: &str = "CHOSO_TEST_POSTGRES_URL";

/// Settings of the cluster that all tests share. They only drop protection against a crash
/// of the machine; what a client sees, also after [`Cluster::stop_server`], is the same.
const FOR_SPEED: &[(&str, &str)] = &[("fsync", "off"), ("full_page_writes", "off")];

/// What the guardian runs: `sh -c GUARDIAN guardian BIN SETTINGS`, with the password of the
/// server in `CHOSO_CLUSTER_PASSWORD`.
///
/// It answers each thing it was asked with one line: `ready FOLDER` once at the start,
/// `done` for a word it carried out, `failed WHY` otherwise.
const GUARDIAN: &str = r#"
bin=$1 settings=$2
# A closed pipe must not end us before the folder is gone; other signals end the wait below.
trap '' PIPE
trap : HUP INT TERM

# The server refuses to run as root: then it gets the first account and tool that work.
as_server() { "$@"; }
choose_account() {
    [ "$(id -u)" = 0 ] || return 0
    for account in postgres nobody; do
        id "$account" >/dev/null 2>&1 || continue
        group=$(id -g "$account")
        as_server() { setpriv --reuid="$account" --regid="$group" --clear-groups -- "$@"; }
        as_server true 2>/dev/null && return 0
        as_server() { runuser -u "$account" -- "$@"; }
        as_server true 2>/dev/null && return 0
        as_server() { su -s /bin/sh "$account" -c 'exec "$0" "$@"' -- "$@"; }
        as_server true 2>/dev/null && return 0
    done
    echo "failed PostgreSQL does not run as root, and no account postgres or nobody can be taken on (setpriv, runuser, su)"
    exit 1
}

# A socket's path has room for about a hundred bytes; the account must reach the folder; and
# a plain name needs no quoting in the server's settings or in a URL.
choose_folder() {
    for parent in "${TMPDIR:-/tmp}" /tmp; do
        case $parent in *[!A-Za-z0-9/._-]*) continue ;; esac
        [ "${#parent}" -le 60 ] || continue
        folder=$(mktemp -d "$parent/choso-postgres-XXXXXX") || continue
        : >"$folder/log"
        [ -z "$account" ] || chown "$account" "$folder" "$folder/log"
        as_server test -w "$folder/log" && cd "$folder" && return 0
        rm -rf -- "$folder"
    done
    echo "failed no temporary folder that the server's account can write to"
    exit 1
}

failed() { echo "failed $1: $(tail -n 12 "$folder/log" | tr '\n' ' ')"; }
control() { as_server "$bin/pg_ctl" "$@" </dev/null >>"$folder/log" 2>&1; }
# After a crash its other processes may still be there for a moment, and nobody is let in until they end.
start() {
    for try in 1 2 3 4 5 6 7 8 9 10; do
        control -D "$folder/data" -s status && return 0
        control -D "$folder/data" -s -w -t 60 -l "$folder/log" start && return 0
        sleep 1
    done
    return 1
}
# Until it is gone it would be taken for a running server.
crash() {
    first=$(head -n 1 "$folder/data/postmaster.pid") && kill -KILL "$first" || return 1
    try=0; while [ $((try += 1)) -le 150 ]; do
        kill -0 "$first" 2>>"$folder/log" || return 0
        sleep 0.2
    done
    return 1
}
stop() { control -D "$folder/data" -s -w -t 10 -m immediate stop; }
create() {
    printf '%s\n' "$CHOSO_CLUSTER_PASSWORD" >"$folder/password" && chmod 600 "$folder/password" || return 1
    [ -z "$account" ] || chown "$account" "$folder/password"
    for locale in C.UTF-8 C; do
        as_server "$bin/initdb" -D "$folder/data" --username=postgres --auth-local=trust \
            --auth-host=scram-sha-256 --pwfile="$folder/password" --no-sync \
            --encoding=UTF8 --locale="$locale" </dev/null >>"$folder/log" 2>&1 && break
    done && : >"$folder/log" && printf "%s\nunix_socket_directories = '%s'\n" "$settings" "$folder" >>"$folder/data/postgresql.conf"
}
clean_up() {
    if ! stop && [ -s "$folder/data/postmaster.pid" ]; then
        control kill KILL "$(head -n 1 "$folder/data/postmaster.pid")"
        sleep 1 # its children end by themselves when they notice
    fi
    cd / && rm -rf -- "$folder"
}

account=
choose_account
choose_folder
if ! create; then
    failed initdb
elif ! start; then
    failed "start of the server"
else
    echo "ready $folder"
    while read -r word; do
        case $word in
            start | stop | crash) if "$word"; then echo done; else failed "$word of the server"; fi ;;
        esac
    done
fi
clean_up
"#;

/// A running PostgreSQL cluster. Dropping it stops the server and removes its folder.
pub struct Cluster {
    /// Whose server it is.
    server: Server,
    /// The program `psql`, by which databases are made.
    psql: PathBuf,
    /// How many databases were made, so that no two get one name.
    made: AtomicU32,
}

/// Where a cluster's server comes from.
enum Server {
    /// Started here and ended here.
    Own(Mutex<Guardian>, Place),
    /// Given by URL; it was running before and goes on running.
    Given(String),
}

/// Where a server that was started here is reached.
struct Place {
    folder: PathBuf,
    port: u16,
    password: String,
}

/// The process that owns the server, and the two pipes to it.
struct Guardian {
    /// The shell that runs [`GUARDIAN`].
    process: Child,
    /// Holding this open is what keeps the server alive. `None` only while dropping.
    words: Option<ChildStdin>,
    /// Its answers, one a line.
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// Starts a cluster of its own with PostgreSQL's default durability.
    ///
    /// The error says by name what is missing, or what the server wrote.
    pub fn start() -> Result<Cluster, String> {
        Cluster::start_with(&[])
    }

    /// As [`Cluster::start`], with these lines added to the server's settings.
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Cluster, String> {
        Cluster::start_under(None, settings)
    }

    /// As [`Cluster::start`], with its files in a folder of its own under this one.
    pub fn start_in(parent: &Path) -> Result<Cluster, String> {
        Cluster::start_under(Some(parent), &[])
    }

    fn start_under(parent: Option<&Path>, settings: &[(&str, &str)]) -> Result<Cluster, String> {
        let bin = server_binaries()?;
        let beside = bin.join("psql");
        let psql = if beside.is_file() { beside } else { psql_on_path()? };
        let password = format!("{:032x}", fastrand::u128(..));
        let mut why = String::new();
        // Another process may take the port between the look and the start.
        for _ in 0..3 {
            let port = free_port()?;
            match Guardian::start(&bin, parent, &settings_text(port, settings), &password) {
                Ok((guardian, folder)) => {
                    let place = Place {
                        folder,
                        port,
                        password,
                    };
                    return Ok(Cluster {
                        server: Server::Own(Mutex::new(guardian), place),
                        psql,
                        made: AtomicU32::new(0),
                    });
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// The one cluster of this test binary, started by whoever asks first.
    ///
    /// It runs without `fsync`, for speed. When the environment variable
    /// `CHOSO_TEST_POSTGRES_URL` names a running server, that one is used instead; the
    /// databases made there stay. The error is for the message of a skipped test. Never stop
    /// this cluster: other tests are using it.
    pub fn shared() -> Result<&'static Cluster, &'static str> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| match env::var(GIVEN_URL) {
                Ok(url) if !url.is_empty() => Cluster::given(url),
                _ => Cluster::start_with(FOR_SPEED),
            })
            .as_ref()
            .map_err(String::as_str)
    }

    /// A cluster that is already running at `url`.
    fn given(url: String) -> Result<Cluster, String> {
        if !url.contains("://") {
            return Err(format!("{GIVEN_URL} is not a URL"));
        }
        Ok(Cluster {
            server: Server::Given(url),
            psql: psql_on_path()?,
            made: AtomicU32::new(0),
        })
    }

    /// Makes an empty database whose name contains `name`, and returns its URL.
    ///
    /// # Panics
    /// If the server refuses; a test can do nothing without its database.
    pub fn fresh_database(&self, name: &str) -> String {
        let plain: String = name
            .chars()
            .filter(|&c| c.is_ascii_alphanumeric() || c == '_')
            .take(32)
            .collect();
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let database = match self.server {
            Server::Own(..) => format!("choso_{plain}_{number}").to_lowercase(),
            // Other processes may be making databases there at the same time.
            Server::Given(_) => format!("choso_{plain}_{}_{number}", std::process::id()).to_lowercase(),
        };
        if let Err(why) = self.psql(&format!("CREATE DATABASE {database}")) {
            panic!("could not make the test database {database}: {why}");
        }
        self.url(&database)
    }

    /// The URL of a database of this cluster, in the form that both sqlx and `psql` read.
    pub fn url(&self, database: &str) -> String {
        match &self.server {
            Server::Own(_, place) => {
                let Place { port, password, .. } = place;
                format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
            }
            Server::Given(url) => with_database(url, database),
        }
    }

    /// A URL from [`Cluster::url`] by the socket instead of TCP.
    ///
    /// For a cluster that was started here only.
    pub fn by_socket(&self, url: &str) -> Result<String, String> {
        let Place { folder, port, .. } = self.place()?;
        let database = url.rsplit('/').next().unwrap_or_default();
        Ok(format!(
            "postgres://postgres@localhost:{port}/{database}?host={}",
            folder.display()
        ))
    }

    /// Ends the server at once, as if it had crashed; its data stays. Clients lose their
    /// connections and can make none until [`Cluster::start_server`].
    ///
    /// For a cluster from [`Cluster::start`] only; a server given by URL is never stopped.
    pub fn stop_server(&self) -> Result<(), String> {
        self.tell("stop")
    }

    /// Kills the server's first process as `kill -9` does; the others notice and end.
    pub fn crash_server(&self) -> Result<(), String> {
        self.tell("crash")
    }

    /// The folder that holds all its files.
    ///
    /// For a cluster that was started here only.
    pub fn folder(&self) -> Result<&Path, String> {
        self.place().map(|place| place.folder.as_path())
    }

    /// The port of the loopback interface on which it listens.
    ///
    /// For a cluster that was started here only.
    pub fn port(&self) -> Result<u16, String> {
        self.place().map(|place| place.port)
    }

    fn place(&self) -> Result<&Place, String> {
        match &self.server {
            Server::Own(_, place) => Ok(place),
            Server::Given(_) => Err(format!("{GIVEN_URL} says nothing of its files and sockets")),
        }
    }

    /// Starts the server again on the same port unless it runs, and returns once it answers.
    pub fn start_server(&self) -> Result<(), String> {
        self.tell("start")
    }

    /// Has the guardian carry out one word.
    fn tell(&self, word: &str) -> Result<(), String> {
        match &self.server {
            Server::Own(guardian, _) => guardian.lock().unwrap_or_else(PoisonError::into_inner).tell(word),
            Server::Given(_) => Err(format!("cannot {word} a server that was given by {GIVEN_URL}")),
        }
    }

    /// Runs one statement in the cluster's maintenance database.
    fn psql(&self, statement: &str) -> Result<(), String> {
        let url = match &self.server {
            Server::Own(..) => self.url("postgres"),
            Server::Given(url) => url.clone(),
        };
        let mut psql = without_pg_variables(&self.psql);
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--command",
            statement,
            &url,
        ]);
        let output = psql
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("psql: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

impl Guardian {
    /// Starts the guardian, waits until its server answers, and returns it with its folder.
    fn start(
        bin: &Path,
        parent: Option<&Path>,
        settings: &str,
        password: &str,
    ) -> Result<(Guardian, PathBuf), String> {
        let mut process = without_pg_variables(Path::new("sh"))
            .envs(parent.map(|parent| ("TMPDIR", parent)))
            .args(["-c", GUARDIAN, "guardian"])
            .arg(bin)
            .arg(settings)
            .env("LC_ALL", "C")
            .env("CHOSO_CLUSTER_PASSWORD", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C in a terminal must reach us, not the server.
            .process_group(0)
            .spawn()
            .map_err(|e| format!("sh: {e}"))?;
        let words = process.stdin.take();
        let Some(answers) = process.stdout.take().map(BufReader::new) else {
            return Err("sh: its output is not connected".to_owned());
        };
        let mut guardian = Guardian {
            process,
            words,
            answers,
        };
        let folder = guardian.answer("ready ")?;
        Ok((guardian, PathBuf::from(folder)))
    }

    /// Asks for one word to be carried out, and waits until it is.
    fn tell(&mut self, word: &str) -> Result<(), String> {
        use std::io::Write;
        let Some(words) = &mut self.words else {
            return Err("the guardian of PostgreSQL has ended".to_owned());
        };
        writeln!(words, "{word}").map_err(|e| format!("the guardian of PostgreSQL: {e}"))?;
        self.answer("done").map(drop)
    }

    /// Reads one answer, which has to begin with `expected`, and returns what follows.
    fn answer(&mut self, expected: &str) -> Result<String, String> {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .map_err(|e| format!("the guardian of PostgreSQL: {e}"))?;
        let line = line.trim_end();
        match line.strip_prefix(expected) {
            Some(rest) => Ok(rest.to_owned()),
            None if line.is_empty() => Err("the guardian of PostgreSQL ended without a word".to_owned()),
            None => Err(format!("PostgreSQL: {line}")),
        }
    }
}

impl Drop for Guardian {
    /// Closes the pipe and waits until the server and its folder are gone.
    fn drop(&mut self) {
        drop(self.words.take());
        // The guardian closes its output last; what it says now interests nobody.
        let _ = self.answers.read_to_end(&mut Vec::new());
        let _ = self.process.wait();
    }
}

/// The folder that holds `initdb`, `pg_ctl` and `postgres`: on the `PATH`, else the newest
/// version where Debian's packages put it.
fn server_binaries() -> Result<PathBuf, String> {
    const NEEDED: [&str; 3] = ["initdb", "pg_ctl", "postgres"];
    let versions: BTreeSet<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders_on_path()
        .chain(versions.into_iter().rev().map(|(_, folder)| folder))
        .find(|folder| NEEDED.iter().all(|program| folder.join(program).is_file()))
        .ok_or_else(|| {
            format!(
                "PostgreSQL's server programs ({}) are not installed",
                NEEDED.join(", ")
            )
        })
}

/// `psql` from the `PATH`.
fn psql_on_path() -> Result<PathBuf, String> {
    folders_on_path()
        .map(|folder| folder.join("psql"))
        .find(|program| program.is_file())
        .ok_or_else(|| "PostgreSQL's client program psql is not installed".to_owned())
}

/// The folders of the `PATH`, in order.
fn folders_on_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// A command that the caller's own PostgreSQL variables (`PGHOST`, `PGOPTIONS` …) do not reach:
/// they would lead to another server than the one meant.
fn without_pg_variables(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

/// The lines added to the server's settings: what every cluster has, then the caller's.
fn settings_text(port: u16, settings: &[(&str, &str)]) -> String {
    let port = port.to_string();
    let always = [
        ("listen_addresses", "127.0.0.1"),
        ("port", port.as_str()),
        ("max_connections", "200"),
    ];
    let lines = always.iter().chain(settings).map(|(name, value)| {
        let quoted = value.replace('\'', "''");
        format!("{name} = '{quoted}'")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A port that nobody listens on, below those that systems give to outgoing connections: a server
/// that is stopped and started again finds it free.
fn free_port() -> Result<u16, String> {
    let tries = (0..100).map(|_| fastrand::u16(20_000..32_000));
    let mut free = tries.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next()
        .ok_or_else(|| "no free port for PostgreSQL".to_owned())
}

/// `url` with its database replaced; user, host and parameters stay.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let host_begins = address.find("://").map_or(0, |at| at + 3);
    let host_ends = address[host_begins..]
        .find('/')
        .map_or(address.len(), |at| host_begins + at);
    format!("{}/{database}{parameters}", &address[..host_ends])
}
