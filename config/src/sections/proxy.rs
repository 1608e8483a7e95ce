//! `[Proxy]`.

use crate::section::section;
use crate::value::{Letters, Limit, Medium, NetList, Number, Port, PortRange, Routes, Seconds};

section! {
    /// Media through the gatekeeper.
    pub struct Proxy in "Proxy" {
        /// Media is relayed: of every call, or, with InternalNetwork, of those that cross its border.
        enable: bool as "Enable" = false;
        /// With Enable=1, the media of calls inside InternalNetwork, and outside it, is relayed, too.
        always: bool as "ProxyAlways" = false;
        /// Accepted: the media of calls with a party behind a NAT is always relayed, since nothing else lets it through.
        for_nat: bool as "ProxyForNAT" = false;
        /// Whether that also holds for two parties behind the same NAT. With H.460.18 it always does.
        for_same_nat: bool as "ProxyForSameNAT" = true;
        /// The networks inside. Their parties are told our own address, not ExternalIP, as are those of private networks.
        /// Media goes there, and to private networks, only for parties inside: where somebody outside tells such an address,
        /// it goes to the same port of the address that his signalling comes from, until his own comes from another.
        internal: NetList as "InternalNetwork" = NetList::default();
        /// Which of the host's addresses connections to peers in a network come from that know none of ours, in place of
        /// Bind; of several networks the smallest counts.
        routes: Routes as "ExplicitRoutes" = Routes::default();
        /// H.460.19 multiplexed media: the media of all clients that can do it arrives at one pair of ports.
        multiplexing: bool as "RTPMultiplexing" = false;
        /// The port of multiplexed RTP (UDP), an even one.
        multiplex_port: Port as "RTPMultiplexPort" = Port(3000);
        /// The port of multiplexed RTCP (UDP): the one after RTPMultiplexPort.
        multiplex_control_port: Port as "RTCPMultiplexPort" = Port(3001);
        /// Media of a client is learned from keepalives only if they have the payload type that it has told (H.460.19).
        check_keepalive: bool as "CheckH46019KeepAlivePT" = true;
        /// Accepted: media is taken only from the address that signalling names, or from which it comes (`IP`), never from a
        /// network around it (`Net`).
        restrict_sources: Letters as "RestrictRTPSources" = Letters(String::new());
        /// A media address that a party tells counts only if it is that of its signalling; and media goes to the ports there
        /// from which the party's own comes, once it does. From elsewhere it is never taken (GnuGk takes it from
        /// anywhere). A second video (H.239), of which the receiver sends nothing, is excepted.
        ignore_signalled: bool as "IgnoreSignaledIPs" = false;
        /// With IgnoreSignaledIPs: networks of which media addresses count all the same, whoever tells them, also
        /// private ones from outside.
        allow_signalled: NetList as "AllowSignaledIPs" = NetList::default();
        /// With IgnoreSignaledIPs: networks whose parties' media addresses count all the same, by where their signalling
        /// comes from.
        allow_signalled_from: NetList as "AllowSignaledIPsFrom" = NetList::default();
        /// With IgnoreSignaledIPs: for a second video private addresses do not count either.
        ignore_private_h239: bool as "IgnoreSignaledPrivateH239IPs" = false;
        /// With IgnoreSignaledIPs: for a second video no addresses count either.
        ignore_all_h239: bool as "IgnoreSignaledAllH239IPs" = false;
        /// With IgnoreSignaledIPs: networks of which addresses do not count for a second video either.
        ignore_public_h239: NetList as "IgnoreSignaledPublicH239IPsFrom" = NetList::default();
        /// Accepted: media of a party may come from any port of its address, once it has proven to be one stream.
        any_port_h239: NetList as "AllowAnyRTPSourcePortForH239From" = NetList::default();
        /// Accepted: no channel that fast start proposes tells where its sender would want media.
        remove_fast_media: bool as "RemoveMCInFastStartTransmitOffer" = false;
        /// As in `[RoutedMode]`, where GnuGk itself looks for it.
        picture_interval: Seconds as "FilterVideoFastUpdatePicture" = Seconds(0) => Limit::Clamp(0, 3600);
        /// As in `[RoutedMode]`, where GnuGk itself looks for it.
        called_from_alias: bool as "UpdateCalledPartyToH225Destination" = false;
        /// Whether a party that closes a channel of a number that it has not opened itself closes that of the other party.
        close_either: bool as "SearchBothSidesOnCLC" = false;
        /// Whether a call ends when a party is silent that has opened a channel: neither media, nor reports about it (RTCP),
        /// nor keepalives come.
        inactivity: bool as "RTPInactivityCheck" = false;
        /// In which channels.
        inactivity_medium: Medium as "RTPInactivityCheckSession" = Medium::Audio;
        /// How long a party may be silent; the call ends within a fifth of it more.
        inactivity_timeout: Seconds as "RTPInactivityTimeout" = Seconds(300) => Limit::Clamp(5, 86_400);
        /// The class of relayed RTP and RTCP packets (DSCP, RFC 2474). GnuGk's default is the old "low delay"; routers know 46
        /// (expedited forwarding, RFC 3246) as that of voice.
        rtp_class: Number as "RTPDiffServ" = Number(4) => Limit::Within(0, 63);
        /// The ports of RTP and RTCP (UDP), two for each medium and party.
        rtp_ports: Option<PortRange> as "RTPPortRange" = PortRange::new(1024, 65_535);
        /// The ports of T.120 data channels (TCP); any that is free when empty.
        t120_ports: Option<PortRange> as "T120PortRange" = None;
    }
}
