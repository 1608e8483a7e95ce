//! Channels that cannot be relayed: their opener gets OpenLogicalChannelReject with a cause, and people a sentence.

use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as Message, OpenLogicalChannel,
    OpenLogicalChannelRejectCause as Cause, RequestMessage as Request,
};
use pinhole_h323::control::Control;

use super::session::NoSession;
use super::{Verdict, codec};
use crate::call::Call;
use crate::event::Event;
use crate::face::Side;
use crate::node::Cx;
use crate::node::quota::Lack;
use crate::security;

/// Why a channel is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The configuration keeps it from the call.
    Disabled,
    /// It is of a multiplex that is not of H.323.
    Multiplex,
    /// Its media would go to a group.
    Multicast,
    /// It has a network of its own that is not IP.
    Network,
    /// The party that listens for its connection cannot be reached by us.
    Unreachable,
    /// The call has as many channels, or sessions, as it may.
    TooMany,
    /// No port is free, or none for this call.
    NoPorts(Lack),
    /// No port is free for the connection of a data channel.
    NoListener,
}

impl From<NoSession> for Refusal {
    fn from(none: NoSession) -> Self {
        match none {
            NoSession::TooMany => Self::TooMany,
            NoSession::NoPorts(lack) => Self::NoPorts(lack),
        }
    }
}

impl Refusal {
    /// For the opener (H.245 §7.3.3), and its name there.
    const fn cause(self) -> (Cause, &'static str) {
        match self {
            Self::Disabled => (Cause::dataTypeNotSupported(()), "dataTypeNotSupported"),
            Self::Multiplex => {
                (Cause::dataTypeALCombinationNotSupported(()), "dataTypeALCombinationNotSupported")
            }
            Self::Multicast => {
                (Cause::multicastChannelNotAllowed(()), "multicastChannelNotAllowed")
            }
            Self::Network | Self::Unreachable => {
                (Cause::separateStackEstablishmentFailed(()), "separateStackEstablishmentFailed")
            }
            Self::TooMany => (Cause::dataTypeNotAvailable(()), "dataTypeNotAvailable"),
            Self::NoPorts(_) | Self::NoListener => {
                (Cause::insufficientBandwidth(()), "insufficientBandwidth")
            }
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Disabled => "the configuration disables its codec (DisabledCodecs)",
            Self::Multiplex => "it is not multiplexed as in H.323, over IP",
            Self::Multicast => "its media would be multicast, which cannot be relayed",
            Self::Network => "it has a network of its own, which is not IP",
            Self::Unreachable => {
                "the party that listens for its connection is behind a NAT, or tells the address of another host"
            }
            Self::TooMany => "the call has as many channels as it may have",
            Self::NoPorts(lack) => lack.sentence(),
            Self::NoListener => "no port is free for its connection (T120PortRange)",
        }
    }

    /// The answer to the opener.
    pub(super) fn reject(self, number: u16) -> Control {
        Control::reject(number, self.cause().0)
    }

    /// Tells people.
    pub(super) fn tell(
        self,
        cx: &mut Cx<'_>,
        call: &Call,
        from: Side,
        (media, codec): (&'static str, String),
    ) {
        cx.refusal(Event::ChannelRefused {
            callid: call.id.to_string(),
            from: call.leg(from).name.clone(),
            media,
            codec,
            cause: self.cause().1,
            sentence: self.sentence().to_owned(),
        });
    }

    /// Refuses a channel.
    pub(super) fn refuse(
        self,
        cx: &mut Cx<'_>,
        call: &Call,
        from: Side,
        olc: &OpenLogicalChannel,
    ) -> Verdict {
        self.tell(cx, call, from, codec::describe(codec::carried(olc)));
        Verdict::reply(&self.reject(olc.forward_logical_channel_number.0))
    }
}

/// Tells of a channel that does not come about because of encryption.
pub(super) fn secured(
    cx: &mut Cx<'_>,
    call: &Call,
    from: Side,
    control: &Control,
    refusal: security::Refusal,
) {
    let Message::request(Request::openLogicalChannel(open)) = control.message() else { return };
    let (media, codec) = codec::describe(codec::carried(open));
    let name = &call.leg(from).name;
    cx.refusal(Event::ChannelRefused {
        callid: call.id.to_string(),
        from: name.clone(),
        media,
        codec,
        cause: refusal.cause_name(),
        sentence: format!("a channel of {name} was refused: {}", refusal.sentence()),
    });
}
