//! `[Gatekeeper::Main]`.

use std::net::IpAddr;

use crate::section::section;
use crate::value::{
    Alternates, Domains, External, FilePath, GatekeeperId, IpList, Limit, MulticastGroup, Number,
    Port, Redirect, Seconds, StunServer, Suffix,
};

section! {
    /// Who the gatekeeper is and where it listens.
    pub struct Main in "Gatekeeper::Main" {
        /// The gatekeeper identifier that endpoints and neighbours see, and may ask for.
        name: GatekeeperId as "Name" = GatekeeperId("Pinhole".to_owned());
        /// The addresses it listens on; empty: every address of the host.
        home: IpList as "Home" = IpList::default();
        /// The address that connections to peers come from which know none of ours, on a host with several.
        bind: Option<IpAddr> as "Bind" = None;
        /// The address told to peers outside, where a router translates it to this host's. A name is looked up, and with
        /// `STUN` STUNServer is asked, at the beginning and every minute; a call keeps what it was told.
        external_ip: Option<External> as "ExternalIP" = None;
        /// The server that is asked for our address with ExternalIP=STUN (UDP, RFC 5389).
        stun_server: StunServer as "STUNServer" = StunServer::usual();
        /// Accepted: a name in ExternalIP is looked up again and again in any case.
        external_is_dynamic: bool as "ExternalIsDynamic" = false;
        /// Whether it also listens on the IPv6 addresses that the host has, where Home names none: those
        /// that last, not the temporary and link-local ones.
        ipv6: bool as "EnableIPv6" = true;
        /// The port of RAS (UDP); 0 for any.
        ras_port: Port as "UnicastRasPort" = Port(1719);
        /// The class of packets of RAS (DSCP, RFC 2474); 0: none.
        ras_class: Number as "RASDiffServ" = Number(0) => Limit::Within(0, 63);
        /// Whether endpoints find the gatekeeper by multicast (GRQ), and on MulticastPort.
        multicast: bool as "UseMulticastListener" = true;
        /// The port of discovery (UDP), multicast and unicast.
        multicast_port: Port as "MulticastPort" = Port(1718);
        /// The group of discovery (IPv4).
        multicast_group: MulticastGroup as "MulticastGroup" = MulticastGroup::DISCOVERY;
        /// How long a registration lives without refresh; -1: as long as the endpoint asks for, up to 600 s, or for ever if
        /// it asks for nothing. An endpoint behind a NAT gets 5 to 30.
        time_to_live: Option<Seconds> as "TimeToLive" = None => Limit::Clamp(1, 86_400);
        /// Whether a TimeToLive below 60 counts as 60.
        ttl_restrictions: bool as "EnableTTLRestrictions" = true;
        /// Whether a registration that is not refreshed ends even while the endpoint is in a call, and the call with it.
        ttl_ends_calls: bool as "TTLExpireDropCall" = true;
        /// What the endpoint identifiers given out end with.
        endpoint_suffix: Suffix as "EndpointIDSuffix" = Suffix("_endp".to_owned());
        /// Whether aliases of different types are different: 1001 as a dialled number and as a name.
        compare_alias_type: bool as "CompareAliasType" = true;
        /// Whether aliases that differ in capital and small letters are different.
        compare_alias_case: bool as "CompareAliasCase" = true;
        /// Other gatekeepers that endpoints are told of, for when this one does not answer: address, port, whether they have to
        /// register there first, priority (the smallest is the next), and perhaps its gatekeeper identifier.
        alternates: Alternates as "AlternateGKs" = Alternates::default();
        /// When endpoints are sent to one of AlternateGKs: if there would be more registrations, or more calls, than so many;
        /// or in any case, `temporary` or `permanent`. Calls that there are go on.
        redirect: Redirect as "RedirectGK" = Redirect::default();
        /// Domains of our own: who is called as user@domain, with one of them, is who is registered as user, as is who is
        /// called with an address of ours behind the @.
        domains: Domains as "DefaultDomain" = Domains::default();
        /// What all calls together may have, in units of 100 bit/s; -1: no limit.
        total_bandwidth: Option<Number> as "TotalBandwidth" = None;
        /// What a call counts as at least, in units of 100 bit/s.
        least_bandwidth: Option<Number> as "MinimumBandwidthPerCall" = None;
        /// What a call may have at most, in units of 100 bit/s; -1: no limit.
        most_bandwidth: Option<Number> as "MaximumBandwidthPerCall" = None;
        /// Whether a call that is changed (BRQ) may have whatever it asks for.
        grant_all_brq: bool as "GrantAllBRQ" = false;
        /// Not of GnuGk: the path of a socket (Unix domain) on which `pinhole status` asks what the gatekeeper holds; only
        /// the user that it runs as, and root, may. Empty: there is none.
        status_socket: Option<FilePath> as "StatusSocket" = None;
    }
}
