//! What happens to a traversal zone: it recovers by itself within three keepalive intervals of a fault's end, calls whose
//! media survives go on, the others are released at both sides, and nothing is left over.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use pinhole_interop::{GATEKEEPER, Gatekeeper, Lab, NAT_OUTSIDE, PATIENCE, Phone, PhoneOptions};
use serde_json::Value;

use crate::lab;
use crate::measures::{AWAY, INSIDE_TONE, INTERVAL_S, LATENESS, OUTSIDE_TONE, RATE};
use crate::seats::{Party, Variant, number, talk};
use crate::zone::{BEHIND, DOWN, MOVED, OUT, UP, assert_empty, inner, outer};

/// Within this after a fault's end a zone recovers, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(3 * INTERVAL_S).saturating_add(LATENESS);

/// A zone that is up.
struct Zone {
    lab: Lab,
    server: Gatekeeper,
    client: Gatekeeper,
    files: [PathBuf; 2],
}

impl Zone {
    fn new(test: &str) -> Self {
        let lab = lab(test);
        let files = files(&lab, &GATEKEEPER.to_string(), &every());
        let [server, client] = started(&lab, &files, "");
        let mut zone = Self { lab, server, client, files };
        zone.is_up();
        zone
    }

    fn is_up(&mut self) {
        for gatekeeper in [&mut self.client, &mut self.server] {
            gatekeeper.told(&UP, PATIENCE).unwrap();
        }
    }

    /// It is well: calls both ways are heard, and nothing is left of those nor of earlier ones.
    fn assert_well(self) {
        self.assert_well_at(OUT);
    }

    fn assert_well_at(self, out: Party) {
        let plain = |h245| Variant { h245: [h245; 2], fast_start: false, multiplexed: false };
        talk(&self.lab, [BEHIND, out], &[plain("tunnel")], [&[], &[]]);
        talk(&self.lab, [out, BEHIND], &[plain("separate")], [&[], &[]]);
        for gatekeeper in [self.client, self.server] {
            assert_empty(&gatekeeper);
            gatekeeper.stop().unwrap();
        }
    }

    /// A call of an inside phone that stands.
    fn call(&self, hold: &str) -> Call {
        let options = |user, party: Party, tone, more| PhoneOptions {
            user,
            gatekeeper: party.gatekeeper,
            traversal: party.traversal,
            h245: "separate",
            tone,
            more,
        };
        let listening = ["--listen", "--auto-answer"];
        let called = options("called", OUT, TONES[1], &listening);
        let mut callee = Phone::start(OUT.place.namespace(&self.lab), called).unwrap();
        callee.registered().unwrap();
        let calling = ["--hold", hold, "called"];
        let calling = options("calling", BEHIND, TONES[0], &calling);
        let mut caller = Phone::start(BEHIND.place.namespace(&self.lab), calling).unwrap();
        for phone in [&mut caller, &mut callee] {
            phone.event("call-started", PATIENCE).unwrap();
        }
        // Media flows, too.
        thread::sleep(Duration::from_secs(2));
        Call([caller, callee])
    }
}

fn files(lab: &Lab, host: &str, more: &str) -> [PathBuf; 2] {
    [outer(lab, more), inner(lab, host, "clientpw", more)]
}

/// Keepalives come as often as faults need it.
fn every() -> String {
    format!("[RoutedMode]\nH46018KeepAliveInterval={INTERVAL_S}\n")
}

/// Starts the server, and the client after a command of the shell.
fn started(lab: &Lab, [outer, inner]: &[PathBuf; 2], before: &str) -> [Gatekeeper; 2] {
    let server = Gatekeeper::start(&lab.gatekeeper, outer).unwrap();
    [server, Gatekeeper::start_with(&lab.inside, inner, before).unwrap()]
}

/// The tones of caller and called party, in hertz.
const TONES: [u32; 2] = [INSIDE_TONE, OUTSIDE_TONE];

/// Caller and called party.
struct Call([Phone; 2]);

impl Call {
    fn records(&mut self) -> [Value; 2] {
        let Self([caller, callee]) = self;
        [caller, callee].map(|phone| phone.event("call-ended", PATIENCE).unwrap())
    }

    /// Both sides learn that it is over, and why.
    fn assert_released(mut self) {
        for record in self.records() {
            assert!(record["cause"].as_u64().is_some_and(|cause| cause != 16), "{record}");
            assert!(record["sentence"].as_str().is_some_and(|why| !why.is_empty()), "{record}");
        }
    }

    /// It goes on to the end that the caller wants; media is away for no longer than this.
    fn assert_goes_on(mut self, hold: f64, away: Duration) {
        let records = self.records();
        let most = RATE * (away + LATENESS).as_secs_f64();
        for (record, tone) in records.iter().zip(TONES.iter().rev()) {
            let received = |name| number("call", record, "audio", "receive", name);
            assert!(received("lost") <= most, "{record}");
            assert!(received("packets") >= RATE * hold - most - 100.0, "{record}");
            assert!((received("tone_hz") - f64::from(*tone)).abs() < 5.0, "{record}");
        }
        let lost = records.iter().map(|record| number("call", record, "audio", "receive", "lost"));
        assert!(lost.sum::<f64>() > 0.0, "nothing was lost: {records:?}");
    }
}

#[test]
fn the_server_is_restarted() {
    let mut zone = Zone::new("faults-server");
    let call = zone.call("100");
    let file = zone.files[0].clone();
    // It is killed, and says good-bye to nobody.
    let again = |lab: &Lab| Gatekeeper::start(&lab.gatekeeper, &file).unwrap();
    let Zone { lab, server, client, files } = zone;
    drop(server);
    call.assert_released();
    assert_empty(&client);
    let server = again(&lab);
    zone = Zone { lab, server, client, files };
    zone.server.told(&UP, RECOVERY).unwrap();
    zone.assert_well();
}

#[test]
fn the_client_is_restarted() {
    let mut zone = Zone::new("faults-client");
    let call = zone.call("100");
    let file = zone.files[1].clone();
    let Zone { lab, server, client, files } = zone;
    drop(client);
    call.assert_released();
    assert_empty(&server);
    let client = Gatekeeper::start(&lab.inside, &file).unwrap();
    zone = Zone { lab, server, client, files };
    zone.client.told(&UP, RECOVERY).unwrap();
    zone.assert_well();
}

#[test]
fn the_nat_gives_other_ports() {
    let mut zone = Zone::new("faults-ports");
    let call = zone.call("14");
    zone.lab.nat.forget_udp().unwrap();
    zone.server.told(&MOVED, RECOVERY).unwrap();
    call.assert_goes_on(14.0, AWAY);
    zone.assert_well();
}

#[test]
fn the_nat_forgets_everything() {
    let mut zone = Zone::new("faults-nat");
    let call = zone.call("14");
    zone.lab.nat.forget().unwrap();
    zone.server.told(&MOVED, RECOVERY).unwrap();
    call.assert_goes_on(14.0, AWAY);
    zone.assert_well();
}

/// Connections whose octets nobody acknowledges for half a minute are given up, and the calls with them.
#[test]
fn all_is_lost_for_a_minute() {
    let mut zone = Zone::new("faults-loss");
    let call = zone.call("200");
    zone.lab.nat.lose_all().unwrap();
    thread::sleep(Duration::from_secs(60));
    zone.lab.nat.restore().unwrap();
    for gatekeeper in [&mut zone.client, &mut zone.server] {
        gatekeeper.told(&DOWN, LATENESS).unwrap();
        gatekeeper.told(&UP, RECOVERY).unwrap();
    }
    call.assert_released();
    zone.assert_well();
}

/// What they outlast, the calls do, too, though the zone is down meanwhile.
#[test]
fn all_is_lost_for_a_third_of_a_minute() {
    // Longer than the three intervals after which a zone is down, in any case.
    const AWHILE: Duration = Duration::from_secs(20);
    let mut zone = Zone::new("faults-short-loss");
    let call = zone.call("45");
    zone.lab.nat.lose_all().unwrap();
    thread::sleep(AWHILE);
    zone.lab.nat.restore().unwrap();
    for gatekeeper in [&mut zone.client, &mut zone.server] {
        gatekeeper.told(&DOWN, LATENESS).unwrap();
        gatekeeper.told(&UP, RECOVERY).unwrap();
    }
    call.assert_goes_on(45.0, AWHILE + AWAY);
    zone.assert_well();
}

#[test]
fn the_password_is_wrong_at_first() {
    let lab = lab("faults-password");
    let host = GATEKEEPER.to_string();
    let right = files(&lab, &host, &every());
    let wrong = inner(&lab, &host, "mistyped", &every());
    let [mut server, mut client] = started(&lab, &[right[0].clone(), wrong], "");
    let said = client.told(&DOWN, PATIENCE).unwrap();
    assert!(said.contains("refuses us"), "{said}");
    let said = server.told(&[" zone ", "state=\"refused\""], PATIENCE).unwrap();
    assert!(said.contains("password"), "{said}");
    client.stop().unwrap();
    let files = files(&lab, &host, &every());
    let client = Gatekeeper::start(&lab.inside, &files[1]).unwrap();
    let mut zone = Zone { lab, server, client, files };
    zone.client.told(&UP, RECOVERY).unwrap();
    zone.assert_well();
}

/// The time between keepalives where the clock is wrong: what time it is an agent hears every 15 s.
const SLOWLY: &str = "[RoutedMode]\nH46018KeepAliveInterval=10\n";

#[test]
fn the_clock_is_an_hour_off() {
    let lab = lab("faults-clock");
    let library = preloadable(lab.folder());
    let ahead = lab.folder().join("ahead");
    let set = |seconds| fs::write(&ahead, vec![0; seconds]).unwrap();
    set(0);
    let files = files(&lab, &GATEKEEPER.to_string(), SLOWLY);
    let before = format!("export CLOCK_AHEAD={} LD_PRELOAD={}", ahead.display(), library.display());
    let [server, client] = started(&lab, &files, &before);
    let mut zone = Zone { lab, server, client, files };
    zone.is_up();
    set(3600);
    let said = zone.client.told(&DOWN, PATIENCE).unwrap();
    assert!(said.contains("our clock is 36") && said.contains("ahead of its own"), "{said}");
    let said = zone.server.told(&[" zone ", "state=\"refused\""], PATIENCE).unwrap();
    assert!(said.contains("its clock is 36"), "{said}");
    set(0);
    zone.client.told(&UP, Duration::from_secs(30) + LATENESS).unwrap();
    zone.assert_well();
}

/// A clock that can be put forward, for one process.
fn preloadable(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/clock.c");
    let library = folder.join("clock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).args([&library, &source]);
    assert!(compiler.status().unwrap().success());
    library
}

#[test]
fn the_servers_name_moves_to_another_address() {
    const NAME: &str = "gk.example.org";
    const MOVED_TO: [u8; 4] = [198, 51, 100, 5];
    let lab = lab("faults-name");
    let hosts = lab.folder().join("hosts");
    let names = |address: &str| fs::write(&hosts, format!("{address} {NAME}\n")).unwrap();
    names(&GATEKEEPER.to_string());
    let files = files(&lab, NAME, &every());
    let [server, client] =
        started(&lab, &files, &format!("mount --bind {} /etc/hosts", hosts.display()));
    let mut zone = Zone { lab, server, client, files };
    zone.is_up();

    let Zone { lab, server, mut client, files } = zone;
    drop(server);
    client.told(&DOWN, PATIENCE).unwrap();
    let to = std::net::Ipv4Addr::from(MOVED_TO);
    lab.gatekeeper.run(&format!("ip addr del {GATEKEEPER}/24 dev eth0")).unwrap();
    lab.gatekeeper.run(&format!("ip addr add {to}/24 dev eth0")).unwrap();
    lab.gatekeeper.run(&format!("ip route replace default via {NAT_OUTSIDE}")).unwrap();
    let server = Gatekeeper::start(&lab.gatekeeper, &files[0]).unwrap();
    names(&to.to_string());
    zone = Zone { lab, server, client, files };
    zone.client.told(&UP, RECOVERY).unwrap();
    zone.assert_well_at(Party { gatekeeper: to.into(), ..OUT });
}
