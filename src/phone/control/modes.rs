//! Wishes for modes (H.245 requestMode). The phone sends what it has chosen by the capabilities, and changes nothing of it
//! while it talks: a wish for just that is met, every other one is not.

use pinhole_h323::asn::h245::{
    AudioMode, ModeDescription, ModeElementType as Mode, MultimediaSystemControlMessage,
    RequestMode, RequestModeAck, RequestModeAckResponse as Response, RequestModeReject,
    RequestModeRejectCause, ResponseMessage, SequenceNumber,
};

use super::{Control, respond};
use crate::phone::g711::Law;
use crate::phone::medium::{Codec, Medium};

impl Control {
    /// What is answered to a wish.
    pub(super) fn wished(&self, wish: &RequestMode) -> MultimediaSystemControlMessage {
        let sequence_number = SequenceNumber(wish.sequence_number.0);
        let met = wish.requested_modes.iter().position(|mode| self.sends(mode));
        let response = match met {
            Some(0) => Response::willTransmitMostPreferredMode(()),
            Some(_) => Response::willTransmitLessPreferredMode(()),
            None => {
                let cause = RequestModeRejectCause::modeUnavailable(());
                let reject = RequestModeReject { sequence_number, cause, ..Default::default() };
                return respond(ResponseMessage::requestModeReject(reject));
            }
        };
        let ack = RequestModeAck { sequence_number, response, ..Default::default() };
        respond(ResponseMessage::requestModeAck(ack))
    }

    /// True for a mode of nothing but the audio that is sent.
    fn sends(&self, mode: &ModeDescription) -> bool {
        let [element] = &mode.0[..] else { return false };
        let Mode::audioMode(audio) = &element.r_type else { return false };
        let law = match **audio {
            AudioMode::g711Alaw64k(()) => Law::A,
            AudioMode::g711Ulaw64k(()) => Law::Mu,
            _ => return false,
        };
        let chosen = self.capabilities.choose(Medium::Audio);
        self.pictures.is_empty() && chosen == Some(Codec::G711(law))
    }
}
