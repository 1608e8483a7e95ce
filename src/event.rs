//! Facts worth telling: each is stated once here, and the log, the terminal and the records read it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// Something that happened. As JSON: `{"event":"call-ended", …}`, one object a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// An agent listens on an address: one word for the role (`ras`, `signalling`) and the transport.
    Listening {
        /// `ras`, `signalling`.
        role: &'static str,
        /// `udp` or `tcp`.
        transport: &'static str,
        /// Where.
        at: SocketAddr,
    },
    /// An address could not be bound.
    NotListening {
        /// `ras`, `signalling`.
        role: &'static str,
        /// `udp` or `tcp`.
        transport: &'static str,
        /// Where it should have been.
        ip: IpAddr,
        /// The wanted port.
        port: u16,
    },
    /// Of an endpoint: registered. Of the gatekeeper: an endpoint registered.
    Registered {
        /// The first alias.
        alias: String,
        /// The other end of the registration.
        peer: SocketAddr,
        /// Seconds that the registration lives without refresh.
        ttl_s: u32,
        /// How NAT is traversed: `H.460.18` or `none`.
        traversal: &'static str,
    },
    /// A registration ended.
    Unregistered {
        /// The first alias.
        alias: String,
        /// Why, in one sentence.
        sentence: String,
    },
    /// A registration was refused.
    RegistrationRefused {
        /// The first alias.
        alias: String,
        /// The other end.
        peer: SocketAddr,
        /// Why, in one sentence.
        sentence: String,
    },
    /// Of an endpoint: its gatekeeper does not answer.
    GatekeeperSilent {
        /// Where it was asked.
        peer: SocketAddr,
        /// What follows, in one sentence.
        sentence: String,
    },
    /// A call began.
    CallStarted {
        /// The H.225.0 call identifier.
        callid: String,
        /// `in` or `out` for a phone, `routed` for the gatekeeper.
        direction: &'static str,
        /// Who calls.
        from: String,
        /// Who is called.
        to: String,
    },
    /// A connection that wanted to begin or take up a call was refused.
    CallRefused {
        /// The call it named.
        callid: String,
        /// Who tried.
        peer: SocketAddr,
        /// The H.225.0 release reason, or the reason of the RAS reject, that it got.
        release_reason: &'static str,
        /// Why, in one sentence.
        sentence: String,
    },
    /// H.460.18: an incoming call was announced to an endpoint behind a NAT, or the announcement arrived there.
    Pinhole {
        /// The call.
        callid: String,
        /// What happened: `announced`, `opened`.
        step: &'static str,
        /// The other end.
        peer: SocketAddr,
    },
    /// A neighbour or the other end of a traversal zone came up, went down, moved, or was not believed.
    Zone {
        /// Its name in the configuration; empty of somebody unknown.
        name: String,
        /// `up`, `down`, `moved`, `refused`.
        state: &'static str,
        /// Why, in one word: `answered`, `keepalive`, `resolved`; `name-not-resolved`, `no-answer`, `refused`,
        /// `no-keepalive`, `unknown-name`, `wrong-password`, `clock-skew`, `no-proof`, `proof-used`, `proof-copied`,
        /// `proof-bare`, `no-clock`.
        reason: &'static str,
        /// By how many seconds who proves the password is ahead of who judges the proof, when that is the reason.
        skew_s: Option<i64>,
        /// Its address as its packets show it.
        peer: Option<SocketAddr>,
        /// How long the last keepalive took to be answered.
        round_trip_ms: Option<u64>,
        /// Calls carried since the beginning.
        calls: u64,
        /// Why, in one sentence.
        sentence: String,
    },
    /// The name in ExternalIP was looked up, and leads elsewhere than before, or nowhere.
    ExternalAddress {
        /// The name.
        name: String,
        /// What peers outside are told now.
        ip: Option<IpAddr>,
        /// What follows, in one sentence.
        sentence: String,
    },
    /// How long the firewall towards the server of a zone keeps an idle UDP mapping was measured.
    PinholeMeasured {
        /// The zone's name in the configuration.
        name: String,
        /// A mapping was still there after so many seconds.
        at_least_s: u32,
        /// After so many it was not; absent when none was lost.
        less_than_s: Option<u32>,
        /// The time between keepalives that follows, in seconds.
        keepalive_s: u64,
        /// The same in one sentence.
        sentence: String,
    },
    /// The call was answered.
    CallConnected {
        /// The call.
        callid: String,
        /// Milliseconds from Setup to Connect.
        setup_ms: u64,
    },
    /// Digits were sent or came (H.245 UserInputIndication).
    UserInput {
        /// The call.
        callid: String,
        /// `receive` or `transmit`.
        direction: &'static str,
        /// `0` to `9`, `*`, `#`, `A` to `D`, `!` for a hook flash.
        digits: String,
    },
    /// A logical channel was refused, because it cannot be relayed.
    ChannelRefused {
        /// The call.
        callid: String,
        /// The party that wanted to open it.
        from: String,
        /// `audio`, `video`, `data`.
        media: &'static str,
        /// `pcma`, `t120`, …
        codec: String,
        /// The cause of OpenLogicalChannelReject (H.245 §7.3.3), in its spelling.
        cause: &'static str,
        /// Why, in one sentence.
        sentence: String,
    },
    /// What a party sends, or is sent, on a channel is encrypted (H.235.6). Told with every new key.
    ChannelEncrypted {
        /// The call.
        callid: String,
        /// The party of the leg.
        party: String,
        /// `from-party` or `to-party`.
        direction: &'static str,
        /// The number of the logical channel.
        channel: u16,
        /// `AES-128-CBC`, `AES-256-CBC`.
        cipher: &'static str,
        /// Size of the Diffie-Hellman group.
        dh_bits: u32,
        /// The RTP payload type of what is encrypted.
        payload_type: u8,
        /// Who encrypts at our end of the leg: `gatekeeper`, or `endpoints` when they agreed between themselves.
        by: &'static str,
    },
    /// A leg that would rather be encrypted is in clear, because its party broke its word, or said what counts as no
    /// encryption.
    LegInClear {
        /// The call.
        callid: String,
        /// The party of the leg.
        party: String,
        /// Why, in one sentence.
        sentence: String,
    },
    /// A media address behind a NAT was learned.
    MediaLearned {
        /// The call.
        callid: String,
        /// The address the media comes from.
        from: SocketAddr,
        /// `rtp` or `rtcp`.
        kind: &'static str,
    },
    /// Somebody else sends to a media port of a call. What he sends is dropped; he is told of once a port.
    MediaStranger {
        /// The call.
        callid: String,
        /// Who sends.
        from: SocketAddr,
        /// `rtp` or `rtcp`.
        kind: &'static str,
    },
    /// Nothing comes from where a party wants its media: none is sent there any more, until something does.
    MediaUnanswered {
        /// The call.
        callid: String,
        /// The party.
        party: String,
        /// The address.
        to: IpAddr,
        /// What follows, in one sentence.
        sentence: String,
    },
    /// Something comes from there now, and media goes there again.
    MediaAnswered {
        /// The call.
        callid: String,
        /// The party.
        party: String,
        /// The address.
        to: IpAddr,
    },
    /// Packets came to the shared ports of multiplexed media whose multiplexID is of no call: late ones, or guesses. They are
    /// dropped; told of once a second at most.
    MediaStrays {
        /// Who sent the last.
        from: SocketAddr,
        /// How many, since this was told last.
        count: u64,
    },
    /// A call ended.
    CallEnded(Box<CallRecord>),
    /// A phone that made or took several calls ends: what they came to.
    LoadEnded(Box<LoadRecord>),
    /// A phone that records heard this.
    Audio {
        /// The call.
        callid: String,
        /// Samples at 8 kHz.
        #[serde(skip)]
        samples: Vec<i16>,
    },
    /// A message of a peer was dropped or answered with a reject.
    Malformed {
        /// Who sent it.
        peer: SocketAddr,
        /// `ras`, `h225`, `h245`.
        protocol: &'static str,
        /// Why, in one sentence.
        sentence: String,
    },
}

/// What the calls of a phone came to, at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadRecord {
    /// Calls that were made or taken, and have ended.
    pub calls: u64,
    /// Calls that were answered.
    pub connected: u64,
    /// Calls in whose received audio a tone was measured. The other end's record says it of the other direction.
    pub heard: u64,
    /// RTP packets received.
    pub packets: u64,
    /// Packets that the sequence numbers say are missing.
    pub lost: u64,
    /// From Setup to Connect; absent when no call was answered.
    pub setup_ms: Option<SetupTimes>,
    /// How many calls failed, by reason.
    pub failures: BTreeMap<String, u64>,
}

/// How long set-ups took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SetupTimes {
    /// Half of them took at most this.
    pub p50: u32,
    /// 95 of 100 took at most this.
    pub p95: u32,
    /// The longest.
    pub max: u32,
}

/// The record of a finished call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// The H.225.0 call identifier, as hexadecimal digits with hyphens.
    pub callid: String,
    /// `in`, `out` or `routed`.
    pub direction: &'static str,
    /// The other party (of a phone), or `caller -> called` (of the gatekeeper).
    pub peer: String,
    /// The Q.931 cause value, if any was given.
    pub cause: Option<u8>,
    /// The H.225.0 release reason, if any was given.
    pub release_reason: Option<String>,
    /// Why it ended, in one sentence.
    pub sentence: String,
    /// Milliseconds from Setup to Connect; absent when never connected.
    pub setup_ms: Option<u64>,
    /// Seconds from Connect to the end.
    pub duration_s: f64,
    /// The media channels.
    pub channels: Vec<ChannelRecord>,
    /// Who has sent the call on to another party, in order; left out of calls that nobody has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwarded_by: Vec<String>,
    /// What was wanted of each leg, and what became of it; left out of calls of which no encryption was wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub encryption: Vec<LegSecurity>,
}

/// What was agreed on a leg of a relayed call before any channel was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegSecurity {
    /// `a`, the caller's, or `b`, the called party's.
    pub leg: &'static str,
    /// What the configuration wants: `off`, `preferred`, `required`.
    pub demand: &'static str,
    /// Who agreed with the party: `gatekeeper`, `endpoints` (the parties with each other), `nobody`.
    pub by: &'static str,
    /// Size of the Diffie-Hellman group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dh_bits: Option<u32>,
}

/// How one leg of a relayed channel is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegCipher {
    /// `a`, the caller's, or `b`, the called party's.
    pub leg: &'static str,
    /// The cipher.
    pub cipher: &'static str,
    /// Size of the Diffie-Hellman group.
    pub dh_bits: u32,
    /// Who encrypts and decrypts at our end of the leg: `gatekeeper`, or `endpoints` when they agreed between themselves.
    pub by: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One direction of one medium of a finished call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelRecord {
    /// `audio`, `video`, `data`.
    pub media: &'static str,
    /// `receive` or `transmit`; the gatekeeper says `a-to-b` and `b-to-a`.
    pub direction: &'static str,
    /// `pcma`, `pcmu`, …
    pub codec: String,
    /// RTP packets.
    pub packets: u64,
    /// Packets that the sequence numbers say are missing.
    pub lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), in milliseconds.
    pub jitter_ms: Option<f64>,
    /// The tone found in the received audio, in hertz; absent in noise or silence.
    pub tone_hz: Option<f64>,
    /// `none`, or the cipher.
    pub cipher: String,
    /// Size of the Diffie-Hellman group, if any.
    pub dh_bits: Option<u32>,
    /// Packets to our ports for it that came from another than the party, and were dropped.
    pub strangers: u64,
    /// Packets that were not sent on, since nothing came from where they would have gone; left out when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub unanswered: u64,
    /// What each leg of a relayed channel is encrypted with; legs in clear are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<LegCipher>,
    /// Half the RTCP round trip (RFC 3550 §6.4.1), in milliseconds.
    pub latency_ms: Option<f64>,
}
