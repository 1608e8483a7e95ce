//! Who is registered, who may call whom, and what is changed on the way, as the configuration says.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    GatekeeperRequest, H323UUPDUH323MessageBody as Body, RegistrationRejectReason, RequestSeqNum,
};
use pinhole_h323::cause::Release;
use pinhole_h323::q931::{Number, code};
use pinhole_h323::{Signal, address, tpkt};

use super::fast_start::{CALLER, call_edited, call_with, captured_setup, sent};
use super::ras::{
    ALICE, BOB, MALLORY, arq, ask, at, confirmed, gateway as gateway_type, known, open_rrq,
    refused, register,
};
use super::*;

/// An endpoint that tells an address inside, and does not ask for H.460.18.
fn natted() -> Vec<u8> {
    rrq(|request| request.feature_set = None)
}

#[test]
fn endpoints_behind_a_nat_without_h46018_are_registered_as_far_as_the_configuration_wants() {
    let open = open_rrq("alice", ALICE, |_| {});
    confirmed(&Desk::new().ask(NAT, &natted()));
    let mut settings = Settings::default();
    settings.ras.natted = false;
    let mut desk = Desk::with(settings.clone());
    assert_eq!(
        *refused(&desk.ask(NAT, &natted())),
        RegistrationRejectReason::invalidCallSignalAddress(())
    );
    settings.ras.nat_standard = Some(18);
    for natted_too in [true, false] {
        settings.ras.natted = natted_too;
        let mut desk = Desk::with(settings.clone());
        assert_eq!(
            *refused(&desk.ask(NAT, &natted())),
            RegistrationRejectReason::neededFeatureNotSupported(())
        );
        desk.register(NAT);
        confirmed(&desk.ask(ALICE, &open));
        assert_eq!(desk.node.registrations(), 2);
    }
}

#[test]
fn aliases_of_other_kinds_than_the_configuration_wants_are_left_out() {
    let (config, problems) = pinhole_config::Config::read(
        "[RasSrv::RRQFeatures]\nAliasTypeFilter=terminal;dialeddigits\n[Proxy]\nEnable=1\n",
    );
    assert_eq!(problems, []);
    let mut desk = Desk::with(Settings::from(&config));
    let both = ["alice", "1001"].map(|name| Alias::from_text(name).to_asn());
    let bytes = open_rrq("x", ALICE, |request| request.terminal_alias = Some(both.to_vec()));
    let answers = desk.ask(ALICE, &bytes);
    assert_eq!(confirmed(&answers).terminal_alias.as_deref(), Some(&both[1..]));
    assert!(known(&desk, "alice").is_none() && known(&desk, "1001").is_some());
    let id = confirmed(&answers).endpoint_identifier.clone();
    let more = open_rrq("alice", ALICE, |request| {
        request.endpoint_identifier = Some(id);
        request.additive_registration = Some(());
    });
    confirmed(&desk.ask(ALICE, &more));
    assert!(known(&desk, "alice").is_none(), "nor later");
    let named = open_rrq("bob", BOB, |_| {});
    assert_eq!(*refused(&desk.ask(BOB, &named)), RegistrationRejectReason::invalidAlias(()));
}

#[test]
fn an_endpoint_whose_address_has_changed_brings_its_identifier() {
    for allowed in [false, true] {
        let mut settings = Settings::default();
        settings.ras.dynamic_ip = allowed;
        let mut desk = Desk::with(settings);
        let id = register(&mut desk, "alice", ALICE);
        // Without its identifier, or with one that could be guessed, nobody takes its place.
        let stranger = open_rrq("alice", MALLORY, |_| {});
        let duplicate = |answers: &[RasMessage]| {
            matches!(refused(answers), RegistrationRejectReason::duplicateAlias(_))
        };
        assert!(duplicate(&desk.ask(MALLORY, &stranger)));
        assert!(matches!(
            refused(&desk.keepalive(BOB, &id)),
            RegistrationRejectReason::fullRegistrationRequired(())
        ));
        let again = open_rrq("alice", BOB, |request| {
            request.endpoint_identifier = Some(id.clone());
        });
        let answers = desk.ask(BOB, &again);
        if !allowed {
            assert!(duplicate(&answers));
            continue;
        }
        assert_eq!(confirmed(&answers).endpoint_identifier, id);
        let alice = known(&desk, "alice").unwrap();
        assert_eq!((alice.source, desk.node.registrations()), (at(BOB), 1));
        let from = |desk: &mut Desk, from: &str| ask(desk, from, arq(&id, 1, "alice"));
        assert!(matches!(&from(&mut desk, ALICE)[..], [RasMessage::admissionReject(_)]));
        assert!(matches!(&from(&mut desk, BOB)[..], [RasMessage::admissionConfirm(_)]));
    }
}

#[test]
fn an_identifier_that_could_be_guessed_does_not_move() {
    let mut settings = Settings::default();
    settings.ras.dynamic_ip = true;
    let mut desk = Desk::with(settings);
    let weak = EndpointId::from("2685_endp");
    let with = |from: &str| {
        open_rrq("alice", from, |request| request.endpoint_identifier = Some((&weak).into()))
    };
    confirmed(&desk.ask(ALICE, &with(ALICE)));
    assert!(matches!(
        refused(&desk.ask(MALLORY, &with(MALLORY))),
        RegistrationRejectReason::duplicateAlias(_)
    ));
    assert_eq!(known(&desk, "alice").unwrap().source, at(ALICE));
}

/// The first socket in the group, and that of the second address.
const GROUP: [SocketId; 2] = [SocketId(1 << 17), SocketId((1 << 17) + 1)];

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the origin of a test")]
fn a_search_that_two_addresses_hear_is_answered_once() {
    let mut now = Instant::now();
    let locals = ["198.51.100.2", "198.51.100.3"].map(|ip| ip.parse().unwrap());
    let mut node = Node::new(Settings::default(), locals.to_vec(), [1; 32], now);
    let drain = |node: &mut Node| {
        let mut from = Vec::new();
        loop {
            match node.poll_output() {
                Output::Timeout(_) => return from,
                Output::Datagram { socket, .. } => from.push(socket),
                _ => {}
            }
        }
    };
    drain(&mut node);
    let grq = Ras::new(RasMessage::gatekeeperRequest(Box::new(GatekeeperRequest {
        request_seq_num: RequestSeqNum(5),
        protocol_identifier: pinhole_h323::version::h225(),
        ras_address: address::to_h225(at(ALICE)),
        ..Default::default()
    })));
    let bytes = grq.encode().unwrap();
    let hear = |node: &mut Node, now, socket, from: &str| {
        let from = from.parse().unwrap();
        node.handle_input(now, Input::Datagram { socket, from, bytes: &bytes });
        drain(node)
    };
    for _ in 0..2 {
        assert_eq!(hear(&mut node, now, GROUP[1], ALICE), [SocketId(1)]);
        assert_eq!(hear(&mut node, now, GROUP[0], ALICE), []);
        assert_eq!(hear(&mut node, now, GROUP[0], BOB), [SocketId(0)], "of somebody else");
        // Asked again, it is answered again, by whichever hears it first.
        now += Duration::from_secs(3);
    }
    assert_eq!(hear(&mut node, now, GROUP[0], ALICE), [SocketId(0)]);
    assert_eq!(hear(&mut node, now, GROUP[1], ALICE), []);
}

#[test]
fn numbers_are_said_to_be_of_the_kind_that_the_configuration_wants() {
    let number =
        |kind, plan| Number { kind, plan, presentation: Some(0x83), digits: "0049".into() };
    let file = "[RoutedMode]\nCalledTypeOfNumber=1\nCalledPlanOfNumber=9\nCallingTypeOfNumber=2\n\
                [Proxy]\nEnable=1\n";
    for (file, called, calling) in
        [(file, number(1, 9), number(2, 3)), ("[Proxy]\nEnable=1\n", number(4, 1), number(6, 3))]
    {
        let (config, problems) = pinhole_config::Config::read(file);
        assert_eq!(problems, []);
        let line = call_edited(Settings::from(&config), |setup| {
            let q931 = setup.q931_mut();
            q931.set(code::CALLED_PARTY_NUMBER, number(4, 1).octets());
            q931.set(code::CALLING_PARTY_NUMBER, number(6, 3).octets());
        });
        assert_eq!(line.setup.q931().called_number(), Some(called));
        assert_eq!(line.setup.q931().calling_number(), Some(calling));
    }
    // What is not there is not made up.
    let (config, _) = pinhole_config::Config::read(file);
    let line = call_with(Settings::from(&config));
    assert_eq!(line.setup.q931().called_number(), None);
}

/// Who is not registered has no number that anybody has checked.
#[test]
fn the_calling_number_of_a_stranger_is_left_out_where_that_of_endpoints_is_wanted() {
    let file = "[RoutedMode]\nScreenCallingPartyNumberIE=RegisteredAlias\n[Proxy]\nEnable=1\n";
    let (config, problems) = pinhole_config::Config::read(file);
    assert_eq!(problems, []);
    let line = call_edited(Settings::from(&config), |setup| {
        setup.q931_mut().set_calling_digits("112");
    });
    assert_eq!(line.setup.q931().calling_number(), None);
}

#[test]
fn an_endpoint_is_told_of_its_account_once() {
    let (config, problems) = pinhole_config::Config::read(
        "[RasSrv::RRQFeatures]\nAccHTTPLink=https://a.example/%a\n[Proxy]\nEnable=1\n",
    );
    assert_eq!(problems, []);
    let mut desk = Desk::with(Settings::from(&config));
    let answers = desk.ask(ALICE, &open_rrq("alice", ALICE, |_| {}));
    let told = confirmed(&answers).service_control.as_ref().and_then(|all| all[0].contents.clone());
    let url =
        pinhole_h323::asn::h225::ServiceControlDescriptor::url("https://a.example/alice".into());
    assert_eq!(told, Some(url));
    let id = confirmed(&answers).endpoint_identifier.clone();
    assert_eq!(confirmed(&desk.keepalive(ALICE, &id)).service_control, None);
    let wrong = pinhole_config::Config::read("[RasSrv::RRQFeatures]\nAccHTTPLink=a.example\n").1;
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}

#[test]
fn a_domain_of_ours_is_no_part_of_a_name() {
    let (config, problems) = pinhole_config::Config::read(
        "[Gatekeeper::Main]\nDefaultDomain=example.org,gk.example.net\n[Proxy]\nEnable=1\n",
    );
    assert_eq!(problems, []);
    let mut desk = Desk::with(Settings::from(&config));
    register(&mut desk, "bob", BOB);
    register(&mut desk, "1001", MALLORY);
    let id = register(&mut desk, "alice", ALICE);
    for (called, found) in [
        ("bob@example.org", true),
        ("h323:bob@Example.ORG", true),
        ("H323:bob@gk.example.net", true),
        ("1001@example.org", true),
        ("bob@198.51.100.2", true),
        ("h323:1001@[198.51.100.2]", true),
        ("bob@example.com", false),
        ("bob@198.51.100.3", false),
        ("carl@example.org", false),
        ("@example.org", false),
        ("h323:", false),
    ] {
        let answers = ask(&mut desk, ALICE, arq(&id, 1, called));
        let admitted = matches!(&answers[..], [RasMessage::admissionConfirm(_)]);
        assert_eq!(admitted, found, "{called}: {answers:?}");
    }
}

/// Somebody who is not registered sends this Setup; what comes of it, and his stream.
fn stranger(desk: &mut Desk, setup: &Signal) -> (Vec<Output>, StreamId) {
    let (stream, peer) = (StreamId::accepted(7), CALLER.parse().unwrap());
    let local = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    (desk.tell(Input::Bytes { stream, bytes: &bytes }), stream)
}

fn dials(outputs: &[Output]) -> Option<String> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { to, .. } => Some(to.to_string()),
        _ => None,
    })
}

#[test]
fn who_is_not_registered_calls_endpoints_and_no_other_address() {
    for (anywhere, bob_too) in [(false, false), (false, true), (true, false)] {
        let mut desk = Desk::with(Settings {
            accept_unregistered: true,
            unregistered_anywhere: anywhere,
            ..Settings::default()
        });
        let called = "198.51.100.20:1719";
        if bob_too {
            register(&mut desk, "bob", called);
        }
        let (outputs, stream) = stranger(&mut desk, &captured_setup());
        if anywhere || bob_too {
            assert_eq!(dials(&outputs).as_deref(), Some("198.51.100.20:1720"), "{outputs:?}");
        } else {
            assert_eq!(dials(&outputs), None);
            let release = sent(&outputs, stream).expect("ReleaseComplete");
            assert_eq!(release.release(), Some(Release::NoPermission));
        }
    }
}

/// Whoever dials a number at our address names us as the next hop.
#[test]
fn our_own_address_says_nothing_of_where_a_call_goes() {
    let gateway = "198.51.100.20:1719";
    for own in ["198.51.100.2:1720", "203.0.113.200:1720"] {
        let mut desk = Desk::with(Settings {
            accept_unregistered: true,
            external: Some("203.0.113.200".parse().unwrap()),
            ..Settings::default()
        });
        let rrq = open_rrq("gw", gateway, |request| request.terminal_type = gateway_type(&["01"]));
        confirmed(&desk.ask(gateway, &rrq));
        let mut setup = captured_setup();
        let mut call = |number: &str, id: u8| {
            setup.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                setup.destination_address = Some(vec![Alias::from_text(number).to_asn()]);
                setup.dest_call_signal_address = Some(address::to_h225(at(own)));
                setup.call_identifier = Some(pinhole_h323::id::CallId([id; 16]).into());
            });
            let (stream, peer) = (StreamId::accepted(id.into()), CALLER.parse().unwrap());
            let local = "198.51.100.2:1720".parse().unwrap();
            desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
            let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
            let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
            (dials(&outputs), sent(&outputs, stream).and_then(|signal| signal.release()))
        };
        assert_eq!(call("0123", 1).0.as_deref(), Some("198.51.100.20:1720"));
        let nobody = Some(Release::CalledPartyNotRegistered);
        assert_eq!(call("0999", 2), (None, nobody), "and never to ourselves");
    }
}

#[test]
fn callers_that_are_not_registered_count_as_natted_as_the_configuration_says() {
    let mode = |file: &str, told: &str| {
        let file = format!("[RoutedMode]\nGKRouted=1\nAcceptUnregisteredCalls=1\n{file}");
        let (config, _) = pinhole_config::Config::read(&file);
        let mut desk =
            Desk::with(Settings { unregistered_anywhere: true, ..Settings::from(&config) });
        let mut setup = captured_setup();
        setup.edit(|pdu| {
            let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
            setup.source_call_signal_address = Some(address::to_h225(at(told)));
        });
        let id = setup.call_id().unwrap();
        stranger(&mut desk, &setup);
        desk.node.calls.mode_of(id).unwrap()
    };
    let (inside, outside) = ("10.0.0.9:1720", "198.51.100.10:1720");
    assert_eq!(mode("", inside), Mode::Proxied);
    assert_eq!(mode("", outside), Mode::Routed);
    assert_eq!(mode("SupportCallingNATedEndpoints=0\n", inside), Mode::Routed);
    assert_eq!(mode("TreatUnregisteredNAT=1\n", outside), Mode::Proxied);
}

#[test]
fn a_host_without_a_free_port_for_a_connection_says_so() {
    let mut desk = Desk::with(Settings {
        accept_unregistered: true,
        unregistered_anywhere: true,
        ..Settings::default()
    });
    let (outputs, caller) = stranger(&mut desk, &captured_setup());
    let dialled = outputs.iter().find_map(|output| match output {
        Output::Connect { stream, .. } => Some(*stream),
        _ => None,
    });
    let outputs = desk.tell(Input::NoRoom { stream: dialled.unwrap() });
    let release = sent(&outputs, caller).expect("ReleaseComplete");
    assert_eq!(release.release(), Some(Release::GatekeeperResources));
    assert_eq!(release.q931().cause(), Some(47));
    assert!(outputs.iter().any(|output| matches!(
        output,
        Output::Event(Event::CallEnded(record)) if record.sentence.contains("Q931PortRange")
    )));
    assert_eq!(desk.node.calls(), 0);
}
