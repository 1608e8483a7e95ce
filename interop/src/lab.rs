//! The topology.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::namespace::{self, Namespace};
use crate::nat::Nat;

/// The phone behind the NAT.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// The NAT's address on the inside.
pub const NAT_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The NAT's address on the outside: the one the world sees.
pub const NAT_OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The gatekeeper.
pub const GATEKEEPER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The phone outside.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 3);

const TOOLS: [&str; 6] = ["ip", "nft", "conntrack", "tshark", "dumpcap", "sysctl"];

/// One set of namespaces. Labs do not see one another and may run side by side.
#[derive(Debug)]
pub struct Lab {
    /// Where the inside phone lives; its interface is `eth0`.
    pub inside: Namespace,
    /// The router.
    pub nat: Nat,
    /// Where the gatekeeper lives; its interface is `eth0`.
    pub gatekeeper: Namespace,
    /// Where the outside phone lives; its interface is `eth0`.
    pub outside: Namespace,
    folder: PathBuf,
    // Last, so that whatever runs in the namespaces is gone before they go.
    _namespaces: namespace::Set,
}

impl Lab {
    /// Builds the topology. `folder` is where captures and configurations of this lab are kept.
    ///
    /// # Errors
    /// When something the lab needs is missing, or the system refuses it.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self> {
        prerequisites()?;
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(Failure::system(folder.display().to_string()))?;
        let (set, [inside, nat, internet, gatekeeper, outside]) =
            namespace::Set::new(["inside", "nat", "internet", "gatekeeper", "outside"])?;

        namespace::join(&inside, "eth0", &nat, "lan")?;
        namespace::join(&nat, "wan", &internet, "nat")?;
        namespace::join(&gatekeeper, "eth0", &internet, "gatekeeper")?;
        namespace::join(&outside, "eth0", &internet, "outside")?;
        internet.run("ip link add name hub up type bridge")?;
        for port in ["nat", "gatekeeper", "outside"] {
            internet.run(&format!("ip link set {port} master hub"))?;
        }

        inside.run(&format!("ip addr add {INSIDE}/24 dev eth0"))?;
        inside.run(&format!("ip route add default via {NAT_INSIDE}"))?;
        nat.run(&format!("ip addr add {NAT_INSIDE}/24 dev lan"))?;
        nat.run(&format!("ip addr add {NAT_OUTSIDE}/24 dev wan"))?;
        for (host, address) in [(&gatekeeper, GATEKEEPER), (&outside, OUTSIDE)] {
            host.run(&format!("ip addr add {address}/24 dev eth0"))?;
            // Who believes a private address reaches the NAT with it, and is counted there.
            host.run(&format!("ip route add default via {NAT_OUTSIDE}"))?;
        }
        let nat = Nat::new(nat)?;
        Ok(Self { inside, nat, gatekeeper, outside, folder, _namespaces: set })
    }

    /// Where captures and configurations of this lab are kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Checks that the lab can work here.
///
/// # Errors
/// Says what is missing.
pub fn prerequisites() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::NotRoot);
    }
    for program in TOOLS {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
            .arg("--version")
            .status()
            .map_err(|error| Failure::Missing { program: program.to_owned(), error })?;
    }
    Ok(())
}
