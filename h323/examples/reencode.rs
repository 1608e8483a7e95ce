//! For comparison with other codecs: reads lines `kind hex`, writes what decoding and encoding
//! makes of them, `hex` or `error: …`, one line each.

use std::io::{self, BufRead, Write};

use pinhole_h323::asn;
use pinhole_h323::error::Malformed;

fn main() -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (kind, hex) = line.split_once(' ').unwrap_or((&line, ""));
        match octets(hex).and_then(|octets| reencode(kind, &octets)) {
            Ok(octets) => {
                for octet in octets {
                    write!(output, "{octet:02x}")?;
                }
                writeln!(output)?;
            }
            Err(why) => writeln!(output, "error: {why}")?,
        }
    }
    output.flush()
}

fn reencode(kind: &str, octets: &[u8]) -> Result<Vec<u8>, Malformed> {
    match kind {
        "ras" => asn::encode_ras(&asn::decode_ras(octets)?),
        "uuie" => asn::encode_uuie(&asn::decode_uuie(octets)?),
        "h245" => asn::encode_h245(&asn::decode_h245(octets)?),
        "olc" => asn::encode_olc(&asn::decode_olc(octets)?),
        "clear_token" => asn::encode_clear_token(&asn::decode_clear_token(octets)?),
        _ => Err(Malformed::Choice),
    }
}

fn octets(hex: &str) -> Result<Vec<u8>, Malformed> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    pairs
        .iter()
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| Malformed::Alphabet)?;
            u8::from_str_radix(pair, 16).map_err(|_| Malformed::Alphabet)
        })
        .collect()
}
