//! The addresses that a message tells.

use pinhole_h323::address::{from_h225, from_h245};
use pinhole_h323::asn::h225::TransportAddress;
use pinhole_h323::asn::h245::H245TransportAddress;

use super::{Message, Role, Told};

impl Message {
    /// Notes an address of H.225.0.
    pub(super) fn tell<'a>(
        &mut self,
        name: &'static str,
        role: Role,
        addresses: impl IntoIterator<Item = &'a TransportAddress>,
    ) {
        let addresses = addresses.into_iter().filter_map(from_h225);
        self.addresses.extend(addresses.map(|address| Told { name, role, address }));
    }

    /// Notes an address of H.245.
    pub(super) fn tell_media<'a>(
        &mut self,
        name: &'static str,
        addresses: impl IntoIterator<Item = &'a H245TransportAddress>,
    ) {
        let addresses = addresses.into_iter().filter_map(from_h245);
        let role = Role::Other;
        self.addresses.extend(addresses.map(|address| Told { name, role, address }));
    }
}
