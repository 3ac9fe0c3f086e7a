//! A table does what a `BTreeMap` does, and shares what did not change.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::*;

/// Numbers without order, the same ones every time.
fn mixed(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    core::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state >> 33
    })
}

fn check(table: &Table<u64, u64>, map: &BTreeMap<u64, u64>) {
    assert_eq!(table.len(), map.len());
    assert!(table.iter().eq(map.iter()));
    assert!(
        table
            .chunks
            .iter()
            .all(|it| !it.is_empty() && it.len() <= chunk_max(usize::MAX))
    );
}

#[test]
fn it_does_what_a_sorted_map_does() {
    let (mut table, mut map) = (Table::new(), BTreeMap::new());
    for (step, number) in mixed(7).take(20_000).enumerate() {
        let key = number % 3_000;
        let growing = step < 8_000;
        if growing && number % 3 > 0 || number % 5 == 0 {
            assert_eq!(table.insert(key, number), map.insert(key, number));
        } else if number % 7 == 0 {
            *table.get_or_insert_with(key, || 1) += 1;
            *map.entry(key).or_insert(1) += 1;
        } else {
            assert_eq!(table.remove(&key), map.remove(&key));
        }
        assert_eq!(table.get(&key), map.get(&key));
        if step % 500 == 0 {
            check(&table, &map);
            assert!(table.range_from(&key).eq(map.range(key..)));
        }
    }
    table.retain(|key, _| key % 10 == 0);
    map.retain(|key, _| key % 10 == 0);
    check(&table, &map);
    assert!(table.clone().into_iter().eq(map.clone()));
    table.values_mut().for_each(|it| *it = 0);
    map.values_mut().for_each(|it| *it = 0);
    check(&table, &map);
}

#[test]
fn a_change_after_a_copy_copies_one_chunk() {
    let mut table: Table<u64, u64> = (0..100_000).map(|n| (n, n)).collect();
    let copy = table.clone();
    table.insert(70_000, 1);
    let shared = table
        .chunks
        .iter()
        .zip(copy.chunks.iter())
        .filter(|(a, b)| Arc::ptr_eq(a, b))
        .count();
    assert_eq!(shared, table.chunks.len() - 1);
    assert_eq!(copy[&70_000], 70_000);
    assert_ne!(table, copy);
}

#[test]
fn neither_a_chunk_nor_the_list_of_chunks_is_much_more_than_the_root_of_the_table() {
    for (entries, most) in [(100, 32), (1_000, 64), (10_000, 256), (1_000_000, 4_096)] {
        let mut table: Table<u64, u64> = (0..entries).map(|n| (n * 2, n)).collect();
        for number in mixed(1).take(1_000) {
            let key = number % entries * 2 + 1;
            table.insert(key, 0);
            table.remove(&key);
        }
        let longest = table.chunks.iter().map(|it| it.len()).max().unwrap();
        assert!(longest <= most, "{longest} of {entries}");
        let chunks = table.chunks.len();
        assert!(chunks <= most, "{chunks} of {entries}");
    }
}

#[test]
fn changes_are_those_of_the_entries_whatever_the_chunks() {
    let mut old: Table<u64, u64> = (0..5_000).map(|n| (n * 2, n)).collect();
    let mut new = old.clone();
    for number in mixed(3).take(300) {
        let key = number % 10_000;
        match number % 3 {
            0 => drop(new.insert(key, number)),
            1 => drop(new.remove(&key)),
            _ => drop(old.insert(key, number)),
        }
    }
    let found: Vec<u64> = old
        .changes(&new)
        .filter(|(_, a, b)| a != b)
        .map(|(key, _, _)| *key)
        .collect();
    let keys: alloc::collections::BTreeSet<u64> = old.keys().chain(new.keys()).copied().collect();
    let wanted: Vec<u64> = keys
        .into_iter()
        .filter(|key| old.get(key) != new.get(key))
        .collect();
    assert_eq!(found, wanted);
    let rebuilt: Table<u64, u64> = new.iter().map(|(k, v)| (*k, *v)).collect();
    assert_eq!(rebuilt, new);
}

#[test]
fn bytes_are_those_of_a_sorted_map() {
    let map: BTreeMap<u64, u64> = (0..2_000).map(|n| (n, n * n)).collect();
    let table: Table<u64, u64> = map.clone().into_iter().collect();
    let bytes = crate::codec::seal(1, &table).unwrap();
    assert_eq!(bytes, crate::codec::seal(1, &map).unwrap());
    assert_eq!(crate::codec::open::<Table<u64, u64>>(1, &bytes), Ok(table));
}
