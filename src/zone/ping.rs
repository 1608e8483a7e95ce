//! LRQs for nobody, by which it is seen whether a neighbour answers (`SendLRQPing`). One that does not is not asked about
//! anybody until it does again.

use std::net::SocketAddr;

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{LocationRequest, RasMessage, RequestSeqNum};

use super::state::{News, Reason, changed};
use super::{Deadline, Neighbor, Role, ZoneId};
use crate::node::Cx;
use crate::ras;

/// What is known of a neighbour from such questions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ping {
    /// The requestSeqNum of the one that waits for its answer, and how often it may still be sent.
    open: Option<(u16, u32)>,
    /// It is asked from time to time.
    begun: bool,
    /// It did not answer the last one.
    pub(super) silent: bool,
}

/// Whether a neighbour is to be asked so. The ends of a traversal zone have keepalives.
fn wanted(cx: &Cx<'_>, zone: &Neighbor) -> bool {
    let wish = zone.config.ping.unwrap_or(cx.core.settings.zones.ping);
    wish && matches!(zone.role, Role::Plain)
}

/// An address of a neighbour is known: it can be asked, if it is not yet.
pub(super) fn begin(cx: &mut Cx<'_>, id: ZoneId) {
    let fresh = |zone: &&Neighbor| !zone.ping.begun && wanted(cx, zone);
    if cx.core.zones.get(id).filter(fresh).is_none() {
        return;
    }
    if let Some(zone) = cx.core.zones.get_mut(id) {
        zone.ping.begun = true;
        cx.core.zones.timers.set(Deadline::Ping(id), cx.now);
    }
}

/// It is time to ask, to ask again, or to give up.
pub(super) fn due(cx: &mut Cx<'_>, id: ZoneId) {
    let (tries, timeout) = (cx.core.settings.zones.tries, cx.core.settings.zones.timeout);
    let seq = cx.core.next_seq();
    let Some(zone) = cx.core.zones.get_mut(id) else { return };
    let next = match zone.ping.open {
        Some((_, 0)) => None,
        Some((seq, left)) => Some((seq, left)),
        None => Some((seq, tries)),
    };
    match next {
        Some((seq, left)) => {
            zone.ping.open = Some((seq, left.saturating_sub(1)));
            send(cx, id, seq);
            cx.core.zones.timers.set(Deadline::Ping(id), cx.now + timeout);
        }
        None => {
            zone.ping.open = None;
            let fell = !std::mem::replace(&mut zone.ping.silent, true);
            let wait = cx.core.settings.zones.ping_interval;
            cx.core.zones.timers.set(Deadline::Ping(id), cx.now + wait);
            super::live::unanswered(cx, id);
            if fell {
                let sentence =
                    "it does not answer (SendLRQPing), and is asked about nobody until it does"
                        .into();
                changed(cx, id, News { state: "down", reason: Reason::NoAnswer, sentence });
            }
        }
    }
}

/// The neighbour answers one of these questions, whatever it says; false when it is no answer to one.
pub(crate) fn answered(cx: &mut Cx<'_>, from: SocketAddr, seq: u16) -> bool {
    let asked = |one: &Neighbor| one.ping.open.is_some_and(|(open, _)| open == seq);
    let found = cx.core.zones.each().find(|(_, one)| asked(one) && one.answers_from(from));
    let Some(id) = found.map(|(id, _)| id) else { return false };
    let wait = cx.core.settings.zones.ping_interval;
    cx.core.zones.timers.set(Deadline::Ping(id), cx.now + wait);
    let Some(zone) = cx.core.zones.get_mut(id) else { return false };
    zone.ping.open = None;
    if std::mem::take(&mut zone.ping.silent) {
        let sentence = format!("{from} answers again");
        changed(cx, id, News { state: "up", reason: Reason::Answered, sentence });
    }
    true
}

fn send(cx: &mut Cx<'_>, id: ZoneId, seq: u16) {
    let crypto_tokens = super::live::proof(cx, id);
    let gatekeeper_identifier = Some(cx.gatekeeper_identifier());
    let Some(zone) = cx.core.zones.get(id) else { return };
    let ((socket, local), Some(to)) = (zone.local(), zone.hosts.first().copied()) else { return };
    let settings = &cx.core.settings;
    let reply = cx.core.told(SocketAddr::new(local, settings.ras_port), to.ip());
    let request = LocationRequest {
        request_seq_num: RequestSeqNum(seq),
        destination_info: vec![Alias::from_text(&settings.zones.ping_alias).to_asn()],
        reply_address: to_h225(reply),
        gatekeeper_identifier,
        crypto_tokens,
        ..Default::default()
    };
    ras::send(cx, socket, to, RasMessage::locationRequest(Box::new(request)));
}
