#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| trimeter_fuzz::answer_head(bytes));
