//! What worlds have had since: video, and gatekeepers that change the words of messages. Drawn last, and from a stream of its
//! own, so that all else in a world stays what it was.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fate::Fate;
use super::plan::{Act, Plan};

/// Keys of which no call comes out otherwise.
const WORDS: &str = "[RoutedMode]\nRemoveH460Call=1\nScreenDisplayIE=CallingCalled\nAppendToDisplayIE= (us)\n\
    ScreenCallingPartyNumberIE=RegisteredAlias\nScreenSourceAddress=somebody\n\
    UpdateCalledPartyToH225Destination=1\nFilterVideoFastUpdatePicture=1\nRemoveFaxUDPOptionsFromRM=1\n\
    PregrantARQ=1\nH225DiffServ=26\nH245DiffServ=34\nQ931DecodingError=Disconnect\n\
    [CallTable]\nDisabledCodecs=h263VideoCapability;g7231\n[EP::anna]\nForceTerminalType=190\nCapacity=50\n\
    AddNumbers=100-109\nAdditionalDestinationAlias=trunk\n[EP::bert]\nForceTerminalType=20\nMaxBandwidth=1000000\n\
    [EP::emil]\nAddCallingPartyToSourceAddress=1\nForceTerminalType=190\n";

impl Plan {
    /// Draws who has video, and what else the operator has configured.
    pub(super) fn pictured(mut self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x70_6963_7475);
        let r = &mut random;
        for keeper in &mut self.keepers {
            keeper.words = if r.random_bool(0.3) { WORDS } else { "" };
        }
        // Video takes most of the time that a world takes.
        if r.random_bool(0.7) {
            return self;
        }
        let silent = matches!(self.last, Some((Fate::Listening, ..)));
        let calls = self.calls.iter_mut().map(|(_, _, manner)| manner);
        let acts = self.acts.iter_mut().filter_map(|(_, act)| match act {
            Act::Call { manner, .. } => Some(manner),
            _ => None,
        });
        let last = self.last.iter_mut().map(|(_, _, manner)| manner).filter(|_| !silent);
        for manner in self.residents.iter_mut().chain(calls).chain(acts).chain(last) {
            manner.video = r.random_bool(0.7);
        }
        self
    }
}
