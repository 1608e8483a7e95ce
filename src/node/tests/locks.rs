//! What is open already when it is decided that a leg is encrypted: from then on nothing in clear passes it.

use pinhole_crypto::dh::Group;
use zeroize::Zeroizing;

use super::fast_start::{CONNECT, Line, call, call_with};
use super::*;
use crate::face::{Answer, FlowCommand, Question, Side};
use crate::security::agreement::{Done, Work, tokens};
use crate::security::{Demand, Policy, Rules, Security, Terms};

/// A caller whose leg must be encrypted, and who offers it.
fn wanted() -> Security {
    let work = Work::Offer { groups: vec![Group::Modp1024], seed: Zeroizing::new([5; 32]) };
    let Done::Offered(pairs) = work.done() else { panic!("another answer") };
    let offered = tokens(pairs.iter().map(|pair| (pair.group(), pair.half_key())));
    let policies = [Policy::new(Demand::Required, Terms::up_to(1024)), Policy::default()];
    Security::new(policies, Rules { one_leg: false, end_to_end: true }, &offered)
}

/// No peer can bring this about: while it is undecided proposals are withheld and H.245 waits. It is the second lock.
#[test]
fn what_is_open_is_locked_by_the_decision() {
    let mut line = call();
    let opened = line.outputs.iter().find_map(|output| match output {
        Output::Flow(FlowCommand::Open { flow, .. }) => Some(*flow),
        _ => None,
    });
    let opened = opened.expect("the proposals have a session");
    let locks = |outputs: &[Output]| -> Vec<_> {
        let lock = outputs.iter().filter_map(|output| match output {
            Output::Flow(FlowCommand::Lock { flow, side }) => Some((*flow, *side)),
            _ => None,
        });
        lock.collect()
    };
    assert_eq!(locks(&line.outputs), []);
    line.desk.node.calls.replace_security(wanted);
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
    assert_eq!(locks(&outputs), [], "it waits for the secret");
    let asked = outputs.into_iter().find_map(|output| match output {
        Output::Ask { id, question: Question::HalfKeys(work) } => Some((id, work)),
        _ => None,
    });
    let (id, work) = asked.expect("work with half keys");
    let answer = Some(Answer::HalfKeys(work.done()));
    let outputs = line.desk.tell(Input::Answer { id, answer });
    assert_eq!(locks(&outputs), [(opened, Side::A)]);
}

/// No peer can bring this about either: where a call goes is known before its legs are judged.
#[test]
fn what_is_wanted_is_asked_again_when_another_address_is_dialled() {
    let text = "[RoutedMode]\nGKRouted=1\n[Pinhole::EncryptByNetwork]\n203.0.113.0/24=required\n";
    let encryption = Settings::from(&pinhole_config::Config::read(text).0).encryption;
    let mut line = call_with(Settings { encryption, ..Settings::default() });
    let demands = |line: &Line| -> Vec<&'static str> {
        let status = line.desk.node.status(line.desk.now);
        status.calls[0].encryption.iter().map(|leg| leg.demand).collect()
    };
    assert_eq!(demands(&line), [""; 0]);
    let dial = |line: &mut Line, to: &str| {
        let (mut cx, calls) = line.desk.node.parts();
        calls.dial_elsewhere(&mut cx, to.parse().unwrap());
    };
    // The same host, on another port.
    dial(&mut line, "198.51.100.20:1721");
    assert_eq!(demands(&line), [""; 0]);
    dial(&mut line, "203.0.113.7:1720");
    assert_eq!(demands(&line), ["off", "required"]);
    assert!(line.desk.node.calls.know_their_parties());
    assert!(line.desk.node.calls.are_with("203.0.113.7".parse().unwrap()));
}
