//! The router between the inside and the world: masquerade, and no entry for strangers.

use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::namespace::{Namespace, run};

/// How long the NAT keeps an idle UDP mapping.
pub const UDP_TIMEOUT: Duration = Duration::from_secs(30);

/// Ports are masqueraded at random, so that nobody can get through by guessing them. Packets from outside that
/// belong to nothing known are counted by what they aim at, and dropped. IPv6 keeps its addresses.
const RULES: &str = r#"
table ip lab {
    chain leaving {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade fully-random
    }
}
table inet lab {
    counter to_nat { }
    counter to_inside { }
    counter invalid { }
    chain through {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan" oifname "lan" accept
        iifname "lan" oifname "wan" ct state new accept
        iifname "wan" ct state new counter name to_inside drop
        iifname "wan" counter name invalid
    }
    chain arriving {
        type filter hook input priority filter; policy drop;
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } accept
        icmpv6 type { mld-listener-query, mld-listener-report, mld2-listener-report } accept
        ct state established,related accept
        iifname "lan" accept
        iifname "wan" ct state new counter name to_nat drop
        iifname "wan" counter name invalid
    }
}"#;

/// The world beyond the NAT is out of reach: what arrives from there is dropped before it is seen, what leaves after it was
/// translated.
const LOSS: &str = r#"
table inet loss {
    chain arriving {
        type filter hook prerouting priority raw; policy accept;
        iifname "wan" drop
    }
    chain leaving {
        type filter hook postrouting priority 200; policy accept;
        oifname "wan" drop
    }
}"#;

/// Packets that came from outside without belonging to anything that began inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uninvited {
    /// Aimed at the NAT's own outside address.
    pub to_nat: u64,
    /// Aimed at an address of the inside network.
    pub to_inside: u64,
}

/// The NAT, in its namespace.
#[derive(Debug)]
pub struct Nat {
    /// Its namespace; `lan` is its inside interface, `wan` the outside one.
    pub namespace: Namespace,
}

impl Nat {
    /// Turns a namespace with the interfaces `lan` and `wan` into a NAT.
    pub(crate) fn new(namespace: Namespace) -> Result<Self> {
        let seconds = UDP_TIMEOUT.as_secs();
        run(namespace.command("nft").arg(RULES))?;
        for setting in [
            "net.ipv4.ip_forward=1".to_owned(),
            "net.ipv6.conf.all.forwarding=1".to_owned(),
            format!("net.netfilter.nf_conntrack_udp_timeout={seconds}"),
            format!("net.netfilter.nf_conntrack_udp_timeout_stream={seconds}"),
            // A connection is one only if its beginning was seen.
            "net.netfilter.nf_conntrack_tcp_loose=0".to_owned(),
        ] {
            namespace.run(&format!("sysctl -qw {setting}"))?;
        }
        Ok(Self { namespace })
    }

    /// What the NAT has turned away so far.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn uninvited(&self) -> Result<Uninvited> {
        Ok(Uninvited { to_nat: self.counter("to_nat")?, to_inside: self.counter("to_inside")? })
    }

    /// The mappings that stand now, one a line, as conntrack lists them.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn mappings(&self) -> Result<String> {
        self.namespace.run("conntrack -L")
    }

    /// Forgets every mapping, as a NAT does that restarts.
    ///
    /// # Errors
    /// When conntrack refuses.
    pub fn forget(&self) -> Result<()> {
        self.namespace.run("conntrack -F").map(|_| ())
    }

    /// Forgets every mapping of UDP: connections stay.
    ///
    /// # Errors
    /// When conntrack refuses.
    pub fn forget_udp(&self) -> Result<()> {
        self.namespace.run("conntrack -D -p udp").map(|_| ())
    }

    /// Loses every packet between inside and outside, until [`Self::restore`].
    ///
    /// # Errors
    /// When nft refuses.
    pub fn lose_all(&self) -> Result<()> {
        run(self.namespace.command("nft").arg(LOSS)).map(|_| ())
    }

    /// Loses nothing any more.
    ///
    /// # Errors
    /// When nothing was lost.
    pub fn restore(&self) -> Result<()> {
        self.namespace.run("nft delete table inet loss").map(|_| ())
    }

    fn counter(&self, name: &str) -> Result<u64> {
        let text = self.namespace.run(&format!("nft list counter inet lab {name}"))?;
        let mut words = text.split_whitespace().skip_while(|word| *word != "packets").skip(1);
        words
            .next()
            .and_then(|number| number.parse().ok())
            .ok_or(Failure::Unreadable { what: "nft", text })
    }
}
