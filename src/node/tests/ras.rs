//! RAS, request by request: who may ask for what, and what becomes of it.

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::*;
use pinhole_h323::id::CallId;

use super::*;

/// An endpoint without NAT, and another.
pub(super) const ALICE: &str = "192.0.2.10:1719";
pub(super) const BOB: &str = "192.0.2.20:1719";
pub(super) const MALLORY: &str = "192.0.2.66:1719";

pub(super) fn ask(desk: &mut Desk, from: &str, message: RasMessage) -> Vec<RasMessage> {
    desk.ask(from, &Ras::new(message).encode().unwrap())
}

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A full RRQ of an endpoint without NAT, with these words.
pub(super) fn open_rrq(
    name: &str,
    from: &str,
    edit: impl FnOnce(&mut RegistrationRequest),
) -> Vec<u8> {
    let from = at(from);
    rrq(|request| {
        request.terminal_alias = Some(vec![Alias::from_text(name).to_asn()]);
        request.ras_address = vec![to_h225(from)];
        request.call_signal_address = vec![to_h225(SocketAddr::new(from.ip(), 1720))];
        request.feature_set = None;
        request.time_to_live = None;
        edit(request);
    })
}

pub(super) fn confirmed(answers: &[RasMessage]) -> &RegistrationConfirm {
    let [RasMessage::registrationConfirm(confirm)] = answers else { panic!("{answers:?}") };
    confirm
}

pub(super) fn refused(answers: &[RasMessage]) -> &RegistrationRejectReason {
    let [RasMessage::registrationReject(reject)] = answers else { panic!("{answers:?}") };
    &reject.reject_reason
}

/// Registers an endpoint without NAT; its identifier.
pub(super) fn register(desk: &mut Desk, name: &str, from: &str) -> EndpointIdentifier {
    let answers = desk.ask(from, &open_rrq(name, from, |_| {}));
    confirmed(&answers).endpoint_identifier.clone()
}

pub(super) fn known<'a>(
    desk: &'a Desk,
    name: &str,
) -> Option<&'a crate::ras::endpoint::Registration> {
    desk.node.core.registrations.find(&Alias::from_text(name))
}

pub(super) fn arq(id: &EndpointIdentifier, call: u8, to: &str) -> RasMessage {
    RasMessage::admissionRequest(Box::new(AdmissionRequest {
        request_seq_num: RequestSeqNum(77),
        endpoint_identifier: id.clone(),
        call_identifier: Some(CallId([call; 16]).into()),
        destination_info: Some(vec![Alias::from_text(to).to_asn()]),
        band_width: BandWidth(1280),
        ..Default::default()
    }))
}

fn drq(id: &EndpointIdentifier, call: u8) -> RasMessage {
    RasMessage::disengageRequest(Box::new(DisengageRequest {
        request_seq_num: RequestSeqNum(78),
        endpoint_identifier: id.clone(),
        call_identifier: Some(CallId([call; 16]).into()),
        disengage_reason: DisengageReason::normalDrop(()),
        ..Default::default()
    }))
}

fn brq(id: &EndpointIdentifier, call: u8, band_width: u32) -> RasMessage {
    RasMessage::bandwidthRequest(Box::new(BandwidthRequest {
        request_seq_num: RequestSeqNum(79),
        endpoint_identifier: id.clone(),
        call_identifier: Some(CallId([call; 16]).into()),
        band_width: BandWidth(band_width),
        ..Default::default()
    }))
}

pub(super) fn irr(id: &EndpointIdentifier, need_response: bool) -> RasMessage {
    RasMessage::infoRequestResponse(Box::new(InfoRequestResponse {
        request_seq_num: RequestSeqNum(80),
        endpoint_identifier: id.clone(),
        ras_address: to_h225(at(ALICE)),
        need_response: Some(need_response),
        ..Default::default()
    }))
}

fn rai(id: &EndpointIdentifier, out: bool) -> RasMessage {
    RasMessage::resourcesAvailableIndicate(Box::new(ResourcesAvailableIndicate {
        request_seq_num: RequestSeqNum(81),
        protocol_identifier: pinhole_h323::version::h225(),
        endpoint_identifier: id.clone(),
        almost_out_of_resources: out,
        ..Default::default()
    }))
}

fn urq(id: &EndpointIdentifier, aliases: &[&str]) -> RasMessage {
    let aliases: Vec<_> = aliases.iter().map(|name| Alias::from_text(name).to_asn()).collect();
    RasMessage::unregistrationRequest(Box::new(UnregistrationRequest {
        request_seq_num: RequestSeqNum(82),
        endpoint_identifier: Some(id.clone()),
        endpoint_alias: (!aliases.is_empty()).then_some(aliases),
        ..Default::default()
    }))
}

#[test]
fn another_address_gets_nothing_with_a_right_identifier() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    register(&mut desk, "bob", BOB);
    let before = known(&desk, "alice").unwrap().seen;
    desk.now += Duration::from_secs(1);
    let mut answers: Vec<RasMessage> = [
        arq(&id, 1, "bob"),
        drq(&id, 1),
        brq(&id, 1, 5),
        urq(&id, &[]),
        irr(&id, true),
        rai(&id, true),
    ]
    .into_iter()
    .flat_map(|message| ask(&mut desk, MALLORY, message))
    .collect();
    answers.extend(desk.keepalive(MALLORY, &id));
    assert!(
        matches!(
            &answers[..],
            [
                RasMessage::admissionReject(_),
                RasMessage::disengageReject(_),
                RasMessage::bandwidthReject(_),
                RasMessage::unregistrationReject(_),
                RasMessage::infoRequestNak(_),
                RasMessage::registrationReject(_),
            ]
        ),
        "{answers:?}"
    );
    let alice = known(&desk, "alice").expect("still there");
    assert_eq!((alice.source, alice.ras, alice.busy), (at(ALICE), at(ALICE), false));
    assert_eq!(alice.seen, before, "a stranger is no sign of life");
}

#[test]
fn its_own_address_gets_them_all() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    register(&mut desk, "bob", BOB);
    desk.now += Duration::from_secs(1);
    let answers: Vec<RasMessage> =
        [arq(&id, 1, "bob"), drq(&id, 1), brq(&id, 1, 5), irr(&id, true), rai(&id, true)]
            .into_iter()
            .flat_map(|message| ask(&mut desk, ALICE, message))
            .collect();
    assert!(
        matches!(
            &answers[..],
            [
                RasMessage::admissionConfirm(_),
                RasMessage::disengageConfirm(_),
                RasMessage::bandwidthConfirm(_),
                RasMessage::infoRequestAck(_),
                RasMessage::resourcesAvailableConfirm(_),
            ]
        ),
        "{answers:?}"
    );
    let alice = known(&desk, "alice").unwrap();
    assert!(alice.busy);
    assert_eq!(alice.seen, desk.now);
}

#[test]
fn an_identifier_that_can_be_guessed_counts_from_one_socket_only() {
    let mut desk = Desk::new();
    let weak = |request: &mut RegistrationRequest| {
        request.endpoint_identifier = Some((&EndpointId::from("2685_endp")).into());
    };
    let answers = desk.ask(ALICE, &open_rrq("alice", ALICE, weak));
    let id = confirmed(&answers).endpoint_identifier.clone();
    assert_eq!(EndpointId::from(&id), EndpointId::from("2685_endp"), "as real endpoints insist");
    // Another one behind the same address, which has guessed it.
    let neighbour = "192.0.2.10:40000";
    assert!(matches!(
        refused(&desk.keepalive(neighbour, &id)),
        RegistrationRejectReason::fullRegistrationRequired(())
    ));
    assert!(matches!(
        &ask(&mut desk, neighbour, urq(&id, &[]))[..],
        [RasMessage::unregistrationReject(_)]
    ));
    let answers = desk.ask(neighbour, &open_rrq("mallory", neighbour, weak));
    assert_ne!(confirmed(&answers).endpoint_identifier, id, "a full registration does not get it");
    assert_eq!(known(&desk, "alice").unwrap().source, at(ALICE));
    confirmed(&desk.keepalive(ALICE, &id));
}

#[test]
fn identifiers_of_endpoints_are_not_taken_when_the_configuration_says_so() {
    let mut settings = Settings::default();
    settings.ras.accept_identifier = false;
    let mut desk = Desk::with(settings);
    let old = "0bcf57d83c7cb5336c7f17afa3e1b5c4_endp";
    let bytes = open_rrq("alice", ALICE, |request| {
        request.endpoint_identifier = Some((&EndpointId::from(old)).into());
    });
    let id = EndpointId::from(&confirmed(&desk.ask(ALICE, &bytes)).endpoint_identifier);
    assert_ne!(id, EndpointId::from(old));
    assert!(crate::ras::endpoint::is_unguessable(&id));
}

#[test]
fn aliases_of_every_kind_are_registered_and_found() {
    let mut desk = Desk::new();
    let mobile = GSMUIM { imsi: Some(TBCDSTRING("262011234567890".into())), ..GSMUIM::default() };
    let private = PrivatePartyNumber {
        private_type_of_number: PrivateTypeOfNumber::unknown(()),
        private_number_digits: NumberDigits("4711".into()),
    };
    let all = vec![
        Alias::DialedDigits("1001".into()).to_asn(),
        Alias::H323Id("bob".into()).to_asn(),
        Alias::Url("h323:bob@example.org".into()).to_asn(),
        Alias::Transport(at("192.0.2.20:1720")).to_asn(),
        Alias::Email("bob@example.org".into()).to_asn(),
        Alias::PartyNumber("4930123".into()).to_asn(),
        AliasAddress::partyNumber(PartyNumber::privateNumber(private)),
        AliasAddress::mobileUIM(MobileUIM::gsm_uim(Box::new(mobile))),
    ];
    let bytes = open_rrq("bob", BOB, |request| request.terminal_alias = Some(all.clone()));
    let answers = desk.ask(BOB, &bytes);
    assert_eq!(confirmed(&answers).terminal_alias.as_ref(), Some(&all));
    let id = register(&mut desk, "alice", ALICE);
    for alias in all {
        let mut request = arq(&id, 1, "");
        let RasMessage::admissionRequest(body) = &mut request else { panic!() };
        body.destination_info = Some(vec![alias.clone()]);
        let answers = ask(&mut desk, ALICE, request);
        assert!(
            matches!(&answers[..], [RasMessage::admissionConfirm(_)]),
            "{alias:?}: {answers:?}"
        );
    }
}

#[test]
fn aliases_are_added_to_a_registration_and_taken_away_one_by_one() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    register(&mut desk, "bob", BOB);
    let add = |names: &[&str], from: &str, id: &EndpointIdentifier| {
        open_rrq("", from, |request| {
            request.terminal_alias =
                Some(names.iter().map(|name| Alias::from_text(name).to_asn()).collect());
            request.endpoint_identifier = Some(id.clone());
            request.additive_registration = Some(());
        })
    };
    let answers = desk.ask(ALICE, &add(&["1001", "alice"], ALICE, &id));
    let confirm = confirmed(&answers);
    assert_eq!(confirm.endpoint_identifier, id);
    assert_eq!(confirm.supports_additive_registration, Some(()));
    assert_eq!(confirm.terminal_alias.as_ref().map(Vec::len), Some(2));
    assert!(matches!(
        refused(&desk.ask(ALICE, &add(&["1002", "bob"], ALICE, &id))),
        RegistrationRejectReason::duplicateAlias(_)
    ));
    assert!(known(&desk, "1002").is_none(), "all or none");
    assert!(matches!(
        refused(&desk.ask(MALLORY, &add(&["1003"], MALLORY, &id))),
        RegistrationRejectReason::fullRegistrationRequired(())
    ));
    let answers = ask(&mut desk, ALICE, urq(&id, &["1001"]));
    assert!(matches!(&answers[..], [RasMessage::unregistrationConfirm(_)]));
    assert!(known(&desk, "1001").is_none() && known(&desk, "alice").is_some());
    ask(&mut desk, ALICE, urq(&id, &["alice"]));
    assert!(known(&desk, "alice").is_none(), "the last one");
}

#[test]
fn who_never_added_aliases_leaves_as_a_whole() {
    let mut desk = Desk::new();
    let bytes = open_rrq("alice", ALICE, |request| {
        let names = ["alice", "1001"].map(|name| Alias::from_text(name).to_asn());
        request.terminal_alias = Some(names.to_vec());
    });
    let id = confirmed(&desk.ask(ALICE, &bytes)).endpoint_identifier.clone();
    ask(&mut desk, ALICE, urq(&id, &["alice"]));
    assert_eq!(desk.node.registrations(), 0);
}

#[test]
fn a_replaced_endpoint_elsewhere_is_told() {
    let mut settings = Settings::default();
    settings.ras.overwrite = true;
    let mut desk = Desk::with(settings);
    register(&mut desk, "alice", ALICE);
    let answers = desk.ask(MALLORY, &open_rrq("alice", MALLORY, |_| {}));
    let [RasMessage::unregistrationRequest(_), RasMessage::registrationConfirm(_)] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(known(&desk, "alice").unwrap().source, at(MALLORY));
    assert_eq!(desk.node.registrations(), 1);
}

/// Lets so many seconds pass; the RAS messages that are sent.
pub(super) fn after(desk: &mut Desk, seconds: u64) -> Vec<RasMessage> {
    desk.now += Duration::from_secs(seconds);
    let outputs = desk.tell(Input::Timeout);
    let sent = outputs.into_iter().filter_map(|output| match output {
        Output::Datagram { bytes, .. } => Some(Ras::decode(&bytes).unwrap().into_message()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn who_need_not_refresh_is_asked_when_it_was_silent_for_ten_minutes() {
    let mut desk = Desk::new();
    let id = register(&mut desk, "alice", ALICE);
    assert!(after(&mut desk, 500).is_empty());
    ask(&mut desk, ALICE, irr(&id, false));
    assert!(after(&mut desk, 101).is_empty(), "it was heard meanwhile");
    let asked = after(&mut desk, 500);
    assert!(matches!(&asked[..], [RasMessage::infoRequest(_)]), "{asked:?}");
    ask(&mut desk, ALICE, irr(&id, false));
    assert!(after(&mut desk, 599).is_empty());
    assert!(matches!(&after(&mut desk, 1)[..], [RasMessage::infoRequest(_)]));
    let told = after(&mut desk, 5);
    assert!(matches!(&told[..], [RasMessage::unregistrationRequest(_)]), "{told:?}");
    assert_eq!(desk.node.registrations(), 0);
}

#[test]
fn it_is_asked_as_often_as_the_configuration_says() {
    for polls in 0..4 {
        let mut settings = Settings::default();
        settings.ras.polls = polls;
        let mut desk = Desk::with(settings);
        let bytes = open_rrq("alice", ALICE, |request| request.time_to_live = Some(TimeToLive(60)));
        assert_eq!(confirmed(&desk.ask(ALICE, &bytes)).time_to_live, Some(TimeToLive(60)));
        let mut asked = 0;
        let mut step = 70;
        while let [RasMessage::infoRequest(_)] = &after(&mut desk, step)[..] {
            (asked, step) = (asked + 1, 5);
        }
        assert_eq!((asked, desk.node.registrations()), (polls, 0));
    }
}

#[test]
fn permanent_endpoints_are_called_without_ever_registering_and_stay() {
    let (config, problems) = pinhole_config::Config::read(
        "[RasSrv::PermanentEndpoints]\n192.0.2.20=gw,1001;00,!0049;maker,box\n192.0.2.21:1800=fax\n\
         [Proxy]\nEnable=1\n",
    );
    assert_eq!(problems, []);
    let mut desk = Desk::with(Settings::from(&config));
    let id = register(&mut desk, "alice", ALICE);
    for (to, found) in
        [("gw", true), ("1001", true), ("0033", true), ("00491", false), ("fax", true)]
    {
        let answers = ask(&mut desk, ALICE, arq(&id, 1, to));
        assert_eq!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), found, "{to}");
    }
    // It registers all the same, under another name: it stays what it is.
    let answers = desk.ask(BOB, &open_rrq("other", BOB, |_| {}));
    let own = confirmed(&answers).endpoint_identifier.clone();
    assert!(known(&desk, "other").is_none() && known(&desk, "gw").is_some());
    let answers = ask(&mut desk, BOB, urq(&own, &[]));
    assert!(matches!(&answers[..], [RasMessage::unregistrationReject(_)]), "{answers:?}");
    assert!(matches!(
        refused(&desk.ask(MALLORY, &open_rrq("gw", MALLORY, |_| {}))),
        RegistrationRejectReason::duplicateAlias(_)
    ));
    for _ in 0..4 {
        after(&mut desk, 3600);
    }
    assert_eq!(desk.node.registrations(), 2, "alice has gone, they have not");
    desk.node.handle_input(desk.now, Input::Shutdown);
    assert!(!desk.drain().iter().any(|output| matches!(output, Output::Datagram { .. })));
}

/// supportedPrefixes of a voice gateway.
pub(super) fn gateway(prefixes: &[&str]) -> EndpointType {
    let prefix = |digits: &&str| SupportedPrefix {
        prefix: Alias::from_text(digits).to_asn(),
        ..Default::default()
    };
    let voice = VoiceCaps {
        supported_prefixes: Some(prefixes.iter().map(prefix).collect()),
        ..Default::default()
    };
    let protocol = Some(vec![SupportedProtocols::voice(Box::new(voice))]);
    let gateway = Some(GatewayInfo { protocol, ..Default::default() });
    EndpointType { gateway, ..Default::default() }
}

#[test]
fn gateways_bring_prefixes_as_far_as_they_may() {
    for (accept, own, given) in [(true, true, true), (false, false, true)] {
        let mut settings = Settings::default();
        settings.ras.gateway_prefixes = accept;
        settings.ras.prefixes = vec![(
            "gw".into(),
            vec![pinhole_config::GatewayPrefix {
                digits: "02".into(),
                priority: None,
                except: false,
            }],
        )];
        let mut desk = Desk::with(settings);
        let bytes = open_rrq("gw", BOB, |request| request.terminal_type = gateway(&["01", "x"]));
        confirmed(&desk.ask(BOB, &bytes));
        let id = register(&mut desk, "alice", ALICE);
        for (to, found) in [("0123", own), ("0234", given), ("0345", false)] {
            let answers = ask(&mut desk, ALICE, arq(&id, 1, to));
            assert_eq!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), found, "{to}");
        }
    }
}

#[test]
fn calls_together_have_no_more_than_there_is() {
    let mut settings = Settings::default();
    settings.ras.bandwidth =
        Bandwidth { total: Some(3000), most: Some(2000), ..Bandwidth::default() };
    let mut desk = Desk::with(settings);
    let alice = register(&mut desk, "alice", ALICE);
    let bob = register(&mut desk, "bob", BOB);
    let granted = |answers: Vec<RasMessage>| match &answers[..] {
        [RasMessage::admissionConfirm(confirm)] => Some(confirm.band_width.0),
        [RasMessage::admissionReject(_)] => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(granted(ask(&mut desk, ALICE, arq(&alice, 1, "bob"))), Some(1280));
    assert_eq!(granted(ask(&mut desk, BOB, arq(&bob, 2, "alice"))), Some(1280));
    assert_eq!(granted(ask(&mut desk, ALICE, arq(&alice, 3, "bob"))), None);
    ask(&mut desk, ALICE, drq(&alice, 1));
    assert_eq!(granted(ask(&mut desk, ALICE, arq(&alice, 3, "bob"))), Some(1280));
    let answers = ask(&mut desk, ALICE, brq(&alice, 3, 5000));
    let [RasMessage::bandwidthReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(reject.allowed_band_width.0, 2000);
    // No Setup follows.
    desk.wait(60);
    assert_eq!((desk.node.core.bandwidth.total(), desk.node.core.bandwidth.len()), (0, 0));
}

#[test]
fn a_dialled_number_may_end_with_what_phones_put_there() {
    let mut settings = Settings::default();
    settings.ras.trailing = "#".into();
    let mut desk = Desk::with(settings);
    let id = register(&mut desk, "alice", ALICE);
    register(&mut desk, "1001", BOB);
    let answers = ask(&mut desk, ALICE, arq(&id, 1, "1001##"));
    assert!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), "{answers:?}");
}

#[test]
fn what_comes_again_is_answered_again_and_has_no_second_effect() {
    let mut desk = Desk::new();
    let rrq = open_rrq("alice", ALICE, |_| {});
    let first = desk.ask(ALICE, &rrq);
    let id = confirmed(&first).endpoint_identifier.clone();
    register(&mut desk, "bob", BOB);
    desk.now += Duration::from_secs(3);
    let outputs = desk.tell(Input::Datagram { socket: SocketId(0), from: at(ALICE), bytes: &rrq });
    assert!(!outputs.iter().any(|output| matches!(output, Output::Event(_))), "{outputs:?}");
    let since = known(&desk, "alice").unwrap().seen;
    assert!(since < desk.now, "it is not looked at");
    let call = arq(&id, 1, "bob");
    let admitted = ask(&mut desk, ALICE, call.clone());
    desk.node.core.admissions.forget(CallId([1; 16]));
    assert_eq!(ask(&mut desk, ALICE, call.clone()), admitted);
    assert_eq!(desk.node.core.admissions.len(), 0, "it is not admitted again");
    assert_eq!(desk.node.counters().repeated_ras, 2);
    // From elsewhere, or later, it is another request.
    assert!(matches!(&ask(&mut desk, MALLORY, call.clone())[..], [RasMessage::admissionReject(_)]));
    desk.now += Duration::from_secs(11);
    ask(&mut desk, ALICE, call);
    assert_eq!(desk.node.core.admissions.len(), 1);
    // Leaving, twice; who registers then with the very first octets is registered.
    assert_eq!(ask(&mut desk, ALICE, urq(&id, &[])), ask(&mut desk, ALICE, urq(&id, &[])));
    assert!(known(&desk, "alice").is_none());
    confirmed(&desk.ask(ALICE, &rrq));
    assert!(known(&desk, "alice").is_some(), "no answer of an earlier life");
}

#[test]
fn too_much_at_once_waits_and_what_exists_goes_on() {
    let mut settings = Settings::default();
    settings.limits.new_work = Allowance { rate: 10, burst: 20 };
    settings.limits.ras = Allowance { rate: 10_000, burst: 100_000 };
    let mut desk = Desk::with(settings);
    let alice = register(&mut desk, "alice", ALICE);
    register(&mut desk, "bob", BOB);
    let (mut confirms, mut waits, mut refusals) = (0, 0, 0);
    for n in 0..100 {
        match &desk.ask(
            MALLORY,
            &open_rrq(&format!("m{n}"), MALLORY, |request| {
                request.request_seq_num = RequestSeqNum(n + 1);
            }),
        )[..]
        {
            [RasMessage::registrationConfirm(_)] => confirms += 1,
            [RasMessage::requestInProgress(wait)] => {
                assert_eq!((wait.request_seq_num.0, wait.delay), (n + 1, 3000));
                waits += 1;
            }
            [RasMessage::registrationReject(reject)] => {
                assert!(matches!(
                    reject.reject_reason,
                    RegistrationRejectReason::resourceUnavailable(())
                ));
                refusals += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((confirms, waits, refusals), (18, 32, 50));
    confirmed(&desk.keepalive(ALICE, &alice));
    let answers = ask(&mut desk, ALICE, brq(&alice, 1, 5));
    assert!(matches!(&answers[..], [RasMessage::bandwidthConfirm(_)]));
    let answers = ask(&mut desk, ALICE, arq(&alice, 1, "bob"));
    assert!(matches!(&answers[..], [RasMessage::requestInProgress(_)]), "others can wait, too");
    let mut late = Vec::new();
    for _ in 0..300 {
        desk.now += Duration::from_millis(20);
        let outputs = desk.tell(Input::Timeout);
        late.extend(outputs.into_iter().filter_map(|output| match output {
            Output::Datagram { bytes, .. } => Some(Ras::decode(&bytes).unwrap().into_message()),
            _ => None,
        }));
    }
    let confirms = late.iter().filter(|one| matches!(one, RasMessage::registrationConfirm(_)));
    assert_eq!(confirms.count(), 32);
    assert!(matches!(late.last(), Some(RasMessage::admissionConfirm(_))));
    let counters = desk.node.counters();
    assert_eq!(
        (counters.deferred_ras, counters.refused_ras, desk.node.core.load.len()),
        (33, 50, 0)
    );
}
