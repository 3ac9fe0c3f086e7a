//! A header block as two buffers and a list of spans.
//!
//! A gateway reads a block once, looks up a few names and writes the block again. A flat list of
//! at most a few dozen entries beats a hash map at that: three allocations for the whole block, no
//! hashing, and the order of the wire is kept. Names are stored in lower case, and apart from the
//! values: those are any bytes, while names stay the text that they were, so that nobody who reads
//! one pays for checking it again.

use core::fmt;

/// Header fields in wire order, names in lower case, values as raw bytes.
#[derive(Default)]
pub struct HeaderList {
    names: String,
    values: Vec<u8>,
    spans: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    name_at: u32,
    name_len: u32,
    value_at: u32,
    value_len: u32,
}

/// Room beside what a sender asks for: a gateway adds fields of its own (`Forwarded`, trace and
/// request ids, limits), and growing a block costs more than a whole new one.
const ADDED_FIELDS: usize = 8;
/// Bytes of the values of these fields, the longest of which carry the host.
const ADDED_VALUE_BYTES: usize = 256;
/// Room for a name: a little above the average of what browsers send.
const NAME_BYTES: usize = 14;

impl HeaderList {
    /// An empty list that allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            names: String::new(),
            values: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// An empty list with room for `fields` fields of `bytes` bytes together, and for what a
    /// gateway adds on the way.
    #[must_use]
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        let fields = fields + ADDED_FIELDS;
        Self {
            names: String::with_capacity(fields * NAME_BYTES),
            values: Vec::with_capacity(bytes + ADDED_VALUE_BYTES),
            spans: Vec::with_capacity(fields),
        }
    }

    /// The number of fields, repeats counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The sum of the lengths of all names and values, in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.spans
            .iter()
            .map(|s| (s.name_len + s.value_len) as usize)
            .sum()
    }

    /// Adds a field after those that are there. The name is stored in lower case.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) {
        if self.spans.capacity() == 0 {
            // Three times growing from nothing would be a dozen allocations.
            *self = Self::with_capacity(0, 0);
        }
        let value = value.as_ref();
        let (name_at, value_at) = (self.names.len(), self.values.len());
        self.names.push_str(name);
        self.names[name_at..].make_ascii_lowercase();
        self.values.extend_from_slice(value);
        self.spans.push(Span {
            name_at: to_u32(name_at),
            name_len: to_u32(name.len()),
            value_at: to_u32(value_at),
            value_len: to_u32(value.len()),
        });
    }

    /// Removes every field of this name and adds one.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Removes every field of this name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.spans.len();
        let names = &self.names;
        self.spans.retain(|s| !s.is(name, names));
        before != self.spans.len()
    }

    /// Removes every field for which `drop_it(name, value)` holds.
    pub fn remove_if(&mut self, mut drop_it: impl FnMut(&str, &[u8]) -> bool) {
        let (names, values) = (&self.names, &self.values);
        self.spans
            .retain(|s| !drop_it(s.name(names), s.value(values)));
    }

    /// The first value of this name (any case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.spans
            .iter()
            .find(|s| s.is(name, &self.names))
            .map(|s| s.value(&self.values))
    }

    /// The first value of this name as text, `None` when it is not UTF-8.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|v| core::str::from_utf8(v).ok())
    }

    /// The values of this name in wire order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.spans
            .iter()
            .filter(move |s| s.is(name, &self.names))
            .map(|s| s.value(&self.values))
    }

    /// Whether a field of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All fields in wire order: lower-case name, raw value.
    #[must_use]
    pub fn iter(&self) -> HeaderListIter<'_> {
        HeaderListIter {
            names: &self.names,
            values: &self.values,
            spans: self.spans.iter(),
        }
    }

    /// Removes all fields and keeps the memory, for reuse.
    pub fn clear(&mut self) {
        self.names.clear();
        self.values.clear();
        self.spans.clear();
    }
}

/// A copy has room for what a gateway adds, as one of [`HeaderList::with_capacity`] has.
impl Clone for HeaderList {
    fn clone(&self) -> Self {
        let mut copy = Self::with_capacity(self.spans.len(), self.values.len());
        copy.names.push_str(&self.names);
        copy.values.extend_from_slice(&self.values);
        copy.spans.extend_from_slice(&self.spans);
        copy
    }
}

/// The fields of a [`HeaderList`] in wire order.
#[derive(Clone)]
pub struct HeaderListIter<'a> {
    names: &'a str,
    values: &'a [u8],
    spans: core::slice::Iter<'a, Span>,
}

impl<'a> Iterator for HeaderListIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.spans
            .next()
            .map(|s| (s.name(self.names), s.value(self.values)))
    }
}

impl<'a> IntoIterator for &'a HeaderList {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = HeaderListIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for HeaderList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut list = Self::new();
        for (name, value) in fields {
            list.append(name.as_ref(), value);
        }
        list
    }
}

impl fmt::Debug for HeaderList {
    /// Prints names only: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Span {
    fn name<'a>(&self, names: &'a str) -> &'a str {
        let start = self.name_at as usize;
        &names[start..start + self.name_len as usize]
    }

    fn value<'a>(&self, values: &'a [u8]) -> &'a [u8] {
        let start = self.value_at as usize;
        &values[start..start + self.value_len as usize]
    }

    #[inline]
    fn is(&self, name: &str, names: &str) -> bool {
        let start = self.name_at as usize;
        self.name_len as usize == name.len() && {
            let own = &names.as_bytes()[start..start + name.len()];
            // Most look-ups are by names in lower case, and one comparison of all bytes is quicker.
            own == name.as_bytes() || own.eq_ignore_ascii_case(name.as_bytes())
        }
    }
}

/// Listeners refuse header blocks far below 4 GiB (`limits::HEADER_BYTES_MAX`).
fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_up_in_any_case_and_keeps_order() {
        let mut list = HeaderList::new();
        list.append("Accept", "a");
        list.append("X-One", "1");
        list.append("accept", "b");
        assert_eq!(list.get("ACCEPT"), Some(&b"a"[..]));
        assert_eq!(list.get_all("Accept").collect::<Vec<_>>(), [b"a", b"b"]);
        list.set("x-one", "2");
        assert_eq!(
            list.iter()
                .map(|(n, v)| (n, v.to_vec()))
                .collect::<Vec<_>>(),
            [
                ("accept", b"a".to_vec()),
                ("accept", b"b".to_vec()),
                ("x-one", b"2".to_vec())
            ]
        );
        assert!(list.remove("accept"));
        assert!(!list.contains("accept"));
        assert_eq!(list.byte_len(), 6);
    }

    #[test]
    fn names_and_values_of_any_bytes_stay_apart() {
        let mut list = HeaderList::with_capacity(1, 1);
        for round in 0..100 {
            list.append(&format!("X-\u{c4}-{round}"), [0xff, round, b':']);
            list.append("x-empty", "");
        }
        // Only ASCII has another case in a field name.
        assert_eq!(list.get("x-\u{c4}-99"), Some(&[0xff, 99, b':'][..]));
        assert_eq!(list.get("X-\u{e4}-99"), None);
        list.remove_if(|name, value| name.starts_with("x-\u{c4}-") && value[1] % 2 == 0);
        assert_eq!(list.get("x-\u{c4}-98"), None);
        assert!(list.remove("X-Empty"));
        assert_eq!(list.len(), 50);
        assert!(
            list.iter()
                .all(|(_, value)| value[0] == 0xff && value[1] % 2 == 1)
        );
        list.clear();
        assert!(list.is_empty() && list.get("x-empty").is_none());
    }

    #[test]
    fn debug_hides_values() {
        let list: HeaderList = [("authorization", "secret")].into_iter().collect();
        assert!(!format!("{list:?}").contains("secret"));
    }
}
