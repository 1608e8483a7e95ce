//! The command `pinhole -c`, as an operator and a supervisor see it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

/// A directory of one test, empty.
fn directory(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// A configuration that listens on one loopback address, on any ports unless told.
fn configuration(directory: &Path, home: &str, ports: Option<(u16, u16)>) -> PathBuf {
    let (ras, signalling) = ports.unwrap_or_default();
    let text = format!(
        "[Gatekeeper::Main]\nName=Test\nHome={home}\nUnicastRasPort={ras}\n\
         [RoutedMode]\nGKRouted=1\nCallSignalPort={signalling}\n"
    );
    let file = directory.join(format!("{ras}.ini"));
    std::fs::write(&file, text).unwrap();
    file
}

/// A running gatekeeper; killed when dropped.
struct Gatekeeper {
    child: Child,
    ready: String,
}

impl Drop for Gatekeeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Gatekeeper {
    fn start(configuration: &Path, arguments: &[&str]) -> Self {
        let mut child = command(configuration, arguments).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        Self { child, ready: ready.trim_end().to_owned() }
    }

    /// The address in the ready line after this role.
    fn address(&self, role: &str) -> SocketAddr {
        let list = self.ready.strip_prefix("ready ").expect(&self.ready);
        let of_role = |entry: &str| entry.strip_prefix(role).map(|at| at.trim().parse().unwrap());
        list.split(", ").find_map(of_role).expect(&self.ready)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// How it ended, if it has within five seconds.
    fn ended(&mut self) -> Option<ExitStatus> {
        for _ in 0..100 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

fn command(configuration: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinhole"));
    command.arg("-c").arg(configuration).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn it_says_where_it_listens_and_ends_when_asked() {
    let directory = directory("ready");
    let (pid, log) = (directory.join("pid"), directory.join("log"));
    let arguments = ["--pid", pid.to_str().unwrap(), "-o", log.to_str().unwrap(), "-t"];
    let mut gatekeeper =
        Gatekeeper::start(&configuration(&directory, "127.0.2.1, 127.0.2.2", None), &arguments);
    let words: Vec<&str> = gatekeeper.ready.split([' ', ',', ':']).collect();
    assert_eq!(words[0], "ready", "{}", gatekeeper.ready);
    assert_eq!(gatekeeper.ready.matches("ras udp 127.0.2.").count(), 2, "{}", gatekeeper.ready);
    assert_eq!(gatekeeper.ready.matches("signalling tcp 127.0.2.").count(), 2);
    TcpStream::connect(gatekeeper.address("signalling tcp")).unwrap();
    let written = std::fs::read_to_string(&pid).unwrap();
    assert_eq!(written, format!("{}\n", gatekeeper.child.id()));

    gatekeeper.signal(Signal::SIGTERM);
    assert_eq!(gatekeeper.ended().and_then(|status| status.code()), Some(0));
    assert!(!pid.exists());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains(&gatekeeper.ready), "{log}");
}

#[test]
fn a_taken_port_is_named_and_nothing_starts() {
    let directory = directory("taken");
    let taken = UdpSocket::bind("127.0.2.3:0").unwrap();
    let at = taken.local_addr().unwrap();
    let file = configuration(&directory, "127.0.2.3", Some((at.port(), 0)));
    let output = command(&file, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("cannot listen on ras udp {at}")), "{said}");
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn nonsense_hurts_nobody() {
    let directory = directory("nonsense");
    let mut gatekeeper = Gatekeeper::start(&configuration(&directory, "127.0.2.4", None), &[]);
    let (ras, signalling) = (gatekeeper.address("ras udp"), gatekeeper.address("signalling tcp"));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 7, 1500, 60_000] {
        client.send_to(&vec![0xff; length], ras).unwrap();
    }
    let closes = |octets: &[u8]| {
        let mut stream = TcpStream::connect(signalling).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(octets).unwrap();
        // What it answers is of no interest here; that it closes is.
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    };
    assert!(closes(&[0x47, 0x45, 0x54, 0x20, 0x2f, 0x20]), "not TPKT");
    assert!(closes(&[3, 0, 0, 3]), "a TPKT that is shorter than its header");
    assert!(closes(&[3, 0, 0, 8, 0xff, 0xff, 0xff, 0xff]), "not Q.931");
    TcpStream::connect(signalling).unwrap();
    gatekeeper.signal(Signal::SIGINT);
    assert_eq!(gatekeeper.ended().and_then(|status| status.code()), Some(0));
}

#[test]
fn it_becomes_another_user_once_its_ports_are_bound() {
    let directory = directory("user");
    let file = configuration(&directory, "127.0.2.5", None);
    if geteuid().is_root() {
        let gatekeeper = Gatekeeper::start(&file, &["-u", "nobody"]);
        let status = std::fs::read_to_string(format!("/proc/{}/status", gatekeeper.child.id()));
        let status = status.unwrap();
        let of = |key| status.lines().find_map(|line: &str| line.strip_prefix(key)).unwrap();
        assert!(!of("Uid:").split_whitespace().any(|id| id == "0"), "{status}");
        assert!(!of("Gid:").split_whitespace().any(|id| id == "0"), "{status}");
        assert!(!of("Groups:").split_whitespace().any(|id| id == "0"), "{status}");
    }
    let output = command(&file, &["-u", "nobody-of-this-name"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("cannot become user nobody-of-this-name: there is no such user"),
        "{said}"
    );
}

#[test]
fn a_hangup_does_not_end_it() {
    let directory = directory("hangup");
    let log = directory.join("log");
    let arguments = ["-o", log.to_str().unwrap()];
    let mut gatekeeper =
        Gatekeeper::start(&configuration(&directory, "127.0.2.9", None), &arguments);
    gatekeeper.signal(Signal::SIGHUP);
    let told = || std::fs::read_to_string(&log).is_ok_and(|log| log.contains("SIGHUP"));
    for _ in 0..100 {
        if told() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(told());
    assert_eq!(gatekeeper.child.try_wait().unwrap(), None);
    gatekeeper.signal(Signal::SIGTERM);
    assert!(gatekeeper.ended().is_some_and(|status| status.success()));
}

/// Without Home it listens on every address, of IPv6 only where that is wanted.
#[test]
fn ipv6_is_listened_on_unless_it_is_switched_off() {
    let directory = directory("ipv6");
    let has_it = std::fs::read_to_string("/proc/net/if_inet6")
        .is_ok_and(|all| all.lines().any(|line| line.starts_with(&format!("{:032x} ", 1))));
    assert!(
        has_it,
        "loopback has no IPv6 here (net.ipv6.conf.lo.disable_ipv6), so nothing shows that it is listened on"
    );
    for (home, enabled, expected) in [("", "1", true), ("Home=::\n", "1", true), ("", "0", false)] {
        let file = directory.join("gatekeeper.ini");
        let text = format!(
            "[Gatekeeper::Main]\n{home}EnableIPv6={enabled}\nUnicastRasPort=0\nUseMulticastListener=0\n\
             [RoutedMode]\nGKRouted=1\nCallSignalPort=0\n"
        );
        std::fs::write(&file, text).unwrap();
        let gatekeeper = Gatekeeper::start(&file, &[]);
        for role in ["ras udp", "signalling tcp"] {
            let there = gatekeeper.ready.contains(&format!("{role} [::1]:"));
            assert_eq!(there, expected, "{home}EnableIPv6={enabled}: {}", gatekeeper.ready);
            assert!(gatekeeper.ready.contains(&format!("{role} 127.0.0.1:")));
        }
        assert!(!gatekeeper.ready.contains("[fe80:"), "{}", gatekeeper.ready);
        if !expected {
            assert!(!gatekeeper.ready.contains('['), "{}", gatekeeper.ready);
            let port = gatekeeper.ready.rsplit(':').next().unwrap().parse().unwrap();
            assert!(TcpStream::connect((std::net::Ipv6Addr::LOCALHOST, port)).is_err());
        }
    }
}
