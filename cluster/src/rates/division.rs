//! Who gets how much of a pool: as much as is wanted, the scarce rest in equal parts.

/// Max-min fair parts of `pool`, in the order of `wants`. What nobody wants is divided equally
/// too, so that a node that is asked next has something.
pub(crate) fn divide(pool: u16, wants: &[u16]) -> Vec<u16> {
    let mut order: Vec<usize> = (0..wants.len()).collect();
    order.sort_by_key(|at| wants[*at]);
    let mut parts = vec![0; wants.len()];
    let mut left = usize::from(pool);
    for (done, at) in order.iter().enumerate() {
        let part = usize::from(wants[*at]).min(left / (wants.len() - done));
        // At most `pool`.
        parts[*at] = part as u16;
        left -= part;
    }
    let each = left / wants.len().max(1);
    for part in &mut parts {
        *part += each as u16;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn what_is_wanted_comes_first_and_scarcity_is_shared() {
        assert_eq!(divide(777, &[777, 0, 0]), [777, 0, 0]);
        assert_eq!(divide(777, &[777, 777, 777]), [259, 259, 259]);
        assert_eq!(divide(777, &[0, 0, 0]), [259, 259, 259]);
        assert_eq!(divide(777, &[100, 777, 777]), [100, 338, 339]);
        assert_eq!(divide(777, &[600, 10, 20]), [649, 59, 69]);
        assert!(divide(777, &[]).is_empty());
    }

    #[test]
    fn parts_never_exceed_the_pool() {
        let mut seed: u64 = 1;
        for _ in 0..10_000 {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed >> 40
            };
            let wants: Vec<u16> = (0..next() % 9).map(|_| (next() % 841) as u16).collect();
            let parts = divide(777, &wants);
            assert!(parts.iter().map(|it| u32::from(*it)).sum::<u32>() <= 777);
        }
    }
}
