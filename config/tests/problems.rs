//! Every kind of problem, with its place: the exact line an operator sees.

use pinhole_config::{Config, Origin, Override, Seconds, Value as _};

fn said(text: &str) -> Vec<String> {
    Config::read(text).1.iter().map(|problem| problem.render("f")).collect()
}

#[test]
fn an_unknown_key_has_a_nearest_one() {
    assert_eq!(
        said("[RoutedMode]\n  GKRuoted=1\n"),
        ["f:2:3: error: unknown key 'GKRuoted' in [RoutedMode]; did you mean 'GKRouted'?"]
    );
    assert_eq!(
        said("[EP::gw]\nCapacty=1"),
        ["f:2:1: error: unknown key 'Capacty' in [EP::gw]; did you mean 'Capacity'?"]
    );
}

#[test]
fn an_unknown_key_may_belong_elsewhere() {
    assert_eq!(
        said("[RoutedMode]\nProxyAlways=1\n"),
        ["f:2:1: error: unknown key 'ProxyAlways' in [RoutedMode]; it belongs to [Proxy]"]
    );
    assert_eq!(
        said("[Proxy]\ncapacity=1"),
        ["f:2:1: error: unknown key 'capacity' in [Proxy]; it belongs to [EP::…]"]
    );
    assert_eq!(
        said("[Proxy]\nDisableH245Tunneling=1"),
        [
            "f:2:1: error: unknown key 'DisableH245Tunneling' in [Proxy]; it belongs to [CTI::MakeCall] or \
          [RoutedMode]"
        ]
    );
}

#[test]
fn an_unknown_key_may_be_a_slip_of_another_sections() {
    assert_eq!(
        said("[LogFile]\nEnableH4618=1"),
        [
            "f:2:1: error: unknown key 'EnableH4618' in [LogFile]; did you mean 'EnableH46018' of [Endpoint] or \
          [RoutedMode]?"
        ]
    );
    assert_eq!(said("[LogFile]\nColour=1"), ["f:2:1: error: unknown key 'Colour' in [LogFile]"]);
}

#[test]
fn an_unknown_section_is_said_once_a_head() {
    assert_eq!(
        said("[Routed]\nx=1\n[RoutdMode]\n[routdmode]"),
        [
            "f:1:2: error: unknown section [Routed]; did you mean [RoutedMode]?",
            "f:3:2: error: unknown section [RoutdMode]; did you mean [RoutedMode]?",
            "f:4:2: error: unknown section [RoutdMode]; did you mean [RoutedMode]?",
        ]
    );
    assert_eq!(said("[Colours]"), ["f:1:2: error: unknown section [Colours]"]);
}

#[test]
fn a_bad_value_is_pointed_at() {
    for (section, entry, expected) in [
        (
            "RoutedMode",
            "GKRouted = on",
            "f:2:12: error: GKRouted: 'on' is not a boolean (0, 1, true, false, yes, no); GnuGk reads it as false",
        ),
        (
            "Gatekeeper::Main",
            "UnicastRasPort=65536",
            "f:2:16: error: UnicastRasPort: '65536' is not a port (0 to 65535)",
        ),
        (
            "Gatekeeper::Main",
            "Home=10.0.0.1, lan",
            "f:2:16: error: Home: 'lan' is not an IP address",
        ),
        (
            "Proxy",
            "RTPPortRange=9-8",
            "f:2:14: error: RTPPortRange: the first port, 9, is larger than the last, 8",
        ),
        (
            "Proxy",
            "RTPPortRange=50000",
            "f:2:14: error: RTPPortRange: '50000' is not a range of ports, such as 30000-39999",
        ),
        ("RoutedMode", "SetupTimeout=8s", "f:2:14: error: SetupTimeout: '8s' is not a number"),
    ] {
        assert_eq!(said(&format!("[{section}]\n{entry}")), [expected]);
    }
    assert_eq!(
        said("[RoutedMode]\nCallSignalHandlerNumber=201")[1],
        "f:2:25: error: CallSignalHandlerNumber: 201 is not between 1 and 200"
    );
    assert_eq!(
        said("[Proxy]\nInternalNetwork=10.0.0.0/8,10/8")[0],
        "f:2:28: error: InternalNetwork: '10/8' is not a network (192.168.0.0/16, 192.168.0.0/255.255.0.0, or an \
         address)"
    );
    assert_eq!(
        said("[GkStatus::Auth]\nrule=explict")[1],
        "f:2:6: error: rule: 'explict' is not one of allow, forbid, explicit, regex, password"
    );
    let long = "x".repeat(129);
    assert_eq!(
        said(&format!("[Gatekeeper::Main]\nName={long}")),
        ["f:2:6: error: Name: 129 characters long, at most 128 fit into the messages"]
    );
}

#[test]
fn the_default_takes_the_place_of_a_bad_value() {
    let (config, problems) = Config::read("[RoutedMode]\nCallSignalPort=x\nGKRouted=1");
    assert_eq!(problems.len(), 1);
    assert_eq!(config.routed.call_signal_port.0, 1720);
    assert!(config.routed.gk_routed);
}

#[test]
fn an_empty_value_is_legal() {
    assert_eq!(
        said("[RoutedMode]\nCallSignalPort="),
        ["f:2:16: warning: CallSignalPort: empty value, the default 1720 is used"]
    );
    assert_eq!(said("[Gatekeeper::Main]\nEndpointIDSuffix=\nHome=\nTimeToLive="), [""; 0]);
    assert_eq!(Config::read("[Gatekeeper::Main]\nEndpointIDSuffix=").0.main.endpoint_suffix.0, "");
}

#[test]
fn a_number_is_clamped_where_gnugk_does() {
    assert_eq!(
        said("[RoutedMode]\nSetupTimeout=500"),
        ["f:2:14: warning: SetupTimeout: 500 is not between 1000 and 600000: 1000 is used"]
    );
}

#[test]
fn a_trailing_comment_is_tolerated_behind_bare_values_only() {
    let text =
        "[Gatekeeper::Main]\nTimeToLive=7200 // 2hr\nName=GK ; 7\n[RoutedMode]\nGKRouted=1 # on";
    assert_eq!(
        said(text),
        [
            "f:2:17: warning: '// 2hr' is not read; a comment needs a line of its own",
            "f:5:12: warning: '# on' is not read; a comment needs a line of its own",
        ]
    );
    let (config, _) = Config::read(text);
    assert_eq!(config.main.time_to_live, Some(Seconds(7200)));
    assert_eq!(config.main.name.0, "GK ; 7");
    assert_eq!(
        said("[Gatekeeper::Main]\nBind=192.0.2.1 # lan"),
        ["f:2:6: error: Bind: '192.0.2.1 # lan' is not an IP address"]
    );
    assert!(config.routed.gk_routed);
}

#[test]
fn a_key_given_again_names_both_lines() {
    let text = "[RoutedMode]\nCallSignalPort=1\n[Proxy]\n[routedmode]\ncallsignalport=2";
    assert_eq!(
        said(text),
        ["f:5:1: warning: 'callsignalport' again, first in line 2; the value of line 2 counts"]
    );
    assert_eq!(Config::read(text).0.routed.call_signal_port.0, 1);
    assert_eq!(
        said("[TLS]\nCAFile=a\nCAFile=b")[1],
        "f:3:1: warning: 'CAFile' again, first in line 2; the value of line 2 counts"
    );
}

#[test]
fn free_keys_may_be_given_again() {
    assert_eq!(
        said("[RewriteCLI]\nin:any=1=2\nin:any=3=4\nComment=x"),
        [
            "f:1:2: warning: [RewriteCLI] with 2 entries is not followed: no number is rewritten and no call routed by it \
             in this version"
        ]
    );
}

#[test]
fn a_free_key_that_looks_like_a_slip_is_told() {
    assert_eq!(
        said("[GkStatus::Auth]\nrul=allow")[1],
        "f:2:1: warning: 'rul' is read as an entry; did you mean 'rule'?"
    );
}

#[test]
fn comment_is_allowed_everywhere() {
    assert_eq!(said("[TLS]\nComment=hi\ncomment=again\n[EP::x]\nComment=hi"), [""; 0]);
}

#[test]
fn instances_and_families_have_their_sections_keys() {
    let none = "is accepted, has no effect in this version";
    assert_eq!(said("[Routing::Sql::two]\nQuery=x"), [format!("f:2:1: warning: Query {none}")]);
    assert_eq!(
        said("[RasSrv::Neighbors]\nA=GnuGk\n[Neighbor::A]\nUseTLS=1"),
        [
            "f:4:1: warning: UseTLS is not enforced: signalling will be in clear, and with it how keys of media are agreed on"
        ]
    );
    assert_eq!(
        said("[Routing::ENUM::xmpp]\nE2U+xmpp=gw"),
        [format!("f:1:2: warning: [Routing::ENUM::xmpp] with 1 entry {none}")]
    );
    assert_eq!(
        said("[Neighbour::A]\nHost=x"),
        ["f:1:2: error: unknown section [Neighbour::A]; did you mean [Neighbor::A]?"]
    );
    assert_eq!(
        said("[Neighbor]\nHost=x"),
        ["f:1:2: error: unknown section [Neighbor]; did you mean [Neighbor::…]?"]
    );
}

#[test]
fn a_neighbor_of_one_line_comes_from_that_line() {
    let text = "[RasSrv::Neighbors]\n\nWorld=194.95.240.3;00\nOther=GnuGk\n[Neighbor::Other]\nHost=192.0.2.1\n";
    let (config, problems) = Config::read(text);
    assert_eq!(problems, []);
    let said = |section: &str| -> Vec<(String, Origin)> {
        let all = config.effective().into_iter().filter(|value| value.section == section);
        let said = all.filter(|value| value.origin != Origin::Default);
        said.map(|value| (format!("{}={}", value.key, value.value), value.origin)).collect()
    };
    let line = |text: &str, line| (text.to_owned(), Origin::Line(line));
    let world = [line("Host=194.95.240.3:1719", 3), line("SendPrefixes=00", 3)];
    assert_eq!(said("Neighbor::World"), world);
    assert_eq!(said("Neighbor::Other"), [line("Host=192.0.2.1:1719", 6)]);
}

#[test]
fn who_allows_everybody_refuses_nobody() {
    assert_eq!(said("[Gatekeeper::Auth]\ndefault=allow\n"), [""; 0]);
    assert_eq!(
        said("[Gatekeeper::Auth]\ndefault=reject\n"),
        ["f:2:1: warning: default is not enforced: nobody is refused by it in this version"]
    );
}

#[test]
fn what_is_never_needed_says_why() {
    let sessions = "has no effect and needs none: each session has ports of its own for both directions, whatever the \
                    other party calls it";
    for section in ["Proxy", "RoutedMode"] {
        assert_eq!(
            said(&format!("[{section}]\nMatchH239SessionsByType=0")),
            [format!("f:2:1: warning: MatchH239SessionsByType {sessions}")]
        );
    }
    assert_eq!(
        said("[Gatekeeper::Main]\nMaxSocketQueue=100"),
        [
            "f:2:1: warning: MaxSocketQueue has no effect in this version: OutputQueue of [Pinhole::Limits]"
        ]
    );
}

#[test]
fn an_endpoint_has_a_section_of_its_own() {
    let text = "[EP::gw1]\nCapacity=60\nGatewayPrefixes=0048,0049:=2\nProxy=2 ; no media\n[ep::GW1]\nProxy=1\n[EP::gw2]\n\
                TranslateSentQ931Cause=17\nDisableCallCreditCapabilities=1\n";
    assert_eq!(
        said(text),
        [
            "f:4:9: warning: '; no media' is not read; a comment needs a line of its own",
            "f:6:1: warning: 'Proxy' again, first in line 4; the value of line 4 counts",
            "f:8:24: error: TranslateSentQ931Cause: '17' is not a translation of causes (1 to 127), such as 17:=34",
            "f:9:1: warning: DisableCallCreditCapabilities has no effect and needs none: no endpoint is sent call credits",
        ]
    );
    let (config, _) = Config::read(text);
    let [(one, gateway), (two, _)] = &config.particulars[..] else { panic!() };
    assert_eq!(
        (one.as_str(), two.as_str(), gateway.capacity),
        ("gw1", "gw2", Some(pinhole_config::Number(60)))
    );
    let shown = config.effective();
    let proxy = shown.iter().find(|one| one.section == "EP::gw1" && one.key == "Proxy").unwrap();
    assert_eq!((proxy.value.as_str(), proxy.origin), ("2", Origin::Line(4)));
}

#[test]
fn nobody_is_sent_nowhere() {
    let sent = "[Gatekeeper::Main]\nRedirectGK=Endpoints > 100 | Calls > 50\n";
    assert_eq!(
        said(sent),
        ["f:2:12: warning: RedirectGK has no effect without AlternateGKs: there is nowhere to go"]
    );
    assert_eq!(said(&format!("{sent}AlternateGKs=192.0.2.4;1719;false;1;GnuGk2\n")), [""; 0]);
}

/// What is not there is switched off anyway.
#[test]
fn what_is_switched_off_is_not_missed() {
    let off = "[Gatekeeper::Main]\nUseBroadcastListener=0\nStatusPort=0\n[TLS]\nEnableTLS=no\n\
               [RoutedMode]\nEnableH46017=0\nEnableH46023=false\n[Neighbor::A]\nUseTLS=0\n\
               [RasSrv::Neighbors]\nA=GnuGk\n[Endpoint]\nGatekeeper=no\n";
    assert_eq!(said(off), [""; 0]);
    assert_eq!(said("[Gatekeeper::Main]\nDisconnectCallsOnShutdown=0").len(), 1, "they are");
}

#[test]
fn unkept_promises_are_told() {
    assert_eq!(
        said("[TLS]\nEnableTLS=1"),
        [
            "f:2:1: warning: EnableTLS is not enforced: signalling will be in clear, and with it how keys of media are \
             agreed on"
        ]
    );
    assert_eq!(said("[RoutedMode]\nRequireH235HalfCallMedia=0"), [""; 0]);
    assert_eq!(
        said("[RoutedMode]\nEnableH46023=1"),
        ["f:2:1: warning: EnableH46023 is accepted, has no effect in this version"]
    );
    assert_eq!(
        said("[Gatekeeper::Main]\nStatusPort=7000"),
        [
            "f:2:1: warning: StatusPort has no effect in this version: StatusSocket and `pinhole status` show what there \
             is"
        ]
    );
    assert_eq!(
        said("[SimplePasswordAuth]\nbob=xyz="),
        [
            "f:1:2: warning: [SimplePasswordAuth] with 1 entry is not enforced: nobody is refused by it in this version"
        ]
    );
}

#[test]
fn obsolete_keys_name_their_successor() {
    assert_eq!(
        said("[RoutedMode]\nH235HalfCallMediaStrength=256"),
        ["f:2:1: warning: H235HalfCallMediaStrength is obsolete, has no effect: write \
          H235HalfCallMaxTokenLength=2048 for 256 bits, 1024 for 128"]
    );
    assert_eq!(
        said("[Gatekeeper::Main]\nEndpointSuffix=_x"),
        ["f:2:1: warning: EndpointSuffix is obsolete, has no effect: write EndpointIDSuffix"]
    );
}

#[test]
fn an_external_address_is_asked_of_a_server_that_one_should_know() {
    assert_eq!(
        said("[Gatekeeper::Main]\nExternalIP=STUN"),
        [
            "f:2:12: warning: ExternalIP=STUN asks stun.ekiga.net:3478 unless STUNServer names another"
        ]
    );
    let (config, problems) =
        Config::read("[Gatekeeper::Main]\nExternalIP=STUN\nSTUNServer=stun.example.org");
    assert_eq!(problems, []);
    assert_eq!(config.main.stun_server.0.to_string(), "stun.example.org:3478");
    assert_eq!(
        said("[Gatekeeper::Main]\nSTUNServer=192.0.2.9:3479"),
        ["f:2:12: warning: STUNServer has no effect without ExternalIP=STUN"]
    );
    assert_eq!(
        said("[Gatekeeper::Main]\nExternalIP=AWSPublicIP"),
        [
            "f:2:12: warning: ExternalIP: AWSPublicIP is accepted, has no effect in this version: an IP address, a \
             host's name or STUN has, which asks STUNServer"
        ]
    );
}

#[test]
fn a_short_time_to_live_is_raised() {
    let (config, problems) = Config::read("[Gatekeeper::Main]\nTimeToLive=30");
    assert_eq!(
        problems[0].render("f"),
        "f:2:12: warning: TimeToLive=30 is raised to 60; EnableTTLRestrictions=0 keeps it"
    );
    assert_eq!(config.main.time_to_live, Some(Seconds(60)));
    let text = "[Gatekeeper::Main]\nTimeToLive=30\nEnableTTLRestrictions=0";
    assert_eq!(said(text), [""; 0]);
    assert_eq!(Config::read(text).0.main.time_to_live, Some(Seconds(30)));
    assert_eq!(said("[Gatekeeper::Main]\nTimeToLive=60\n"), [""; 0]);
}

#[test]
fn traversal_without_routing_says_what_is_forced() {
    assert_eq!(
        said("[RoutedMode]\nEnableH46018=1\nGKRouted=1"),
        [
            "f:2:14: warning: EnableH46018 without H245Routed=1, [Proxy] Enable=1: calls of traversal clients are \
          routed, with H.245, and their media is proxied all the same"
        ]
    );
}

#[test]
fn halves_of_a_setting_are_told() {
    assert_eq!(
        said("[Proxy]\nProxyAlways=1"),
        ["f:2:13: warning: ProxyAlways has no effect without Enable=1"]
    );
    assert_eq!(
        said("[RoutedMode]\nH245Routed=1"),
        ["f:2:12: warning: H245Routed has no effect without GKRouted=1"]
    );
    assert_eq!(
        said("[Gatekeeper::Main]\nHome=10.0.0.1\nBind=10.0.0.2"),
        ["f:3:6: warning: Bind=10.0.0.2 is not among the addresses of Home=10.0.0.1"]
    );
}

#[test]
fn calls_of_strangers_are_told() {
    assert_eq!(
        said("[RoutedMode]\nAcceptUnregisteredCalls=1"),
        [
            "f:2:25: warning: AcceptUnregisteredCalls: whoever reaches the signalling port can call, nobody is asked \
          who he is in this version"
        ]
    );
}

#[test]
fn ranges_of_ports_are_looked_at_together() {
    assert_eq!(
        said("[Proxy]\nRTPPortRange=50001-50002"),
        ["f:2:14: error: RTPPortRange has 0 pairs of ports: a call needs at least 2"]
    );
    assert_eq!(
        said("[Proxy]\nRTPPortRange=50001-50020"),
        [
            "f:2:14: warning: RTPPortRange begins with the odd port 50001: RTP has even ports, 50001 stays unused",
            "f:2:14: warning: RTPPortRange has 9 pairs of ports: enough for 4 calls with one medium each",
        ]
    );
    assert_eq!(
        said("[Proxy]\nRTPPortRange=1024-2047"),
        ["f:2:14: warning: RTPPortRange contains 1719, the port of RAS"]
    );
    assert_eq!(
        said("[RoutedMode]\nQ931PortRange=1000-2000\nH245PortRange=2000-3000"),
        [
            "f:2:15: warning: Q931PortRange contains 1720, the port of call signalling",
            "f:3:15: warning: H245PortRange overlaps Q931PortRange=1000-2000",
        ]
    );
}

#[test]
fn the_command_line_wins_and_is_named() {
    let one =
        |flag, section, key, value: &str| Override { flag, section, key, value: value.into() };
    let overrides = [
        one("-r", "RoutedMode", "GKRouted", "1"),
        one("-i", "Gatekeeper::Main", "Home", "127.0.0.1"),
    ];
    let (config, problems) = Config::load(b"[RoutedMode]\nGKRouted=0\nH245Routed=1", &overrides);
    assert_eq!(problems, []);
    assert!(config.routed.gk_routed);
    let origin = |key| config.effective().into_iter().find(|one| one.key == key).unwrap().origin;
    assert_eq!(origin("GKRouted"), Origin::CommandLine("-r"));
    assert_eq!(origin("H245Routed"), Origin::Line(3));
    assert_eq!(origin("EnableH46018"), Origin::Default);
    let (_, problems) = Config::load(b"", &[one("-i", "Gatekeeper::Main", "Home", "lan")]);
    assert_eq!(problems[0].render("f"), "command line: error: Home: 'lan' is not an IP address");
}

#[test]
fn multiplexed_rtcp_follows_multiplexed_rtp() {
    assert_eq!(said("[Proxy]\nRTPMultiplexPort=4000\nRTCPMultiplexPort=4001"), [""; 0]);
    assert_eq!(
        said("[Proxy]\nRTCPMultiplexPort=4001"),
        ["f:2:19: warning: multiplexed RTCP uses port 3001, the one after RTPMultiplexPort"]
    );
    assert_eq!(
        said("[Proxy]\nRTPMultiplexPort=3001"),
        ["f:2:18: error: RTPMultiplexPort=3001 is odd: RTP takes an even port"]
    );
}

#[test]
fn free_keys_have_types_where_they_have_an_effect() {
    let text = "[RasSrv::PermanentEndpoints]\n10.0.0.1=gw;01\nhost=a\n10.0.0.1:1720=b\n10.0.0.2=;1\n\
                10.0.0.3=c;1,x\n10.0.0.1=d\n[RasSrv::GWPrefixes]\ngw=02:=2,!021\n";
    let (config, problems) = Config::read(text);
    let said: Vec<String> = problems.iter().map(|problem| problem.render("f")).collect();
    let expected = [
        "f:3:1: error: host: 'host' is not an IP address",
        "f:4:1: error: 10.0.0.1:1720: the same as in line 2",
        "f:5:10: error: 10.0.0.2: empty value",
        "f:6:14: error: 10.0.0.3: 'x' is not a prefix, such as 02, 02:=2 or !021",
        "f:7:1: warning: '10.0.0.1' again, first in line 2; the value of line 2 counts",
    ];
    assert_eq!(said, expected);
    assert_eq!(config.permanent.0.len(), 1);
    let effective = config.effective();
    let gateway = effective.iter().find(|one| one.key == "gw").unwrap();
    assert_eq!(
        (gateway.section.as_str(), gateway.value.as_str()),
        ("RasSrv::GWPrefixes", "02:=2,!021")
    );
    assert_eq!(gateway.origin, Origin::Line(9));
}

#[test]
fn a_rule_for_all_of_ipv4_says_nothing_of_ipv6() {
    let rule = "[Pinhole::EncryptByNetwork]\n10.0.0.0/8=off\n0.0.0.0/0=required,2048\n";
    let half = |text: &str| {
        let said = said(&format!("{rule}{text}"));
        said.into_iter().find(|line| line.contains("IPv6, on which"))
    };
    let told = "f:3:1: warning: 0.0.0.0/0=required,2048,AES-128 says nothing of IPv6, on which calls are taken, too: \
                add ::/0=required,2048,AES-128";
    assert_eq!(half("").as_deref(), Some(told));
    assert_eq!(half("[Pinhole::Encryption]\nDefault=preferred\n").as_deref(), Some(told));
    assert_eq!(half("::/0=off\n"), None, "it was thought of");
    assert_eq!(half("[Pinhole::Encryption]\nDefault=required\n"), None);
    assert_eq!(half("[Gatekeeper::Main]\nEnableIPv6=0\n"), None);
    assert!(half("[Gatekeeper::Main]\nEnableIPv6=0\nHome=192.0.2.1,2001:db8::1\n").is_some());
}

#[test]
fn what_takes_the_effect_of_rules_away_is_told() {
    let of = |text: &str, what: &str| said(text).into_iter().find(|line| line.contains(what));
    let past = "[RasSrv::ARQFeatures]\nArjReasonRouteCallToGatekeeper=0\n";
    let told = |rule: &str| of(&format!("{past}{rule}"), "did not come through");
    let why = "f:2:32: warning: a registered party may take calls that did not come through the gatekeeper, and so is not \
               asked to encrypt them, though encryption is required: leave it 1";
    for rule in [
        "[Pinhole::Encryption]\nDefault=required\n",
        "[Pinhole::EncryptByAlias]\nboard=required\n",
        "[Pinhole::EncryptByNetwork]\n10.0.0.0/8=required\n",
        "[RoutedMode]\nRequireH235HalfCallMedia=1\n",
    ] {
        assert_eq!(told(rule).as_deref(), Some(why), "{rule}");
    }
    assert_eq!(told("[Pinhole::Encryption]\nDefault=preferred\n"), None);
    assert_eq!(of("[Pinhole::Encryption]\nDefault=required\n", "did not come through"), None);
    let rules = "[Pinhole::EncryptByAlias]\nlobby=off\nboard=required,2048\n[Pinhole::Encryption]\nDefault=required\n";
    let told = |more: &str| of(&format!("{rules}{more}"), "has no effect, as");
    let why = "f:2:1: warning: lobby=off has no effect, as encryption is required everywhere and no name takes that back: an \
               exception is made by network (10.0.0.7/32=off)";
    for more in ["", "[Pinhole::EncryptByNetwork]\n192.0.2.0/24=required\n"] {
        assert_eq!(told(more).as_deref(), Some(why), "{more}");
    }
    assert_eq!(told("[Pinhole::EncryptByNetwork]\n10.0.0.0/8=preferred\n"), None);
}

#[test]
fn rules_of_encryption_are_checked() {
    let (config, problems) = Config::read(
        "[Pinhole::Encryption]\nDefault=preferred\n[Pinhole::EncryptByAlias]\nboard=required,2048,AES-256\n\
         [Pinhole::EncryptByNetwork]\n10.0.0.0/8=off\n[RoutedMode]\nRemoveH235Call=10.0.0.0/8\n",
    );
    assert_eq!(config.encrypt_by_alias.0[0].value.render(), "required,2048,AES-256");
    let told: Vec<_> = problems.iter().map(|problem| problem.render("f")).collect();
    let [vpn] = told.as_slice() else { panic!("{told:?}") };
    assert!(
        vpn.starts_with("f:2:9: warning: encryption of media without TLS on the same hop"),
        "{vpn}"
    );
    let alone = said("[Pinhole::EncryptByAlias]\nboard=required");
    assert!(alone[0].starts_with("f:2:1: warning: encryption of media without TLS"), "{alone:?}");
    assert_eq!(said("[Pinhole::EncryptByAlias]\nboard=off"), [""; 0]);
    assert_eq!(
        said("[Pinhole::EncryptByNetwork]\n10.0.0.0/8=requird"),
        [
            "f:2:12: error: 10.0.0.0/8: 'requird' is not one of off, preferred, required, 1024, 1536, 2048, 4096, \
             6144, 8192, AES-128, AES-256"
        ]
    );
    let wrong =
        said("[RasSrv::Neighbors]\nOuter=GnuGk\n[Pinhole::EncryptByNeighbor]\nOutr=required\n");
    assert_eq!(
        wrong[1],
        "f:4:1: error: 'Outr' is no neighbor of [RasSrv::Neighbors]; did you mean 'Outer'?"
    );
}
