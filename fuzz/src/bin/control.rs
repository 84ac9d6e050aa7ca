//! A mistake that a fuzzer must find, or the rig is broken.
#![cfg_attr(fuzzing, no_main)]

fn mistaken(bytes: &[u8]) {
    assert!(!bytes.starts_with(b"hub:"), "the fuzzer works");
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mistaken(bytes));

#[cfg(not(fuzzing))]
fn main() {
    fuzz::replay(mistaken);
}
