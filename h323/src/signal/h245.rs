//! What call signalling says about H.245: where it listens, what is tunnelled, and fast start.

use super::{Body, Signal};
use crate::address;
use crate::asn::OctetString;
use crate::asn::h225::TransportAddress;
use crate::kept::each;
use std::net::SocketAddr;

macro_rules! with_h245_address {
    ($body:expr, $inner:ident => $part:expr) => {
        each!($body, Body [setup callProceeding alerting progress connect facility], $inner => $part)
    };
}

macro_rules! with_fast_start {
    ($body:expr, $inner:ident => $part:expr) => {
        each!($body, Body [
            setup callProceeding alerting progress connect facility information
        ], $inner => $part)
    };
}

impl Signal {
    /// Where its sender listens for H.245, if it says so (H.323 §8.2).
    #[must_use]
    pub fn h245_address(&self) -> Option<SocketAddr> {
        with_h245_address!(self.body()?, body => body.h245_address.as_ref())
            .flatten()
            .and_then(address::from_h225)
    }

    /// Sets or removes where we listen for H.245; false of a message that cannot say so. Removing what is not
    /// there leaves the message as it came.
    pub fn set_h245_address(&mut self, at: Option<SocketAddr>) -> bool {
        let present =
            self.body().and_then(|body| with_h245_address!(body, body => &body.h245_address));
        match (present, at) {
            (None, _) => return false,
            (Some(None), None) => return true,
            _ => {}
        }
        let new: Option<TransportAddress> = at.map(address::to_h225);
        self.edit(|pdu| {
            let place =
                with_h245_address!(&mut pdu.h323_message_body, body => &mut body.h245_address);
            if let Some(place) = place {
                *place = new;
            }
        });
        true
    }

    /// Whether its sender tunnels H.245 in call signalling, if it says so (H.323 §8.2.1).
    #[must_use]
    pub fn h245_tunnelling(&self) -> Option<bool> {
        self.pdu()?.h245_tunneling
    }

    /// Sets whether we tunnel H.245.
    pub fn set_h245_tunnelling(&mut self, tunnelling: bool) {
        if self.h245_tunnelling() != Some(tunnelling) {
            self.edit(|pdu| pdu.h245_tunneling = Some(tunnelling));
        }
    }

    /// The tunnelled H.245 messages, each in octets for [`crate::control::Control::decode`].
    #[must_use]
    pub fn h245_control(&self) -> Vec<&[u8]> {
        octets(self.pdu().and_then(|pdu| pdu.h245_control.as_ref()))
    }

    /// Sets the tunnelled H.245 messages; none removes them.
    pub fn set_h245_control(&mut self, messages: Vec<Vec<u8>>) {
        if self.h245_control().iter().eq(&messages) {
            return;
        }
        self.edit(|pdu| pdu.h245_control = list(messages));
    }

    /// The H.245 messages beside fastStart in a Setup (H.323 §8.2.4).
    #[must_use]
    pub fn parallel_h245_control(&self) -> Vec<&[u8]> {
        match self.body() {
            Some(Body::setup(setup)) => octets(setup.parallel_h245_control.as_ref()),
            _ => Vec::new(),
        }
    }

    /// The channels that are proposed or accepted by fast start, each in octets for
    /// [`crate::asn::decode_olc`] (H.323 §8.1.7).
    #[must_use]
    pub fn fast_start(&self) -> Vec<&[u8]> {
        let channels = self
            .body()
            .and_then(|body| with_fast_start!(body, body => body.fast_start.as_ref()).flatten());
        octets(channels)
    }

    /// True when the called party refuses fast start with this message (fastConnectRefused).
    #[must_use]
    pub fn fast_connect_refused(&self) -> bool {
        let refused = self.body().and_then(|body| {
            each!(body, Body [
                callProceeding alerting progress connect facility
            ], body => body.fast_connect_refused)
        });
        refused.flatten().is_some()
    }

    /// Sets the channels of fast start, none removes them; false of a message that cannot have them.
    pub fn set_fast_start(&mut self, channels: Vec<Vec<u8>>) -> bool {
        if self.body().and_then(|body| with_fast_start!(body, body => &body.fast_start)).is_none() {
            return false;
        }
        if self.fast_start().iter().ne(&channels) {
            self.edit(|pdu| {
                let place =
                    with_fast_start!(&mut pdu.h323_message_body, body => &mut body.fast_start);
                if let Some(place) = place {
                    *place = list(channels);
                }
            });
        }
        true
    }
}

fn octets(list: Option<&Vec<OctetString>>) -> Vec<&[u8]> {
    list.into_iter().flatten().map(AsRef::as_ref).collect()
}

fn list(items: Vec<Vec<u8>>) -> Option<Vec<OctetString>> {
    (!items.is_empty()).then(|| items.into_iter().map(OctetString::from).collect())
}
