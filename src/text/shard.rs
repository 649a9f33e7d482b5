//! Which of several agents keeps an object: jump hash of the FNV-1a hash of its uid.

/// FNV-1a of 64 bits.
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The shard of a hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm").
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the algorithm divides floats of at most 2^31"
)]
pub fn jump(hash: u64, shards: u32) -> u32 {
    let mut key = hash;
    let (mut shard, mut next) = (0_i64, 0_i64);
    while next < i64::from(shards) {
        shard = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((shard + 1) as f64 * (f64::from(1_u32 << 31) / ((key >> 33) + 1) as f64)) as i64;
    }
    u32::try_from(shard).unwrap_or(0)
}
