//! Which shard an object belongs to: the jump hash of the FNV-1a hash of its UID, as kube-state-metrics has it.

/// FNV-1a of 64 bits.
pub const fn fnv1a64(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The shard, below `shards`, of a hash. One shard more moves only what goes to the new one. No shards: 0.
pub fn jump(hash: u64, shards: u32) -> u32 {
    let (mut key, mut shard, mut next) = (hash, 0, 0_u64);
    while next < u64::from(shards) {
        shard = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let jump = (shard + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64);
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^32 × 2^31")]
        #[expect(clippy::cast_sign_loss, reason = "a product of positive numbers")]
        {
            next = jump as u64;
        }
    }
    u32::try_from(shard).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_hashes() {
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"00000000-0000-4000-8000-000000000000"), 0xd907_53fc_7c28_d855);
        assert_eq!(jump(0xd907_53fc_7c28_d855, 100), 64);
        assert_eq!(jump(0xd907_53fc_7c28_d855, 3), 0);
        assert_eq!((jump(7, 0), jump(7, 1)), (0, 0));
    }

    proptest! {
        #[test]
        fn a_new_shard_takes_from_all_and_moves_nothing_else(hash: u64, shards in 1_u32..1000) {
            let (before, after) = (jump(hash, shards), jump(hash, shards + 1));
            prop_assert!(before < shards);
            prop_assert!(after == before || after == shards);
        }

        #[test]
        fn any_number_of_shards(hash: u64, shards: u32) {
            prop_assert!(jump(hash, shards) < shards.max(1));
        }
    }
}
