//! `[RasSrv::LRQFeatures]`, `[H235]` and `[Neighbor::…]`.

use crate::section::section;
use crate::value::{
    Aliases, Destinations, Forward, Hosts, Limit, Milliseconds, Name, Number, Prefixes, Seconds,
    Secret,
};

section! {
    /// Location requests: how neighbours are asked where somebody is, and how they are answered.
    pub struct LocationFeatures in "RasSrv::LRQFeatures" {
        /// How long an answer is waited for, in tenths of a second.
        timeout: Number as "NeighborTimeout" = Number(5) => Limit::Clamp(1, 600);
        /// How often a request is sent before the neighbour counts as silent.
        retries: Number as "SendRetries" = Number(2) => Limit::Clamp(1, 10);
        /// The hopCount of the requests sent; empty: none.
        hop_count: Option<Number> as "ForwardHopCount" = None => Limit::Clamp(1, 255);
        /// Whether requests are taken that a neighbour passes on for others: those in which it does not name its own gatekeeper
        /// identifier.
        accept_forwarded: bool as "AcceptForwardedLRQ" = true;
        /// Whether neighbours that are reached without help are asked from time to time whether they answer (LRQ). One that
        /// does not is down, and asked about nobody, until it does again; zones have their keepalives.
        ping: bool as "SendLRQPing" = false;
        /// How often.
        ping_interval: Seconds as "LRQPingInterval" = Seconds(60) => Limit::Clamp(5, 86_400);
        /// About whom they are asked. Such questions of others are answered, and not passed on.
        ping_alias: Name as "PingAlias" = Name("gatekeeper-monitoring-check".to_owned());
        /// Whether the other neighbours are asked only once about the same call: one that passes it on, and gets it back from
        /// another one, answers that it knows nobody.
        loop_detection: bool as "LoopDetection" = false;
        /// For how long that is remembered.
        loop_time: Seconds as "LoopDetectionExpireTime" = Seconds(60) => Limit::Clamp(1, 3600);
        /// Accepted: who asks is told to wait (RIP) whenever others have to be asked.
        rip: Milliseconds as "SendRIP" = Milliseconds(0);
        /// Whether requests for somebody who is not here are passed on to other neighbours.
        forward: Forward as "ForwardLRQ" = Forward::Depends;
        /// Whether gatekeepers that are no neighbours get an answer.
        accept_strangers: bool as "AcceptNonNeighborLRQ" = false;
    }
}

section! {
    /// Proof of passwords.
    pub struct Tokens in "H235" {
        /// By how much the clock of a peer may differ. GnuGk allows 7210, in which a captured proof could be used again.
        grace: Seconds as "TimestampGracePeriod" = Seconds(300) => Limit::Clamp(1, 86_400);
    }
}

section! {
    /// A neighbour: another gatekeeper, or the other end of a traversal zone. It has to be declared in
    /// `[RasSrv::Neighbors]`, too (`name=GnuGk` or any other type; the old one-line form
    /// `name=address:port;prefixes;password;dynamic` needs no section).
    pub struct Neighbor in "Neighbor" {
        /// Its gatekeeper identifier; empty: its name here.
        gatekeeper_identifier: Option<Name> as "GatekeeperIdentifier" = None;
        /// Where it is; of the client of a traversal zone nothing need be known.
        host: Hosts as "Host" = Hosts::default();
        /// The numbers and names that it is asked about, by their beginnings; `*` is all.
        send_prefixes: Prefixes as "SendPrefixes" = Prefixes::default();
        /// The aliases that it is asked about.
        send_aliases: Aliases as "SendAliases" = Aliases::default();
        /// The called addresses that it is asked about.
        send_ips: Destinations as "SendIPs" = Destinations::default();
        /// What it may ask about, by its beginning; `*` is all.
        accept_prefixes: Prefixes as "AcceptPrefixes" = Prefixes(vec![("*".to_owned(), 1)]);
        /// Whether its address changes: its name is looked up again every minute. Whoever does not answer is looked up
        /// again in any case, and the client of a zone is where its keepalives come from.
        dynamic: bool as "Dynamic" = false;
        /// The hopCount of the requests that it is sent; empty: as in LRQFeatures.
        hop_count: Option<Number> as "ForwardHopCount" = None => Limit::Clamp(1, 255);
        /// Whether requests are taken that it passes on for others; empty: as in LRQFeatures.
        accept_forwarded: Option<bool> as "AcceptForwardedLRQ" = None;
        /// Whether it is asked from time to time whether it answers; empty: as in LRQFeatures.
        ping: Option<bool> as "SendLRQPing" = None;
        /// Whether its requests for somebody who is not here are passed on to others; empty: as in LRQFeatures.
        forward: Option<Forward> as "ForwardLRQ" = None;
        /// We are its client of a traversal zone (H.460.18): we keep the pinhole to it open.
        h46018_client: bool as "H46018Client" = false;
        /// It is our client of a traversal zone (H.460.18): its address is learned from its keepalives.
        h46018_server: bool as "H46018Server" = false;
        /// Whether fast start is withheld on calls with it; empty: on calls over a zone whose server is no Pinhole, as GnuGk
        /// does not learn then where the client's media comes from.
        disable_fast_start: Option<bool> as "DisableFastStart" = None;
        /// The name by which it proves its password; empty: its gatekeeper identifier.
        auth_user: Option<Name> as "AuthUser" = None;
        /// The password that it has to prove; empty: none.
        password: Option<Secret> as "Password" = None;
        /// The name by which we prove ours; empty: our gatekeeper identifier.
        send_auth_user: Option<Name> as "SendAuthUser" = None;
        /// The password that we prove to it; empty: none.
        send_password: Option<Secret> as "SendPassword" = None;
    }
}
