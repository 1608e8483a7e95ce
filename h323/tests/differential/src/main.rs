//! Compares our aligned PER with rasn's own, on the same types.
//!
//! Whatever rasn writes, ours must take and write back unchanged; and where a message has the
//! extension bitmaps of our version (rasn knows no other), rasn must write it as it was.

use std::fs;
use std::path::Path;

use pinhole_h323::asn;
use pinhole_h323::error::Malformed;

/// The generated types, as rasn's own codec understands them.
mod types {
    macro_rules! modules {
        ($($name:ident)*) => {$(
            #[allow(
                clippy::all,
                dead_code,
                non_camel_case_types,
                unused_imports,
                reason = "generated code"
            )]
            pub mod $name {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".rs"));
            }
        )*};
    }
    modules! { h225 h235 h245 h46015 h46018 h46019 h46024b h46026 }

    mod prelude {
        pub use rasn::types::{
            Any as OpenType, BitString, BmpString, FixedOctetString, GeneralString, Ia5String,
            Integer, NumericString, ObjectIdentifier, OctetString, PrintableString,
        };
        pub use rasn::{AsnType, Decode, Decoder, Encode, Encoder};

        /// Rasn cannot keep values after its extension marker.
        #[derive(AsnType, Decode, Encode, Debug, Clone, Copy, PartialEq, Eq)]
        #[rasn(enumerated)]
        #[non_exhaustive]
        pub enum ScreeningIndicator {
            NotScreened = 0,
            Passed = 1,
            Failed = 2,
            Network = 3,
        }
    }
}

fn octets(hex: &str) -> Result<Vec<u8>, Malformed> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let digits = pairs.iter().map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    digits.map(|pair| u8::from_str_radix(pair, 16).map_err(|_| Malformed::Alphabet)).collect()
}

fn theirs<T: rasn::Decode + rasn::Encode>(octets: &[u8]) -> Result<Vec<u8>, String> {
    let value: T = rasn::aper::decode(octets).map_err(|error| error.to_string())?;
    rasn::aper::encode(&value).map_err(|error| error.to_string())
}

type Pair = (fn(&[u8]) -> Result<Vec<u8>, String>, fn(&[u8]) -> Result<Vec<u8>, Malformed>);

fn codecs(kind: &str) -> Option<Pair> {
    Some(match kind {
        "ras" => (theirs::<types::h225::RasMessage>, |o| asn::encode_ras(&asn::decode_ras(o)?)),
        "uuie" => (theirs::<types::h225::H323UserInformation>, |o| {
            asn::encode_uuie(&asn::decode_uuie(o)?)
        }),
        "h245" => (theirs::<types::h245::MultimediaSystemControlMessage>, |o| {
            asn::encode_h245(&asn::decode_h245(o)?)
        }),
        _ => return None,
    })
}

/// Compares all lines `kind hex …`; `whole`: their extension bitmaps are those of our version.
fn compare(name: &str, text: &str, whole: bool) -> usize {
    let mut compared = 0;
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(kind), Some(hex)) = (words.next(), words.next()) else { continue };
        let Some((theirs, ours)) = codecs(kind) else { continue };
        let Ok(message) = octets(hex) else { panic!("{name}: {line}") };
        let written = match theirs(&message) {
            Ok(written) => written,
            Err(why) => panic!("{name}: rasn: {why}: {line}"),
        };
        assert_eq!(ours(&written).as_ref(), Ok(&written), "{name}: {line}");
        assert!(!whole || written == message, "{name}: rasn writes {written:02x?}: {line}");
        compared += 1;
    }
    compared
}

fn main() -> std::io::Result<()> {
    let pdus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pdus");
    let mut total = 0;
    for (name, whole) in [("random.txt", true), ("older.txt", false), ("traversal.txt", false)] {
        total += compare(name, &fs::read_to_string(pdus.join(name))?, whole);
    }
    for kind in ["ras", "uuie", "h245"] {
        let text = fs::read_to_string(pdus.join(format!("{kind}.hex")))?;
        let lines: String = text.lines().map(|line| format!("{kind} {line}\n")).collect();
        total += compare(kind, &lines, false);
    }
    assert!(total > 700, "only {total} messages compared");
    println!("rasn's own codec: {total} messages, no difference");
    Ok(())
}
