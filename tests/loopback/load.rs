//! Many calls through the gatekeeper as a proxy, on real sockets: all are heard at both ends, and nothing is left.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use pinhole::event::{CallRecord, Event, LoadRecord};
use pinhole::face::Agent;
use pinhole::net::{Ended, drive, now, stopper};
use pinhole::node::{Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};
use pinhole_config::Config;
use tokio::sync::watch;

/// The tones of who calls and of who is called, in hertz.
const TONES: [f64; 2] = [440.0, 1000.0];

/// What the three told: the gatekeeper, who is called, who calls.
type Told = [Rc<RefCell<Vec<Event>>>; 3];

/// Calls as `adjust` says; what everybody told.
async fn load(number: u8, adjust: impl FnOnce(&mut Options)) -> Told {
    let at = |host| IpAddr::from([127, 0, number, host]);
    let told: Told = Default::default();
    let [keeper, called, caller] = told.clone();
    let text = "[Gatekeeper::Main]\nName=Load\n[RoutedMode]\nGKRouted=1\nH245Routed=1\n\
                [Proxy]\nEnable=1\nProxyAlways=1\n";
    let (config, problems) = Config::read(text);
    assert_eq!(problems, []);
    let node = Node::new(Settings::from(&config), vec![at(1)], [1; 32], now());
    let options = |alias, host, tone| Options {
        gatekeeper: Gatekeeper::At(SocketAddr::new(at(1), 1719)),
        ip: at(host),
        source: Source::Tone(tone),
        ..Options::new(alias)
    };
    let bob = Options { incoming: Incoming::Answer, ..options("bob", 2, TONES[1]) };
    let destination = Some(Destination::parse("bob"));
    let mut alice = Options { destination, ..options("alice", 3, TONES[0]) };
    adjust(&mut alice);
    let phone = |options, seed| -> Box<dyn Agent> { Box::new(Phone::new(options, seed, now())) };
    let (ready, mut is_ready) = watch::channel(false);
    let ((stop_bob, bob_stops), (stop_node, node_stops)) = (stopper(), stopper());
    let node = drive(Box::new(node), node_stops, |event| keeper.borrow_mut().push(event.clone()));
    let wait = async {
        let ended = drive(phone(bob, [2; 32]), bob_stops, |event| {
            if matches!(event, Event::Registered { .. }) {
                ready.send_replace(true);
            }
            called.borrow_mut().push(event.clone());
        });
        let ended = ended.await;
        stop_node.stop();
        ended
    };
    let call = async {
        is_ready.wait_for(|yes| *yes).await.unwrap();
        let (_stopper, stop) = stopper();
        let tell = |event: &Event| caller.borrow_mut().push(event.clone());
        let ended = drive(phone(alice, [3; 32]), stop, tell).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop_bob.stop();
        ended
    };
    let all =
        tokio::time::timeout(Duration::from_secs(120), async { tokio::join!(node, wait, call) });
    let ended = all.await.unwrap_or_else(|_| panic!("too late: {told:#?}"));
    assert_eq!(ended, (Ended::Finished, Ended::Finished, Ended::Finished));
    told
}

fn summary(events: &[Event]) -> LoadRecord {
    let load = |event: &Event| match event {
        Event::LoadEnded(record) => Some((**record).clone()),
        _ => None,
    };
    events.iter().find_map(load).unwrap_or_else(|| panic!("no summary: {events:#?}"))
}

fn records(events: &[Event]) -> impl Iterator<Item = &CallRecord> {
    events.iter().filter_map(|event| match event {
        Event::CallEnded(record) => Some(&**record),
        _ => None,
    })
}

/// Each end heard the other's tone in every call, and the gatekeeper relayed each.
fn all_heard(told: &Told, calls: u64) {
    let [keeper, called, caller] = told.each_ref().map(|events| events.borrow());
    for (events, tone) in [(&called, TONES[0]), (&caller, TONES[1])] {
        let load = summary(events);
        assert_eq!((load.calls, load.connected, load.heard), (calls, calls, calls), "{load:#?}");
        for record in records(events) {
            let heard = record.channels.iter().find(|c| c.direction == "receive").unwrap();
            assert!((heard.tone_hz.unwrap() - tone).abs() < 5.0, "{record:#?}");
        }
    }
    assert_eq!(records(&keeper).count() as u64, calls);
    for record in records(&keeper) {
        assert!(record.channels.iter().all(|channel| channel.packets > 0), "{record:#?}");
    }
}

/// Set in a process that runs one test only.
const ALONE: &str = "PINHOLE_TEST_ALONE";

/// Open descriptors of this process.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// In a process of its own: what others open and close at the same time would hide a leak.
#[test]
fn many_calls_are_heard_and_leave_no_socket() {
    let name = "load::many_calls_are_heard_and_leave_no_socket";
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(many_calls());
    }
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    let ran = said.contains("1 passed");
    assert!(alone.status.success() && ran, "{said}{}", String::from_utf8_lossy(&alone.stderr));
}

/// One after the other, because each is a load for the machine.
async fn many_calls() {
    let before = descriptors();
    let at_a_time = |options: &mut Options| {
        (options.calls, options.rate) = (50, 40.0);
        options.hold = Some(Duration::from_secs(3));
    };
    all_heard(&load(90, at_a_time).await, 50);
    let a_few_at_a_time = |options: &mut Options| {
        (options.calls, options.rate, options.at_once) = (200, 40.0, 25);
        options.hold = Some(Duration::from_secs(2));
        options.tunnelling = false;
    };
    all_heard(&load(91, a_few_at_a_time).await, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    // A call has nine sockets and more, and there were 250 of them.
    assert!(descriptors() <= before + 10, "sockets are left: {before}, {}", descriptors());
}
