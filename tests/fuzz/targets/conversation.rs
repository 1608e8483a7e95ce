#![no_main]

#[path = "../../../h323/tests/frames/check.rs"]
#[allow(dead_code, reason = "each target checks one thing")]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::conversation(octets));
