//! Messages without any flaw but their size: more parts than any real one has, and parts in parts.

use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, RasMessage, SetupUUIE};
use pinhole_h323::asn::h235::ClearToken;
use pinhole_h323::asn::h245::{
    AlternativeCapabilitySet, CapabilityDescriptor, CapabilityIdentifier, CapabilityTableEntry,
    CapabilityTableEntryNumber, GenericMessage, GenericParameter, IndicationMessage,
    MultimediaSystemControlMessage as Message, ParameterValue, RequestMessage,
};
use pinhole_h323::control::Control;
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::{Leg, Signal};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::stock::{RAS, TPKT, octets};

/// How many: a few too many, or very many.
fn count(r: &mut ChaCha8Rng) -> usize {
    [17, 33, 65, 129, 300, 1000][r.random_range(0..6)]
}

/// A RegistrationRequest.
pub(super) fn ras(r: &mut ChaCha8Rng) -> Vec<u8> {
    let mut rrq = Ras::decode(&octets(RAS[0])).expect("sound");
    let (what, count) = (r.random_range(0..4), count(r));
    let names = (0..count).map(|n| Alias::from_text(&format!("swollen{n}")).to_asn()).collect();
    rrq.edit(|message| {
        let RasMessage::registrationRequest(request) = message else { return };
        let address = request.ras_address[0].clone();
        match what {
            0 => request.terminal_alias = Some(names),
            1 => request.ras_address = vec![address; count],
            2 => request.call_signal_address = vec![address; count],
            _ => request.tokens = Some(vec![ClearToken::default(); count]),
        }
    });
    rrq.encode().expect("in bounds")
}

/// A Setup or a Facility.
pub(super) fn signalling(r: &mut ChaCha8Rng, call: CallId) -> Vec<u8> {
    let (what, count) = (r.random_range(0..4), count(r));
    if what == 0 {
        let leg =
            Leg { crv: Crv::new(1), from_destination: false, call_id: call, tunnelling: true };
        let mut facility = Signal::transport(leg);
        facility.set_h245_control(vec![control(r); 5]);
        return facility.encode().unwrap_or_else(|_| vec![8, 2, 0, 1, 0x62]);
    }
    let mut setup = Signal::decode(&octets(TPKT[1])[4..]).expect("sound");
    let address = Alias::from_text("somebody").to_asn();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { return };
        let setup: &mut SetupUUIE = setup;
        match what {
            1 => setup.tokens = Some(vec![ClearToken::default(); count]),
            2 => setup.destination_address = Some(vec![address; count]),
            _ => setup.fast_start = Some(vec![vec![0; 20].into(); count]),
        }
    });
    setup.encode().expect("in bounds")
}

/// A TerminalCapabilitySet with many capabilities, or a GenericIndication with parameters in parameters.
pub(super) fn control(r: &mut ChaCha8Rng) -> Vec<u8> {
    let many = if r.random() {
        capabilities(r)
    } else {
        nested([2, 15, 16, 17, 40][r.random_range(0..5)])
    };
    many.encode().expect("in bounds")
}

fn capabilities(r: &mut ChaCha8Rng) -> Control {
    let count = count(r).min(256) as u16;
    let descriptors = [1, 4, 200][r.random_range(0..3)];
    let mut set = Control::terminal_capability_set(1, &[]);
    set.edit(|message| {
        let Message::request(RequestMessage::terminalCapabilitySet(set)) = message else { return };
        let entry = |n| CapabilityTableEntry {
            capability_table_entry_number: CapabilityTableEntryNumber(n),
            capability: None,
        };
        set.capability_table = Some((1..=count).map(entry).collect());
        let numbers = (1..=count).map(CapabilityTableEntryNumber).collect();
        let one = CapabilityDescriptor {
            simultaneous_capabilities: Some(vec![AlternativeCapabilitySet(numbers)]),
            ..Default::default()
        };
        set.capability_descriptors = Some(vec![one; descriptors]);
    });
    set
}

fn nested(depth: usize) -> Control {
    let mut parameter = GenericParameter::default();
    for _ in 0..depth {
        parameter = GenericParameter {
            parameter_value: ParameterValue::genericParameter(vec![parameter]),
            ..Default::default()
        };
    }
    let indication = GenericMessage {
        message_identifier: CapabilityIdentifier::standard([0, 0, 8].into()),
        message_content: Some(vec![parameter]),
        ..Default::default()
    };
    Control::indication(IndicationMessage::genericIndication(indication.into()))
}
