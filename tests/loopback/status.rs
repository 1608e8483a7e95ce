//! `pinhole status`, as an operator sees it: a gatekeeper, two phones and a live call, all of them processes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A running command; killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pinhole(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinhole"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Starts a command and waits for the first line that begins so.
fn start(arguments: &[&str], until: &str) -> Running {
    let mut child = pinhole(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with(until));
    assert!(found, "{arguments:?} never said {until}");
    // What it says later must not block it.
    std::thread::spawn(move || lines.count());
    Running(child)
}

/// A fresh directory with the configuration of a gatekeeper in it; its file and its socket.
fn configuration(test: &str, home: &str) -> (PathBuf, PathBuf) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let (file, socket) = (directory.join("g.ini"), directory.join("s"));
    let text = format!(
        "[Gatekeeper::Main]\nName=Asked\nHome={home}\nUseMulticastListener=0\nStatusSocket={}\n\
         [RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n",
        socket.display()
    );
    std::fs::write(&file, text).unwrap();
    (file, socket)
}

fn asked(arguments: &[&str]) -> Output {
    pinhole(&[&["status"], arguments].concat()).output().unwrap()
}

/// The document, once it is so.
fn document(socket: &Path, is: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..200 {
        let output = asked(&["--json", "--socket", socket.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        last = serde_json::from_slice(&output.stdout).unwrap();
        if is(&last) {
            return last;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come so far: {last:#}");
}

#[test]
fn a_live_call_is_shown_and_nothing_is_left_of_it() {
    let (file, socket) = configuration("status", "127.0.2.20");
    let gatekeeper = start(&["-c", file.to_str().unwrap()], "ready");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let rest = document(&socket, |_| true);
    assert_eq!(rest["gatekeeper"], "Asked");
    assert_eq!(
        (&rest["calls"], &rest["registrations"]),
        (&Value::from([0; 0]), &Value::from([0; 0]))
    );

    let of = |name, ip, more: &[&'static str]| {
        let own = ["phone", "-u", name, "-g", "127.0.2.20", "--bind", ip];
        start(&[&own[..], more].concat(), "registered")
    };
    let bob = of("bob", "127.0.2.21", &["-a"]);
    let alice = of("alice", "127.0.2.22", &["bob"]);
    let during = document(&socket, |it| {
        it["calls"][0]["state"] == "talking"
            && it["calls"][0]["sessions"][0]["sides"][1]["rtp"] != Value::Null
    });
    let call = &during["calls"][0];
    assert_eq!(call["legs"][0]["party"], "alice");
    assert_eq!(call["legs"][1]["peer"], "127.0.2.21");
    assert_eq!(call["sessions"][0]["media"][0]["kind"], "audio");
    assert_eq!(during["ports"]["media_pairs"], 2);
    let shown = asked(&["-c", file.to_str().unwrap()]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.starts_with("Asked working, up "), "{shown}");
    assert!(shown.lines().any(|line| line.contains("alice  bob  talking")), "{shown}");

    for phone in [&alice, &bob] {
        kill(Pid::from_raw(i32::try_from(phone.0.id()).unwrap()), Signal::SIGTERM).unwrap();
    }
    let empty = Value::from([0; 0]);
    let after = document(&socket, |it| it["calls"] == empty && it["registrations"] == empty);
    assert_eq!(after["ports"]["media_pairs"], 0);
    assert_eq!(after["ports"]["streams"], 0);

    drop(gatekeeper);
    assert!(socket.exists(), "a crash leaves it");
    let nobody = asked(&["--socket", socket.to_str().unwrap()]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("cannot ask at"));
    let mut again = start(&["-c", file.to_str().unwrap()], "ready");
    document(&socket, |_| true);
    kill(Pid::from_raw(i32::try_from(again.0.id()).unwrap()), Signal::SIGTERM).unwrap();
    again.0.wait().unwrap();
    assert!(!socket.exists(), "an orderly end does not");
}

#[test]
fn who_asks_and_does_not_read_keeps_nobody_waiting() {
    let (file, socket) = configuration("status-slow", "127.0.2.23");
    let _gatekeeper = start(&["-c", file.to_str().unwrap()], "ready");
    let _silent: Vec<UnixStream> = (0..3).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    document(&socket, |it| it["gatekeeper"] == "Asked");
    let mut slow = UnixStream::connect(&socket).unwrap();
    let mut first = [0];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(first, *b"{");
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let (file, socket) = configuration("status-taken", "127.0.2.24");
    std::fs::write(&socket, "precious").unwrap();
    let output = pinhole(&["-c", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot listen on the status socket"), "{said}");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "precious");
    assert_eq!(asked(&[]).status.code(), Some(2), "it is not said whom to ask");
}
