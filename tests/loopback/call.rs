//! Whole calls in one process: the gatekeeper, an endpoint outside, an endpoint behind a NAT. Real sockets, real
//! time, real audio.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use pinhole::event::{CallRecord, Event};
use pinhole::face::Agent;
use pinhole::firewall::{Firewall, Rules};
use pinhole::net::{Behind, Driver, Ended, Limits, drive, drive_behind, stopper};
use pinhole::node::{Node, Settings};
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Gatekeeper, Incoming, Options, Source};
use pinhole_config::Config;
use tokio::sync::watch;

/// The tone of who calls and of who is called, in hertz.
const TONES: [f64; 2] = [440.0, 1000.0];

/// How far a measured tone may be off.
const TONE_TOLERANCE: f64 = 5.0;

/// The addresses of one test, which no other test uses.
struct Town {
    gatekeeper: IpAddr,
    outside: IpAddr,
    nat: IpAddr,
    /// The phone that is called knows only IPv6.
    bob_by_ipv6: bool,
}

/// The only address of loopback in IPv6.
const IPV6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

impl Town {
    fn new(number: u8) -> Self {
        let at = |host| IpAddr::from([127, 0, number, host]);
        Self { gatekeeper: at(1), outside: at(2), nat: at(3), bob_by_ipv6: false }
    }
}

const INSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

fn gatekeeper(town: &Town) -> Box<dyn Agent> {
    let (config, problems) = Config::read(
        "[Gatekeeper::Main]\nName=Town\n[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n\
         [Proxy]\nEnable=1\nProxyAlways=1\n",
    );
    assert_eq!(problems, []);
    let mut locals = vec![town.gatekeeper];
    locals.extend(town.bob_by_ipv6.then_some(IPV6));
    Box::new(Node::new(Settings::from(&config), locals, [1; 32], now()))
}

/// A phone that answers, or calls `destination` and hangs up after two seconds.
fn phone(town: &Town, alias: &str, ip: IpAddr, destination: Option<&str>) -> Box<dyn Agent> {
    let calls = destination.is_some();
    let options = Options {
        gatekeeper: Gatekeeper::At(SocketAddr::new(
            if ip.is_ipv6() { IPV6 } else { town.gatekeeper },
            1719,
        )),
        ip,
        incoming: if calls { Incoming::Refused } else { Incoming::Answer },
        destination: destination.map(Destination::parse),
        hold: calls.then_some(Duration::from_secs(2)),
        source: Source::Tone(TONES[usize::from(!calls)]),
        ..Options::new(alias)
    };
    Box::new(Phone::new(options, [alias.len() as u8; 32], now()))
}

/// Collects what an agent tells, and says when it is registered.
#[derive(Clone)]
struct Diary {
    events: Rc<RefCell<Vec<Event>>>,
    registered: watch::Sender<bool>,
}

impl Diary {
    fn new() -> Self {
        Self { events: Rc::default(), registered: watch::Sender::new(false) }
    }

    fn writer(&self) -> impl FnMut(&Event) + use<> {
        let diary = self.clone();
        move |event| {
            if matches!(event, Event::Registered { .. }) {
                diary.registered.send_replace(true);
            }
            diary.events.borrow_mut().push(event.clone());
        }
    }

    async fn registered(&self) {
        self.registered.subscribe().wait_for(|yes| *yes).await.unwrap();
    }

    fn call(&self) -> CallRecord {
        let events = self.events.borrow();
        let ended = events.iter().filter_map(|event| match event {
            Event::CallEnded(record) => Some((**record).clone()),
            _ => None,
        });
        let all: Vec<_> = ended.collect();
        assert_eq!(all.len(), 1, "{events:#?}");
        all.into_iter().next().unwrap()
    }

    /// Asserts that the call was heard: the tone of the other end, and next to nothing lost.
    fn heard(&self, tone: f64) {
        let call = self.call();
        let received = call.channels.iter().find(|channel| channel.direction == "receive");
        let received = received.unwrap_or_else(|| panic!("nothing received: {call:#?}"));
        let measured = received.tone_hz.unwrap_or_else(|| panic!("no tone: {call:#?}"));
        assert!((measured - tone).abs() < TONE_TOLERANCE, "{call:#?}");
        assert!(received.packets > 50 && received.lost < received.packets / 10, "{call:#?}");
    }
}

/// The gatekeeper and two phones; the second calls the first, which waits. Where `nat` says, one of them is behind it.
async fn town_call(number: u8, nat: Option<(&str, Rules)>) {
    call_in(&Town::new(number), number, nat).await;
}

async fn call_in(town: &Town, number: u8, nat: Option<(&str, Rules)>) {
    let [keeper, bob, alice] = [Diary::new(), Diary::new(), Diary::new()];
    let ((stop_phones, stop), (stop_gatekeeper, stop_last)) = (stopper(), stopper());
    let gatekeeper =
        Driver::start(gatekeeper(town), Limits::default(), keeper.writer()).run(stop_last);
    let drive_phone = async |alias: &str, destination, diary: &Diary| match nat {
        Some((hidden, rules)) if hidden == alias => {
            let behind = Behind::new(Firewall::nat(town.nat, rules, [7; 32]), INSIDE);
            let phone = phone(town, alias, INSIDE, destination);
            drive_behind(phone, behind, stop.clone(), diary.writer()).await
        }
        _ => {
            let ip = match alias {
                "bob" if town.bob_by_ipv6 => IPV6,
                "bob" => town.outside,
                _ => [127, 0, number, 4].into(),
            };
            let phone = phone(town, alias, ip, destination);
            drive(phone, stop.clone(), diary.writer()).await
        }
    };
    let call = async {
        bob.registered().await;
        let ended = drive_phone("alice", Some("bob"), &alice).await;
        // What is still on its way when the caller has hung up.
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop_phones.stop();
        ended
    };
    let wait = async {
        let ended = drive_phone("bob", None, &bob).await;
        stop_gatekeeper.stop();
        ended
    };
    let all = async { tokio::join!(gatekeeper, wait, call) };
    let ended = tokio::time::timeout(Duration::from_secs(25), all).await;
    let told =
        || [&keeper, &bob, &alice].map(|diary| format!("{:#?}", diary.events.borrow())).join("\n");
    let finished = (Ended::Finished, Ended::Finished, Ended::Finished);
    assert_eq!(ended.unwrap_or_else(|_| panic!("too late: {}", told())), finished, "{}", told());

    alice.heard(TONES[1]);
    bob.heard(TONES[0]);
    let relayed = keeper.call();
    for direction in ["a-to-b", "b-to-a"] {
        let channel = relayed.channels.iter().find(|channel| channel.direction == direction);
        assert!(channel.is_some_and(|channel| channel.packets > 50), "{relayed:#?}");
    }
}

#[tokio::test]
async fn two_phones_hear_each_other_through_the_relay() {
    town_call(10, None).await;
}

#[tokio::test]
async fn a_phone_behind_a_nat_calls_out() {
    town_call(11, Some(("alice", Rules::symmetric()))).await;
}

#[tokio::test]
async fn a_phone_behind_a_nat_is_called() {
    town_call(12, Some(("bob", Rules::port_restricted()))).await;
}

#[tokio::test]
async fn ipv4_and_ipv6_hear_each_other() {
    call_in(&Town { bob_by_ipv6: true, ..Town::new(13) }, 13, None).await;
}
