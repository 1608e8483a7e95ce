//! The guard of the world finds media in clear, whatever it looks like and on whatever port it leaves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pinhole_h323::asn::h245::{
    DataApplicationCapabilityApplication as Application,
    DataApplicationCapabilityApplicationT38fax as Fax, DataProtocolCapability as Protocol,
};
use pinhole_h323::control::Accept;

use super::data::{CALLED, CALLER, Line, ack, acked, line, open, passes};
use crate::world::{Chop, Raw};

/// What is sent, and how.
struct Kind {
    name: &'static str,
    fax: bool,
    rtcp: bool,
    packet: fn(u8) -> Vec<u8>,
}

fn rtp(payload_type: u8, n: u8, contents: &[u8]) -> Vec<u8> {
    [&[0x80, payload_type, 0, n, 0, 0, 0, n, 0, 0, 0, 9][..], contents].concat()
}

const KINDS: [Kind; 6] = [
    Kind { name: "audio", fax: false, rtcp: false, packet: |n| rtp(8, n, &[0xd5 ^ n; 160]) },
    Kind { name: "digits", fax: false, rtcp: false, packet: |n| rtp(101, n, &[3, 10, 0, n]) },
    Kind { name: "comfort noise", fax: false, rtcp: false, packet: |n| rtp(13, n, &[60]) },
    Kind {
        name: "a camera's commands",
        fax: false,
        rtcp: false,
        packet: |n| rtp(100, n, &[0x7e, 0x86, 0x80, n, 1, 5, 16]),
    },
    Kind { name: "fax", fax: true, rtcp: false, packet: |n| vec![0, n, 1, 6, 0, 0] },
    Kind { name: "RTP as RTCP", fax: false, rtcp: true, packet: |n| rtp(200, n, &[0xff ^ n; 160]) },
];

impl Kind {
    /// Sends it from caller to called party, through a gatekeeper that encrypts nothing; true when it arrives.
    fn arrives(&self, guarded: bool) -> bool {
        let mut line: Line = line(Chop::AsSent);
        let ports = if self.rtcp { [5001, 6001] } else { [5000, 6000] };
        let [near, far] = [(0, CALLER), (1, CALLED)].map(|(n, ip)| {
            line.lab.world.with(line.hosts[n], |raw: &mut Raw, _| raw.udp(ip, ports[n]))
        });
        if guarded {
            line.lab.world.guard(&[CALLED]);
        }
        let t38 = Fax { t38_fax_protocol: Protocol::udp(()), ..Default::default() };
        let t38 = self.fax.then(|| Application::t38fax(Box::new(t38)));
        line.say(0, &open(1, t38, "198.51.100.31:5001")).expect("it is relayed");
        let heard = line.say(1, &ack(1, "198.51.100.32:6000")).expect("it is relayed");
        let mut to = Accept::read(acked(&heard)).media.expect("an address");
        to.set_port(to.port() + u16::from(self.rtcp));
        let packets: Vec<_> = (1..=5).map(self.packet).collect();
        passes(&mut line, [near, far], to, &packets) || passes(&mut line, [near, far], to, &packets)
    }
}

#[test]
fn the_guard_finds_whatever_leaves_as_it_came() {
    for kind in KINDS {
        assert!(kind.arrives(false), "{}", kind.name);
        let found = catch_unwind(AssertUnwindSafe(|| kind.arrives(true)));
        let why = found.expect_err(kind.name).downcast::<String>().expect("a sentence");
        assert!(why.contains("media in clear where the test forbids it"), "{why}");
    }
}
