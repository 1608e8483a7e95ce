//! A party's H.245 connection is lost in mid-call: it is made again, and the other party does not notice; where that cannot
//! be, the call ends when something has to be said there, and says why.

use pinhole::face::{Bind, StreamId};
use pinhole::node::Mode;
use pinhole_h323::Signal;
use pinhole_h323::control::Control;

use super::lab::records;
use super::parties::{IPS, Stage};
use super::talk::Talk;
use crate::world::{Raw, at, millis, seconds};

const CALLER: usize = 0;
const CALLED: usize = 1;

fn drops(talk: &mut Talk, n: usize) -> StreamId {
    let stream = talk.parties.controls[n].take().expect("an H.245 connection");
    talk.parties.fresh(n);
    let host = talk.parties.hosts[n];
    talk.parties.lab.world.with(host, |raw: &mut Raw, _| raw.close(stream));
    talk.parties.lab.world.run_for(seconds(1));
    stream
}

/// The called party does not listen for H.245 any more.
fn stops_listening(talk: &mut Talk) {
    let there = Some(at(&format!("{}:2000", IPS[CALLED])));
    talk.parties.lab.world.with(talk.parties.hosts[CALLED], |raw: &mut Raw, _| {
        let listener =
            raw.bound.iter().find(|(bind, at)| matches!(bind, Bind::Tcp(_)) && **at == there);
        let bind = *listener.expect("it listens").0;
        raw.unbind(bind);
    });
}

/// A party is asked to connect for H.245, and does.
fn comes(talk: &mut Talk, n: usize) {
    let asked = talk.parties.fresh(n);
    let told = asked.iter().find_map(Signal::h245_address).expect("an address of ours");
    assert_eq!(asked[0].name(), "facility");
    let host = talk.parties.hosts[n];
    let stream = talk.parties.lab.world.with(host, |raw: &mut Raw, _| raw.connect(told));
    talk.parties.lab.world.run_for(seconds(1));
    talk.parties.controls[n] = Some(stream);
}

fn goes_on(talk: &mut Talk) {
    for from in [CALLER, CALLED] {
        talk.passes(from, &Control::terminal_capability_set(9, &[]));
    }
}

#[test]
fn who_has_told_where_it_listens_is_connected_to_again() {
    let mut talk = Talk::at(Stage::Separate, Mode::Proxied);
    for _ in 0..10 {
        let lost = drops(&mut talk, CALLED);
        let host = talk.parties.hosts[CALLED];
        let stream = talk.parties.lab.world.with(host, |raw: &mut Raw, _| raw.accepted());
        assert_ne!(stream, Some(lost), "another connection");
        talk.parties.controls[CALLED] = stream;
        goes_on(&mut talk);
    }
    talk.hang_up();
}

#[test]
fn who_has_connected_to_us_is_asked_to_connect_again_and_hears_what_was_said_meanwhile() {
    let mut talk = Talk::at(Stage::Separate, Mode::Proxied);
    for _ in 0..3 {
        drops(&mut talk, CALLER);
        let waiting = Control::terminal_capability_set(5, &[]);
        talk.parties.control(CALLED, &waiting);
        talk.parties.lab.world.run_for(millis(200));
        comes(&mut talk, CALLER);
        assert_eq!(talk.parties.fresh_control(CALLER), [waiting]);
        goes_on(&mut talk);
    }
    talk.hang_up();
}

#[test]
fn who_listens_no_more_is_asked_to_connect() {
    let mut talk = Talk::at(Stage::Separate, Mode::Proxied);
    stops_listening(&mut talk);
    drops(&mut talk, CALLED);
    comes(&mut talk, CALLED);
    goes_on(&mut talk);
    // The time to come is over long since.
    talk.parties.lab.world.run_for(seconds(60));
    goes_on(&mut talk);
    talk.parties.lab.world.with(talk.parties.hosts[CALLED], |raw: &mut Raw, _| {
        raw.listen(IPS[CALLED], 2000);
    });
    talk.hang_up();
}

#[test]
fn who_does_not_come_is_missed_when_something_has_to_be_said() {
    for early in [false, true] {
        let mut talk = Talk::at(Stage::Separate, Mode::Proxied);
        talk.audio(CALLER, 1);
        stops_listening(&mut talk);
        drops(&mut talk, CALLED);
        let word = Control::terminal_capability_set(5, &[]);
        if early {
            talk.parties.control(CALLER, &word);
        }
        talk.parties.lab.world.run_for(seconds(10));
        assert_eq!(talk.parties.released(CALLER), None, "it may come");
        talk.parties.lab.world.run_for(seconds(10));
        assert_eq!(talk.parties.released(CALLER).is_some(), early, "there is media");
        if !early {
            talk.parties.control(CALLER, &word);
            talk.parties.lab.world.run_for(seconds(1));
        }
        for n in [CALLER, CALLED] {
            assert_eq!(talk.parties.released(n).and_then(|words| words.0), Some(41));
        }
        talk.parties.lab.world.run_for(seconds(3));
        let records = records(&talk.parties.lab.world, talk.parties.lab.node);
        let sentence = &records[0].sentence;
        let why = "the H.245 connection to called was lost and could not be made again";
        assert_eq!(sentence, why);
    }
}
