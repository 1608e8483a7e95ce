//! How long a registration lasts, and the questions (IRQ) to endpoints that were silent for too long.

use std::time::Duration;

use pinhole_h323::asn::h225::{
    InfoRequestAck, InfoRequestNak, InfoRequestNakReason, InfoRequestResponse, RasMessage,
    UnregRequestReason,
};
use pinhole_h323::id::EndpointId;

use super::{Origin, crowd, unregistration};
use crate::call::Calls;
use crate::event::Event;
use crate::node::{Cx, Timer};

/// An endpoint's own timer and a lost datagram must not end its registration: it lives this much longer than it was
/// told, as endpoints refresh only shortly before the end.
const GRACE: Duration = Duration::from_secs(10);
/// How long an endpoint may take to answer whether it is still there.
pub(super) const POLL: Duration = Duration::from_secs(5);
/// How long an endpoint that need not refresh its registration may be silent before it is asked.
const QUIET: Duration = Duration::from_secs(600);

/// How long a registration lives that was told this timeToLive.
pub(crate) fn of(ttl_s: Option<u32>) -> Duration {
    ttl_s.map_or(QUIET, |ttl_s| Duration::from_secs(u64::from(ttl_s)) + GRACE)
}

/// The life of a registration is over and no refresh came: the endpoint is asked whether it is still there.
pub(crate) fn expired(cx: &mut Cx<'_>, calls: &mut Calls, id: &EndpointId) {
    let timer = || Timer::Registration(id.clone());
    let Some(known) = cx.core.registrations.get(id).filter(|known| !known.permanent) else {
        return;
    };
    let (ttl_s, polls) = (known.ttl_s, cx.core.settings.ras.polls);
    let respite = crowd::respite(cx.now, known);
    let (heard, shown) = (cx.now.duration_since(known.seen), cx.now.duration_since(known.shown));
    if crowd::again(cx, id) {
        return;
    }
    let wanted = cx.core.registrations.wanted(id).is_some();
    if let Some(rest) = respite.filter(|_| wanted) {
        return cx.set(timer(), rest);
    }
    if ttl_s.is_none() && heard < QUIET && !wanted {
        return cx.set(timer(), QUIET.saturating_sub(heard));
    }
    let silent = if wanted { None } else { cx.core.registrations.poll(id, polls) };
    if let Some(silent) = silent {
        crowd::question(cx, &silent);
        return cx.set(timer(), POLL);
    }
    // Nobody asks, and nobody said when it ends.
    if ttl_s.is_none() && polls == 0 {
        return cx.set(timer(), QUIET);
    }
    if wanted && calls.has_party(id) {
        cx.core.registrations.spare(id);
        return cx.set(timer(), of(ttl_s));
    }
    if !cx.core.settings.ras.expiry_ends_calls && calls.has_party(id) {
        return cx.set(timer(), POLL);
    }
    let gone = match wanted {
        true => cx.core.registrations.leave(id, cx.now),
        false => cx.core.registrations.remove(id),
    };
    let Some(gone) = gone else { return };
    unregistration::forgotten(cx, &gone);
    calls.silent(cx, id);
    let silence = match ttl_s {
        _ if wanted => {
            format!(
                "did not show for {} s that it is there, and its place was wanted",
                shown.as_secs()
            )
        }
        Some(_) => {
            format!("did not refresh its registration within {} s", of(ttl_s).as_secs())
        }
        None => format!("was silent for {} s", heard.as_secs()),
    };
    let asked = if polls == 0 { "" } else { ", and did not answer when it was asked" };
    let sentence = format!("{} {silence}{asked}", gone.name());
    unregistration::urge(cx, &gone, UnregRequestReason::ttlExpired(()));
    cx.event(Event::Unregistered { alias: gone.name(), sentence });
}

/// Takes an InfoRequestResponse: who answers is still there. One that wants an answer gets it (H.225.0 §7.14).
pub(super) fn response(
    cx: &mut Cx<'_>,
    origin: Origin,
    response: &InfoRequestResponse,
) -> Option<RasMessage> {
    let id = cx.heard(&response.endpoint_identifier, origin.from);
    if let Some(id) = &id {
        let number = response.request_seq_num.0;
        if cx.core.registrations.answered(id, number, cx.now) {
            let ttl_s = cx.core.registrations.get(id).and_then(|known| known.ttl_s);
            cx.set(Timer::Registration(id.clone()), of(ttl_s));
        }
        alive(cx, origin, id);
    }
    let request_seq_num = response.request_seq_num.clone();
    (response.need_response == Some(true)).then(|| match id {
        Some(_) => RasMessage::infoRequestAck(Box::new(InfoRequestAck {
            request_seq_num,
            ..Default::default()
        })),
        None => RasMessage::infoRequestNak(Box::new(InfoRequestNak {
            request_seq_num,
            nak_reason: InfoRequestNakReason::notRegistered(()),
            non_standard_data: None,
            alt_gkinfo: None,
            tokens: None,
            crypto_tokens: None,
            integrity_check_value: None,
            unknown_ext: None,
        })),
    })
}

/// An endpoint has answered: it is still there.
fn alive(cx: &mut Cx<'_>, origin: Origin, id: &EndpointId) {
    let Origin { from, socket, local, .. } = origin;
    let asked = cx.core.registrations.get(id).filter(|known| known.polls > 0 && !known.permanent);
    // Whose place is wanted has to answer that question.
    let asked = asked.filter(|known| cx.core.registrations.wanted(&known.id).is_none());
    let Some(ttl_s) = asked.map(|known| known.ttl_s) else { return };
    if cx.core.registrations.moved(id, from, socket, local) {
        cx.set(Timer::Registration(id.clone()), of(ttl_s));
    }
}
