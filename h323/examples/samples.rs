//! For comparison with other codecs: messages written with our types, as lines `kind hex value`,
//! the value in JSON as pycrate has it.

use pinhole_h323::asn::{self, h225, h245};
use pinhole_h323::error::Malformed;

fn main() -> Result<(), Malformed> {
    show("ras", &asn::encode_ras(&registration())?, REGISTRATION);
    show("uuie", &asn::encode_uuie(&facility())?, FACILITY);
    show("h245", &asn::encode_h245(&channel())?, CHANNEL);
    Ok(())
}

fn show(kind: &str, octets: &[u8], value: &str) {
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    println!("{kind} {hex} {}", value.replace('\n', ""));
}

fn address(port: u16) -> h225::TransportAddress {
    h225::TransportAddress::ipAddress(h225::TransportAddressIpAddress {
        ip: [192, 0, 2, 7].into(),
        port,
    })
}

const REGISTRATION: &str = r#"["registrationRequest", {"requestSeqNum": 65535,
 "protocolIdentifier": [0, 0, 8, 2250, 0, 7], "discoveryComplete": true,
 "callSignalAddress": [["ipAddress", {"ip": "c0000207", "port": 1720}]],
 "rasAddress": [["ipAddress", {"ip": "c0000207", "port": 1719}]],
 "terminalType": {"mc": false, "undefinedNode": false, "terminal": {}},
 "terminalAlias": [["dialledDigits", "1001#"], ["h323-ID", "Zoë"], ["url-ID", "h323:a@b"]],
 "endpointVendor": {"vendor": {"t35CountryCode": 181, "t35Extension": 0,
 "manufacturerCode": 18}}, "timeToLive": 4294967295, "keepAlive": false,
 "featureSet": {"replacementFeatureSet": false,
 "supportedFeatures": [{"id": ["standard", 18]}, {"id": ["oid", [1, 3, 6, 1]],
 "parameters": [{"id": ["standard", 1], "content": ["number32", 70000]}]}]}}]"#;

fn registration() -> h225::RasMessage {
    let features = [
        h225::GenericData {
            id: h225::GenericIdentifier::standard(18.into()),
            ..Default::default()
        },
        h225::GenericData {
            id: h225::GenericIdentifier::oid([1, 3, 6, 1].into()),
            parameters: Some(vec![h225::EnumeratedParameter {
                id: h225::GenericIdentifier::standard(1.into()),
                content: Some(h225::Content::number32(70_000)),
                ..Default::default()
            }]),
            ..Default::default()
        },
    ];
    let request = h225::RegistrationRequest {
        request_seq_num: h225::RequestSeqNum(65_535),
        protocol_identifier: h225::ProtocolIdentifier([0, 0, 8, 2250, 0, 7].into()),
        discovery_complete: true,
        call_signal_address: vec![address(1720)],
        ras_address: vec![address(1719)],
        terminal_type: h225::EndpointType {
            terminal: Some(h225::TerminalInfo::default()),
            ..Default::default()
        },
        terminal_alias: Some(vec![
            h225::AliasAddress::dialedDigits("1001#".into()),
            h225::AliasAddress::h323_ID("Zoë".into()),
            h225::AliasAddress::url_ID("h323:a@b".into()),
        ]),
        endpoint_vendor: h225::VendorIdentifier {
            vendor: h225::H221NonStandard {
                t35_country_code: 181,
                t35_extension: 0,
                manufacturer_code: 18,
                ..Default::default()
            },
            ..Default::default()
        },
        time_to_live: Some(h225::TimeToLive(u32::MAX)),
        keep_alive: Some(false),
        feature_set: Some(h225::FeatureSet {
            supported_features: Some(features.into_iter().map(h225::FeatureDescriptor).collect()),
            ..Default::default()
        }),
        ..Default::default()
    };
    h225::RasMessage::registrationRequest(request.into())
}

const FACILITY: &str = r#"{"h323-uu-pdu": {"h323-message-body": ["facility",
 {"protocolIdentifier": [0, 0, 8, 2250, 0, 7], "reason": ["startH245", 0],
 "callIdentifier": {"guid": "000102030405060708090a0b0c0d0e0f"},
 "h245Address": ["ipAddress", {"ip": "c0000207", "port": 30000}],
 "multipleCalls": false, "maintainConnection": true}], "h245Tunnelling": true,
 "h245Control": ["0102", ""]}}"#;

fn facility() -> h225::H323UserInformation {
    let facility = h225::FacilityUUIE {
        protocol_identifier: h225::ProtocolIdentifier([0, 0, 8, 2250, 0, 7].into()),
        reason: h225::FacilityReason::startH245(()),
        call_identifier: Some(h225::CallIdentifier {
            guid: h225::GloballyUniqueID(std::array::from_fn(|place| place as u8).into()),
            ..Default::default()
        }),
        h245_address: Some(address(30_000)),
        multiple_calls: Some(false),
        maintain_connection: Some(true),
        ..Default::default()
    };
    let pdu = h225::H323UUPDU {
        h323_message_body: h225::H323UUPDUH323MessageBody::facility(facility.into()),
        h245_tunneling: Some(true),
        h245_control: Some(vec![vec![1, 2].into(), vec![].into()]),
        ..Default::default()
    };
    h225::H323UserInformation { h323_uu_pdu: pdu, ..Default::default() }
}

const CHANNEL: &str = r#"["request", ["openLogicalChannel", {"forwardLogicalChannelNumber": 257,
 "forwardLogicalChannelParameters": {"dataType": ["audioData", ["g711Alaw64k", 20]],
 "multiplexParameters": ["h2250LogicalChannelParameters", {"sessionID": 1,
 "mediaControlChannel": ["unicastAddress", ["iPAddress",
 {"network": "c0000207", "tsapIdentifier": 5001}]], "silenceSuppression": false}]},
 "encryptionSync": {"synchFlag": 127, "h235Key": "c0ffee"}}]]"#;

fn channel() -> h245::MultimediaSystemControlMessage {
    use h245::OpenLogicalChannelForwardLogicalChannelParametersMultiplexParameters as Multiplex;

    let control = h245::UnicastAddressIPAddress {
        network: [192, 0, 2, 7].into(),
        tsap_identifier: 5001,
        ..Default::default()
    };
    let control = h245::UnicastAddress::iPAddress(control);
    let parameters = h245::H2250LogicalChannelParameters {
        session_id: 1,
        media_control_channel: Some(h245::H245TransportAddress::unicastAddress(control.into())),
        silence_suppression: Some(false),
        ..Default::default()
    };
    let audio = h245::AudioCapability::g711Alaw64k(20);
    let channel = h245::OpenLogicalChannel {
        forward_logical_channel_number: h245::LogicalChannelNumber(257),
        forward_logical_channel_parameters:
            h245::OpenLogicalChannelForwardLogicalChannelParameters {
                data_type: h245::DataType::audioData(audio.into()),
                multiplex_parameters: Multiplex::h2250LogicalChannelParameters(parameters.into()),
                ..Default::default()
            },
        encryption_sync: Some(Box::new(h245::EncryptionSync {
            synch_flag: 127,
            h235_key: vec![0xc0, 0xff, 0xee].into(),
            ..Default::default()
        })),
        ..Default::default()
    };
    let request = h245::RequestMessage::openLogicalChannel(channel.into());
    h245::MultimediaSystemControlMessage::request(request)
}
