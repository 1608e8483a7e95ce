//! What the gatekeeper says: answers to our requests, and requests of its own (H.225.0 §7.8 to §7.17).

use std::net::SocketAddr;
use std::time::Duration;

use pinhole_h323::address::to_h225;
use pinhole_h323::asn::h225::{
    BandwidthConfirm, BandwidthRequest, DisengageConfirm, DisengageRequest, InfoRequestResponse,
    RasMessage, RequestSeqNum, UnregistrationConfirm,
};
use pinhole_h323::cause::{Cause, Reject, Release};
use pinhole_h323::id::{CallId, Seq};
use pinhole_h323::ras::Ras;

use super::Phone;
use super::call::{Call, Ending};
use super::desk::CallKey;
use super::password;
use super::registration::Registration;
use super::requests::Purpose;
use super::say_ras;
use crate::event::Event;

impl Phone {
    /// A datagram came to the RAS socket. Only the gatekeeper's word counts.
    pub(super) fn ras(&mut self, from: SocketAddr, bytes: &[u8]) {
        if !self.desk.ras.is_gatekeeper(from) {
            return;
        }
        let message = match Ras::decode(bytes) {
            Ok(message) => message,
            Err(malformed) => {
                let sentence = malformed.to_string();
                return self.desk.tell(Event::Malformed { peer: from, protocol: "ras", sentence });
            }
        };
        if let Some(seq) = message.seq() {
            self.ras_message(from, seq, &message);
        }
    }

    fn ras_message(&mut self, from: SocketAddr, seq: Seq, ras: &Ras) {
        match ras.message() {
            RasMessage::unregistrationRequest(_) => self.unregister_asked(from, seq),
            RasMessage::disengageRequest(request) => self.disengage_asked(from, seq, request),
            RasMessage::bandwidthRequest(request) => self.bandwidth_asked(from, seq, request),
            RasMessage::infoRequest(_) => self.info_asked(from, seq),
            RasMessage::serviceControlIndication(_) => self.announced(from, seq, ras),
            RasMessage::requestInProgress(progress) => {
                let delay = Duration::from_millis(progress.delay.into());
                self.desk.in_progress(seq, delay);
            }
            message => {
                let purpose = self.desk.answered(seq, |purpose| fits(message, purpose));
                if let Some(purpose) = purpose {
                    self.answer(purpose, ras);
                }
            }
        }
    }

    fn answer(&mut self, purpose: Purpose, ras: &Ras) {
        let reject = ras.reject().unwrap_or(Reject::UndefinedReason);
        match (purpose, ras.message()) {
            (_, RasMessage::gatekeeperConfirm(confirm)) => {
                self.registration.discovered(&mut self.desk, confirm);
            }
            (_, RasMessage::registrationConfirm(confirm)) => {
                self.registration.confirmed(&mut self.desk, confirm);
            }
            (Purpose::Admit(key), RasMessage::admissionConfirm(confirm)) => {
                self.with_call(key, |call, desk| call.admitted(desk, confirm));
            }
            (Purpose::Admit(key), _) => {
                self.with_call(key, |call, desk| call.refused(desk, reject));
                let unknown = [Reject::CallerNotRegistered, Reject::InvalidEndpointIdentifier];
                if unknown.contains(&reject) {
                    self.registration.forgotten(&mut self.desk);
                }
            }
            (Purpose::Discover | Purpose::Register | Purpose::Refresh, _) => {
                self.registration.rejected(&mut self.desk, reject);
            }
            (Purpose::Unregister, _) => Registration::left(&mut self.desk),
            (Purpose::Disengage(_), _) => {}
        }
    }

    /// A request was given up.
    pub(super) fn given_up(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Refresh => self.registration.silent(&mut self.desk),
            Purpose::Unregister => Registration::left(&mut self.desk),
            Purpose::Admit(key) => {
                self.with_call(key, |call, desk| call.fail(desk, "the gatekeeper does not answer"));
            }
            Purpose::Discover | Purpose::Register => self.registration.given_up(&mut self.desk),
            Purpose::Disengage(_) => {}
        }
    }

    fn unregister_asked(&mut self, from: SocketAddr, seq: Seq) {
        let confirm = UnregistrationConfirm {
            request_seq_num: RequestSeqNum::from(seq),
            ..UnregistrationConfirm::default()
        };
        self.desk.reply(from, RasMessage::unregistrationConfirm(Box::new(confirm)));
        self.registration.revoked(&mut self.desk);
    }

    fn disengage_asked(&mut self, from: SocketAddr, seq: Seq, request: &DisengageRequest) {
        let confirm = DisengageConfirm {
            request_seq_num: RequestSeqNum::from(seq),
            ..DisengageConfirm::default()
        };
        self.desk.reply(from, RasMessage::disengageConfirm(Box::new(confirm)));
        let id = request.call_identifier.as_ref().map(CallId::from);
        let crv = request.call_reference_value.0 & 0x7fff;
        let meant = |call: &Call| match id {
            Some(id) => call.name.id == id,
            None => call.name.crv.value() == crv,
        };
        if let Some(key) = self.find(meant) {
            let sentence = "the gatekeeper ended the call".to_owned();
            let ending = Ending::ours(Cause::NORMAL_CLEARING, Release::UndefinedReason, sentence);
            self.with_call(key, |call, desk| call.release(desk, ending));
        }
    }

    fn bandwidth_asked(&mut self, from: SocketAddr, seq: Seq, request: &BandwidthRequest) {
        let confirm = BandwidthConfirm {
            request_seq_num: RequestSeqNum::from(seq),
            band_width: request.band_width.clone(),
            ..BandwidthConfirm::default()
        };
        self.desk.reply(from, RasMessage::bandwidthConfirm(Box::new(confirm)));
    }

    /// IRQ: the gatekeeper wants to know whether we live.
    fn info_asked(&mut self, from: SocketAddr, seq: Seq) {
        let Some(standing) = &self.desk.ras.standing else { return };
        // The answer would hold the pinhole open, as any keepalive does.
        if !self.desk.options.keepalives {
            return;
        }
        let response = InfoRequestResponse {
            request_seq_num: RequestSeqNum::from(seq),
            endpoint_type: say_ras::endpoint_type(),
            endpoint_identifier: (&standing.endpoint).into(),
            ras_address: to_h225(say_ras::ras_address(&self.desk)),
            call_signal_address: vec![to_h225(say_ras::signalling(&self.desk))],
            endpoint_alias: Some(say_ras::aliases(&self.desk)),
            crypto_tokens: password::tokens(&self.desk),
            need_response: Some(false),
            unsolicited: Some(false),
            ..InfoRequestResponse::default()
        };
        self.desk.reply(from, RasMessage::infoRequestResponse(Box::new(response)));
    }

    /// The call of a kind.
    pub(super) fn find(&self, is_meant: impl Fn(&Call) -> bool) -> Option<CallKey> {
        self.calls.values().find(|call| is_meant(call)).map(|call| call.key)
    }
}

/// Whether a message answers a request of a kind.
const fn fits(message: &RasMessage, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Discover => {
            matches!(message, RasMessage::gatekeeperConfirm(_) | RasMessage::gatekeeperReject(_))
        }
        Purpose::Register | Purpose::Refresh => matches!(
            message,
            RasMessage::registrationConfirm(_) | RasMessage::registrationReject(_)
        ),
        Purpose::Unregister => matches!(
            message,
            RasMessage::unregistrationConfirm(_) | RasMessage::unregistrationReject(_)
        ),
        Purpose::Admit(_) => {
            matches!(message, RasMessage::admissionConfirm(_) | RasMessage::admissionReject(_))
        }
        Purpose::Disengage(_) => {
            matches!(message, RasMessage::disengageConfirm(_) | RasMessage::disengageReject(_))
        }
    }
}
