//! `[RoutedMode]`.

use crate::section::section;
use crate::value::{
    CallsTo, CauseMap, Causes, ControlKeepAlive, DecodingError, FilePaths, Limit, Milliseconds,
    Name, Networks, Number, Port, PortRange, Seconds, SignallingKeepAlive,
};

section! {
    /// Call signalling and H.245 through the gatekeeper, and H.460.18.
    pub struct Routed in "RoutedMode" {
        /// Call signalling goes through the gatekeeper.
        gk_routed: bool as "GKRouted" = false;
        /// H.245 goes through the gatekeeper.
        h245_routed: bool as "H245Routed" = false;
        /// The port of call signalling (TCP); 0 for any.
        call_signal_port: Port as "CallSignalPort" = Port(1720);
        /// GnuGk's number of threads for signalling; Pinhole needs no such number.
        signal_handlers: Number as inert "CallSignalHandlerNumber" = Number(5) => Limit::Within(1, 200);
        /// Whether calls of parties that are not registered are taken.
        accept_unregistered: bool as "AcceptUnregisteredCalls" = false;
        /// Not of GnuGk: whom such parties may call: registered endpoints and those of neighbours, or any address, for
        /// which the gatekeeper then is an open relay.
        unregistered_to: CallsTo as "UnregisteredCallsTo" = CallsTo::Registered;
        /// Not of GnuGk: whether everybody who may call may call private addresses at which nobody is registered; else only
        /// who is inside (in a private network, or one of InternalNetwork). The same holds for having media sent there. This
        /// host's loopback can only be called by who is on it.
        private_for_all: bool as "CallsToPrivateAddresses" = false;
        /// Whether endpoints that are behind a NAT, and do not ask for H.460.18, are registered: they can call. Else they are
        /// rejected (invalidCallSignalAddress), as with GnuGk unless it is told otherwise.
        natted_endpoints: bool as "SupportNATedEndpoints" = true;
        /// Whether a party that is not registered, and calls from another address than the one it tells, counts as being
        /// behind a NAT.
        natted_callers: bool as "SupportCallingNATedEndpoints" = true;
        /// Whether every party that calls and is not registered counts as being behind a NAT.
        unregistered_natted: bool as "TreatUnregisteredNAT" = false;
        /// The least (17, 18 or 19) of the standards H.460.17, .18 and .19 that an endpoint behind a NAT has to have: others
        /// are rejected (neededFeatureNotSupported). As H.460.17 is not served, each of them asks for H.460.18.
        nat_standard: Option<Number> as "NATStdMin" = None => Limit::Within(17, 19);
        /// The type of the called number (Q.931) in a Setup that goes out: 0 unknown, 1 international, 2 national, 3 network,
        /// 4 subscriber, 6 abbreviated; -1: as it comes.
        called_type: Option<Number> as "CalledTypeOfNumber" = None => Limit::Within(0, 7);
        /// Its numbering plan: 0 unknown, 1 ISDN, 3 data, 4 telex, 8 national, 9 private; -1: as it comes.
        called_plan: Option<Number> as "CalledPlanOfNumber" = None => Limit::Within(0, 15);
        /// The type of the calling number.
        calling_type: Option<Number> as "CallingTypeOfNumber" = None => Limit::Within(0, 7);
        /// The numbering plan of the calling number.
        calling_plan: Option<Number> as "CallingPlanOfNumber" = None => Limit::Within(0, 15);
        /// The called number (Q.931) in a Setup that goes out is the first number of destinationAddress, or is left out when
        /// there is none: for gateways that go by it.
        called_from_alias: bool as "UpdateCalledPartyToH225Destination" = false;
        /// The calling number in a Setup that goes out: this one, or, with `RegisteredAlias`, the first number, else the first
        /// alias, under which the caller is registered; of one who is not registered it is left out, and what a neighbour says
        /// of its caller stays.
        screen_number: Option<Name> as "ScreenCallingPartyNumberIE" = None;
        /// With `RegisteredAlias`: what follows it. `%{gkip}` stands for the gatekeeper's address, `%{external-ip}` for
        /// ExternalIP.
        append_number: Option<Name> as "AppendToCallingPartyNumberIE" = None;
        /// With `RegisteredAlias`: what stands before it.
        prepend_number: Option<Name> as "PrependToCallingPartyNumberIE" = None;
        /// What messages display to people (Q.931 Display): this text; with `Calling` the number of a registered caller, with
        /// `Called` that of a registered called party, with `CallingCalled` both; with `Delete` nothing.
        screen_display: Option<Name> as "ScreenDisplayIE" = None;
        /// With ScreenDisplayIE: what follows the text.
        append_display: Option<Name> as "AppendToDisplayIE" = None;
        /// With ScreenDisplayIE: what stands before it.
        prepend_display: Option<Name> as "PrependToDisplayIE" = None;
        /// The only alias that a Setup that goes out names as its source, if it names any.
        screen_source: Option<Name> as "ScreenSourceAddress" = None;
        /// Which causes become which others in every ReleaseComplete that a party sends, such as `17:=34`; before what
        /// `[EP::…]` says.
        received: CauseMap as "TranslateReceivedQ931Cause" = CauseMap::default();
        /// Which causes become which others in every ReleaseComplete that goes out; after that.
        sent: CauseMap as "TranslateSentQ931Cause" = CauseMap::default();
        /// Accepted: the called party is always told our address as the source of a call.
        rewrite_source: bool as "AlwaysRewriteSourceCallSignalAddress" = true;
        /// Accepted: the system always watches whether the peers of connections are still there.
        tcp_keepalive: bool as "TcpKeepAlive" = true;
        /// No party may tunnel H.245 in call signalling.
        disable_tunnelling: bool as "DisableH245Tunneling" = false;
        /// H.245 is translated between a party that tunnels it and one that does not. Calls whose media is relayed always
        /// have it.
        translate_tunnelling: bool as "H245TunnelingTranslation" = false;
        /// A party that is offered tunnelling is not told an H.245 address in the same message.
        remove_h245_address: bool as "RemoveH245AddressOnTunneling" = false;
        /// No called party is told an H.245 address in Setup.
        remove_setup_h245_address: bool as "RemoveH245AddressFromSetup" = false;
        /// Fast start is withheld from the called party.
        disable_fast_start: bool as "DisableFastStart" = false;
        /// Media is encrypted (H.235.6) towards every party that can do it, when the other party cannot.
        half_call: bool as "EnableH235HalfCallMedia" = false;
        /// No call without encryption towards one party at least; includes EnableH235HalfCallMedia.
        require_half_call: bool as "RequireH235HalfCallMedia" = false;
        /// The largest Diffie-Hellman group that is offered and accepted, in bits; above 1024 with AES-256, too.
        half_call_bits: Number as "H235HalfCallMaxTokenLength" = Number(1024) => Limit::Within(1024, 8192);
        /// Diffie-Hellman parameters of one's own, which are offered in place of the published ones of their size: files that
        /// `openssl dhparam` makes (PKCS#3, PEM or DER), or those of GnuGk. They must be of 1024, 1536 or 2048 bits, with a
        /// safe prime; `pinhole check` looks. Empty: the published groups.
        half_call_files: FilePaths as "H235HalfCallDHParamFile" = FilePaths::default();
        /// New keys while a call lasts (H.245 encryptionUpdateCommand), as `[Pinhole::Encryption]` says. Those of a peer are
        /// taken in any case.
        key_updates: bool as "EnableH235HalfCallMediaKeyUpdates" = false;
        /// Networks whose parties are offered no encryption, and whose offers are not passed on or taken up, unless a rule
        /// of Pinhole requires it there.
        remove_h235: Networks as "RemoveH235Call" = Networks::None;
        /// Whether calls of neighbours are taken.
        accept_neighbors: bool as "AcceptNeighborsCalls" = true;
        /// A call that cannot be made to one destination is made to the next, if there are several.
        failover: bool as "ActivateFailover" = false;
        /// The causes of a failed call for which the next destination is tried. It is in any case when one does not react.
        failover_causes: Causes as "FailoverCauses" = Causes::usual();
        /// The next destination is tried even if the first one has accepted fast start or begun H.245.
        failover_unchecked: bool as "DisableRetryChecks" = false;
        /// A called party that sends the call somewhere else (Facility callForwarded, routeCallToMC,
        /// routeCallToGatekeeper) is obeyed here, and the caller does not hear of it. Calls whose media is relayed always
        /// have it, since what the called party tells may be of no use outside: even once the called party has accepted fast
        /// start or begun H.245, whereupon other calls leave it to the caller.
        forward_on_facility: bool as "ForwardOnFacility" = false;
        /// A registered party that sends a call on counts as its caller, with its number, where the call is made by the
        /// gatekeeper (see ForwardOnFacility).
        show_forwarder: bool as "ShowForwarderNumber" = false;
        /// Accepted: a Facility that carries nothing is never passed on.
        filter_empty: bool as "FilterEmptyFacility" = false;
        /// A caller, if it is no neighbour, that names another address than this host's as the one that it calls
        /// (destCallSignalAddress) is told to call this host (Facility routeCallToGatekeeper): for calls that a load balancer
        /// has brought. Nobody can be called by his address then.
        redirect_here: bool as "RedirectCallsToGkIP" = false;
        /// A Setup that goes out tells no features of H.460, but those of the traversal of NATs to whom speaks them.
        remove_h460: bool as "RemoveH460Call" = false;
        /// What becomes of a message of a call that cannot be decoded: `Disconnect` ends the call (cause 111), `Drop` leaves the
        /// message out; with `Forward` it is left out, too, since what nobody understands may harm who gets it.
        decoding_error: DecodingError as "Q931DecodingError" = DecodingError::Disconnect;
        /// How many seconds have to pass between two requests of a party for a whole picture of the same video
        /// (videoFastUpdatePicture); others are dropped. 0: none.
        picture_interval: Seconds as "FilterVideoFastUpdatePicture" = Seconds(0) => Limit::Clamp(0, 3600);
        /// A RequestMode for T.38 says nothing of UDP (t38FaxUdpOptions), which confuses some gateways.
        remove_fax_options: bool as "RemoveFaxUDPOptionsFromRM" = false;
        /// Endpoints are allowed to call, and to be called, without asking (preGrantedARQ); those that ask all the same get
        /// their answer.
        pregrant: bool as "PregrantARQ" = false;
        /// The class of packets of call signalling (DSCP, RFC 2474); 0: none.
        signalling_class: Number as "H225DiffServ" = Number(0) => Limit::Within(0, 63);
        /// The class of packets of H.245 connections.
        control_class: Number as "H245DiffServ" = Number(0) => Limit::Within(0, 63);
        /// A Facility that only carries something (transportedInformation) goes to parties older than H.225.0 version 4 as
        /// one without content of its own.
        translate_facility: bool as "TranslateFacility" = false;
        /// The caller gets CallProceeding at once, before the called party is reached.
        generate_proceeding: bool as "GenerateCallProceeding" = false;
        /// Whether a DisengageRequest ends the call; else its ReleaseComplete has to.
        end_on_drq: bool as "RemoveCallOnDRQ" = true;
        /// Accepted: both parties of a call that ends with a DisengageRequest are sent ReleaseComplete in any case.
        release_on_drq: bool as "SendReleaseCompleteOnDRQ" = false;
        /// A call that the gatekeeper ends is ended by ReleaseComplete alone; else registered parties that cannot be
        /// sent one get a DisengageRequest.
        release_only: bool as "DropCallsByReleaseComplete" = false;
        /// Calls between IPv4 and IPv6 are proxied.
        proxy_mixed: bool as "AutoProxyIPv4ToIPv6Calls" = true;
        /// Connections of calls are kept alive through firewalls by messages in both directions.
        keepalive: bool as "EnableGnuGkTcpKeepAlive" = false;
        /// H.245 connections are not kept alive so.
        no_control_keepalive: bool as "DisableGnuGkH245TcpKeepAlive" = false;
        /// The time between such messages.
        keepalive_interval: Seconds as "GnuGkTcpKeepAliveInterval" = Seconds(19) => Limit::Clamp(1, 3600);
        /// What keeps call signalling alive.
        keepalive_signalling: SignallingKeepAlive as "GnuGkTcpKeepAliveMethodH225"
            = SignallingKeepAlive::EmptyFacility;
        /// What keeps H.245 alive.
        keepalive_control: ControlKeepAlive as "GnuGkTcpKeepAliveMethodH245"
            = ControlKeepAlive::UserInput;
        /// What keeps call signalling to the server of a traversal zone alive, every 19 s.
        zone_keepalive_signalling: SignallingKeepAlive as "H460KeepAliveMethodH225"
            = SignallingKeepAlive::EmptyFacility;
        /// What keeps H.245 to the server of a traversal zone alive, every 19 s.
        zone_keepalive_control: ControlKeepAlive as "H460KeepAliveMethodH245" = ControlKeepAlive::UserInput;
        /// H.460.18 and H.460.19: endpoints behind a NAT or firewall register and are called through pinholes that
        /// they open themselves.
        h46018: bool as "EnableH46018" = false;
        /// Whether H.460.18 also serves endpoints that are not behind a NAT.
        h46018_no_nat: bool as "H46018NoNat" = true;
        /// The time between keepalives through a pinhole; empty: 19 s, and of a traversal zone between two Pinholes what
        /// the firewall's memory allows, once it is measured. Of endpoints 30 s at most.
        h46018_keepalive: Option<Seconds> as "H46018KeepAliveInterval" = None => Limit::Clamp(5, 3600);
        /// The ports that outgoing signalling connections come from; empty: the system's choice.
        q931_ports: Option<PortRange> as "Q931PortRange" = None;
        /// The ports of H.245, both of listeners and of outgoing connections; empty: the system's choice.
        h245_ports: Option<PortRange> as "H245PortRange" = None;
        /// The longest wait for the first message of a connection.
        setup_timeout: Milliseconds as "SetupTimeout" = Milliseconds(8000)
            => Limit::Clamp(1000, 600_000);
        /// The longest wait for the called party's answer to Setup.
        signal_timeout: Milliseconds as "SignalTimeout" = Milliseconds(30_000)
            => Limit::Clamp(5000, 600_000);
        /// The longest time a call may ring.
        alerting_timeout: Milliseconds as "AlertingTimeout" = Milliseconds(180_000)
            => Limit::Clamp(5000, 3_600_000);
        /// New calls a second in all, RAS and direct calls not counted; 0 for any number. More are released
        /// (gatewayResources, cause 42).
        cps_limit: Number as "CpsLimit" = Number(500);
        /// For so long CpsLimit may be exceeded, by what it allows in this time.
        cps_interval: Seconds as "CpsCheckInterval" = Seconds(5) => Limit::Clamp(1, 3600);
    }
}
