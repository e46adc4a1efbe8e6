//! A walk without network in a real browser that cannot read codes by itself: its photos outlive a kill, and are judged
//! when the network is back.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use choso::clock::now;
use choso::vietqr::{Code, Symbol, payload, stall_payload};
use choso::vn::{AccountNumber, Day};
use serde_json::{Value, json};

use crate::support::browser::{chromium, skip};
use crate::support::service::TestApp;
use crate::support::{actor, new_code};

const TOKEN: &str = "choso_invented-token-of-a-walker";
/// How long anything in the browser may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to the service that can be cut.
struct Wire {
    address: SocketAddr,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(service: SocketAddr) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let wire = Wire {
            address: listener.local_addr().expect("its address"),
            is_cut: Arc::default(),
            open: Arc::default(),
        };
        let (is_cut, open) = (wire.is_cut.clone(), wire.open.clone());
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(service) else {
                    continue;
                };
                let pairs = [
                    (near.try_clone(), far.try_clone()),
                    (far.try_clone(), near.try_clone()),
                ];
                open.lock().expect("nobody panicked").extend([near, far]);
                for (from, to) in pairs {
                    let (Ok(mut from), Ok(mut to)) = (from, to) else {
                        continue;
                    };
                    thread::spawn(move || {
                        // It ends with either side.
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        wire
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("nobody panicked").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}

/// A browser that is told what to do over two pipes.
struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    number: u64,
    session: Option<String>,
}

impl Browser {
    /// With what it kept in this folder the last time.
    fn start(program: &Path, folder: &Path) -> Browser {
        let pipes = [folder.join("to"), folder.join("from")];
        for pipe in &pipes {
            let _ = std::fs::remove_file(pipe);
            let made = Command::new("mkfifo").arg(pipe).status().expect("mkfifo runs");
            assert!(made.success());
        }
        let child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<"$CHOSO_TO" 4>"$CHOSO_FROM""#])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args([
                "--no-first-run",
                "--no-default-browser-check",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", folder.join("profile").display()))
            .arg("about:blank")
            .env("CHOSO_TO", &pipes[0])
            .env("CHOSO_FROM", &pipes[1])
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("Chromium starts");
        let to = OpenOptions::new()
            .write(true)
            .open(&pipes[0])
            .expect("the way there");
        let from = BufReader::new(File::open(&pipes[1]).expect("the way back"));
        let mut browser = Browser {
            child,
            to,
            from,
            number: 0,
            session: None,
        };
        let tab = browser.tell("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = browser.tell("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().expect("a session").to_owned());
        browser.tell("Page.enable", json!({}));
        browser.tell("DOM.enable", json!({}));
        browser.tell("Network.enable", json!({}));
        browser
    }

    fn tell(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("told");
        loop {
            let mut bytes = Vec::new();
            let read = self.from.read_until(0, &mut bytes).expect("an answer");
            assert!(read > 0, "the browser ended at {method}");
            bytes.pop();
            let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "returnByValue": true, "awaitPromise": true });
        self.tell("Runtime.evaluate", asked)["result"]["value"].clone()
    }

    fn until(&mut self, script: &str) {
        let started = Instant::now();
        while self.run(script) != true {
            let page = self.run("document.body.innerText");
            assert!(started.elapsed() < PATIENCE, "never: {script}\n{page}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn open(&mut self, address: &str) {
        let cookie = json!({ "name": "choso_session", "value": TOKEN, "url": address });
        self.tell("Network.setCookie", cookie);
        self.tell("Page.navigate", json!({ "url": address }));
        self.until("document.readyState === 'complete' && !document.querySelector('[data-walk]')?.hidden");
    }

    /// As a person takes a photo: the page gets a file.
    fn photo(&mut self, file: &Path) {
        let document = self.tell("DOM.getDocument", json!({}));
        let asked = json!({ "nodeId": document["root"]["nodeId"], "selector": "[data-photo]" });
        let input = self.tell("DOM.querySelector", asked)["nodeId"].clone();
        self.tell(
            "DOM.setFileInputFiles",
            json!({ "files": [file], "nodeId": input }),
        );
    }

    fn kill(mut self) {
        let group = format!("kill -9 -{}", self.child.id());
        let _ = Command::new("sh")
            .args(["-c", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

const STATES: &str =
    "[...document.querySelectorAll('[data-photos-list] li')].map((row) => row.dataset.state).join(' ')";

#[test]
fn photos_of_a_walk_without_network_outlive_a_kill_and_are_judged_once() {
    let Some(program) = chromium() else {
        return skip(
            "offline_walk::photos_of_a_walk_without_network_outlive_a_kill_and_are_judged_once",
            "Chromium is not there",
        );
    };
    let app = TestApp::sqlite();
    app.person("Người đi", TOKEN);
    let market = app.run(app.store().streets_and_markets()).expect("places");
    let market = market
        .into_iter()
        .find(|(_, name)| name == "Chợ Thử")
        .expect("the market")
        .0;
    let stalls = app.run(app.store().stalls_without_code(&market, Day::of(now()), now()));
    let stall = stalls.expect("stalls").remove(0);
    let new = [new_code(&stall.0, Some(&stall.1))];
    let issued = app.run(app.store().create(async |creation| {
        creation
            .issue_codes(&new, Day::of(now()), 0, actor("thu", now()))
            .await
    }));
    let serial = issued.expect("a code")[0].serial.clone();
    let card = app
        .run(app.store().card(&serial, Day::of(now())))
        .expect("read")
        .expect("a card");
    let account = |digits: &str| AccountNumber::parse(digits).expect("an account");
    let right =
        stall_payload("970415", &account(card.account.reveal()), &card.stall_code).expect("a payload");
    assert_eq!(right.as_str(), card.payload);
    let pasted = stall_payload("970415", &account("99990077"), &card.stall_code).expect("a payload");
    // The bank's own code of somebody whom the register does not know.
    let unknown = payload(&Code::to_account("970415", &account("88880066"))).expect("a payload");

    let folder = tempfile::tempdir().expect("a folder");
    let picture = |name: &str, bytes: Vec<u8>| -> PathBuf {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).expect("written");
        file
    };
    let mut blank = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_luma8(300, 200)
        .write_to(&mut blank, image::ImageFormat::Png)
        .expect("a PNG");
    let pictures = [
        picture("right.png", Symbol::of(&right).png(6)),
        picture("pasted.png", Symbol::of(&pasted).png(6)),
        picture("none.png", blank.into_inner()),
        picture("unknown.png", Symbol::of(&unknown).png(6)),
    ];
    let wire = Wire::to(app.address());
    let check = format!("http://{}/check", wire.address);

    let mut browser = Browser::start(&program, folder.path());
    browser.open(&check);
    browser.until("!document.querySelector('[data-walk-by-photo]').hidden");
    browser.run(&format!(
        "document.querySelector('#walk-place').value = {market:?}; document.querySelector('[data-walk-fetch]').requestSubmit(); true"
    ));
    browser.until("!document.querySelector('[data-walk-list]').hidden");
    wire.cut();
    let mut waiting = String::new();
    for file in &pictures {
        browser.photo(file);
        waiting = format!("{waiting} waiting").trim().to_owned();
        browser.until(&format!("{STATES} === {waiting:?}"));
    }
    browser.kill();

    // The phone is switched on again where there is no network yet.
    let mut browser = Browser::start(&program, folder.path());
    browser.open(&check);
    browser.until(&format!("{STATES} === 'waiting waiting waiting waiting'"));
    browser.until("!document.querySelector('[data-walk-list]').hidden");
    wire.mend();
    browser.run("document.querySelector('[data-photos-tell]').click(); true");
    browser.until(&format!("{STATES} === 'right wrong unread unregistered'"));
    let said = browser.run("document.querySelector('[data-photos]').innerText");
    let said = said.as_str().expect("a text");
    assert!(
        said.contains("1 cửa SAI") && said.contains("tiền vào tài khoản khác"),
        "{said}"
    );
    // The stall found right counts as seen; once more it is no other one.
    let seen =
        "document.querySelector('label[data-walk-seen]').textContent.startsWith('Đã thấy đúng 1 trong 1 ')";
    browser.until(seen);
    // With network a photo is answered at once.
    browser.photo(&pictures[0]);
    browser.until("document.querySelector('[data-title]').textContent === 'ĐÚNG'");
    browser.until(seen);
    // A photo that waits says so, and no longer once it was checked.
    let hint = |said: &str| format!("document.querySelector('[data-hint]').textContent.includes({said:?})");
    wire.cut();
    browser.photo(&pictures[0]);
    browser.until(&hint("sẽ được kiểm tra khi có mạng"));
    wire.mend();
    browser.run("document.querySelector('[data-photos-tell]').click(); true");
    browser.until(&hint("các ảnh giữ trong máy đã được kiểm tra"));
    // Signing out takes the list along.
    let bases = "indexedDB.databases().then((all) => all.map((base) => base.name).sort().join(' '))";
    assert_eq!(browser.run(bases), "choso-walk choso-walk-list");
    browser.run("document.querySelector('form[action=\"/sign-out\"]').requestSubmit(); true");
    browser.until("!document.querySelector('[data-wall]')");
    assert_eq!(browser.run(bases), "choso-walk");
    browser.kill();
    let looks = "SELECT verdict || ' ' || way FROM inspection ORDER BY verdict";
    let looks = app.run(app.database.texts(looks));
    assert_eq!(
        looks,
        [
            "right photo",
            "right photo",
            "right photo",
            "unregistered photo",
            "wrong photo"
        ]
    );
}
