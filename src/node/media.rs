//! What the configuration says of the media of parties: which of the addresses that they tell count, and how long they
//! may be silent.

use std::net::IpAddr;
use std::time::Duration;

use pinhole_config::{Config, Medium, NetList};

use super::outside::is_private;
use crate::face::Patience;

/// So many times as long as at first may nothing come once something has.
const LATER: u32 = 20;

/// What the configuration says of it.
#[derive(Debug, Clone)]
pub struct Media {
    /// How long parties may be silent; `None`: for ever.
    pub silence: Option<Silence>,
    /// How long media goes where nothing comes from; `None`: for ever.
    pub patience: Option<Patience>,
    /// Networks where it may for ever.
    pub(super) unanswered: NetList,
    latching: Option<Latching>,
}

/// How long parties may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// In which channels.
    pub medium: Medium,
    /// How long.
    pub longest: Duration,
}

/// Which addresses count although media is latched (`IgnoreSignaledIPs`).
#[derive(Debug, Clone)]
struct Latching {
    allowed: NetList,
    allowed_from: NetList,
    h239: Presentations,
}

/// Which addresses count for a second video, of which the receiver sends nothing.
#[derive(Debug, Clone)]
struct Presentations {
    none: bool,
    no_private: bool,
    not_of: NetList,
}

/// Whether a media address that a party tells counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It does.
    Told,
    /// It does until packets of the party come from another port of it.
    Latched,
    /// It does not: its packets show it.
    Learned,
}

impl From<&Config> for Media {
    fn from(config: &Config) -> Self {
        let proxy = &config.proxy;
        let first = config.limits.unanswered.duration();
        Self {
            silence: proxy.inactivity.then_some(Silence {
                medium: proxy.inactivity_medium,
                longest: proxy.inactivity_timeout.duration(),
            }),
            patience: (!first.is_zero()).then(|| Patience { first, later: first * LATER }),
            unanswered: config.limits.unanswered_to.clone(),
            latching: proxy.ignore_signalled.then(|| Latching {
                allowed: proxy.allow_signalled.clone(),
                allowed_from: proxy.allow_signalled_from.clone(),
                h239: Presentations {
                    none: proxy.ignore_all_h239,
                    no_private: proxy.ignore_private_h239,
                    not_of: proxy.ignore_public_h239.clone(),
                },
            }),
        }
    }
}

impl Media {
    /// True for an address that the configuration takes from a party at `peer`, whatever else.
    pub(crate) fn allows(&self, peer: IpAddr, told: IpAddr) -> bool {
        let takes = |latching: &Latching| {
            latching.allowed.contains(told) || latching.allowed_from.contains(peer)
        };
        self.latching.as_ref().is_some_and(takes)
    }

    /// Whether an address counts that a party at `peer` tells, for a second video or another medium.
    pub(crate) fn trust(&self, peer: IpAddr, told: IpAddr, presentation: bool) -> Trust {
        let Some(latching) = &self.latching else { return Trust::Told };
        let allowed = self.allows(peer, told);
        let h239 = &latching.h239;
        let barred =
            h239.none || (h239.no_private && is_private(told)) || h239.not_of.contains(told);
        match (allowed, told == peer) {
            (true, _) => Trust::Told,
            (false, true) => Trust::Latched,
            (false, false) if presentation && !barred => Trust::Told,
            (false, false) => Trust::Learned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(keys: &str, [peer, told]: [&str; 2], presentation: bool) -> Trust {
        let (config, problems) = Config::read(&format!("[Proxy]\nEnable=1\n{keys}"));
        assert_eq!(problems, []);
        let [peer, told] = [peer, told].map(|text| text.parse().unwrap());
        Media::from(&config).trust(peer, told, presentation)
    }

    const INSIDE: [&str; 2] = ["203.0.113.1", "10.0.0.7"];
    const ELSEWHERE: [&str; 2] = ["203.0.113.1", "203.0.113.2"];
    const THERE: [&str; 2] = ["203.0.113.1", "203.0.113.1"];

    #[test]
    fn addresses_count_unless_they_are_ignored() {
        for case in [INSIDE, ELSEWHERE, THERE] {
            assert_eq!(trust("", case, false), Trust::Told);
            assert_eq!(trust("AllowSignaledIPs=1.2.3.0/24\n", case, true), Trust::Told);
        }
        let keys = "IgnoreSignaledIPs=1\n";
        assert_eq!(trust(keys, INSIDE, false), Trust::Learned);
        assert_eq!(trust(keys, ELSEWHERE, false), Trust::Learned);
        assert_eq!(trust(keys, THERE, false), Trust::Latched);
    }

    #[test]
    fn networks_are_excepted_by_what_is_told_and_by_who_tells_it() {
        let by_address = "IgnoreSignaledIPs=1\nAllowSignaledIPs=10.0.0.0/8\n";
        assert_eq!(trust(by_address, INSIDE, false), Trust::Told);
        assert_eq!(trust(by_address, ELSEWHERE, false), Trust::Learned);
        let by_peer = "IgnoreSignaledIPs=1\nAllowSignaledIPsFrom=203.0.113.1\n";
        assert_eq!(trust(by_peer, INSIDE, false), Trust::Told);
        assert_eq!(trust(by_peer, ["203.0.113.9", "10.0.0.7"], false), Trust::Learned);
    }

    #[test]
    fn a_second_video_goes_where_it_is_told_unless_that_is_ignored_too() {
        for (key, inside, elsewhere) in [
            ("", Trust::Told, Trust::Told),
            ("IgnoreSignaledPrivateH239IPs=1\n", Trust::Learned, Trust::Told),
            ("IgnoreSignaledPublicH239IPsFrom=203.0.113.0/24\n", Trust::Told, Trust::Learned),
            ("IgnoreSignaledAllH239IPs=1\n", Trust::Learned, Trust::Learned),
        ] {
            let keys = format!("IgnoreSignaledIPs=1\n{key}");
            assert_eq!(trust(&keys, INSIDE, true), inside, "{key}");
            assert_eq!(trust(&keys, ELSEWHERE, true), elsewhere, "{key}");
            assert_eq!(trust(&keys, THERE, true), Trust::Latched, "{key}");
        }
    }
}
