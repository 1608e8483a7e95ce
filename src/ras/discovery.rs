//! GRQ: a gatekeeper is looked for.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pinhole_h323::asn::h225::{
    GatekeeperConfirm, GatekeeperReject, GatekeeperRejectReason, GatekeeperRequest, RasMessage,
};
use pinhole_h323::{address, version};

use super::socket::Socket;
use super::{Origin, alternate, feature};
use crate::node::Cx;

/// How long the copies of a request take that come to other sockets in the group.
const COPIES: Duration = Duration::from_millis(500);
/// Requests that are remembered for that long.
const MOST: usize = 64;

/// What came in the group of late. Two of our addresses on one network have a socket each, and each gets it.
#[derive(Debug, Default)]
pub(crate) struct Heard(VecDeque<(Instant, SocketAddr, u16, u32)>);

impl Heard {
    /// Whether another socket in the group has taken this request a moment ago; if not, this one takes it.
    pub(super) fn elsewhere(&mut self, now: Instant, from: SocketAddr, seq: u16, at: u32) -> bool {
        let old = |(then, ..): &(Instant, _, _, _)| now.duration_since(*then) > COPIES;
        while self.0.front().is_some_and(old) || self.0.len() > MOST {
            self.0.pop_front();
        }
        let same =
            |(_, source, number, _): &&(_, SocketAddr, u16, u32)| (*source, *number) == (from, seq);
        if let Some((.., first)) = self.0.iter().find(same) {
            return *first != at;
        }
        self.0.push_back((now, from, seq, at));
        false
    }
}

/// Answers a GatekeeperRequest. One that wants another gatekeeper is rejected, if it was sent to us and not to a group,
/// in which the one that it wants may be (H.225.0 §7.8).
pub(super) fn answer(
    cx: &Cx<'_>,
    origin: Origin,
    request: &GatekeeperRequest,
) -> Option<RasMessage> {
    let settings = &cx.core.settings;
    let seq = request.request_seq_num.clone();
    let name = cx.gatekeeper_identifier();
    if request.gatekeeper_identifier.as_ref().is_some_and(|wanted| *wanted != name) {
        let alone = !matches!(origin.arrived, Socket::Group(_));
        return alone.then(|| {
            RasMessage::gatekeeperReject(Box::new(GatekeeperReject {
                request_seq_num: seq,
                protocol_identifier: version::h225(),
                gatekeeper_identifier: Some(name),
                reject_reason: GatekeeperRejectReason::terminalExcluded(()),
                ..Default::default()
            }))
        });
    }
    let ras = SocketAddr::new(origin.local, settings.ras_port);
    let ras = cx.core.told(ras, origin.from.ip());
    let mut confirm = GatekeeperConfirm {
        request_seq_num: seq,
        protocol_identifier: version::h225(),
        gatekeeper_identifier: Some(name),
        ras_address: address::to_h225(ras),
        alternate_gatekeeper: alternate::told(cx.core),
        ..Default::default()
    };
    if settings.traversal.is_some() && feature::asked(request.feature_set.as_ref(), 18) {
        feature::grant(&mut confirm.feature_set, 18);
    }
    Some(RasMessage::gatekeeperConfirm(Box::new(confirm)))
}
