//! What the caller says before the call is answered. The called party may not be reached yet, or be given up for another:
//! whoever is called hears all of it, after its Setup.

use pinhole_h323::cause::Release;
use pinhole_h323::signal::Signal;

use super::{Call, CallKey, Calls, Why};
use crate::face::Side;
use crate::node::Cx;

/// Messages that are kept.
const MOST: usize = 32;
/// Octets of them.
const MOST_OCTETS: usize = 32 << 10;

/// What carried a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carrier {
    /// Call signalling.
    Signalling,
    /// A connection of its own for H.245.
    Control,
}

/// The messages of the caller since its Setup.
#[derive(Debug, Default)]
pub(super) struct Early {
    said: Vec<(Carrier, Vec<u8>)>,
    octets: usize,
    /// There was more than is kept: nobody else can hear all of it.
    overfull: bool,
}

impl Early {
    /// Keeps one more, as far as a caller may say so much so early.
    pub(super) fn keep(&mut self, carrier: Carrier, octets: &[u8]) {
        if self.said.len() < MOST && self.octets + octets.len() <= MOST_OCTETS {
            self.octets += octets.len();
            self.said.push((carrier, octets.to_vec()));
        } else {
            self.overfull = true;
        }
    }

    /// True when there was more than is kept.
    pub(super) const fn is_overfull(&self) -> bool {
        self.overfull
    }

    /// The H.245 messages among them, in order.
    pub(super) fn control(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for (carrier, octets) in &self.said {
            match carrier {
                Carrier::Control => all.push(octets.clone()),
                Carrier::Signalling => {
                    let Ok(signal) = Signal::decode(octets) else { continue };
                    all.extend(signal.h245_control().into_iter().map(<[u8]>::to_vec));
                }
            }
        }
        all
    }
}

impl Call {
    /// The caller has said something that whoever is called next has to hear.
    pub(super) fn keep_early(&mut self, carrier: Carrier, octets: &[u8]) {
        // Without the Setup, nobody else will be called.
        if self.route.setup.is_some() {
            self.route.early.keep(carrier, octets);
        }
    }
}

impl Calls {
    /// The caller goes on speaking while nobody is reached. More than is kept would be lost without a word.
    pub(super) fn speaks_early(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        carrier: Carrier,
        octets: &[u8],
    ) {
        let Some(call) = self.live(key) else { return };
        call.keep_early(carrier, octets);
        if call.route.early.is_overfull() {
            let name = &call.leg(Side::A).name;
            let sentence =
                format!("{name} said more than is kept before the called party was reached");
            self.end(cx, key, &Why::own(Release::GatekeeperResources, sentence));
        }
    }

    /// A called party has got its Setup: it hears what the caller has said since.
    pub(super) fn repeat_early(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(call) = self.live(key) else { return };
        // What is said again is kept again.
        for (carrier, octets) in std::mem::take(&mut call.route.early).said {
            match carrier {
                Carrier::Signalling => self.signal(cx, key, Side::A, &octets),
                Carrier::Control => self.control(cx, key, Side::A, &octets),
            }
        }
    }
}
