//! Which aliases endpoints may bring.

use super::net::pieces;
use super::{Fault, Value, Wrong};

/// What an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    /// A terminal.
    Terminal,
    /// A gateway.
    Gateway,
    /// A multipoint control unit.
    Mcu,
}

/// What an alias is (H.225.0 AliasAddress).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasKind {
    /// A number as it is dialled.
    DialedDigits,
    /// A name.
    H323Id,
    /// A URL.
    Url,
    /// An address.
    Transport,
    /// A mail address.
    Email,
    /// A number of a numbering plan.
    PartyNumber,
    /// The identity of a mobile phone.
    MobileUim,
}

/// The kinds of aliases that count of endpoints of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRule {
    /// Of which endpoints.
    pub endpoint: EndpointKind,
    /// Which count.
    pub allowed: Vec<AliasKind>,
}

/// Rules: `terminal;h323id,dialeddigits`, several separated by blanks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasFilter(pub Vec<AliasRule>);

const ENDPOINTS: [(&str, EndpointKind); 3] = [
    ("terminal", EndpointKind::Terminal),
    ("gateway", EndpointKind::Gateway),
    ("mcu", EndpointKind::Mcu),
];

const ALIASES: [(&str, AliasKind); 7] = [
    ("dialeddigits", AliasKind::DialedDigits),
    ("h323id", AliasKind::H323Id),
    ("url", AliasKind::Url),
    ("transport", AliasKind::Transport),
    ("email", AliasKind::Email),
    ("partynumber", AliasKind::PartyNumber),
    ("mobileuim", AliasKind::MobileUim),
];

impl AliasFilter {
    /// Whether an alias of a kind counts, of an endpoint of a kind.
    #[must_use]
    pub fn allows(&self, endpoint: EndpointKind, alias: AliasKind) -> bool {
        let mut rules = self.0.iter().filter(|rule| rule.endpoint == endpoint).peekable();
        rules.peek().is_none() || rules.any(|rule| rule.allowed.contains(&alias))
    }
}

/// What a word stands for.
fn named<T: Copy>(names: &[(&str, T)], word: &str) -> Option<T> {
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim())).map(|(_, it)| *it)
}

/// The word for something.
fn word<T: PartialEq>(names: &[(&'static str, T)], it: &T) -> &'static str {
    names.iter().find(|(_, known)| known == it).map_or("", |(name, _)| name)
}

fn rule(text: &str) -> Option<AliasRule> {
    let (endpoint, aliases) = text.split_once(';')?;
    let endpoint = named(&ENDPOINTS, endpoint)?;
    let allowed = aliases.split(',').map(|word| named(&ALIASES, word)).collect::<Option<_>>()?;
    Some(AliasRule { endpoint, allowed })
}

impl Value for AliasFilter {
    const SYNTAX: &'static str = "rules, such as `terminal;h323id,dialeddigits`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let one = |(at, piece): (usize, &str)| {
            rule(piece).ok_or_else(|| Wrong { at, fault: Fault::NotAliasRule(piece.to_owned()) })
        };
        pieces(text, char::is_whitespace).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        let one = |rule: &AliasRule| {
            let words: Vec<_> = rule.allowed.iter().map(|kind| word(&ALIASES, kind)).collect();
            format!("{};{}", word(&ENDPOINTS, &rule.endpoint), words.join(","))
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_what_counts_and_others_are_free() {
        let filter = AliasFilter::parse("Terminal;H323ID,dialeddigits  gateway;url").unwrap();
        assert_eq!(filter.render(), "terminal;h323id,dialeddigits gateway;url");
        assert!(filter.allows(EndpointKind::Terminal, AliasKind::H323Id));
        assert!(!filter.allows(EndpointKind::Terminal, AliasKind::Url));
        assert!(filter.allows(EndpointKind::Gateway, AliasKind::Url));
        assert!(filter.allows(EndpointKind::Mcu, AliasKind::Email), "no rule is about it");
    }

    #[test]
    fn what_is_no_rule_is_pointed_at() {
        for (text, at) in [("terminal", 0), ("mcu;url phone;url", 8), ("mcu;urls", 0)] {
            let wrong = AliasFilter::parse(text).unwrap_err();
            assert_eq!(wrong.at, at, "{text}");
            assert!(wrong.fault.to_string().contains("terminal;h323id"), "{}", wrong.fault);
        }
        assert_eq!(AliasFilter::parse("").unwrap(), AliasFilter::default());
    }
}
