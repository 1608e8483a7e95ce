//! What GnuGk's dialect has and Pinhole does not act on yet. Keys with types are declared in `sections`.

mod table;

use table::KNOWN;

/// Which keys and which names a section may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The named keys.
    Named,
    /// Any key: addresses, aliases, prefixes.
    Free,
    /// The named keys; the section's name is followed by `::` and any name.
    Family,
    /// The named keys; the section's name may be followed by `::` and any name.
    Instances,
    /// Any key; the section's name may be followed by `::` and any name.
    FreeInstances,
}

/// A section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Its name; of a family, what comes before the `::`.
    pub(crate) section: &'static str,
    /// Which keys and names.
    pub(crate) shape: Shape,
    /// The named keys without types, between blanks.
    keys: &'static str,
}

impl Known {
    /// The named keys without types.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.keys.split(' ').filter(|key| !key.is_empty())
    }

    /// Whether keys that are not named are allowed.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(self.shape, Shape::Free | Shape::FreeInstances)
    }

    /// How an operator writes the section's name.
    pub(crate) fn title(&self) -> String {
        match self.shape {
            Shape::Family => format!("{}::…", self.section),
            _ => self.section.to_owned(),
        }
    }

    /// The names it may have, with this one after the `::` where there may be one.
    pub(crate) fn names(&self, tail: &str) -> Vec<String> {
        let instance = || format!("{}::{tail}", self.section);
        match self.shape {
            Shape::Named | Shape::Free => vec![self.section.to_owned()],
            Shape::Family => vec![instance()],
            Shape::Instances | Shape::FreeInstances => vec![self.section.to_owned(), instance()],
        }
    }

    fn is(&self, name: &str) -> bool {
        let len = self.section.len();
        let Some((head, tail)) = name.split_at_checked(len) else { return false };
        let named = tail.strip_prefix("::").is_some_and(|id| !id.is_empty());
        head.eq_ignore_ascii_case(self.section)
            && match self.shape {
                Shape::Named | Shape::Free => tail.is_empty(),
                Shape::Family => named,
                Shape::Instances | Shape::FreeInstances => tail.is_empty() || named,
            }
    }
}

/// Every section.
pub(crate) fn all() -> impl Iterator<Item = &'static Known> {
    KNOWN.iter()
}

/// The section of this name.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.is(name))
}

/// Keys that every section may have.
pub(crate) const EVERYWHERE: [&str; 2] = ["Comment", "KeyFilled"];

/// What is said about a key (or, without a key, a section) beyond that it has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    /// Nothing is said: it has no meaning, in GnuGk neither.
    Silent,
    /// It promises encryption of signalling, without which that of media can be undone.
    Signalling,
    /// It promises that somebody is refused.
    Access,
    /// It promises that numbers are rewritten, or calls sent somewhere.
    Calls,
    /// What it is for is never needed, or always done; why.
    Needless(&'static str),
    /// Something else does what it is for.
    Instead(&'static str),
    /// It is obsolete.
    Gone(&'static str),
}

/// True for the sections that decide who may come; others only hold what they decide by.
pub(crate) fn decides(section: &str) -> bool {
    const SECTIONS: [&str; 3] = ["Gatekeeper::Auth", "RasSrv::RRQAuth", "RasSrv::RRQFeatures"];
    SECTIONS.iter().any(|name| name.eq_ignore_ascii_case(section))
}

/// What to say of a key without effect; `on` when its value is neither false nor empty.
pub(crate) fn note(section: &str, key: &str, on: bool) -> Option<Note> {
    let said = |place: &str, name: &str| {
        place.eq_ignore_ascii_case(section) && (name == "*" || name.eq_ignore_ascii_case(key))
    };
    let note = NOTES.iter().find(|(place, name, _)| said(place, name)).map(|(_, _, note)| *note);
    let gone = GONE.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
    let off = !on && SWITCHES.iter().any(|name| name.eq_ignore_ascii_case(key));
    match note.or_else(|| gone.map(|(_, hint)| Note::Gone(hint))) {
        // What it switches off is not there.
        _ if off => Some(Note::Silent),
        Some(Note::Signalling) if !on => None,
        note => note,
    }
}

const ANSWERS: &str =
    "the answer to a request that is passed on always comes here, and the call through here";
const THREADS: &str = "the number of threads and their turns follow from the processors";
const FRAMES: &str = "after octets that are no TPKT nobody knows where the next one begins, so the connection always ends";
const PORTS: &str = "media that comes early is learned from at once, and what was learned stays for the whole session";
const SESSIONS: &str =
    "each session has ports of its own for both directions, whatever the other party calls it";

/// `*` is the whole section.
const NOTES: &[(&str, &str, Note)] = &[
    ("Endpoint", "UseTLS", Note::Signalling),
    ("EP", "DisableCallCreditCapabilities", Note::Needless("no endpoint is sent call credits")),
    ("EP", "DisableH46017", Note::Needless("H.460.17 is served to nobody in this version")),
    ("EP", "UseTLS", Note::Signalling),
    ("FileIPAuth", "*", Note::Access),
    ("Gatekeeper::Auth", "*", Note::Access),
    (
        "Gatekeeper::Main",
        "DisconnectCallsOnShutdown",
        Note::Needless("calls that go through the gatekeeper end with it, and others go on"),
    ),
    (
        "Gatekeeper::Main",
        "EndpointSignalPort",
        Note::Needless("an endpoint is known by the address that it registered, whatever the port"),
    ),
    ("Gatekeeper::Main", "FortyTwo", Note::Silent),
    ("Gatekeeper::Main", "FourtyTwo", Note::Silent),
    (
        "Gatekeeper::Main",
        "ListenQueueLength",
        Note::Needless(
            "connections are taken at once; [Pinhole::Limits] says how many there may be",
        ),
    ),
    (
        "Gatekeeper::Main",
        "MaxASNArraySize",
        Note::Instead("Capabilities, Tokens, FastStart and MessageSize of [Pinhole::Limits]"),
    ),
    ("Gatekeeper::Main", "MaxSocketQueue", Note::Instead("OutputQueue of [Pinhole::Limits]")),
    (
        "Gatekeeper::Main",
        "MinH323Version",
        Note::Needless(
            "messages of its own say the newest version, and every other party's passes on as it came",
        ),
    ),
    (
        "Gatekeeper::Main",
        "NetworkInterfaces",
        Note::Instead(
            "the host's addresses are found by themselves; Home chooses among them, ExplicitRoutes says which is for whom, \
             and ExternalIP what is told outside",
        ),
    ),
    (
        "Gatekeeper::Main",
        "StatusPort",
        Note::Instead("StatusSocket and `pinhole status` show what there is"),
    ),
    (
        "Gatekeeper::Main",
        "TraceLevel",
        Note::Instead("the letters -t, -tt and -ttt say how much is logged"),
    ),
    (
        "Gatekeeper::Main",
        "UseBroadcastListener",
        Note::Instead("endpoints find the gatekeeper by multicast (UseMulticastListener)"),
    ),
    ("Gatekeeper::Main", "WorkerThreadIdleTimeout", Note::Needless(THREADS)),
    ("GeoIPAuth", "*", Note::Access),
    ("LogFile", "Filename", Note::Instead("the letter -o names the file of the log")),
    ("Neighbor", "ForwardResponse", Note::Needless(ANSWERS)),
    ("Neighbor", "UseTLS", Note::Signalling),
    ("PrefixAuth", "*", Note::Access),
    ("Proxy", "AbortOnInvalidTPKT", Note::Needless(FRAMES)),
    ("Proxy", "CachePortDetection", Note::Needless(PORTS)),
    ("Proxy", "CachePortDetectionDuration", Note::Needless(PORTS)),
    ("Proxy", "MatchH239SessionsByIDOnly", Note::Needless(SESSIONS)),
    ("Proxy", "MatchH239SessionsByType", Note::Needless(SESSIONS)),
    (
        "Proxy",
        "PortDetectionTimeout",
        Note::Instead("RTPInactivityCheck ends calls in which a party sends nothing"),
    ),
    (
        "RasSrv::LRQFeatures",
        "AcceptNonNeighborLCF",
        Note::Needless(
            "an answer counts only from the neighbour that was asked, as anybody could send others",
        ),
    ),
    ("RasSrv::LRQFeatures", "ForwardResponse", Note::Needless(ANSWERS)),
    (
        "RasSrv::LRQFeatures",
        "LoopDetectionReprocessLCFs",
        Note::Needless("LoopDetection keeps no answers"),
    ),
    (
        "RasSrv::LRQFeatures",
        "PreserveDestination",
        Note::Needless("no request is changed by a policy in this version"),
    ),
    ("RasSrv::GWRewriteE164", "*", Note::Calls),
    ("RasSrv::RewriteAlias", "*", Note::Calls),
    ("RasSrv::RewriteE164", "*", Note::Calls),
    ("RasSrv::RRQAuth", "*", Note::Access),
    ("RasSrv::RRQFeatures", "AuthenticatedAliasesOnly", Note::Access),
    (
        "RasSrv::RRQFeatures",
        "GatewayAssignAliases",
        Note::Needless("no aliases are assigned in this version"),
    ),
    ("RequireOneNet", "*", Note::Access),
    ("RewriteCLI", "*", Note::Calls),
    ("RoutedMode", "AbortOnInvalidTPKT", Note::Needless(FRAMES)),
    (
        "RoutedMode",
        "DisableSettingUDPSourceIP",
        Note::Needless(
            "each address has a socket of its own, and what is answered leaves from where it came in",
        ),
    ),
    ("RoutedMode", "MatchH239SessionsByIDOnly", Note::Needless(SESSIONS)),
    ("RoutedMode", "MatchH239SessionsByType", Note::Needless(SESSIONS)),
    ("RoutedMode", "ProxyHandlerHighPrio", Note::Needless(THREADS)),
    ("RoutedMode", "RtpHandlerNumber", Note::Needless(THREADS)),
    (
        "RoutedMode",
        "SocketCleanupTimeout",
        Note::Needless("ports are given back as soon as their call is over"),
    ),
    (
        "RoutedMode",
        "UseProvisionalRespToH245Tunneling",
        Note::Needless("GenerateCallProceeding leaves H.245 tunnelling as the parties want it"),
    ),
    ("Routing::CatchAll", "*", Note::Calls),
    ("Routing::Explicit", "*", Note::Calls),
    ("Routing::NumberAnalysis", "*", Note::Calls),
    ("RoutingPolicy", "*", Note::Calls),
    ("RoutingPolicy::OnARQ", "*", Note::Calls),
    ("RoutingPolicy::OnFacility", "*", Note::Calls),
    ("RoutingPolicy::OnLRQ", "*", Note::Calls),
    ("RoutingPolicy::OnSetup", "*", Note::Calls),
    ("SimplePasswordAuth", "*", Note::Access),
    ("TLS", "CheckCertificateIP", Note::Access),
    ("TLS", "EnableTLS", Note::Signalling),
    ("TLS", "RequireRemoteCertificate", Note::Access),
    ("TwoAliasAuth", "*", Note::Access),
];

/// Switches of what this version does not have, in whatever section they stand: switched off, they get what they ask for.
const SWITCHES: &[&str] = &[
    "AuthenticatedAliasesOnly",
    "CachePortDetection",
    "CheckCertificateIP",
    "EnableGnuGkNATTraversal",
    "EnableH245Multiplexing",
    "EnableH450.2",
    "EnableH46017",
    "EnableH46023",
    "EnableH46026",
    "EnableH460P",
    "EnableRTCPStats",
    "EnableRTPMute",
    "EnableSNMP",
    "EnableTLS",
    "ForceNATKeepAlive",
    "Gatekeeper",
    "GenerateNBCDR",
    "GenerateUCCDR",
    "LegacyPortDetection",
    "LogToSyslog",
    "RemoveSorensonSourceInfo",
    "RequireRemoteCertificate",
    "RerouteOnFacility",
    "SshStatusPort",
    "StatusPort",
    "TranslateSorensonSourceInfo",
    "UseBroadcastListener",
    "UseTLS",
];

/// Obsolete keys, in whatever section they stand.
const GONE: &[(&str, &str)] = &[
    ("AlwaysForwardLRQ", "write ForwardLRQ=always"),
    ("CallUnregisteredEndpoints", "the routing policy 'explicit' took its place"),
    ("CheckID", "[H235] CheckSendersID took its place"),
    ("CiscoGKCompatible", "write Generic or CiscoGk as the neighbor's type"),
    ("DisableRTPQueueing", "nothing is queued"),
    ("EndpointSuffix", "write EndpointIDSuffix"),
    (
        "H235HalfCallMediaStrength",
        "write H235HalfCallMaxTokenLength=2048 for 256 bits, 1024 for 128",
    ),
    ("IncludeDestinationInfoInLCF", "nothing took its place"),
    ("IncludeEndpointIP", "nothing took its place"),
    ("LegacyPortDetection", "it would let anybody who finds a port take the media (RTP bleed)"),
    ("SignalCallId", "nothing took its place"),
    ("SignalReadTimeout", "nothing took its place"),
    ("StatusReadTimeout", "nothing took its place"),
    ("VirtualQueue", "write VirtualQueueAliases"),
];

/// Whether a key is obsolete: such a key is known in every section with named keys.
pub(crate) fn is_gone(key: &str) -> bool {
    GONE.iter().any(|(name, _)| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_regard_to_case() {
        assert_eq!(find("gkstatus::AUTH").unwrap().section, "GkStatus::Auth");
        assert!(find("GkStatus").is_none());
        assert!(find("Ünknown").is_none());
    }

    #[test]
    fn families_need_a_name_and_instances_may_have_one() {
        assert_eq!(find("EP::gw1").unwrap().section, "EP");
        assert!(find("EP").is_none());
        assert!(find("EP::").is_none());
        assert_eq!(find("Routing::Sql").unwrap().section, "Routing::Sql");
        assert_eq!(find("routing::sql::myid").unwrap().section, "Routing::Sql");
        assert!(find("TLS::x").is_none());
    }

    #[test]
    fn the_table_has_no_name_twice_and_names_what_the_notes_name() {
        for (i, one) in KNOWN.iter().enumerate() {
            let others = KNOWN.iter().skip(i + 1);
            assert!(
                others.clone().all(|o| !o.section.eq_ignore_ascii_case(one.section)),
                "{}",
                one.section
            );
            let keys: Vec<String> = one.keys().map(str::to_ascii_lowercase).collect();
            let unique: std::collections::BTreeSet<&String> = keys.iter().collect();
            assert_eq!(unique.len(), keys.len(), "[{}]", one.section);
        }
        for key in SWITCHES {
            assert!(KNOWN.iter().any(|known| known.keys().any(|name| name == *key)), "{key}");
        }
        for (section, key, _) in NOTES {
            let known = KNOWN.iter().find(|known| known.section == *section).unwrap();
            assert!(*key == "*" || known.keys().any(|name| name == *key), "[{section}] {key}");
        }
    }
}
