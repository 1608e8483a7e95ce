//! Whole files, as operators have them: they load without an error, and what is said about them is exactly this.

use pinhole_config::{Config, PortRange, Seconds, Severity};

/// The file's configuration, and its problems as an operator sees them.
fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = Config::read(text);
    assert!(problems.iter().all(|p| p.severity == Severity::Warning), "{problems:?}");
    (config, problems.iter().map(|problem| problem.render("f")).collect())
}

#[test]
fn the_smallest_file_loads() {
    let (config, said) = read(include_str!("files/smallest.ini"));
    assert_eq!(said, ["f:4:1: warning: rule is accepted, has no effect in this version"]);
    assert_eq!(config.status_auth.rule.0, "allow");
}

#[test]
fn the_traversal_file_loads_without_a_word() {
    let (config, said) = read(include_str!("files/traversal.ini"));
    assert_eq!(said, [""; 0]);
    assert!(config.routed.h46018 && config.routed.gk_routed && config.routed.h245_routed);
    assert!(config.proxy.enable && config.proxy.always);
    assert_eq!(config.routed.h46018_keepalive, None);
}

#[test]
fn the_encryption_file_loads_and_says_what_it_does_not_protect_from() {
    let (config, said) = read(include_str!("files/half-call.ini"));
    assert!(config.routed.half_call && config.routed.require_half_call);
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(
        warning.starts_with("f:6:26: warning: RequireH235HalfCallMedia without TLS"),
        "{warning}"
    );
}

#[test]
fn the_vpn_proxy_file_loads_and_says_what_has_no_effect() {
    let (config, said) = read(include_str!("files/vpn-proxy.ini"));
    assert_eq!(config.main.name.0, "FACETS-GK");
    assert_eq!(config.main.home.0.len(), 2);
    assert_eq!(config.main.time_to_live, Some(Seconds(600)));
    assert_eq!(config.routed.call_signal_port.0, 1503);
    assert_eq!(config.routed.h245_ports, PortRange::new(40000, 49999));
    assert_eq!(config.proxy.rtp_ports, PortRange::new(50000, 59999));
    assert!(config.proxy.internal.contains("10.1.1.6".parse().unwrap()));
    let permanent = &config.permanent.0;
    assert_eq!(permanent[1].key.0, "10.1.1.10:1720".parse().unwrap());
    assert_eq!(permanent[1].value.aliases, ["00496221540000002", "FACETS_client_2"]);
    let none = "is accepted, has no effect in this version";
    let nobody = "is not enforced: nobody is refused by it in this version";
    let expected = [
        "f:12:1: warning: Filename has no effect in this version: the letter -o names the file of the log".into(),
        format!("f:13:1: warning: Rotate {none}"),
        format!("f:14:1: warning: RotateTime {none}"),
        format!("f:16:2: warning: [GkStatus::Auth] with 1 entry {none}"),
        format!("f:17:1: warning: rule {none}"),
        format!("f:24:1: warning: CallSignalHandlerNumber {none}"),
        format!("f:47:1: warning: FileIPAuth {nobody}"),
        format!("f:50:2: warning: [FileIPAuth] with 4 entries {nobody}"),
    ];
    assert_eq!(said, expected);
}

/// Guards the keys on their way from `known` to a type: none may be lost or misspelt.
#[test]
fn every_key_of_the_dialect_is_known() {
    let (_, said) = read(include_str!("files/every-key.ini"));
    assert!(said.iter().all(|line| !line.contains("unknown")), "{said:?}");
    assert!(said.len() > 700, "an empty value or no effect is said of each");
}
