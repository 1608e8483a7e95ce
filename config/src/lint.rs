//! What is wrong only in combination. One rule, one function.

mod demands;
mod zones;

use std::net::IpAddr;

use crate::value::{CallsTo, Seconds, Value};
use crate::{Config, External, PortRange, Problem, Protection, Wish};

const MAIN: &str = "Gatekeeper::Main";
const ROUTED: &str = "RoutedMode";
const PROXY: &str = "Proxy";
const ENCRYPTION: &str = "Pinhole::Encryption";

/// Pairs of ports below which a range of RTP ports is hardly meant: a call takes two for each medium.
const FEW_PAIRS: u32 = 20;

/// Looks at a configuration as a whole, and raises what the dialect says is raised.
pub(crate) fn check(config: &mut Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(time_to_live(config));
    problems.extend(bind_and_home(config));
    problems.extend(ipv6_and_home(config));
    problems.extend(routes_and_home(config));
    problems.extend(stun_server(config));
    problems.extend(redirect(config));
    problems.extend(traversal_without_routing(config));
    problems.extend(h245_without_routing(config));
    problems.extend(unregistered_calls(config));
    problems.extend(unregistered_to(config));
    problems.extend(proxy_always(config));
    problems.extend(multiplex_ports(config));
    problems.extend(rtp_ports(config));
    problems.extend(ras_port_in_rtp_ports(config));
    problems.extend(tcp_ports(config));
    problems.extend(half_call_without_tls(config));
    problems.extend(rules_for_nobody(config));
    problems.extend(rule_for_half_the_world(config));
    problems.extend(demands::check(config));
    problems.extend(zones::check(config));
    problems
}

/// A warning at a key, unless nobody said it.
fn warn(
    config: &Config,
    section: &'static str,
    key: &'static str,
    text: String,
) -> Option<Problem> {
    let source = config.source(section, key)?;
    Some(Problem::warning(source.line, source.column, text))
}

/// H.235.6 does not prove who has agreed on a key, and its offers can be taken out on the way.
fn half_call_without_tls(config: &Config) -> Option<Problem> {
    let encrypts = |rule: &Protection| rule.wish != Wish::Off;
    let routed = &config.routed;
    let rows = [
        config.encrypt_by_network.0.iter().map(|row| (row.line, row.value)).collect::<Vec<_>>(),
        config.encrypt_by_alias.0.iter().map(|row| (row.line, row.value)).collect(),
        config.encrypt_by_neighbor.0.iter().map(|row| (row.line, row.value)).collect(),
    ];
    let text = |what: &str| {
        format!(
            "{what} without TLS on the same hop protects from listeners only: who can change messages on the way \
             can take part in the agreement of the keys, or prevent it; let signalling of such calls run through a \
             VPN, as this version has no TLS"
        )
    };
    if config.encryption.default.is_some_and(|rule| encrypts(&rule)) {
        return warn(config, ENCRYPTION, "Default", text("encryption of media"));
    }
    let key = match (routed.half_call, routed.require_half_call) {
        (_, true) => Some("RequireH235HalfCallMedia"),
        (true, false) => Some("EnableH235HalfCallMedia"),
        (false, false) => None,
    };
    if let Some(key) = key {
        return warn(config, ROUTED, key, text(key));
    }
    let (line, _) = rows.into_iter().flatten().find(|(_, rule)| encrypts(rule))?;
    Some(Problem::warning(line, 1, text("encryption of media")))
}

/// A rule for a neighbor that is none would protect nothing.
fn rules_for_nobody(config: &Config) -> Vec<Problem> {
    let known = |name: &str| config.neighbors.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
    let rows = config.encrypt_by_neighbor.0.iter().filter(|row| !known(&row.key.0));
    rows.map(|row| {
        let names = config.neighbors.iter().map(|(name, _)| name.as_str());
        let hint = crate::suggest::nearest(&row.key.0, names)
            .map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
        let text = format!("'{}' is no neighbor of [RasSrv::Neighbors]{hint}", row.key.0);
        Problem::error(row.line, 1, text)
    })
    .collect()
}

/// A rule for all of IPv4 says nothing of IPv6.
fn rule_for_half_the_world(config: &Config) -> Option<Problem> {
    let rules = &config.encrypt_by_network.0;
    let all = |v6: bool| {
        rules.iter().find(|row| row.key.prefix_len() == 0 && row.key.addr().is_ipv6() == v6)
    };
    let (row, None) = (all(false)?, all(true)) else { return None };
    let listens = config.main.ipv6 || config.main.home.0.iter().any(IpAddr::is_ipv6);
    let usual = match (config.encryption.default, config.routed.half_call) {
        (Some(rule), _) => rule.wish,
        (None, true) => Wish::Preferred,
        (None, false) => Wish::Off,
    };
    let text = format!(
        "0.0.0.0/0={} says nothing of IPv6, on which calls are taken, too: add ::/0={}",
        row.value.render(),
        row.value.render()
    );
    (listens && usual < row.value.wish).then(|| Problem::warning(row.line, 1, text))
}

fn time_to_live(config: &mut Config) -> Option<Problem> {
    let Seconds(ttl) = config.main.time_to_live?;
    if ttl >= 60 || !config.main.ttl_restrictions {
        return None;
    }
    config.main.time_to_live = Some(Seconds(60));
    let text = format!("TimeToLive={ttl} is raised to 60; EnableTTLRestrictions=0 keeps it");
    warn(config, MAIN, "TimeToLive", text)
}

fn bind_and_home(config: &Config) -> Option<Problem> {
    let bind = config.main.bind?;
    let home = &config.main.home.0;
    if home.is_empty() || home.contains(&bind) {
        return None;
    }
    let text =
        format!("Bind={bind} is not among the addresses of Home={}", config.main.home.render());
    warn(config, MAIN, "Bind", text)
}

fn routes_and_home(config: &Config) -> Option<Problem> {
    let home = &config.main.home;
    let (_, own) = config.proxy.routes.0.iter().find(|(_, own)| !home.0.contains(own))?;
    if home.0.is_empty() {
        return None;
    }
    let text =
        format!("ExplicitRoutes: {own} is not among the addresses of Home={}", home.render());
    warn(config, PROXY, "ExplicitRoutes", text)
}

fn ipv6_and_home(config: &Config) -> Option<Problem> {
    let named = config.main.home.0.iter().find(|ip| ip.is_ipv6() && !ip.is_unspecified())?;
    let text = format!("EnableIPv6=0, but Home names {named}, on which it listens all the same");
    let off = !config.main.ipv6;
    off.then(|| warn(config, MAIN, "EnableIPv6", text))?
}

/// Whoever answers says what peers are told.
fn stun_server(config: &Config) -> Option<Problem> {
    let said = config.source(MAIN, "STUNServer").is_some();
    match (&config.main.external_ip, said) {
        (Some(External::Stun), false) => {
            let server = config.main.stun_server.render();
            let text = format!("ExternalIP=STUN asks {server} unless STUNServer names another");
            warn(config, MAIN, "ExternalIP", text)
        }
        (Some(External::Stun), true) => None,
        (_, true) => {
            let text = "STUNServer has no effect without ExternalIP=STUN".to_owned();
            warn(config, MAIN, "STUNServer", text)
        }
        (_, false) => None,
    }
}

fn redirect(config: &Config) -> Option<Problem> {
    let idle = config.main.alternates.0.is_empty();
    let text = "RedirectGK has no effect without AlternateGKs: there is nowhere to go".to_owned();
    idle.then(|| warn(config, MAIN, "RedirectGK", text))?
}

fn traversal_without_routing(config: &Config) -> Option<Problem> {
    let needed = [
        (config.routed.gk_routed, "GKRouted=1"),
        (config.routed.h245_routed, "H245Routed=1"),
        (config.proxy.enable, "[Proxy] Enable=1"),
    ];
    let missing: Vec<&str> = needed.iter().filter(|(on, _)| !on).map(|(_, name)| *name).collect();
    if !config.routed.h46018 || missing.is_empty() {
        return None;
    }
    let text = format!(
        "EnableH46018 without {}: calls of traversal clients are routed, with H.245, and their media \
         is proxied all the same",
        missing.join(", ")
    );
    warn(config, ROUTED, "EnableH46018", text)
}

fn h245_without_routing(config: &Config) -> Option<Problem> {
    let text = "H245Routed has no effect without GKRouted=1".to_owned();
    let idle = config.routed.h245_routed && !config.routed.gk_routed;
    idle.then(|| warn(config, ROUTED, "H245Routed", text))?
}

fn unregistered_calls(config: &Config) -> Option<Problem> {
    let text = "AcceptUnregisteredCalls: whoever reaches the signalling port can call, nobody is asked who \
                he is in this version";
    config
        .routed
        .accept_unregistered
        .then(|| warn(config, ROUTED, "AcceptUnregisteredCalls", text.to_owned()))?
}

fn unregistered_to(config: &Config) -> Option<Problem> {
    let open = config.routed.unregistered_to == CallsTo::Anybody;
    let text = match (open, config.routed.accept_unregistered) {
        (true, true) => {
            "UnregisteredCallsTo=anybody: whoever reaches the signalling port can call any address through this host"
        }
        (_, false) => "UnregisteredCallsTo has no effect without AcceptUnregisteredCalls=1",
        (false, true) => return None,
    };
    warn(config, ROUTED, "UnregisteredCallsTo", text.to_owned())
}

fn proxy_always(config: &Config) -> Option<Problem> {
    let text = "ProxyAlways has no effect without Enable=1".to_owned();
    let idle = config.proxy.always && !config.proxy.enable;
    idle.then(|| warn(config, PROXY, "ProxyAlways", text))?
}

fn multiplex_ports(config: &Config) -> Vec<Problem> {
    let (media, control) = (config.proxy.multiplex_port.0, config.proxy.multiplex_control_port.0);
    let mut problems = Vec::new();
    if media % 2 == 1 {
        let text = format!("RTPMultiplexPort={media} is odd: RTP takes an even port");
        if let Some(source) = config.source(PROXY, "RTPMultiplexPort") {
            problems.push(Problem::error(source.line, source.column, text));
        }
    } else if control != media + 1 {
        let key = match config.source(PROXY, "RTCPMultiplexPort") {
            Some(_) => "RTCPMultiplexPort",
            None => "RTPMultiplexPort",
        };
        let text =
            format!("multiplexed RTCP uses port {}, the one after RTPMultiplexPort", media + 1);
        problems.extend(warn(config, PROXY, key, text));
    }
    problems
}

fn rtp_ports(config: &Config) -> Vec<Problem> {
    let (Some(range), Some(source)) =
        (config.proxy.rtp_ports, config.source(PROXY, "RTPPortRange"))
    else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let (first, pairs) = (*range.range().start(), range.pairs());
    if pairs < 2 {
        let text = format!("RTPPortRange has {pairs} pairs of ports: a call needs at least 2");
        problems.push(Problem::error(source.line, source.column, text));
        return problems;
    }
    if first % 2 == 1 {
        let text = format!(
            "RTPPortRange begins with the odd port {first}: RTP has even ports, {first} stays unused"
        );
        problems.push(Problem::warning(source.line, source.column, text));
    }
    if pairs < FEW_PAIRS {
        let text = format!(
            "RTPPortRange has {pairs} pairs of ports: enough for {} calls with one medium each",
            pairs / 2
        );
        problems.push(Problem::warning(source.line, source.column, text));
    }
    problems
}

/// RTP and RAS are both UDP.
fn ras_port_in_rtp_ports(config: &Config) -> Option<Problem> {
    let ports = config.proxy.rtp_ports?.range();
    let ras = config.main.ras_port.0;
    if !ports.contains(&ras) {
        return None;
    }
    let text = format!("RTPPortRange contains {ras}, the port of RAS");
    warn(config, PROXY, "RTPPortRange", text)
}

/// Signalling and H.245 are both TCP. RTP ports may be the same numbers, they are UDP.
fn tcp_ports(config: &Config) -> Vec<Problem> {
    let port = config.routed.call_signal_port.0;
    let ranges =
        [("Q931PortRange", config.routed.q931_ports), ("H245PortRange", config.routed.h245_ports)];
    let mut problems = Vec::new();
    for (key, range) in ranges {
        if range.is_some_and(|range| range.range().contains(&port)) {
            let text = format!("{key} contains {port}, the port of call signalling");
            problems.extend(warn(config, ROUTED, key, text));
        }
    }
    if let [(_, Some(q931)), (_, Some(h245))] = ranges
        && q931.overlaps(h245)
    {
        let text = format!("H245PortRange overlaps Q931PortRange={}", PortRange::render(&q931));
        problems.extend(warn(config, ROUTED, "H245PortRange", text));
    }
    problems
}
