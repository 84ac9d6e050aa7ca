#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::answer(bytes));

#[cfg(not(fuzzing))]
fn main() {
    fuzz::replay(fuzz::answer);
}
