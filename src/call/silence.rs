//! Parties from which no media comes any more (`RTPInactivityCheck`).

use super::{CallKey, CallTimer, Calls, Why};
use crate::face::{FlowId, Side};
use crate::node::{Cx, Timer};

/// How often it is asked, in the time that a party may be silent, whether something came.
const LOOKS: u8 = 5;

impl Calls {
    /// Asks the media plane what came, and goes on to do so.
    pub(super) fn listen(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let Some(silence) = cx.core.settings.media.silence else { return };
        let Some(call) = self.live(key) else { return };
        call.sessions.listen(cx, silence.medium);
        watch(cx, key);
    }

    /// From these sides something came since it was asked before. A party that sends nothing for too long is gone.
    pub(super) fn heard(&mut self, cx: &mut Cx<'_>, key: CallKey, flow: FlowId, from: [bool; 2]) {
        let Some(silence) = cx.core.settings.media.silence else { return };
        let Some(call) = self.live(key) else { return };
        let silent = call.sessions.heard(flow, silence.medium, from);
        let gone = [Side::A, Side::B].into_iter().zip(silent).find(|(_, looks)| *looks >= LOOKS);
        if let Some((side, _)) = gone {
            let name = &call.leg(side).name;
            let longest = silence.longest.as_secs();
            let sentence = format!(
                "nothing came from {name} in its media channel for {longest} s (RTPInactivityTimeout)"
            );
            self.end(cx, key, &Why::silent(sentence));
        }
    }
}

/// It will be asked whether media still comes, if the configuration says so.
pub(super) fn watch(cx: &mut Cx<'_>, key: CallKey) {
    if let Some(silence) = cx.core.settings.media.silence {
        cx.set(Timer::Call(key, CallTimer::Silence), silence.longest / u32::from(LOOKS));
    }
}
