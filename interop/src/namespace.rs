//! Network namespaces that do not outlive the process that made them.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::failure::{Failure, Result};

/// Every namespace of every lab is named `pinhole-<pid>-<number>-<role>`.
const PREFIX: &str = "pinhole-";

/// Runs until its input ends – when the lab is dropped, or its process dies of anything – and then removes the
/// namespaces named by its arguments with everything that runs in them. The names go first, so that nothing can enter
/// any more; who had found the name just before is met in the second round. Until then each is held open: the system would
/// give its number to another lab's.
const JANITOR: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
for ns do
    (
        exec 3<"/run/netns/$ns" || exit
        id=$(stat -Lc %i "/run/netns/$ns")
        ip netns del "$ns"
        for round in 1 2; do
            for entry in $(find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "net:\\[$id\\]"); do
                pid=${entry#/proc/}
                kill -9 "${pid%%/*}"
            done
            sleep 0.1
        done
    ) &
done
wait"#;

/// A network namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// The name by which `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run in the namespace.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// The numbers of the processes that run in the namespace, one a line.
    ///
    /// # Errors
    /// When it is gone.
    pub fn processes(&self) -> Result<String> {
        run(Command::new("ip").args(["netns", "pids", &self.name]))
    }

    /// Runs a command in the namespace to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be run or ends with an error.
    pub fn run(&self, command: &str) -> Result<String> {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default();
        run(self.command(program).args(words))
    }

    /// Runs `work` in a thread of its own inside the namespace. Sockets made there stay there.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or `work` fails.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> Result<T> {
        let path = format!("/run/netns/{}", self.name);
        let inside = || {
            let file = File::open(&path)?;
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        };
        thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result.map_err(Failure::system(format!("in namespace {}", self.name))),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

/// A set of namespaces, removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Set {
    janitor: Child,
}

impl Set {
    /// Makes one namespace for each role, with its loopback up and without IPv6, whose neighbour discovery
    /// would only blur the captures.
    pub(crate) fn new<const N: usize>(roles: [&str; N]) -> Result<(Self, [Namespace; N])> {
        static SWEPT: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        SWEPT.call_once(sweep);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespaces = roles
            .map(|role| Namespace { name: format!("{PREFIX}{}-{number}-{role}", process::id()) });
        let janitor = Command::new("sh")
            .args(["-c", JANITOR, "janitor"])
            .args(namespaces.iter().map(Namespace::name))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Failure::system("sh"))?;
        let set = Self { janitor };
        for namespace in &namespaces {
            run(Command::new("ip").args(["netns", "add", &namespace.name]))?;
            namespace.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1")?;
            namespace.run("ip link set lo up")?;
        }
        Ok((set, namespaces))
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        drop(self.janitor.stdin.take());
        // A failure leaves namespaces behind, which the next run sweeps.
        let _ = self.janitor.wait();
    }
}

/// Joins two namespaces by a virtual Ethernet link, and names its ends.
pub(crate) fn join(a: &Namespace, a_end: &str, b: &Namespace, b_end: &str) -> Result<()> {
    let mut link = Command::new("ip");
    link.args(["link", "add", a_end, "netns", &a.name, "type", "veth"]);
    run(link.args(["peer", "name", b_end, "netns", &b.name]))?;
    a.run(&format!("ip link set {a_end} up"))?;
    b.run(&format!("ip link set {b_end} up"))?;
    Ok(())
}

/// Runs a command to its end and returns what it printed on standard output.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().map_err(Failure::system(line.clone()))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let text = [output.stdout, output.stderr].concat();
        Err(Failure::Command {
            command: line,
            output: String::from_utf8_lossy(&text).trim().to_owned(),
        })
    }
}

/// Removes what labs of dead processes have left, in case their janitors were killed as well. The first lab of a
/// process does this.
pub fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if !fs::exists(format!("/proc/{pid}")).unwrap_or(true) {
            let mut janitor = Command::new("sh");
            janitor.args(["-c", JANITOR, "janitor", &name]).stdin(Stdio::null());
            // Another lab may sweep the same one at the same time.
            let _ = janitor.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}
