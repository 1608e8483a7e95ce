//! Ports for media: what one address may hold, and what it costs to ask where there are none.

use pinhole_h323::cause::Release;
use pinhole_h323::control::Control;
use pinhole_h323::tpkt;

use super::channels::open;
use super::fast_start::{CALLER, captured_setup, sent};
use super::talk::{Said, Talk};
use super::*;
use crate::event::Event;
use crate::face::Side;

fn talking(limit: impl FnOnce(&mut Limits)) -> Talk {
    let mut settings = Settings { mode: Mode::Proxied, ..Settings::default() };
    limit(&mut settings.limits);
    Talk::plain_with(settings)
}

/// Opens a channel of its own session.
fn opens(talk: &mut Talk, from: Side, number: u16) -> Said {
    let host = if from == Side::A { "198.51.100.10" } else { "198.51.100.20" };
    let session = u8::try_from(number % 200).unwrap();
    let at = format!("{host}:{}", 5001 + 2 * number);
    talk.tell(from, &Control::open(open(number, session, &at)))
}

/// Another call, from an address: why it is refused, if it is.
fn calls(talk: &mut Talk, n: u8, from: &str) -> Option<(Option<u8>, Option<Release>, String)> {
    let mut setup = captured_setup();
    setup.edit(|pdu| {
        use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.call_identifier = Some(pinhole_h323::id::CallId([n; 16]).into());
    });
    setup.set_fast_start(Vec::new());
    let (stream, peer) = (StreamId::accepted(u64::from(n) + 100), from.parse().unwrap());
    let local = SocketAddr::new("198.51.100.2".parse().unwrap(), 1720);
    talk.desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let outputs = talk.desk.tell(Input::Bytes { stream, bytes: &bytes });
    let release = sent(&outputs, stream)?;
    let sentence = outputs.iter().find_map(|output| match output {
        Output::Event(Event::CallEnded(record)) => Some(record.sentence.clone()),
        _ => None,
    });
    Some((release.q931().cause(), release.release(), sentence.unwrap_or_default()))
}

#[test]
fn the_calls_of_one_address_hold_so_many_ports_whoever_opens_the_channels() {
    let mut talk = talking(|limits| limits.media_pairs_per_source = 6);
    assert_eq!(opens(&mut talk, Side::A, 1).flows(), (1, 0));
    assert_eq!(opens(&mut talk, Side::B, 2).flows(), (1, 0));
    assert_eq!(opens(&mut talk, Side::A, 3).flows(), (1, 0));
    for from in [Side::A, Side::B] {
        let said = opens(&mut talk, from, 4);
        let (cause, sentence) = said.refusal().expect("a refusal");
        assert_eq!(cause, "insufficientBandwidth");
        assert!(sentence.contains("MediaPairsPerSource"), "{sentence}");
        assert!(said.reply.is_some() && said.forward.is_none());
    }
    let (cause, reason, sentence) = calls(&mut talk, 1, CALLER).expect("the caller has its share");
    assert_eq!((cause, reason), (Some(47), Some(Release::GatekeeperResources)));
    assert!(sentence.contains("MediaPairsPerSource"), "{sentence}");
    assert_eq!(talk.desk.node.counters().crowded, 3);
    assert!(calls(&mut talk, 2, "203.0.113.77:7000").is_none(), "others have theirs");
    talk.say(Side::A, &Control::close(1).encode().unwrap());
    assert_eq!(opens(&mut talk, Side::A, 5).flows(), (1, 0), "what is given back can be had");
}

/// One gateway that the file names has the calls of a whole site.
#[test]
fn the_calls_of_a_permanent_endpoint_are_not_counted() {
    for (address, is_it) in [("198.51.100.10", true), ("198.51.100.11", false)] {
        let text = format!("[RasSrv::PermanentEndpoints]\n{address}=trunk\n");
        let (config, problems) = pinhole_config::Config::read(&text);
        assert_eq!(problems, []);
        let ras = Settings::from(&config).ras;
        let mut settings = Settings { mode: Mode::Proxied, ras, ..Settings::default() };
        settings.limits.media_pairs_per_source = 2;
        let mut talk = Talk::plain_with(settings);
        let opened = [1, 2, 3].map(|number| opens(&mut talk, Side::A, number).flows().0);
        assert_eq!(opened, if is_it { [1, 1, 1] } else { [1, 0, 0] }, "{address}");
    }
}

/// What the media plane tells of strangers is shown while the call goes on.
#[test]
fn strangers_and_strays_are_shown() {
    use crate::face::FlowFact;
    let mut talk = talking(|_| ());
    let opened = opens(&mut talk, Side::A, 1).outputs;
    let flow = opened.iter().find_map(|output| match output {
        Output::Flow(crate::face::FlowCommand::Open { flow, .. }) => Some(*flow),
        _ => None,
    });
    let flow = flow.expect("a flow");
    let from: SocketAddr = "203.0.113.66:4000".parse().unwrap();
    let shown = |talk: &Talk| {
        let status = talk.desk.node.status(talk.desk.now);
        let sides = status.calls[0].sessions[0].sides.clone();
        (sides.map(|side| side.strangers), status.counters.stray_media)
    };
    for (fact, expected) in [
        (FlowFact::Stranger { side: Side::A, rtcp: false, from }, ([1, 0], 0)),
        (FlowFact::Strangers { side: Side::A, count: 40 }, ([40, 0], 0)),
        (FlowFact::Stranger { side: Side::A, rtcp: true, from }, ([40, 0], 0)),
        (FlowFact::Strangers { side: Side::B, count: 2 }, ([40, 2], 0)),
    ] {
        talk.desk.tell(Input::Flow { flow, fact });
        assert_eq!(shown(&talk), expected, "{fact:?}");
    }
    let flow = crate::face::FlowId::NONE;
    for count in [1, 6] {
        let fact = FlowFact::Strays { from, count };
        let outputs = talk.desk.tell(Input::Flow { flow, fact });
        let told = |o: &Output| matches!(o, Output::Event(Event::MediaStrays { count: n, .. }) if *n == count);
        assert!(outputs.iter().any(told), "{outputs:?}");
    }
    assert_eq!(shown(&talk), ([40, 2], 7));
}

#[test]
fn there_are_so_many_ports_for_all_calls_together() {
    let mut talk = talking(|limits| limits.media_pairs = 2);
    assert_eq!(opens(&mut talk, Side::A, 1).flows(), (1, 0));
    let said = opens(&mut talk, Side::A, 2);
    assert!(said.refusal().expect("a refusal").1.contains("(MediaPairs)"));
    let (cause, _, sentence) = calls(&mut talk, 1, "203.0.113.77:7000").expect("nobody has any");
    assert_eq!(cause, Some(47));
    assert!(sentence.contains("(MediaPairs)"), "{sentence}");
}

/// Where the host finds no port, each search takes it through all of them: channels that are refused must not cost it
/// one each.
#[test]
fn a_thousand_refused_channels_cost_the_host_one_search_a_second() {
    let mut talk = talking(|limits| limits.messages = Allowance { rate: 100_000, burst: 100_000 });
    let (mut searches, mut refused) = (0, 0);
    for number in 1..=1000 {
        talk.desk.now += Duration::from_millis(1);
        let open = Control::open(open(number, 0, "198.51.100.10:5001")).encode().unwrap();
        let (stream, bytes) = (talk.streams[0], talk.message(Side::A, &open));
        talk.desk.node.handle_input(talk.desk.now, Input::Bytes { stream, bytes: &bytes });
        let mut outputs = talk.desk.drain();
        while let Some(output) = outputs.pop() {
            match output {
                Output::Bind { bind, .. } => {
                    searches += 1;
                    let answer = Input::Bound { bind, at: None };
                    talk.desk.node.handle_input(talk.desk.now, answer);
                    outputs.extend(talk.desk.drain());
                }
                Output::Send { stream: on, .. } => refused += usize::from(on == stream),
                _ => {}
            }
        }
    }
    assert_eq!(refused, 1000 - 4, "four sessions had what was ready");
    assert!(searches <= 2, "{searches} searches");
}

/// Opens a channel whose sender wants reports, and so what its peer sends, elsewhere.
fn opens_elsewhere(talk: &mut Talk, number: u16) -> (crate::face::FlowId, Option<Duration>) {
    use crate::face::FlowCommand;
    let session = u8::try_from(number % 200).unwrap();
    let said = talk.tell(Side::A, &Control::open(open(number, session, "203.0.113.77:5001")));
    let found = said.outputs.iter().find_map(|output| match output {
        Output::Flow(FlowCommand::Patience { flow, side: Side::A, patience }) => {
            Some((*flow, patience.map(|patience| patience.first)))
        }
        _ => None,
    });
    found.expect("nobody said that it has to answer")
}

/// A party names a third one's address. What the media plane hears of it is shown and told.
#[test]
fn where_nothing_comes_from_nothing_is_sent_and_people_are_told() {
    use crate::face::{FlowCommand, FlowFact};
    let mut talk = talking(|_| ());
    let own = opens(&mut talk, Side::A, 1).outputs;
    let bound = |o: &Output| matches!(o, Output::Flow(FlowCommand::Patience { .. }));
    assert!(!own.iter().any(bound), "its own address");
    let (audio, first) = opens_elsewhere(&mut talk, 2);
    assert_eq!(first, Some(Duration::from_secs(15)));
    let paused = |talk: &Talk| {
        let status = talk.desk.node.status(talk.desk.now);
        let count = |side: &call_status::SideStatus| usize::from(side.unanswered);
        let sessions = status.calls[0].sessions.iter();
        let sides: usize = sessions.map(|one| one.sides.iter().map(count).sum::<usize>()).sum();
        (sides, status.counters.unanswered_media)
    };
    let unanswered = FlowFact::Unanswered { side: Side::A, instead: None };
    let outputs = talk.desk.tell(Input::Flow { flow: audio, fact: unanswered });
    let told = outputs.iter().find_map(|output| match output {
        Output::Event(Event::MediaUnanswered { sentence, to, .. }) => Some((sentence, *to)),
        _ => None,
    });
    let (sentence, to) = told.expect("nobody is told");
    assert_eq!(to.to_string(), "203.0.113.77");
    assert!(sentence.contains("at 198.51.100.10 wants media at 203.0.113.77"), "{sentence}");
    assert_eq!(paused(&talk), (1, 1));
    // Another session of the party waits, too; what comes in one of them counts for all.
    let (video, _) = opens_elsewhere(&mut talk, 3);
    talk.desk.tell(Input::Flow { flow: video, fact: unanswered });
    assert_eq!(paused(&talk), (2, 2));
    let answered = FlowFact::Answered { side: Side::A };
    let outputs = talk.desk.tell(Input::Flow { flow: video, fact: answered });
    let again = |o: &Output| matches!(o, Output::Flow(FlowCommand::Patience { flow, patience: Some(_), .. }) if *flow == audio);
    assert!(outputs.iter().any(again), "{outputs:?}");
    let resumed = |o: &Output| matches!(o, Output::Event(Event::MediaAnswered { .. }));
    assert!(outputs.iter().any(resumed), "{outputs:?}");
    assert_eq!(paused(&talk), (0, 2));
    // Who only watches there is not left without, as long as the other session has answered.
    let outputs = talk.desk.tell(Input::Flow { flow: audio, fact: unanswered });
    assert!(outputs.iter().any(again), "{outputs:?}");
    assert_eq!(paused(&talk), (0, 2));
}

#[test]
fn a_third_party_cannot_be_named_anew_without_end() {
    let mut talk = talking(|_| ());
    let mut granted = 0;
    for number in 1..=100 {
        let (flow, first) = opens_elsewhere(&mut talk, number);
        granted += usize::from(first != Some(Duration::ZERO));
        talk.tell(Side::A, &Control::close(number));
        let sent = crate::face::FlowCounts { relayed: 9, ..Default::default() };
        let fact = FlowFact::Ended { counts: [sent; 2] };
        talk.desk.tell(Input::Flow { flow, fact });
        talk.desk.now += Duration::from_secs(10);
    }
    assert_eq!(granted, 8);
}
