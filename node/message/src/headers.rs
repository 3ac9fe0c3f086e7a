//! A header block as one buffer and a list of spans.
//!
//! A gateway reads a block once, looks up a few names and writes the block again. A flat list of
//! at most a few dozen entries beats a hash map at that: two allocations for the whole block, no
//! hashing, and the order of the wire is kept. Names are stored in lower case.

use core::fmt;

/// Header fields in wire order, names in lower case, values as raw bytes.
#[derive(Clone, Default)]
pub struct HeaderList {
    buf: Vec<u8>,
    spans: Vec<Span>,
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    name_len: u32,
    value_len: u32,
}

impl HeaderList {
    /// An empty list that allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { buf: Vec::new(), spans: Vec::new() }
    }

    /// An empty list with room for `fields` fields of `bytes` bytes together.
    #[must_use]
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { buf: Vec::with_capacity(bytes), spans: Vec::with_capacity(fields) }
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
        self.spans.iter().map(|s| (s.name_len + s.value_len) as usize).sum()
    }

    /// Adds a field after those that are there. The name is stored in lower case.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        let start = self.buf.len();
        self.buf.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
        self.buf.extend_from_slice(value);
        self.spans.push(Span {
            start: to_u32(start),
            name_len: to_u32(name.len()),
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
        let buf = &self.buf;
        self.spans.retain(|s| !s.name(buf).eq_ignore_ascii_case(name));
        before != self.spans.len()
    }

    /// Removes every field for which `drop_it(name, value)` holds.
    pub fn remove_if(&mut self, mut drop_it: impl FnMut(&str, &[u8]) -> bool) {
        let buf = &self.buf;
        self.spans.retain(|s| !drop_it(s.name(buf), s.value(buf)));
    }

    /// The first value of this name (any case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.spans.iter().find(|s| s.is(name, &self.buf)).map(|s| s.value(&self.buf))
    }

    /// The first value of this name as text, `None` when it is not UTF-8.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|v| core::str::from_utf8(v).ok())
    }

    /// The values of this name in wire order.
    pub fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.spans.iter().filter(move |s| s.is(name, &self.buf)).map(|s| s.value(&self.buf))
    }

    /// Whether a field of this name is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All fields in wire order: lower-case name, raw value.
    #[must_use]
    pub fn iter(&self) -> HeaderListIter<'_> {
        HeaderListIter { buf: &self.buf, spans: self.spans.iter() }
    }

    /// Removes all fields and keeps the memory, for reuse.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.spans.clear();
    }
}

/// The fields of a [`HeaderList`] in wire order.
#[derive(Clone)]
pub struct HeaderListIter<'a> {
    buf: &'a [u8],
    spans: core::slice::Iter<'a, Span>,
}

impl<'a> Iterator for HeaderListIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.spans.next().map(|s| (s.name(self.buf), s.value(self.buf)))
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
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl Span {
    fn name<'a>(&self, buf: &'a [u8]) -> &'a str {
        let start = self.start as usize;
        // A name was a `&str` when it was appended, so this cannot fail.
        core::str::from_utf8(&buf[start..start + self.name_len as usize]).unwrap_or_default()
    }

    fn value<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        let start = (self.start + self.name_len) as usize;
        &buf[start..start + self.value_len as usize]
    }

    fn is(&self, name: &str, buf: &[u8]) -> bool {
        let start = self.start as usize;
        self.name_len as usize == name.len()
            && buf[start..start + name.len()].eq_ignore_ascii_case(name.as_bytes())
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
            list.iter().map(|(n, v)| (n, v.to_vec())).collect::<Vec<_>>(),
            [("accept", b"a".to_vec()), ("accept", b"b".to_vec()), ("x-one", b"2".to_vec())]
        );
        assert!(list.remove("accept"));
        assert!(!list.contains("accept"));
        assert_eq!(list.byte_len(), 6);
    }

    #[test]
    fn debug_hides_values() {
        let list: HeaderList = [("authorization", "secret")].into_iter().collect();
        assert!(!format!("{list:?}").contains("secret"));
    }
}
