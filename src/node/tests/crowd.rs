//! A table of registrations that somebody fills: who is there stays, who is not makes room.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::*;

use super::ras::{
    ALICE, BOB, MALLORY, after, ask, confirmed, irr, known, open_rrq, refused, register,
};
use super::*;

fn limited(limit: impl FnOnce(&mut Limits)) -> Desk {
    let mut settings = Settings::default();
    limit(&mut settings.limits);
    Desk::with(settings)
}

fn from(n: u8) -> String {
    format!("192.0.2.{n}:1719")
}

/// Registers, or is told why not.
fn tries(desk: &mut Desk, name: &str, from: &str) -> Option<RegistrationRejectReason> {
    let answers = desk.ask(from, &open_rrq(name, from, |_| {}));
    let reject = answers.iter().find_map(|answer| match answer {
        RasMessage::registrationReject(reject) => Some(reject.reject_reason.clone()),
        _ => None,
    });
    assert!(reject.is_some() || known(desk, name).is_some(), "{answers:?}");
    reject
}

fn is_duplicate(reason: Option<&RegistrationRejectReason>) -> bool {
    matches!(reason, Some(RegistrationRejectReason::duplicateAlias(_)))
}

#[test]
fn hosts_of_one_ipv6_network_share_their_places() {
    let mut desk = limited(|limits| limits.registrations = 3);
    let host = |n: u16| format!("[2001:db8::{n:x}]:1719");
    for n in 1..=3 {
        assert_eq!(tries(&mut desk, &format!("host{n}"), &host(n)), None);
    }
    let full = Some(RegistrationRejectReason::resourceUnavailable(()));
    assert_eq!(tries(&mut desk, "host4", &host(4)), full);
    assert_eq!(tries(&mut desk, "host2", &host(2)), None, "who is there may come again");
    assert_eq!(tries(&mut desk, "other", "[2001:db8:0:1::1]:1719"), None);
}

#[test]
fn an_endpoint_lives_no_longer_than_real_ones_ask_for() {
    for (limit, asked, granted) in [
        (None, 86_400, Some(600)),
        (None, 60, Some(60)),
        (None, 1, Some(10)),
        (Some(3600), 86_400, Some(3600)),
        (Some(3600), 1800, Some(1800)),
    ] {
        let mut desk = Desk::with(Settings { ttl_s: limit, ..Settings::default() });
        let rrq = open_rrq("alice", ALICE, |rrq| rrq.time_to_live = Some(TimeToLive(asked)));
        let told = confirmed(&desk.ask(ALICE, &rrq)).time_to_live.as_ref().map(|ttl| ttl.0);
        assert_eq!(told, granted, "{limit:?} {asked}");
    }
}

#[test]
fn in_a_full_table_who_was_silent_longest_keeps_its_place_by_answering_only() {
    let mut desk = limited(|limits| limits.registrations_in_all = 3);
    let ids: Vec<_> = (1..=3)
        .map(|n| {
            desk.wait(1);
            register(&mut desk, &format!("phone{n}"), &from(n))
        })
        .collect();
    let full = Some(RegistrationRejectReason::resourceUnavailable(()));
    assert_eq!(tries(&mut desk, "new", &from(9)), full);
    desk.wait(40);
    assert_eq!(desk.node.registrations(), 3, "they have only just come, and are not asked");
    let asked = desk.ask(&from(9), &open_rrq("new", &from(9), |_| {}));
    assert_eq!(asked.len(), 2, "a question, and a refusal: {asked:?}");
    assert!(matches!(asked[0], RasMessage::infoRequest(_)), "{asked:?}");
    ask(&mut desk, &from(1), irr(&ids[0], false));
    desk.wait(6);
    assert_eq!(desk.node.registrations(), 3, "it is there");
    // The next in turn is not.
    assert_eq!(tries(&mut desk, "new", &from(9)), full);
    assert_eq!(after(&mut desk, 5).len(), 1, "a question can be lost");
    desk.wait(5);
    assert!(known(&desk, "phone2").is_none());
    assert_eq!(tries(&mut desk, "new", &from(9)), None);
    assert!(["phone1", "phone3", "new"].iter().all(|name| known(&desk, name).is_some()));
    // Whoever answered lives as long as before.
    desk.wait(100);
    assert_eq!(desk.node.registrations(), 3);
}

#[test]
fn who_took_an_alias_without_being_there_gives_it_to_its_owner() {
    let mut desk = Desk::new();
    register(&mut desk, "alice", MALLORY);
    assert!(is_duplicate(tries(&mut desk, "alice", ALICE).as_ref()), "a moment ago it was there");
    desk.wait(10);
    let answers = desk.ask(ALICE, &open_rrq("alice", ALICE, |_| {}));
    assert!(matches!(answers[0], RasMessage::infoRequest(_)), "{answers:?}");
    // That somebody says in its name that it comes again shows nothing.
    for _ in 0..4 {
        desk.wait(2);
        assert_eq!(tries(&mut desk, "alice", MALLORY), None);
    }
    desk.wait(4);
    assert_eq!(desk.node.registrations(), 0);
    assert_eq!(tries(&mut desk, "alice", ALICE), None);
    assert_eq!(known(&desk, "alice").unwrap().source.to_string(), ALICE);
}

#[test]
fn who_is_there_keeps_its_alias() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    for round in 0..5 {
        desk.wait(60);
        assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
        if round % 2 == 0 {
            ask(&mut desk, ALICE, irr(&id, false));
        } else {
            let rrq = open_rrq("alice", ALICE, |rrq| {
                (rrq.keep_alive, rrq.endpoint_identifier) = (Some(true), Some(id.clone()));
            });
            confirmed(&desk.ask(ALICE, &rrq));
        }
        assert!(after(&mut desk, 6).is_empty(), "nothing more is asked");
        assert_eq!(known(&desk, "alice").unwrap().source.to_string(), ALICE);
    }
}

#[test]
fn where_nobody_is_to_be_asked_nobody_loses_its_place() {
    let mut desk = Desk::new();
    desk.node.core.settings.ras.polls = 0;
    register(&mut desk, "alice", ALICE);
    desk.wait(60);
    assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
    desk.wait(60);
    assert_eq!(known(&desk, "alice").unwrap().source.to_string(), ALICE);
}

#[test]
fn names_cannot_fill_memory() {
    let mut desk = limited(|limits| limits.registrations_in_all = 100);
    let long = |who: u8| {
        open_rrq("x", &from(who), |rrq| {
            let name = |n| Alias::from_text(&format!("{who}-{n}-{}", "n".repeat(240))).to_asn();
            rrq.terminal_alias = Some((0..64).map(name).collect());
        })
    };
    let granted = (1..=20).filter(|who| {
        let answers = desk.ask(&from(*who), &long(*who));
        matches!(answers[..], [RasMessage::registrationConfirm(_)])
    });
    assert_eq!(granted.count(), 2);
    let reason = RegistrationRejectReason::resourceUnavailable(());
    assert_eq!(*refused(&desk.ask(&from(9), &long(9))), reason);
    register(&mut desk, "bob", BOB);
}

/// Who comes and goes without end fills no log.
#[test]
fn comings_and_goings_of_one_address_are_told_for_a_while() {
    let mut desk = limited(|limits| limits.registrations = 10);
    let told = |desk: &mut Desk, from: &str| {
        let from: SocketAddr = from.parse().unwrap();
        let bytes = open_rrq("x", &from.to_string(), |rrq| rrq.endpoint_identifier = None);
        let input = Input::Datagram { socket: SocketId(0), from, bytes: &bytes };
        let outputs = desk.tell(input);
        let told = |output: &&Output| matches!(output, Output::Event(Event::Registered { .. }));
        let count = outputs.iter().filter(told).count();
        assert!(desk.node.core.registrations.find(&Alias::from_text("x")).is_some());
        let id = known(desk, "x").unwrap().id.clone();
        let gone = RasMessage::unregistrationRequest(Box::new(UnregistrationRequest {
            request_seq_num: RequestSeqNum(9),
            endpoint_identifier: Some((&id).into()),
            ..Default::default()
        }));
        ask(desk, &from.to_string(), gone);
        count
    };
    let seen: usize = (0..40).map(|_| told(&mut desk, ALICE)).sum();
    assert_eq!(seen, 10, "each takes two of twenty");
    assert_eq!(told(&mut desk, BOB), 1);
    desk.wait(1);
    assert_eq!(told(&mut desk, ALICE), 1);
}

/// The number of the question among these.
fn question(messages: &[RasMessage]) -> Option<u16> {
    messages.iter().find_map(|message| match message {
        RasMessage::infoRequest(irq) => Some(irq.request_seq_num.0),
        _ => None,
    })
}

/// An answer to the question with this number.
fn answer(id: &EndpointIdentifier, number: u16) -> RasMessage {
    let mut message = irr(id, false);
    if let RasMessage::infoRequestResponse(irr) = &mut message {
        irr.request_seq_num = RequestSeqNum(number);
    }
    message
}

/// Second by second, so that one deadline can follow another.
fn pass(desk: &mut Desk, seconds: u64) {
    (0..seconds).for_each(|_| desk.wait(1));
}

fn refresh(desk: &mut Desk, name: &str, from: &str, id: &EndpointIdentifier) {
    let rrq = open_rrq(name, from, |rrq| {
        (rrq.keep_alive, rrq.endpoint_identifier) = (Some(true), Some(id.clone()));
    });
    confirmed(&desk.ask(from, &rrq));
}

/// Somebody registers with an address that is not his, and an identifier that he has made up: he hears nothing, and can say
/// all that an endpoint says all the same.
#[test]
fn an_identifier_that_was_brought_along_shows_nothing_but_the_number_of_the_question_does() {
    let brought = EndpointIdentifier::from(&EndpointId::from("0123456789abcdef0123456789abcdef"));
    let taken = |desk: &mut Desk| {
        let rrq = open_rrq("alice", MALLORY, |rrq| rrq.endpoint_identifier = Some(brought.clone()));
        assert_eq!(confirmed(&desk.ask(MALLORY, &rrq)).endpoint_identifier, brought);
        desk.wait(20);
        let answers = desk.ask(ALICE, &open_rrq("alice", ALICE, |_| {}));
        question(&answers).expect("a question")
    };
    let mut desk = Desk::new();
    let number = taken(&mut desk);
    for n in 0..9 {
        ask(&mut desk, MALLORY, answer(&brought, number.wrapping_add(1 + n)));
        refresh(&mut desk, "alice", MALLORY, &brought);
        desk.wait(1);
    }
    desk.wait(2);
    assert!(known(&desk, "alice").is_none(), "whoever that is, it does not hear us");
    assert_eq!(tries(&mut desk, "alice", ALICE), None);
    // The same, and it does hear us.
    let mut desk = Desk::new();
    let number = taken(&mut desk);
    ask(&mut desk, ALICE, answer(&brought, number));
    ask(&mut desk, MALLORY, answer(&brought, number));
    desk.wait(30);
    assert_eq!(known(&desk, "alice").unwrap().source.to_string(), MALLORY);
}

/// Some never answer such a question. Who refreshes its registration keeps its alias all the same.
#[test]
fn who_ignores_questions_keeps_its_alias_until_its_registration_ends() {
    let mut desk = Desk::new();
    let rrq = open_rrq("alice", ALICE, |rrq| rrq.time_to_live = Some(TimeToLive(60)));
    let id = confirmed(&desk.ask(ALICE, &rrq)).endpoint_identifier.clone();
    desk.wait(1);
    refresh(&mut desk, "alice", ALICE, &id);
    for second in 1..=600 {
        desk.wait(1);
        assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()), "{second}");
        if second % 50 == 0 {
            refresh(&mut desk, "alice", ALICE, &id);
        }
    }
    // Then it is gone, and nobody has to wait for longer than its registration lasts.
    pass(&mut desk, 15);
    assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
    pass(&mut desk, 54);
    assert!(known(&desk, "alice").is_some());
    pass(&mut desk, 2);
    assert_eq!(tries(&mut desk, "alice", MALLORY), None);
}

#[test]
fn who_has_answered_once_is_missed_sooner() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    desk.wait(10);
    refresh(&mut desk, "alice", ALICE, &id);
    desk.wait(10);
    let answers = desk.ask(MALLORY, &open_rrq("alice", MALLORY, |_| {}));
    ask(&mut desk, ALICE, answer(&id, question(&answers).expect("a question")));
    desk.wait(20);
    assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
    pass(&mut desk, 29);
    assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()), "it may be away");
    pass(&mut desk, 2);
    assert_eq!(tries(&mut desk, "alice", MALLORY), None, "it does not answer any more");
}

/// A NAT has forgotten it, or it roams: its next keepalive comes from another port, and later than two questions take.
#[test]
fn who_is_away_for_a_moment_keeps_its_alias() {
    for (away, answers_on_its_return) in [(19, false), (27, false), (12, true)] {
        let mut desk = Desk::new();
        let id = register(&mut desk, "alice", ALICE);
        desk.wait(10);
        let asked = desk.ask(MALLORY, &open_rrq("alice", MALLORY, |_| {}));
        ask(&mut desk, ALICE, answer(&id, question(&asked).expect("a question")));
        desk.wait(5);
        for _ in 0..away {
            assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
            desk.wait(1);
        }
        if answers_on_its_return {
            let mut asked = None;
            while asked.is_none() {
                asked = question(&after(&mut desk, 1));
            }
            ask(&mut desk, ALICE, answer(&id, asked.unwrap()));
        } else {
            refresh(&mut desk, "alice", "192.0.2.10:40000", &id);
        }
        pass(&mut desk, 4);
        assert!(is_duplicate(tries(&mut desk, "alice", MALLORY).as_ref()));
        assert_eq!(known(&desk, "alice").unwrap().id, EndpointId::from(&id));
    }
}

#[test]
fn who_finds_its_alias_taken_is_told_of_with_what_follows() {
    let mut desk = Desk::new();
    register(&mut desk, "alice", ALICE);
    let refused = |desk: &mut Desk| {
        let bytes = open_rrq("alice", MALLORY, |_| {});
        let from = MALLORY.parse().unwrap();
        let outputs = desk.tell(Input::Datagram { socket: SocketId(0), from, bytes: &bytes });
        outputs.iter().find_map(|output| match output {
            Output::Event(Event::RegistrationRefused { sentence, .. }) => Some(sentence.clone()),
            _ => None,
        })
    };
    let plain = "alice was refused: another endpoint is registered as alice";
    assert_eq!(refused(&mut desk).as_deref(), Some(plain));
    desk.wait(10);
    let asked = format!("{plain}, which is asked whether it is still there");
    assert_eq!(refused(&mut desk), Some(asked));
}

/// What somebody says that has another's address, or one of nobody: he hears no answer, and so each has a number of its own.
struct Forger {
    seq: u16,
    at: String,
}

impl Forger {
    fn at(at: &str) -> Self {
        Self { seq: 100, at: at.into() }
    }

    fn says(&mut self, desk: &mut Desk, name: &str, edit: impl FnOnce(&mut RegistrationRequest)) {
        self.seq += 1;
        let rrq = open_rrq(name, &self.at, |rrq| {
            rrq.request_seq_num = RequestSeqNum(self.seq);
            edit(rrq);
        });
        desk.ask(&self.at, &rrq);
    }

    /// It goes, as far as the address shows that it is it.
    fn goes(&mut self, desk: &mut Desk, id: Option<&EndpointIdentifier>) {
        self.seq += 1;
        let from: SocketAddr = self.at.parse().unwrap();
        let signalling = SocketAddr::new(from.ip(), 1720);
        let urq = UnregistrationRequest {
            request_seq_num: RequestSeqNum(self.seq),
            call_signal_address: vec![pinhole_h323::address::to_h225(signalling)],
            endpoint_identifier: id.cloned(),
            ..Default::default()
        };
        ask(desk, &self.at, RasMessage::unregistrationRequest(Box::new(urq)));
    }
}

fn brought(n: u32) -> EndpointIdentifier {
    EndpointIdentifier::from(&EndpointId(format!("{n:032x}")))
}

/// Second by second the forger says what it does, and every third alice wants her name; when she has it.
fn when_alice_has_it(desk: &mut Desk, mut forge: impl FnMut(&mut Desk, u64)) -> Option<u64> {
    (0..60).find(|second| {
        forge(desk, *second);
        let has = second % 3 == 2 && tries(desk, "alice", ALICE).is_none();
        desk.wait(1);
        has
    })
}

#[test]
fn refreshes_of_who_does_not_hear_us_do_not_hold_an_alias() {
    type Forge = Box<dyn FnMut(&mut Desk, u64)>;
    let name = |id: EndpointIdentifier| {
        move |rrq: &mut RegistrationRequest| rrq.endpoint_identifier = Some(id)
    };
    let new = || Forger::at(MALLORY);
    let (mut a, mut b, mut c, mut d) = (new(), new(), new(), new());
    let (mut e, mut f, mut g) = (new(), new(), new());
    let forged: [(&str, Forge); 7] = [
        ("full RRQ without an identifier", Box::new(move |desk, _| a.says(desk, "alice", |_| {}))),
        (
            "full RRQ with one of its own",
            Box::new(move |desk, _| b.says(desk, "alice", name(brought(1)))),
        ),
        (
            "keepalive with one of its own",
            Box::new(move |desk, second| {
                c.says(desk, "alice", |rrq| {
                    rrq.endpoint_identifier = Some(brought(2));
                    rrq.keep_alive = (second > 0).then_some(true);
                });
            }),
        ),
        (
            "from one port after the other",
            Box::new(move |desk, second| {
                d.at = format!("192.0.2.66:{}", 2000 + second);
                d.says(desk, "alice", |_| {});
            }),
        ),
        (
            "going and coming",
            Box::new(move |desk, second| {
                if second % 4 == 0 {
                    e.goes(desk, None);
                }
                e.says(desk, "alice", |_| {});
            }),
        ),
        (
            "going and coming from one address after the other",
            Box::new(move |desk, second| {
                if second % 4 == 0 {
                    f.goes(desk, None);
                    f.at = format!("192.0.2.{}:1719", 100 + second);
                    f.says(desk, "alice", |_| {});
                }
            }),
        ),
        (
            "with more names",
            Box::new(move |desk, second| {
                g.says(
                    desk,
                    &if second == 0 { "alice".into() } else { format!("x{second}") },
                    |rrq| {
                        rrq.endpoint_identifier = Some(brought(3));
                        rrq.additive_registration = (second > 0).then_some(());
                    },
                );
            }),
        ),
    ];
    let had = forged.map(|(how, forge)| (how, when_alice_has_it(&mut Desk::new(), forge)));
    let late = had.iter().filter(|(_, had)| had.is_none_or(|second| second > 24));
    assert_eq!(late.count(), 0, "{had:?}");
}

/// Who gives a name up in favour of another registration of its own gains no time.
#[test]
fn a_name_that_goes_from_one_forged_registration_to_another_is_no_safer() {
    let mut forger = Forger::at(MALLORY);
    let had = when_alice_has_it(&mut Desk::new(), |desk, second| {
        if second % 4 != 0 {
            return;
        }
        // The last one takes another name, and a new one has this.
        if let Some(last) = second.checked_sub(4) {
            forger.at = format!("192.0.2.{}:1719", 100 + last);
            forger.says(desk, &format!("other{second}"), |rrq| {
                rrq.endpoint_identifier = Some(brought(1000 + last as u32));
            });
        }
        forger.at = format!("192.0.2.{}:1719", 100 + second);
        forger.says(desk, "alice", |rrq| {
            rrq.endpoint_identifier = Some(brought(1000 + second as u32));
        });
    });
    assert!(had.is_some_and(|second| second <= 24), "{had:?}");
}

#[test]
fn a_table_full_of_refreshed_forgeries_lets_newcomers_in_and_nobody_out_that_is_there() {
    const FORGED: u16 = 200;
    let mut desk = limited(|limits| limits.registrations_in_all = usize::from(FORGED) + 1);
    let real = register(&mut desk, "real", BOB);
    let forged = |n: u16| format!("203.0.113.{}:{}", n % 250, 3000 + n);
    let mut seq = 1000_u16;
    let mut all = |desk: &mut Desk, first: bool| {
        for n in 0..FORGED {
            seq = seq.wrapping_add(1);
            let rrq = open_rrq(&format!("f{n}"), &forged(n), |rrq| {
                rrq.request_seq_num = RequestSeqNum(seq.max(1));
                rrq.endpoint_identifier = Some(brought(n.into()));
                rrq.keep_alive = (!first && n % 2 == 0).then_some(true);
            });
            desk.ask(&forged(n), &rrq);
        }
    };
    all(&mut desk, true);
    assert_eq!(desk.node.registrations(), usize::from(FORGED) + 1);
    let mut came = None;
    for second in 1..=90 {
        desk.wait(1);
        if second % 20 == 0 {
            // Those that are gone do not come again by it.
            refresh(&mut desk, "real", BOB, &real);
            all(&mut desk, false);
        }
        if second % 5 == 0 && came.is_none() {
            came = tries(&mut desk, "new", &from(9)).is_none().then_some(second);
        }
    }
    assert!(came.is_some_and(|second| second <= 50), "{came:?}");
    assert!(known(&desk, "real").is_some() && known(&desk, "new").is_some());
}

/// The number of a question cannot be found by trying.
#[test]
fn a_question_takes_a_few_wrong_answers_only() {
    let mut desk = Desk::new();
    let id = brought(7);
    let rrq = open_rrq("alice", MALLORY, |rrq| rrq.endpoint_identifier = Some(id.clone()));
    confirmed(&desk.ask(MALLORY, &rrq));
    desk.wait(20);
    let asked = desk.ask(ALICE, &open_rrq("alice", ALICE, |_| {}));
    let number = question(&asked).expect("a question");
    for n in 1..=8 {
        ask(&mut desk, MALLORY, answer(&id, number.wrapping_add(n)));
    }
    ask(&mut desk, MALLORY, answer(&id, number));
    pass(&mut desk, 5);
    assert!(known(&desk, "alice").is_some(), "it is asked once more");
    pass(&mut desk, 6);
    assert!(known(&desk, "alice").is_none());
}
