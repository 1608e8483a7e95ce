//! The RAS messages that the phone says (H.225.0 §7.8 to §7.15).

use std::net::{Ipv4Addr, SocketAddr};

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionRequest, AliasAddress, BandWidth, CallModel, CallReferenceValue, CallTerminationCause,
    CallType, DisengageReason, DisengageRequest, EndpointType, FeatureSet, GatekeeperRequest,
    H221NonStandard, RasMessage, RegistrationRequest, TerminalInfo, TimeToLive,
    UnregistrationRequest, VendorIdentifier,
};
use pinhole_h323::cause::Cause;
use pinhole_h323::generic::{self, H460_18, Need};
use pinhole_h323::id::{CallId, ConferenceId, Crv};
use pinhole_h323::version;

use super::desk::Desk;
use super::password;
use super::requests::Standing;

/// The seconds that a registration should live, if it were for us.
const TTL: u32 = 60;

/// What G.711 in both directions takes, in units of 100 bit/s.
const AUDIO: u32 = 1280;

/// What a call takes in both directions, in units of 100 bit/s: pictures as if the peer sent what we send.
fn bandwidth(desk: &Desk) -> BandWidth {
    let pictures = [desk.options.video, desk.options.presentation].into_iter().flatten();
    BandWidth(pictures.fold(AUDIO, |sum, kbit| sum.saturating_add(kbit.saturating_mul(20))))
}

/// Who we are, in every message.
pub(super) fn vendor() -> VendorIdentifier {
    VendorIdentifier {
        // Country 181 (USA in T.35) and nobody's code: Pinhole has no assignment.
        vendor: H221NonStandard { t35_country_code: 181, ..H221NonStandard::default() },
        product_id: Some(b"Pinhole phone".to_vec().into()),
        version_id: Some(env!("CARGO_PKG_VERSION").as_bytes().to_vec().into()),
        ..VendorIdentifier::default()
    }
}

/// What we are: a terminal.
pub(super) fn endpoint_type() -> EndpointType {
    EndpointType {
        vendor: Some(Box::new(vendor())),
        terminal: Some(TerminalInfo::default()),
        ..EndpointType::default()
    }
}

/// The names the operator gave us.
pub(super) fn aliases(desk: &Desk) -> Vec<AliasAddress> {
    desk.options.aliases.iter().map(|alias| Alias::from_text(alias).to_asn()).collect()
}

/// Where calls reach us, as far as we know.
pub(super) fn signalling(desk: &Desk) -> SocketAddr {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let local = desk.ras.local.unwrap_or(nowhere);
    let ip = if desk.options.ip.is_unspecified() { local.ip() } else { desk.options.ip };
    let port = desk.ras.signalling.map_or(0, |signalling| signalling.port());
    SocketAddr::new(ip, port)
}

/// Where RAS reaches us, as far as we know.
pub(super) fn ras_address(desk: &Desk) -> SocketAddr {
    let port = desk.ras.local.map_or(0, |local| local.port());
    SocketAddr::new(signalling(desk).ip(), port)
}

/// Feature 18 belongs into every GRQ and RRQ of a traversal client (H.460.18 §7).
fn features(desk: &Desk) -> Option<FeatureSet> {
    desk.options.traversal.then(|| {
        let mut set = FeatureSet::default();
        generic::set_feature(&mut set, Need::Supported, generic::new(H460_18));
        set
    })
}

/// GRQ.
pub(super) fn discovery(desk: &Desk) -> RasMessage {
    let (authentication_capability, algorithm_oids) = password::offer(desk);
    RasMessage::gatekeeperRequest(Box::new(GatekeeperRequest {
        authentication_capability,
        algorithm_oids,
        protocol_identifier: version::h225(),
        ras_address: to_h225(ras_address(desk)),
        endpoint_type: endpoint_type(),
        endpoint_alias: Some(aliases(desk)),
        feature_set: features(desk),
        ..GatekeeperRequest::default()
    }))
}

/// A full RRQ.
pub(super) fn registration(desk: &Desk, discovered: bool) -> RasMessage {
    let known = desk.ras.standing.as_ref();
    RasMessage::registrationRequest(Box::new(RegistrationRequest {
        terminal_alias: Some(aliases(desk)),
        endpoint_identifier: known.map(|standing| (&standing.endpoint).into()),
        discovery_complete: discovered,
        ..registration_base(desk)
    }))
}

/// A lightweight RRQ, which only keeps the registration alive (H.225.0 §7.9.1).
pub(super) fn refresh(desk: &Desk, standing: &Standing) -> RasMessage {
    RasMessage::registrationRequest(Box::new(RegistrationRequest {
        keep_alive: Some(true),
        endpoint_identifier: Some((&standing.endpoint).into()),
        gatekeeper_identifier: standing.gatekeeper.as_ref().map(Into::into),
        discovery_complete: true,
        ..registration_base(desk)
    }))
}

fn registration_base(desk: &Desk) -> RegistrationRequest {
    RegistrationRequest {
        crypto_tokens: password::tokens(desk),
        protocol_identifier: version::h225(),
        call_signal_address: vec![to_h225(signalling(desk))],
        ras_address: vec![to_h225(ras_address(desk))],
        terminal_type: endpoint_type(),
        endpoint_vendor: vendor(),
        time_to_live: Some(TimeToLive(TTL)),
        keep_alive: Some(false),
        will_supply_uuies: Some(false),
        maintain_connection: Some(false),
        feature_set: features(desk),
        ..RegistrationRequest::default()
    }
}

/// URQ.
pub(super) fn unregistration(desk: &Desk, standing: &Standing) -> RasMessage {
    RasMessage::unregistrationRequest(Box::new(UnregistrationRequest {
        crypto_tokens: password::tokens(desk),
        call_signal_address: vec![to_h225(signalling(desk))],
        endpoint_alias: Some(aliases(desk)),
        endpoint_identifier: Some((&standing.endpoint).into()),
        gatekeeper_identifier: standing.gatekeeper.as_ref().map(Into::into),
        ..UnregistrationRequest::default()
    }))
}

/// What identifies a call towards the gatekeeper.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallName {
    /// The call.
    pub(super) id: CallId,
    /// Its conference.
    pub(super) conference: ConferenceId,
    /// Its reference on the signalling connection.
    pub(super) crv: Crv,
    /// Whether we are the called party.
    pub(super) answering: bool,
}

/// The parties of a call, as an ARQ tells them.
#[derive(Debug, Default)]
pub(super) struct Parties {
    /// Who is called.
    pub(super) destination: Vec<AliasAddress>,
    /// The address that is called.
    pub(super) destination_address: Option<SocketAddr>,
    /// Who calls.
    pub(super) source: Vec<AliasAddress>,
    /// Where the call comes from.
    pub(super) source_address: Option<SocketAddr>,
}

/// ARQ.
pub(super) fn admission(
    desk: &Desk,
    standing: &Standing,
    call: &CallName,
    parties: Parties,
) -> RasMessage {
    let destination = parties.destination;
    RasMessage::admissionRequest(Box::new(AdmissionRequest {
        crypto_tokens: password::tokens(desk),
        call_type: CallType::pointToPoint(()),
        call_model: Some(CallModel::gatekeeperRouted(())),
        endpoint_identifier: (&standing.endpoint).into(),
        destination_info: Some(destination).filter(|list| !list.is_empty()),
        dest_call_signal_address: parties.destination_address.map(to_h225),
        src_info: parties.source,
        src_call_signal_address: parties.source_address.map(to_h225),
        band_width: bandwidth(desk),
        call_reference_value: CallReferenceValue(call.crv.value()),
        conference_id: call.conference.into(),
        answer_call: call.answering,
        can_map_alias: Some(!call.answering),
        call_identifier: Some(call.id.into()),
        gatekeeper_identifier: standing.gatekeeper.as_ref().map(Into::into),
        will_supply_uuies: Some(false),
        ..AdmissionRequest::default()
    }))
}

/// DRQ, which says why the call is over, in case that the ReleaseComplete does not come.
pub(super) fn disengage(
    desk: &Desk,
    standing: &Standing,
    call: &CallName,
    cause: Option<Cause>,
) -> RasMessage {
    let normal = cause.is_none_or(|cause| cause == Cause::NORMAL_CLEARING);
    RasMessage::disengageRequest(Box::new(DisengageRequest {
        crypto_tokens: password::tokens(desk),
        endpoint_identifier: (&standing.endpoint).into(),
        conference_id: call.conference.into(),
        call_reference_value: CallReferenceValue(call.crv.value()),
        disengage_reason: if normal {
            DisengageReason::normalDrop(())
        } else {
            DisengageReason::undefinedReason(())
        },
        termination_cause: cause.map(|cause| {
            let content = vec![0x80, 0x80 | cause.value()];
            CallTerminationCause::releaseCompleteCauseIE(content.into())
        }),
        call_identifier: Some(call.id.into()),
        gatekeeper_identifier: standing.gatekeeper.as_ref().map(Into::into),
        answered_call: Some(call.answering),
        ..DisengageRequest::default()
    }))
}
