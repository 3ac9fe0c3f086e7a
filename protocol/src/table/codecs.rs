//! Tables as bytes and as JSON objects, as `BTreeMap` has it.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Table;
use crate::codec::by_hand::{
    BorrowDecode, BorrowDecoder, DecodeError, Decoder, EncodeError, Encoder,
};
use crate::codec::{Decode, Encode};

impl<K: Encode, V: Encode> Encode for Table<K, V> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.len() as u64).encode(encoder)?;
        for (key, value) in self {
            key.encode(encoder)?;
            value.encode(encoder)?;
        }
        Ok(())
    }
}

impl<C, K, V> Decode<C> for Table<K, V>
where
    K: Decode<C> + Ord + Clone,
    V: Decode<C> + Clone,
{
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u64::decode(decoder)?;
        let mut table = Self::new();
        for _ in 0..count {
            // Claimed before it is read, so that a length that lies ends at the limit.
            decoder.claim_container_read::<(K, V)>(1)?;
            decoder.unclaim_bytes_read(size_of::<(K, V)>());
            let key = K::decode(decoder)?;
            table.insert(key, V::decode(decoder)?);
        }
        Ok(table)
    }
}

impl<'de, C, K, V> BorrowDecode<'de, C> for Table<K, V>
where
    K: Decode<C> + Ord + Clone,
    V: Decode<C> + Clone,
{
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

struct Entries<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Entries<K, V>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
{
    type Value = Table<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut table = Table::new();
        while let Some((key, value)) = entries.next_entry()? {
            table.insert(key, value);
        }
        Ok(table)
    }
}

impl<'de, K, V> Deserialize<'de> for Table<K, V>
where
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
