//! Runs an agent as a service: says when it is ready, writes its process id, becomes another user.

use std::ffi::CString;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{User, initgroups, setgid, setuid};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::status::StatusSocket;
use super::stop::stopper;
use super::tell::Teller;
use super::{Driver, Ended, Limits, bind, clock};
use crate::event::Event;
use crate::face::Agent;

/// Sockets that may be open where the system does not tell.
const USUAL_SOCKETS: u64 = 1024;

/// How a service is run.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Where the process id is written once it is ready; the file is removed at the end.
    pub pid: Option<PathBuf>,
    /// The user to become once the ports are bound.
    pub user: Option<String>,
    /// The socket on which it is asked what it holds.
    pub status: Option<PathBuf>,
    /// Whether events are told on stdout, as JSON.
    pub json: bool,
    /// What it may use.
    pub limits: Limits,
}

/// Why a service did not start.
#[derive(Debug, Error)]
pub enum Failure {
    /// One line for each address that could not be bound, and why.
    #[error("{}", .0.join("\n"))]
    NotListening(Vec<String>),
    /// Nothing was bound at all.
    #[error("there is no address to listen on")]
    Nowhere,
    /// The process id could not be written.
    #[error("cannot write {path}: {error}")]
    Pid {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The status socket could not be made.
    #[error("cannot listen on the status socket {path}: {why}")]
    Status {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It could not become the user it should be.
    #[error("cannot become user {user}: {why}")]
    User {
        /// Who.
        user: String,
        /// Why.
        why: String,
    },
    /// The system gives us no runtime.
    #[error("cannot start: {0}")]
    Runtime(#[from] io::Error),
}

/// Runs the agent that `make` makes (see [`allow_many_sockets`]) until it ends, or SIGTERM or SIGINT ends it: the first of them asks it to, a
/// second one does not ask. Once all it listens on is bound, prints one line on stdout: `ready` and each address.
///
/// # Errors
/// When it does not come so far.
pub fn serve(
    service: &Service,
    make: impl FnOnce(Instant) -> Box<dyn Agent>,
) -> Result<Ended, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let (stopper, stop) = stopper();
        stopper.on_signals()?;
        outlive_hangups()?;
        let (events, heard) = channel();
        let teller = service.json.then(Teller::start).transpose()?;
        let driver = Driver::start(make(clock::now()), service.limits, move |event: &Event| {
            teller.iter().for_each(|teller| teller.tell(event));
            // Without discovery, whoever knows our address finds us all the same.
            let tells = match event {
                Event::Listening { role, .. } | Event::NotListening { role, .. } => {
                    *role != "discovery"
                }
                _ => false,
            };
            if tells {
                // After the beginning nobody takes it any more.
                let _ = events.send(event.clone());
            }
        });
        let beginning: Vec<Event> = heard.try_iter().collect();
        drop(heard);
        let ready = ready(&beginning)?;
        let mut status =
            service.status.as_deref().map(|path| status_socket(path, service)).transpose()?;
        if let Some(path) = &service.pid {
            write_pid(path).map_err(|error| Failure::Pid { path: path.clone(), error })?;
        }
        if let Some(user) = &service.user {
            become_user(user)
                .map_err(|why| Failure::User { user: user.clone(), why })
                .inspect_err(|_| remove_pid(service))?;
        }
        if let Some(socket) = &mut status {
            socket.serve(driver.asker());
        }
        announce(&ready);
        Ok(driver.run(stop).await)
    });
    if ended.is_ok() {
        remove_pid(service);
    }
    ended
}

/// SIGHUP asks to read the configuration again. That is not done yet, but it must not end the calls.
fn outlive_hangups() -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            warn!("SIGHUP: the configuration is only read at the start");
        }
    });
    Ok(())
}

/// The line that says where the agent listens.
fn ready(events: &[Event]) -> Result<String, Failure> {
    let failures: Vec<String> = events.iter().filter_map(failure).collect();
    if !failures.is_empty() {
        return Err(Failure::NotListening(failures));
    }
    let mut addresses: Vec<_> = events.iter().filter_map(address).collect();
    if addresses.is_empty() {
        return Err(Failure::Nowhere);
    }
    // All of a role together, as the agent told them.
    addresses.sort_by_key(|(role, _)| *role);
    let addresses: Vec<_> = addresses.into_iter().map(|(_, address)| address).collect();
    Ok(format!("ready {}", addresses.join(", ")))
}

fn address(event: &Event) -> Option<(&'static str, String)> {
    match event {
        Event::Listening { role, transport, at } => {
            Some((*role, format!("{role} {transport} {at}")))
        }
        _ => None,
    }
}

fn failure(event: &Event) -> Option<String> {
    let Event::NotListening { role, transport, ip, port } = event else { return None };
    // The agent was not told why: the face has no words for it. Asked again, the system says the same.
    let again = match *transport {
        "udp" => bind::udp(*ip, &(*port..=*port)).err(),
        _ => bind::tcp(*ip, &(*port..=*port)).err(),
    };
    let why = again.map_or_else(String::new, |error| format!(": {}", reason(&error)));
    let at = SocketAddr::new(*ip, *port);
    Some(format!("cannot listen on {role} {transport} {at}{why}"))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use by another program".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this host has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need root".to_owned(),
        _ => error.to_string(),
    }
}

fn announce(ready: &str) {
    let mut stdout = io::stdout().lock();
    // Who closed our stdout does not want to know.
    let _ = writeln!(stdout, "{ready}").and_then(|()| stdout.flush());
    info!("{ready}");
}

/// The status socket, which belongs to the user that the process will be.
fn status_socket(path: &Path, service: &Service) -> Result<StatusSocket, Failure> {
    let failed = |why: String| Failure::Status { path: path.to_owned(), why };
    let socket = StatusSocket::bind(path).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => failed("there is something already".to_owned()),
        _ => failed(error.to_string()),
    })?;
    if let Some(user) = service.user.as_deref().and_then(|name| User::from_name(name).ok()?) {
        std::os::unix::fs::chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(|error| failed(error.to_string()))?;
    }
    Ok(socket)
}

fn write_pid(path: &Path) -> io::Result<()> {
    std::fs::write(path, format!("{}\n", std::process::id()))
}

/// Another user may not be allowed to remove the file; then it stays, as a crash would leave it.
fn remove_pid(service: &Service) {
    if let Some(path) = &service.pid {
        let _ = std::fs::remove_file(path);
    }
}

/// Gives up the privileges of root for those of a user, and proves that they are gone.
fn become_user(name: &str) -> Result<(), String> {
    let user = User::from_name(name).map_err(|error| error.desc().to_owned())?;
    let user = user.ok_or("there is no such user")?;
    if nix::unistd::geteuid() == user.uid {
        return Ok(());
    }
    let name = CString::new(name).map_err(|error| error.to_string())?;
    let become_it = || {
        initgroups(&name, user.gid)?;
        setgid(user.gid)?;
        setuid(user.uid)
    };
    become_it().map_err(|error: nix::Error| error.desc().to_owned())?;
    if !user.uid.is_root() && setuid(nix::unistd::Uid::from_raw(0)).is_ok() {
        return Err("root's privileges came back".to_owned());
    }
    Ok(())
}

/// Raises the limit of open sockets as far as it may be: a relayed call takes more than the thousand that many systems
/// give without being asked. Returns how many there may be.
pub fn allow_many_sockets() -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((USUAL_SOCKETS, USUAL_SOCKETS));
    let most = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(error) => {
            warn!(%error, "cannot raise the limit of open sockets");
            soft
        }
    };
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Has the system give this process no huge pages where it would unasked, as Debian's does: one that is freed but for a call
/// would stay as a whole. A system that refuses loses no more than that memory.
pub fn take_small_pages() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::debug!(%error, "huge pages are not refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn there_are_no_huge_pages() {
        assert!(!nix::sys::prctl::get_thp_disable().unwrap(), "the test can fail");
        take_small_pages();
        assert!(nix::sys::prctl::get_thp_disable().unwrap());
    }

    fn listening(role: &'static str, transport: &'static str, at: &str) -> Event {
        Event::Listening { role, transport, at: at.parse().unwrap() }
    }

    #[test]
    fn the_ready_line_names_every_address() {
        let events = [
            listening("ras", "udp", "198.51.100.2:1719"),
            listening("signalling", "tcp", "198.51.100.2:1720"),
            listening("ras", "udp", "127.0.0.1:1719"),
        ];
        let expected = "ready ras udp 198.51.100.2:1719, ras udp 127.0.0.1:1719, \
                        signalling tcp 198.51.100.2:1720";
        assert_eq!(ready(&events).unwrap(), expected);
        assert!(matches!(ready(&[]), Err(Failure::Nowhere)));
    }

    #[test]
    fn a_port_that_cannot_be_bound_is_named_with_the_reason() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let not = |ip: &str, transport| {
            let ip = ip.parse().unwrap();
            Event::NotListening { role: "signalling", transport, ip, port }
        };
        let events = [
            listening("ras", "udp", "127.0.0.1:1719"),
            not("127.0.0.1", "tcp"),
            not("198.51.100.1", "udp"),
        ];
        let said = ready(&events).unwrap_err().to_string();
        let expected = format!(
            "cannot listen on signalling tcp 127.0.0.1:{port}: the address is in use by another program\n\
             cannot listen on signalling udp 198.51.100.1:{port}: this host has no such address"
        );
        assert_eq!(said, expected);
    }
}
