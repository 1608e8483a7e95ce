//! `[Gatekeeper::Main]`.

use std::net::IpAddr;

use crate::section::section;
use crate::value::{External, GatekeeperId, IpList, Limit, Port, Seconds, Suffix};

section! {
    /// Who the gatekeeper is and where it listens.
    pub struct Main in "Gatekeeper::Main" {
        /// The gatekeeper identifier that endpoints and neighbours see, and may ask for.
        name: GatekeeperId as "Name" = GatekeeperId("Pinhole".to_owned());
        /// The addresses it listens on; empty: every address of the host.
        home: IpList as "Home" = IpList::default();
        /// The address it sends from and tells to peers, on a host with several.
        bind: Option<IpAddr> as inert "Bind" = None;
        /// The address told to peers outside, where a router translates it to this host's.
        external_ip: Option<External> as "ExternalIP" = None;
        /// The port of RAS (UDP); 0 for any.
        ras_port: Port as "UnicastRasPort" = Port(1719);
        /// How long a registration lives without refresh; -1: for ever. An endpoint behind a NAT gets 5 to 30.
        time_to_live: Option<Seconds> as "TimeToLive" = None => Limit::Clamp(1, 86_400);
        /// Whether a TimeToLive below 60 counts as 60.
        ttl_restrictions: bool as "EnableTTLRestrictions" = true;
        /// What the endpoint identifiers given out end with.
        endpoint_suffix: Suffix as "EndpointIDSuffix" = Suffix("_endp".to_owned());
    }
}
