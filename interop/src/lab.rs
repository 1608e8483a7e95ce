//! The topology.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::namespace::{self, Namespace};
use crate::nat::Nat;

/// The phone behind the NAT.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
/// Another host behind the same NAT.
pub const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 3);
/// The NAT's address on the inside.
pub const NAT_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The NAT's address on the outside: the one the world sees.
pub const NAT_OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The gatekeeper.
pub const GATEKEEPER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The phone outside.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 3);
/// The second NAT's address on the outside.
pub const FAR_NAT_OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 4);
/// The second NAT's address on its inside.
pub const FAR_NAT_INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 1);
/// The phone behind the second NAT.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// The IPv6 address of a host that has this IPv4 address: 198.51.100.2 is 2001:db8::2, 10.0.1.2 is 2001:db8:1::2.
#[must_use]
pub const fn v6(host: Ipv4Addr) -> Ipv6Addr {
    let [first, _, site, number] = host.octets();
    let site = if first == 10 { site as u16 } else { 0 };
    Ipv6Addr::new(0x2001, 0xdb8, site, 0, 0, 0, 0, number as u16)
}

const TOOLS: [&str; 6] = ["ip", "nft", "conntrack", "tshark", "dumpcap", "sysctl"];

/// One set of namespaces. Labs do not see one another and may run side by side.
#[derive(Debug)]
pub struct Lab {
    /// Where the inside phone lives; its interface is `eth0`.
    pub inside: Namespace,
    /// Behind the same NAT; its interface is `eth0`.
    pub neighbour: Namespace,
    /// The router.
    pub nat: Nat,
    /// Behind the second NAT; its interface is `eth0`.
    pub far: Namespace,
    /// The second router.
    pub far_nat: Nat,
    /// Where the gatekeeper lives; its interface is `eth0`.
    pub gatekeeper: Namespace,
    /// Where the outside phone lives; its interface is `eth0`.
    pub outside: Namespace,
    folder: PathBuf,
    // Last, so that whatever runs in the namespaces is gone before they go.
    _namespaces: namespace::Set,
}

/// Whether hosts have IPv6 addresses beside those of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stack {
    V4,
    Dual,
}

impl Lab {
    /// Builds the topology. `folder` is where captures and configurations of this lab are kept.
    ///
    /// # Errors
    /// When something the lab needs is missing, or the system refuses it.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self> {
        Self::with(folder.into(), Stack::V4)
    }

    /// The same with IPv6 on every host. The routers do not translate IPv6 addresses, they only let nobody in.
    ///
    /// # Errors
    /// When something the lab needs is missing, or the system refuses it.
    pub fn dual_stack(folder: impl Into<PathBuf>) -> Result<Self> {
        Self::with(folder.into(), Stack::Dual)
    }

    fn with(folder: PathBuf, stack: Stack) -> Result<Self> {
        prerequisites()?;
        fs::create_dir_all(&folder).map_err(Failure::system(folder.display().to_string()))?;
        let (set, [inside, neighbour, nat, far, far_nat, internet, gatekeeper, outside]) =
            namespace::Set::new([
                "inside",
                "neighbour",
                "nat",
                "far",
                "far-nat",
                "internet",
                "gatekeeper",
                "outside",
            ])?;
        if stack == Stack::Dual {
            for host in [&inside, &neighbour, &nat, &far, &far_nat, &gatekeeper, &outside] {
                // Nobody else can have these addresses, so that nothing need wait for the proof of it.
                host.run("sysctl -qw net.ipv6.conf.default.accept_dad=0")?;
                host.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=0")?;
                host.run("sysctl -qw net.ipv6.conf.default.disable_ipv6=0")?;
            }
        }

        internet.run("ip link add name hub up type bridge")?;
        let hosts = [(&nat, "nat"), (&far_nat, "far-nat"), (&gatekeeper, "gk"), (&outside, "out")];
        for (host, port) in hosts {
            let end = if matches!(port, "nat" | "far-nat") { "wan" } else { "eth0" };
            namespace::join(host, end, &internet, port)?;
            internet.run(&format!("ip link set {port} master hub"))?;
        }
        for (nat, hosts) in [(&nat, &[&inside, &neighbour][..]), (&far_nat, &[&far])] {
            nat.run("ip link add name lan up type bridge")?;
            for (number, host) in hosts.iter().enumerate() {
                namespace::join(host, "eth0", nat, &format!("lan{number}"))?;
                nat.run(&format!("ip link set lan{number} master lan"))?;
            }
        }

        let address = |host: &Namespace, end: &str, address: Ipv4Addr| {
            host.run(&format!("ip addr add {address}/24 dev {end}"))?;
            if stack == Stack::Dual {
                host.run(&format!("ip addr add {}/64 dev {end}", v6(address)))?;
            }
            Ok(())
        };
        let route = |host: &Namespace, to: &str, via: Ipv4Addr| {
            host.run(&format!("ip route add default via {via}"))?;
            if stack == Stack::Dual {
                host.run(&format!("ip route add {to} via {}", v6(via)))?;
            }
            Ok(())
        };
        address(&inside, "eth0", INSIDE)?;
        address(&neighbour, "eth0", NEIGHBOUR)?;
        address(&nat, "lan", NAT_INSIDE)?;
        address(&nat, "wan", NAT_OUTSIDE)?;
        address(&far, "eth0", FAR)?;
        address(&far_nat, "lan", FAR_NAT_INSIDE)?;
        address(&far_nat, "wan", FAR_NAT_OUTSIDE)?;
        address(&gatekeeper, "eth0", GATEKEEPER)?;
        address(&outside, "eth0", OUTSIDE)?;
        route(&inside, "default", NAT_INSIDE)?;
        route(&neighbour, "default", NAT_INSIDE)?;
        route(&far, "default", FAR_NAT_INSIDE)?;
        for host in [&gatekeeper, &outside] {
            // Who believes a private address reaches the NAT with it, and is counted there.
            route(host, "2001:db8:1::/64", NAT_OUTSIDE)?;
            if stack == Stack::Dual {
                host.run(&format!("ip route add 2001:db8:2::/64 via {}", v6(FAR_NAT_OUTSIDE)))?;
            }
        }
        let (nat, far_nat) = (Nat::new(nat)?, Nat::new(far_nat)?);
        let _namespaces = set;
        Ok(Self { inside, neighbour, nat, far, far_nat, gatekeeper, outside, folder, _namespaces })
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
