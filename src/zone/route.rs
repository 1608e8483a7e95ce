//! Which neighbours are asked about whom, and what they may ask about.

use std::net::IpAddr;

use pinhole_config::{Aliases, Area, Destinations, Neighbor as Config, Prefixes};
use pinhole_h323::alias::Alias;

/// How well a neighbour fits: the priority, the lower the better, and then by how many characters it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u32, std::cmp::Reverse<usize>);

/// How well a neighbour fits for somebody who has these names.
pub(super) fn rank(config: &Config, aliases: &[Alias]) -> Option<Rank> {
    aliases.iter().filter_map(|alias| rank_of(config, alias)).min()
}

fn rank_of(config: &Config, alias: &Alias) -> Option<Rank> {
    if let Alias::Transport(address) = alias {
        return is_sent(&config.send_ips, address.ip()).then_some(Rank(1, std::cmp::Reverse(0)));
    }
    let text = alias.to_string();
    if has(&config.send_aliases, &text) {
        return Some(Rank(0, std::cmp::Reverse(text.len())));
    }
    let fits = |(prefix, priority): &(String, u32)| {
        length(prefix, alias, &text).map(|length| Rank(*priority, std::cmp::Reverse(length)))
    };
    // The longest prefix says the priority.
    config.send_prefixes.0.iter().filter_map(fits).min_by_key(|rank| rank.1)
}

/// The names among these that a neighbour may ask about: another one does not come in with them.
pub(super) fn accepted(config: &Config, mut aliases: Vec<Alias>) -> Vec<Alias> {
    let Prefixes(prefixes) = &config.accept_prefixes;
    let fits = |alias: &Alias| {
        let text = alias.to_string();
        prefixes.iter().any(|(prefix, _)| length(prefix, alias, &text).is_some())
    };
    aliases.retain(fits);
    aliases
}

/// By how many characters a prefix fits an alias. `*` fits all, and the name of a type every alias of that type.
fn length(prefix: &str, alias: &Alias, text: &str) -> Option<usize> {
    let kind = match alias {
        Alias::DialedDigits(_) => "dialedDigits",
        Alias::H323Id(_) => "h323_ID",
        Alias::Url(_) => "url_ID",
        Alias::Transport(_) => "transportID",
        Alias::Email(_) => "email_ID",
        Alias::PartyNumber(_) | Alias::Other(_) => "partyNumber",
    };
    if prefix == "*" || prefix.eq_ignore_ascii_case(kind) {
        return Some(0);
    }
    text.starts_with(prefix).then_some(prefix.len())
}

fn has(Aliases(aliases): &Aliases, text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    aliases.iter().any(|(first, last)| match last {
        // Numbers of one length compare like their digits.
        Some(last) => {
            digits && text.len() == first.len() && (first..=last).contains(&&text.to_owned())
        }
        None => first == text,
    })
}

fn is_sent(Destinations(areas): &Destinations, ip: IpAddr) -> bool {
    let private = crate::node::is_private(ip);
    let not = |area: &Area| matches!(area, Area::Not(network) if network.contains(&ip));
    let meant = |area: &Area| match area {
        Area::Any => true,
        Area::Private => private,
        Area::Public => !private,
        Area::Network(network) => network.contains(&ip),
        Area::Not(_) => false,
    };
    areas.iter().any(meant) && !areas.iter().any(not)
}

#[cfg(test)]
mod tests {
    use pinhole_config::Value as _;

    use super::*;

    fn config(prefixes: &str, aliases: &str, ips: &str) -> Config {
        Config {
            send_prefixes: Prefixes::parse(prefixes).unwrap(),
            send_aliases: Aliases::parse(aliases).unwrap(),
            send_ips: Destinations::parse(ips).unwrap(),
            ..Config::default()
        }
    }

    fn named(text: &str) -> Vec<Alias> {
        vec![Alias::from_text(text)]
    }

    #[test]
    fn priority_comes_before_length_and_the_longest_prefix_says_it() {
        let one = config("0,004:=3", "", "");
        let other = config("*:=2", "", "");
        assert!(rank(&one, &named("0012")) < rank(&other, &named("0012")));
        assert!(rank(&one, &named("0049")) > rank(&other, &named("0049")));
        assert_eq!(rank(&one, &named("12")), None);
        assert_eq!(rank(&config("", "", ""), &named("12")), None);
        assert!(rank(&config("h323_ID", "", ""), &named("bob")).is_some());
        assert!(rank(&config("h323_ID", "", ""), &named("12")).is_none());
    }

    #[test]
    fn aliases_and_ranges() {
        let config = config("", "4526354,2000-2010,frank", "");
        for text in ["4526354", "2000", "2005", "2010", "frank"] {
            assert!(rank(&config, &named(text)).is_some(), "{text}");
        }
        for text in ["452635", "1999", "2011", "20055", "200", "fran"] {
            assert!(rank(&config, &named(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_accepted_does_not_come_in_with_what_is() {
        let config =
            Config { accept_prefixes: Prefixes::parse("49").unwrap(), ..Config::default() };
        let asked = [named("boss"), named("491"), named("149")].concat();
        assert_eq!(accepted(&config, asked), named("491"));
        assert_eq!(accepted(&Config::default(), named("boss")), named("boss"));
    }

    #[test]
    fn addresses_may_be_excepted() {
        let config = config("", "", "private,!10.1.0.0/16");
        let at = |ip: &str| vec![Alias::Transport(format!("{ip}:1720").parse().unwrap())];
        assert!(rank(&config, &at("10.2.0.1")).is_some());
        assert!(rank(&config, &at("10.1.0.1")).is_none());
        assert!(rank(&config, &at("198.51.100.1")).is_none());
    }
}
