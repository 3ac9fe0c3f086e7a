//! The names by which certificates know clusters and nodes.

use std::fmt;
use std::str::FromStr;

use tollgate_protocol::ids::NodeId;

use crate::random;

/// What every name of a node ends with. `.internal` is reserved for private use (ICANN, 2024).
const SUFFIX: &str = "tollgate.internal";

/// A cluster: 128 random bits, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub [u8; 16]);

impl ClusterId {
    /// A new one, from the operating system's random numbers.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cluster id has 32 digits of 0-9 and a-f")]
pub struct NotAClusterId;

impl FromStr for ClusterId {
    type Err = NotAClusterId;

    fn from_str(text: &str) -> Result<Self, NotAClusterId> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotAClusterId),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(NotAClusterId);
        };
        let mut id = [0; 16];
        if pairs.len() != id.len() {
            return Err(NotAClusterId);
        }
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(id))
    }
}

/// A node of a cluster: what a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node in it, from 1.
    pub node: NodeId,
}

impl Member {
    /// The DNS name in its certificate: `n{node}.{cluster}.tollgate.internal`. It is never
    /// resolved: addresses say where a node is, the name says who it is.
    #[must_use]
    pub fn dns_name(&self) -> String {
        format!("n{}.{}.{SUFFIX}", self.node, self.cluster)
    }

    /// The member of this name. Only the exact form of [`Member::dns_name`] is one, so that no
    /// two names mean the same node.
    #[must_use]
    pub fn from_dns_name(name: &str) -> Option<Self> {
        let (node, rest) = name.strip_prefix('n')?.split_once('.')?;
        let (cluster, suffix) = rest.split_once('.')?;
        let member = Self {
            cluster: cluster.parse().ok()?,
            node: node.parse().ok()?,
        };
        let exact = suffix == SUFFIX && member.node > 0 && member.dns_name() == name;
        exact.then_some(member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_nothing_else_is_a_name() {
        let cluster = ClusterId([0xa7; 16]);
        for node in [1, 2, 70_000, u64::MAX] {
            let member = Member { cluster, node };
            assert_eq!(Member::from_dns_name(&member.dns_name()), Some(member));
        }
        let id = cluster.to_string();
        for name in [
            format!("n0.{id}.{SUFFIX}"),
            format!("n01.{id}.{SUFFIX}"),
            format!("n+1.{id}.{SUFFIX}"),
            format!("N1.{id}.{SUFFIX}"),
            format!("1.{id}.{SUFFIX}"),
            format!("n1.{}.{SUFFIX}", id.to_uppercase()),
            format!("n1.{}.{SUFFIX}", &id[1..]),
            format!("n1.{id}0.{SUFFIX}"),
            format!("n1.{id}.{SUFFIX}.example"),
            format!("n1.{id}"),
            format!("n18446744073709551616.{id}.{SUFFIX}"),
            String::new(),
        ] {
            assert_eq!(Member::from_dns_name(&name), None, "{name}");
        }
    }

    #[test]
    fn cluster_ids_are_random() {
        assert_ne!(ClusterId::generate(), ClusterId::generate());
    }
}
