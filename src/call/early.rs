//! What the caller says before the call is answered. The called party may not be reached yet, or be given up for another:
//! whoever is called hears all of it, after its Setup.

use super::{Call, CallKey, Calls, State};
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
}

impl Early {
    /// Keeps one more; beyond what a caller may say so early, it is lost.
    fn keep(&mut self, carrier: Carrier, octets: &[u8]) {
        if self.said.len() < MOST && self.octets + octets.len() <= MOST_OCTETS {
            self.octets += octets.len();
            self.said.push((carrier, octets.to_vec()));
        }
    }
}

impl Call {
    /// The caller has said something. True when there is nobody yet to hear it.
    pub(super) fn is_early(&mut self, carrier: Carrier, octets: &[u8]) -> bool {
        // Without the Setup, nobody else will be called.
        if self.route.setup.is_some() {
            self.route.early.keep(carrier, octets);
        }
        matches!(self.state, State::Placing)
    }
}

impl Calls {
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
