//! Decides which partition a record belongs to, like Kafka's own Java client, so that all clients write one
//! key to one partition.

/// `count` is how many partitions the topic has, at least one.
pub(super) fn partition_of(key: &[u8], count: usize) -> usize {
    // The sign is cut off, not turned.
    (murmur2(key) & 0x7fff_ffff) as usize % count
}

/// Austin Appleby's MurmurHash2, 32 bits, with the seed that Kafka's clients share.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs by which Kafka's own tests know its hash.
    #[test]
    fn a_key_has_the_hash_that_other_clients_give_it() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn every_partition_is_one_of_the_topics() {
        for count in [1, 3, 12] {
            let mut met = vec![false; count];
            for key in 0..1_000_u32 {
                met[partition_of(key.to_string().as_bytes(), count)] = true;
            }
            assert!(met.iter().all(|met| *met), "{count}: {met:?}");
        }
        assert_eq!(partition_of(b"foobar", 12), (0x7fff_ffff & -790_332_482_i32) as usize % 12);
    }
}
