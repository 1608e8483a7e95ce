//! tshark: what somebody else sees on the links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::failure::Result;
use crate::namespace::{Namespace, run};
use crate::process::{Deadline, Running};

/// A capture on one interface.
#[derive(Debug)]
pub struct Witness {
    capture: Running,
    file: PathBuf,
}

impl Witness {
    /// Begins to capture, and returns once packets are seen.
    ///
    /// # Errors
    /// When the capture cannot be started.
    pub fn new(namespace: &Namespace, interface: &str, file: impl Into<PathBuf>) -> Result<Self> {
        let file = file.into();
        let mut command = namespace.command("dumpcap");
        command.args(["-q", "-i", interface, "-w"]).arg(&file);
        let mut capture = Running::start("dumpcap", &mut command)?;
        capture.wait_for("start of the capture", Deadline::patient(), |line| {
            line.contains("File: ").then_some(())
        })?;
        Ok(Self { capture, file })
    }

    /// Ends the capture and returns its file.
    ///
    /// # Errors
    /// When the capture does not end.
    pub fn finish(mut self) -> Result<PathBuf> {
        // What was sent just now is still on its way through the capture's buffer.
        std::thread::sleep(Duration::from_millis(500));
        self.capture.stop(Deadline::patient())?;
        Ok(self.file)
    }
}

/// The ports of multiplexed media, those of the configuration's default. tshark does not know H.460.19: it takes such
/// media for RTP that begins with the multiplexID.
const MULTIPLEXED: &str = "udp.port in {3000, 3001}";

/// The severity from which tshark calls something an error.
const ERROR: u32 = 0x80_0000;

/// What tshark makes of one frame.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Its number in the capture.
    pub number: String,
    /// The protocols found in it, outermost first.
    pub protocols: Vec<String>,
    /// Whether tshark calls it malformed or finds an error in it.
    pub faulty: bool,
    /// Which of the fields asked for it has.
    pub fields: BTreeSet<String>,
}

impl Frame {
    /// Whether this protocol is in it.
    #[must_use]
    pub fn carries(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|name| name == protocol)
    }
}

/// How many packets of multiplexed media a capture has.
///
/// # Errors
/// When tshark cannot read the file.
pub fn multiplexed(file: &Path) -> Result<usize> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-Y", MULTIPLEXED, "-T", "fields", "-e", "frame.number"]);
    Ok(run(&mut command)?.lines().count())
}

/// The contents of the datagrams of a capture that a filter of tshark selects, in order.
///
/// # Errors
/// When tshark cannot read the file.
pub fn datagrams(file: &Path, filter: &str) -> Result<Vec<Vec<u8>>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-Y", &format!("udp && ({filter})")]);
    let text = run(command.args(["-T", "fields", "-e", "udp.payload"]))?;
    let octets = |line: &str| -> Option<Vec<u8>> {
        let digits: Option<Vec<u32>> = line.chars().map(|digit| digit.to_digit(16)).collect();
        let octet = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
        digits?.chunks_exact(2).map(octet).collect()
    };
    Ok(text.lines().filter_map(octets).collect())
}

/// What tshark makes of the signalling and the media of a capture, looking for `fields`. Multiplexed media it cannot
/// read, see [`multiplexed`].
///
/// # Errors
/// When tshark cannot read the file.
pub fn tshark(file: &Path, fields: &[&str]) -> Result<Vec<Frame>> {
    const OWN: [&str; 4] =
        ["frame.number", "frame.protocols", "_ws.malformed", "_ws.expert.severity"];
    let mut command = Command::new("tshark");
    // The other port, which a NAT has chosen, may be that of something else tshark knows.
    command.args(["-o", "tcp.try_heuristic_first:TRUE"]);
    command.arg("-r").arg(file).args([
        "-Y",
        &format!("(h225 || h245 || q931 || tpkt || rtp || rtcp) && !({MULTIPLEXED})"),
    ]);
    command.args(["-T", "fields"]);
    for field in OWN.iter().chain(fields) {
        command.args(["-e", field]);
    }
    let text = run(&mut command)?;
    let frame = |line: &str| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (number, protocols) = (next().to_owned(), next().split(':').map(str::to_owned));
        let (malformed, severities) = (next(), next());
        let severe = |severity: &str| severity.parse().is_ok_and(|severity: u32| severity >= ERROR);
        Frame {
            number,
            protocols: protocols.collect(),
            faulty: !malformed.is_empty() || severities.split(',').any(severe),
            fields: fields
                .iter()
                .zip(columns)
                .filter(|(_, value)| !value.is_empty())
                .map(|(field, _)| (*field).to_owned())
                .collect(),
        }
    };
    Ok(text.lines().map(frame).collect())
}
