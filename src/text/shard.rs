//! stub
pub fn fnv1a64(_b: &[u8]) -> u64 { 0 }
pub fn jump(_h: u64, _n: u32) -> u32 { 0 }
