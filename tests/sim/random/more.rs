//! What worlds have had since: video, and gatekeepers that change the words of messages or set calls up otherwise. Drawn last,
//! and from a stream of its own, so that all else in a world stays what it was.

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

/// Keys of how calls are set up and kept, with few ports.
const SET_UP: &str = "[RoutedMode]\nGenerateCallProceeding=1\nDisableFastStart=1\nH245TunnelingTranslation=1\n\
    ActivateFailover=1\nEnableGnuGkTcpKeepAlive=1\nGnuGkTcpKeepAliveInterval=5\nSendReleaseCompleteOnDRQ=1\n\
    FilterEmptyFacility=1\nShowForwarderNumber=1\n[Proxy]\nRTPPortRange=20000-20399\nIgnoreSignaledIPs=1\n\
    SearchBothSidesOnCLC=1\nRTPInactivityCheck=1\n[RasSrv::ARQFeatures]\nRoundRobinGateways=0\nLeastUsedRouting=1\n";

/// Keys with which nobody tunnels H.245, and all ports come from ranges.
const APART: &str = "[RoutedMode]\nDisableH245Tunneling=1\nRemoveH245AddressFromSetup=1\n\
    H245PortRange=30000-30199\nQ931PortRange=31000-31199\nAlwaysRewriteSourceCallSignalAddress=0\n[Proxy]\n\
    RTPPortRange=21000-21399\nRestrictRTPSources=IP\nProxyForSameNAT=0\n";

impl Plan {
    /// Draws who has video, and what else the operator has configured.
    pub(super) fn pictured(mut self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x70_6963_7475);
        let r = &mut random;
        for keeper in &mut self.keepers {
            keeper.words = match r.random_range(0..20) {
                0..6 => WORDS,
                6..11 => SET_UP,
                11..14 => APART,
                _ => "",
            };
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
