//! Ports and addresses of ours: those that the configuration says, given back, and not used again at once.

use pinhole::node::Settings;
use pinhole::phone::Phone;
use pinhole::phone::options::{Incoming, Options, Source};

use super::lab::{Lab, NODE, Place, Plan, connected, heard, lab_at};
use crate::world::{Chop, HostId, ip, seconds};
use Place::Outside;

const MORE: &str = "198.51.100.11";
const PEER: &str = "198.51.100.77";

/// A gatekeeper of two addresses and narrow ranges, and somebody who is not registered and answers.
fn narrow(chop: Chop, settings: Settings) -> (Lab, HostId) {
    let settings = Settings {
        q931_ports: 20_000..=20_009,
        h245_ports: 21_000..=21_029,
        rtp_ports: 22_000..=22_099,
        ..settings
    };
    let mut lab = lab_at(Plan { settings, ..Plan::with(chop) }, &[MORE]);
    let options = Options {
        ip: ip(PEER),
        incoming: Incoming::Answer,
        source: Source::Tone(880.0),
        tunnelling: false,
        ..Options::new("peer")
    };
    let peer = lab.world.host("peer", PEER, Phone::new(options, [3; 32], lab.world.now()));
    (lab, peer)
}

fn connections_and_media_come_from_where_the_configuration_says(chop: Chop) {
    for (bind, from) in [(None, NODE), (Some(ip(MORE)), MORE)] {
        let (mut lab, peer) = narrow(chop, Settings { bind, ..Settings::default() });
        lab.world.mark_rest();
        let alice = lab.calling("alice", Outside, (PEER, 440.0, 3), |options| {
            options.tunnelling = false;
        });
        lab.world.must("talking", |world| world.told(alice, connected), seconds(20));
        lab.world.run_for(seconds(1));
        let mut seen = lab.world.streams(peer).into_iter().map(|(_, there)| there);
        let signalling = seen.next().unwrap();
        assert_eq!(signalling.ip(), ip(from));
        assert!((20_000..=20_009).contains(&signalling.port()), "{signalling}");
        let control = seen.next().unwrap();
        assert_eq!(control.ip(), ip(from));
        assert!((21_000..=21_029).contains(&control.port()), "{control}");
        let media = lab.world.relaying_ports(lab.node);
        assert_eq!(media.len(), 4);
        assert!(media.iter().all(|at| (22_000..=22_099).contains(&at.port())), "{media:?}");
        let addresses: Vec<_> = media.iter().filter(|at| at.ip() == ip(from)).collect();
        assert_eq!(addresses.len(), if bind.is_some() { 2 } else { 4 }, "{media:?}");
        heard(&lab.record(alice, 1, seconds(60)), 3, 880.0);
        lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
        lab.nothing_left();
    }
}

as_sent_and_octet_by_octet! {
    connections_and_media_come_from_where_the_configuration_says,
}
