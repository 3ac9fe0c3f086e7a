//! The id of a connection: who owns it, in which life and where, and a tag that only the cluster's
//! nodes can make. 21 bytes, 28 characters of base64url: safe in the path of `@connections`.
//!
//! Ids are never reused: a node's id never is, its incarnation grows with every start and the
//! generation with every use of a slot. A slot that used up its generations is not used again.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tollgate_state::NodeId;

/// The form of ids that this release makes and reads.
const VERSION: u8 = 1;
/// Version, node, incarnation, slot, generation.
const NAMED_BYTES: usize = 1 + 4 * 4;
/// Of the tag: a forger has one chance in 2^32 a try, and every try is a signed call.
const TAG_BYTES: usize = 4;
const BYTES: usize = NAMED_BYTES + TAG_BYTES;

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId {
    /// The node that holds it. Below 2^32: a cluster ever has 10,000.
    pub(crate) node: NodeId,
    /// The life of that node.
    pub(crate) incarnation: u32,
    /// Its place in the node's table.
    pub(crate) slot: u32,
    /// The use of that place.
    pub(crate) generation: u32,
}

/// What makes tags and checks them.
pub(crate) struct Tagger(hmac::Key);

impl Tagger {
    /// With a secret that the nodes of a cluster share and nobody else has.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The text of an id.
    pub(crate) fn write(&self, id: &ConnectionId) -> String {
        let mut bytes = [0; BYTES];
        bytes[..NAMED_BYTES].copy_from_slice(&named(id));
        let tag = hmac::sign(&self.0, &bytes[..NAMED_BYTES]);
        bytes[NAMED_BYTES..].copy_from_slice(&tag.as_ref()[..TAG_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The id of a text; `None` for one that no node of this cluster made.
    pub(crate) fn read(&self, text: &str) -> Option<ConnectionId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes: [u8; BYTES] = bytes.try_into().ok()?;
        let tag = hmac::sign(&self.0, &bytes[..NAMED_BYTES]);
        let known = aws_lc_rs::constant_time::verify_slices_are_equal(
            &bytes[NAMED_BYTES..],
            &tag.as_ref()[..TAG_BYTES],
        );
        if known.is_err() || bytes[0] != VERSION {
            return None;
        }
        let number = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&bytes[1 + at * 4..5 + at * 4]);
            u32::from_be_bytes(four)
        };
        Some(ConnectionId {
            node: NodeId::from(number(0)),
            incarnation: number(1),
            slot: number(2),
            generation: number(3),
        })
    }
}

fn named(id: &ConnectionId) -> [u8; NAMED_BYTES] {
    let mut bytes = [0; NAMED_BYTES];
    bytes[0] = VERSION;
    // The lower half: the other one is empty.
    bytes[1..5].copy_from_slice(&id.node.to_be_bytes()[4..]);
    bytes[5..9].copy_from_slice(&id.incarnation.to_be_bytes());
    bytes[9..13].copy_from_slice(&id.slot.to_be_bytes());
    bytes[13..].copy_from_slice(&id.generation.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ConnectionId = ConnectionId {
        node: 7,
        incarnation: 3,
        slot: 4_000_000_000,
        generation: 9,
    };

    #[test]
    fn an_id_survives_its_text_and_fits_a_path() {
        let tagger = Tagger::new(&[1; 32]);
        let text = tagger.write(&ID);
        assert_eq!(text.len(), 28);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(text.chars().all(plain), "{text}");
        assert_eq!(tagger.read(&text), Some(ID));
    }

    #[test]
    fn nobody_else_makes_an_id() {
        let (tagger, other) = (Tagger::new(&[1; 32]), Tagger::new(&[2; 32]));
        let text = tagger.write(&ID);
        assert_eq!(other.read(&text), None);
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(tagger.read(&forged), None, "{forged}");
        }
        for text in ["", "a", "JKJaXmPLvHcESHA=", &text[1..], &format!("{text}A")] {
            assert_eq!(tagger.read(text), None, "{text}");
        }
    }
}
