//! Messages of H.235.6 whose octets other software made of the same values: what we build is the same, and what we read
//! of them is what was meant.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::octets;
use pinhole_h323::Control;
use pinhole_h323::asn::h245::{
    CommandMessage, DataType, MiscellaneousCommandType, MultimediaSystemControlMessage as Message,
    OpenLogicalChannel, OpenLogicalChannelAck,
    OpenLogicalChannelAckForwardMultiplexAckParameters as AckParameters, RequestMessage,
    ResponseMessage, TerminalCapabilitySet,
};
use pinhole_h323::asn::{self, ObjectIdentifier};
use pinhole_h323::control::channel::{Audio, Codec, Offer, forward_parameters_mut};
use pinhole_h323::h235::{self, WrappedKey};

const AES128: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 2];
const AES256: [u32; 9] = [2, 16, 840, 1, 101, 3, 4, 1, 42];

/// Channel 101: G.711 µ-law of session 1, encrypted with AES-128, payload type 109, RTCP at 192.0.2.1:5001, the key of the
/// master in it.
const OPEN: &str = "0380006420400f200040096086480165030401024313800b04400100c0000201138968048023006d\
                    001e801d30096086480165030401020010f7cb9df8a57d8c784758aae08dd99968";
/// Its acknowledgement, with media at 192.0.2.2:5002 and the key of the master in it.
const ACKNOWLEDGED: &str = "22c0006408c0101c0000c0000202138a00c0000202138b23006d001e801d3009608648016503\
                            0401020010f7cb9df8a57d8c784758aae08dd99968";

/// The key that is in them.
fn key() -> WrappedKey {
    let octets = octets("f7cb9df8a57d8c784758aae08dd99968");
    WrappedKey { payload_type: 109, algorithm: Some(AES128.into()), octets }
}

fn open(hex: &str) -> OpenLogicalChannel {
    let control = Control::decode(&octets(hex)).unwrap();
    let Message::request(RequestMessage::openLogicalChannel(open)) = control.into_message() else {
        panic!("not an OpenLogicalChannel")
    };
    *open
}

#[test]
fn a_channel_is_opened_with_these_octets() {
    let audio = Audio { codec: Codec::Pcmu, frames: 20 };
    let control = Some("192.0.2.1:5001".parse().unwrap());
    let offer = Offer { channel: 101, session: 1, audio, media: None, control };
    let mut built = offer.to_forward();
    let parameters = &mut built.forward_logical_channel_parameters;
    parameters.data_type = h235::wrap(&parameters.data_type, AES128.into()).unwrap();
    forward_parameters_mut(&mut built).unwrap().dynamic_rtppayload_type = Some(109);
    built.encryption_sync = Some(Box::new(key().to_sync().unwrap()));
    let control = Control::request(RequestMessage::openLogicalChannel(Box::new(built.clone())));
    assert_eq!(control.encode().unwrap(), octets(OPEN));

    let read = open(OPEN);
    assert_eq!(read, built);
    let (clear, ciphers) =
        h235::unwrap(&read.forward_logical_channel_parameters.data_type).unwrap();
    assert_eq!(clear, DataType::audioData(Box::new(audio.to_asn())));
    assert_eq!(ciphers, [ObjectIdentifier::from(AES128)]);
    assert_eq!(WrappedKey::read(&read.encryption_sync.unwrap()), Some(key()));
}

#[test]
fn an_acknowledgement_brings_the_key() {
    let control = Control::decode(&octets(ACKNOWLEDGED)).unwrap();
    assert_eq!(control.encode().unwrap(), octets(ACKNOWLEDGED));
    let Message::response(response) = control.into_message() else { panic!("not a response") };
    let ResponseMessage::openLogicalChannelAck(ack) = *response else {
        panic!("not an OpenLogicalChannelAck")
    };
    let ack: OpenLogicalChannelAck = *ack;
    assert_eq!(ack.forward_logical_channel_number.0, 101);
    let Some(AckParameters::h2250LogicalChannelAckParameters(parameters)) =
        ack.forward_multiplex_ack_parameters
    else {
        panic!("no parameters")
    };
    assert_eq!(parameters.session_id, Some(1));
    assert_eq!(WrappedKey::read(&ack.encryption_sync.unwrap()), Some(key()));
}

#[test]
fn a_key_of_aes_256_has_these_octets() {
    let wrapped = octets("06675b24836ed88ff1e956c5f46b4ba0641fdab6a00c6f776449a86cf929a1cf");
    let key = WrappedKey { payload_type: 110, algorithm: Some(AES256.into()), octets: wrapped };
    let sync = key.to_sync().unwrap();
    let known = "802d300960864801650304012a002006675b24836ed88ff1e956c5f46b4ba0641fdab6a00c6f776449a8\
                 6cf929a1cf";
    assert_eq!(sync.h235_key[..], octets(known));
    assert_eq!(WrappedKey::read(&sync), Some(key));
}

#[test]
fn keys_of_live_calls_are_read() {
    let live = [
        (
            "801d30096086480165030401020010281944315978e103fc5c997879fa364d",
            &AES128,
            "281944315978e103fc5c997879fa364d",
        ),
        (
            "802d300960864801650304012a00200b7ebd62e6705e31bf0d9e3f4481ac98bc8ef4c845b82ee61c56d62ee74ce139",
            &AES256,
            "0b7ebd62e6705e31bf0d9e3f4481ac98bc8ef4c845b82ee61c56d62ee74ce139",
        ),
    ];
    for (key, algorithm, wrapped) in live {
        let mut sync = self::key().to_sync().unwrap();
        sync.h235_key = octets(key).into();
        let read = WrappedKey::read(&sync).unwrap();
        assert_eq!(read.algorithm, Some((*algorithm).into()));
        assert_eq!(read.octets, octets(wrapped));
        assert_eq!(read.to_sync().unwrap(), sync);
    }
}

#[test]
fn both_ciphers_are_offered_with_these_octets() {
    // Entry 1, G.711 A-law; the table ends with what is added for it: entry 2 of media entry 1, AES-256 and AES-128.
    let mut set = TerminalCapabilitySet::default();
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    set.capability_table = Some(vec![asn::h245::CapabilityTableEntry {
        capability_table_entry_number: asn::h245::CapabilityTableEntryNumber(1),
        capability: Some(asn::h245::Capability::receiveAudioCapability(Box::new(audio.to_asn()))),
    }]);
    h235::add_capabilities(&mut set, &[AES256.into(), AES128.into()]);
    let message = RequestMessage::terminalCapabilitySet(Box::new(set));
    let octets_of = Control::request(message).encode().unwrap();
    // `EncryptionAuthenticationAndIntegrity` alone would begin `4001`; within a capability it begins a bit later.
    let ciphers = octets("2001400960864801650304012a4009608648016503040102");
    assert!(octets_of.windows(ciphers.len()).any(|window| window == ciphers), "{octets_of:02x?}");
}

#[test]
fn a_request_for_a_new_key_is_read() {
    let request = octets("4c006483048040016e");
    let control = Control::decode(&request).unwrap();
    assert_eq!(control.encode().unwrap(), request);
    let Message::command(CommandMessage::miscellaneousCommand(command)) = control.into_message()
    else {
        panic!("not a MiscellaneousCommand")
    };
    assert_eq!(command.logical_channel_number.0, 101);
    let MiscellaneousCommandType::encryptionUpdateRequest(request) = &command.r_type else {
        panic!("not an encryptionUpdateRequest")
    };
    assert_eq!(request.synch_flag, Some(110));
}

#[test]
fn a_new_key_is_told_and_acknowledged_with_these_octets() {
    let key = WrappedKey { payload_type: 110, ..key() };
    let command = h235::command_update(101, key.to_sync().unwrap(), true);
    let known =
        "4d00648d23006e001e801d30096086480165030401020010f7cb9df8a57d8c784758aae08dd99968010100";
    assert_eq!(command.encode().unwrap(), octets(known));
    assert_eq!(Control::decode(&octets(known)).unwrap(), command);
    let ack = h235::acknowledge_update(101, 110, true);
    assert_eq!(ack.encode().unwrap(), octets("4d00648e02006e010100"));
    assert_eq!(Control::decode(&octets("4d00648e02006e010100")).unwrap(), ack);
}

#[test]
fn a_cisco_access_token_survives() {
    // alice, password secret, at 1700000000, random 0x2a.
    let token = octets(
        "4d000a2a864886f70c0a010201c06553f0ff10a62ca544a6112e1c4dc99aba7c0271a6012a0a0061006c0069006300650000",
    );
    let read = asn::decode_clear_token(&token).unwrap();
    assert_eq!(asn::encode_clear_token(&read).unwrap(), token);
    let challenge = read.challenge.unwrap();
    assert_eq!(challenge.0[..], octets("a62ca544a6112e1c4dc99aba7c0271a6"));
}
