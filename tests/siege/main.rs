//! A gatekeeper as operators run it, phones in a call, and who wishes them ill. Real sockets on loopback, real time.
//!
//! `PINHOLE_HOSTILE=100000 cargo test --test siege -- --nocapture` sends so many hostile messages instead of
//! [`MESSAGES`], and says what it saw.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod attack;
#[path = "../hostile/mod.rs"]
#[allow(dead_code, reason = "the simulated world uses more of it")]
mod hostile;
mod raw;
mod town;

use std::time::Duration;

use pinhole::net::now;
use pinhole_h323::id::CallId;

use attack::Attack;
use hostile::Hostile;
use town::Town;

/// How many messages come.
const MESSAGES: usize = 5000;

/// Memory that the gatekeeper may take while they come, in KiB.
const MORE_MEMORY: usize = 64 << 10;

/// What is not limited here reaches the decoders: all of it.
const OPEN: &str = "[RoutedMode]\nAcceptUnregisteredCalls=1\nUnregisteredCallsTo=anybody\nCpsLimit=0\n\
    [Pinhole::Limits]\nRasPerSource=1000000\nSetupsPerSource=1000000\n\
    MessagesPerConnection=1000000\nHalfOpenPerSource=1000\n";

#[test]
fn a_call_goes_on_while_hostile_messages_come() {
    let asked = std::env::var("PINHOLE_HOSTILE").ok().and_then(|text| text.parse().ok());
    let count: usize = asked.unwrap_or(MESSAGES);
    let town = Town::start(1, OPEN);
    let bob = town.phone(10, &["-u", "bob", "-a", "--tone", "880"]);
    bob.says("registered");
    let alice = town.phone(11, &["-u", "alice", "--tone", "440", "--hold", "3000", "bob"]);
    let call = alice.says("call-connected");
    let call = call["callid"].as_str().unwrap().to_owned();
    let before = town.memory();

    let begun = now();
    let mut attack = Attack::new(&town, Hostile::new(count as u64, CallId([7; 16])));
    let (mut most, mut answers) = (before, 0);
    for n in 0..count {
        attack.strike(n);
        if n % 50 == 0 {
            attack.probe().unwrap_or_else(|| panic!("no answer to RRQ after {n} messages"));
            answers += 1;
            most = most.max(town.memory());
        }
        assert!(alice.lives() && bob.lives(), "a phone has ended");
    }
    let took = begun.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    alice.end();
    for (phone, tone) in [(&alice, 880.0), (&bob, 440.0)] {
        let record = phone.says("call-ended");
        assert_eq!(record["callid"].as_str(), Some(&*call), "{record}");
        let channels = record["channels"].as_array().unwrap();
        let receive = channels.iter().find(|channel| channel["direction"] == "receive").unwrap();
        assert_eq!(receive["lost"], 0, "{record}");
        let heard = receive["packets"].as_f64().unwrap();
        assert!(heard > record["duration_s"].as_f64().unwrap() * 49.0 - 10.0, "{record}");
        assert!((receive["tone_hz"].as_f64().unwrap() - tone).abs() < 5.0, "{record}");
    }
    assert!(most < before + MORE_MEMORY, "{before} KiB have become {most}");
    assert!(attack.calls > 1, "{} calls", attack.calls);
    let struck = attack.struck;
    assert!(struck.iter().all(|struck| *struck > count / 6), "{struck:?} of {count}");
    println!(
        "{count} messages in {:.1} s: {:?} over RAS, H.225 and H.245, {} calls of the attackers; \
         {answers} RRQ of {answers} answered, the slowest in {:.1} ms; {before} KiB became {most} at most; \
         the call lost nothing",
        took.as_secs_f64(),
        attack.struck,
        attack.calls,
        attack.slowest.as_secs_f64() * 1000.0
    );
}
