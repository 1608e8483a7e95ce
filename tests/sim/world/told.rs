//! The addresses that a message tells, whichever they are.
//!
//! Nobody lists the fields here: the text that `Debug` makes of a message has all of them. What travels as octets
//! inside a message is decoded, too.

use std::net::{IpAddr, SocketAddr};

use pinhole_h323::asn::{decode_incoming_call, decode_olc, decode_traversal_parameters};
use pinhole_h323::control::Control;
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::Signal;

/// What stands before the octets of an address, and before its port.
const FORMS: [(&str, &str); 4] = [
    ("TransportAddressIpAddress { ip: ", "port: "),
    ("TransportAddressIp6Address { ip: ", "port: "),
    ("UnicastAddressIPAddress { network: ", "tsap_identifier: "),
    ("UnicastAddressIP6Address { network: ", "tsap_identifier: "),
];

/// An address that a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// The message it stands in.
    pub(crate) message: &'static str,
    /// The name of its field.
    pub(crate) place: String,
    pub(crate) address: SocketAddr,
}

/// The addresses in a RAS message.
pub(crate) fn in_ras(octets: &[u8]) -> Vec<Told> {
    let Ok(ras) = Ras::decode(octets) else { return Vec::new() };
    in_text(ras.name(), &format!("{:?}", ras.message()))
}

/// The addresses in a message of call signalling, or of H.245 on a connection of its own.
pub(crate) fn in_tpkt(octets: &[u8]) -> Vec<Told> {
    let Some(message) = octets.get(4..).filter(|message| !message.is_empty()) else {
        return Vec::new();
    };
    match Signal::decode(message) {
        Ok(signal) if message.starts_with(&[8, 2]) => in_signal(&signal),
        _ => in_control(message),
    }
}

fn in_signal(signal: &Signal) -> Vec<Told> {
    let mut all = in_text(signal.name(), &format!("{:?}", signal.pdu()));
    for message in signal.h245_control().into_iter().chain(signal.parallel_h245_control()) {
        all.extend(in_control(message));
    }
    for channel in signal.fast_start() {
        let olc = decode_olc(channel);
        all.extend(olc.into_iter().flat_map(|olc| in_text("fastStart", &format!("{olc:?}"))));
    }
    all
}

fn in_control(message: &[u8]) -> Vec<Told> {
    let Ok(control) = Control::decode(message) else { return Vec::new() };
    in_text(control.name(), &format!("{:?}", control.message()))
}

/// The addresses in the text of a message, and in the octets that it holds.
fn in_text(message: &'static str, text: &str) -> Vec<Told> {
    let mut all = Vec::new();
    for (before, port) in FORMS {
        for (at, _) in text.match_indices(before) {
            let rest = &text[at + before.len()..];
            let (Some(ip), Some(port_at)) = (octets(rest), rest.find(port)) else { continue };
            let ip = match (<[u8; 4]>::try_from(&ip[..]), <[u8; 16]>::try_from(&ip[..])) {
                (Ok(v4), _) => IpAddr::from(v4),
                (_, Ok(v6)) => IpAddr::from(v6),
                _ => panic!("an address of {} octets: {rest}", ip.len()),
            };
            let digits = rest[port_at + port.len()..].split(|c: char| !c.is_ascii_digit()).next();
            let port = digits.and_then(|digits| digits.parse().ok()).expect("a port");
            let mut names = text[..at].rsplit([' ', '(', '[']).filter(|word| word.ends_with(':'));
            let place = names.next().unwrap_or_default().trim_end_matches(':').to_owned();
            all.push(Told { message, place, address: SocketAddr::new(ip, port) });
        }
    }
    for (at, inside) in text.match_indices("octetString(") {
        let parameters = octets(&text[at + inside.len()..]);
        let parameters = parameters.and_then(|octets| decode_traversal_parameters(&octets).ok());
        all.extend(parameters.into_iter().flat_map(|it| in_text(message, &format!("{it:?}"))));
    }
    for (at, inside) in text.match_indices("raw(") {
        let call = octets(&text[at + inside.len()..]);
        let call = call.and_then(|octets| decode_incoming_call(&octets).ok());
        all.extend(call.into_iter().flat_map(|it| in_text(message, &format!("{it:?}"))));
    }
    all
}

/// The octets that a text begins with, as `Debug` writes them.
fn octets(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix("OctetString(b\"")?.bytes();
    let mut all = Vec::new();
    loop {
        all.push(match rest.next()? {
            b'"' => return Some(all),
            b'\\' => match rest.next()? {
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'0' => 0,
                other => other,
            },
            octet => octet,
        });
    }
}

#[test]
fn every_address_of_real_messages_is_found() {
    use crate::scenarios::mutants::{RAS, TPKT, octets};
    let found = |told: Vec<Told>| -> Vec<String> {
        told.into_iter().map(|told| format!("{} {}", told.place, told.address)).collect()
    };
    let ras = RAS.iter().flat_map(|hex| found(in_ras(&octets(hex))));
    let tpkt = TPKT.iter().flat_map(|hex| found(in_tpkt(&octets(hex))));
    let all: Vec<String> = ras.chain(tpkt).collect();
    assert_eq!(
        all,
        [
            "call_signal_address 10.10.1.2:1720",
            "ras_address 10.10.1.2:42916",
            "call_signal_address 198.51.100.10:1720",
            "call_signal_address 10.10.1.2:1720",
            "ras_address 10.10.1.2:37553",
            "call_signalling_address 198.51.100.10:1720",
            "reply_address 10.77.0.2:1719",
            "call_signal_address 10.77.0.1:1720",
            "ras_address 10.77.0.1:1719",
            "dest_call_signal_address 198.51.100.10:1720",
            "source_call_signal_address 10.10.1.2:48320",
            "h245_address 198.51.100.10:36763",
            "media_control_channel 198.51.100.10:50001",
            "keep_alive_channel 198.51.100.10:50000",
            "media_channel 10.10.1.2:5003",
            "media_control_channel 10.10.1.2:5004",
        ]
    );
}
