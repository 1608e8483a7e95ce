#![no_main]

#[path = "../../../config/tests/fuzz/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| check::check(octets));
