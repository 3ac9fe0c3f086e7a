//! Trace headers: W3C `traceparent` and AWS's `X-Amzn-Trace-Id`, continued or begun.
//!
//! Both carry the same 128 bits when one of them is missing, as X-Ray itself maps them
//! (`Root=1-{first 8 digits}-{other 24}`), so that a back end may read either.

use tollgate_message::HeaderList;

use crate::ports::Ports;

/// The trace that a request belongs to. Digits are lower-case hexadecimal ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The W3C trace id.
    pub trace_id: [u8; 32],
    /// The X-Ray root without its dashes.
    pub root: [u8; 32],
    /// The id of this hop: the parent of what the back end records.
    pub span_id: [u8; 16],
    /// Whether the trace is recorded.
    pub sampled: bool,
    /// Whether `traceparent` was continued; `tracestate` is passed on only then.
    pub continued: bool,
}

impl Trace {
    /// Continues the client's trace or begins one.
    pub(crate) fn of<P: Ports>(headers: &HeaderList, ports: &P, now_ms: u64) -> Self {
        let w3c = headers.get("traceparent").and_then(parse_traceparent);
        let xray = headers.get("x-amzn-trace-id").and_then(parse_xray);
        let span_id = hex16(ports.random_u64());
        let (trace_id, root, sampled) = match (w3c, xray) {
            (Some((id, flag)), None) => (id, id, flag),
            (Some((id, flag)), Some((root, sampled))) => (id, root, sampled.unwrap_or(flag)),
            (None, Some((root, sampled))) => (
                root,
                root,
                sampled.unwrap_or_else(|| ports.sample_new_trace()),
            ),
            (None, None) => {
                let id = new_id(now_ms, ports.random_u64(), ports.random_u64());
                (id, id, ports.sample_new_trace())
            }
        };
        Self {
            trace_id,
            root,
            span_id,
            sampled,
            continued: w3c.is_some(),
        }
    }

    /// Appends `00-{trace id}-{span id}-{flags}` (W3C Trace Context, section 3.2).
    pub fn write_traceparent(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"00-");
        out.extend_from_slice(&self.trace_id);
        out.push(b'-');
        out.extend_from_slice(&self.span_id);
        out.extend_from_slice(if self.sampled { b"-01" } else { b"-00" });
    }

    /// Appends `Root=...;Parent=...;Sampled=...` (reference 17).
    pub fn write_xray(&self, out: &mut Vec<u8>) {
        self.write_root(out);
        out.extend_from_slice(b";Parent=");
        out.extend_from_slice(&self.span_id);
        out.extend_from_slice(if self.sampled {
            b";Sampled=1"
        } else {
            b";Sampled=0"
        });
    }

    /// Appends `Root=1-{8 digits}-{24 digits}`, as `$context.xrayTraceId` shows it.
    pub fn write_root(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Root=1-");
        out.extend_from_slice(&self.root[..8]);
        out.push(b'-');
        out.extend_from_slice(&self.root[8..]);
    }

    /// The value of `X-Amzn-Trace-Id`.
    #[must_use]
    pub fn xray(&self) -> String {
        let mut out = Vec::with_capacity(80);
        self.write_xray(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// An id that begins with the time in seconds, as X-Ray requires.
fn new_id(now_ms: u64, high: u64, low: u64) -> [u8; 32] {
    let seconds = (now_ms / 1000) & 0xffff_ffff;
    let mut id = [0; 32];
    id[..16].copy_from_slice(&hex16((seconds << 32) | (high & 0xffff_ffff)));
    id[16..].copy_from_slice(&hex16(low));
    id
}

fn hex16(mut number: u64) -> [u8; 16] {
    let mut digits = [b'0'; 16];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    digits
}

/// The trace id and the sampled flag; `None` for what the standard says to ignore: another
/// length in version 00, upper case, all zeros, version ff.
fn parse_traceparent(value: &[u8]) -> Option<([u8; 32], bool)> {
    let value = value.trim_ascii();
    let longer = value.len() > 55 && value.get(55) == Some(&b'-') && !value.starts_with(b"00");
    if value.len() != 55 && !longer {
        return None;
    }
    if value[2] != b'-' || value[35] != b'-' || value[52] != b'-' {
        return None;
    }
    let (version, id, parent, flags) = (&value[..2], &value[3..35], &value[36..52], &value[53..55]);
    let all_hex = [version, id, parent, flags]
        .iter()
        .all(|part| part.iter().all(is_hex));
    if !all_hex || version == b"ff" || is_zero(id) || is_zero(parent) {
        return None;
    }
    let low = char::from(flags[1]).to_digit(16)?;
    Some((id.try_into().ok()?, low & 1 == 1))
}

/// The root without dashes and the sampling decision, if one was made.
fn parse_xray(value: &[u8]) -> Option<([u8; 32], Option<bool>)> {
    let mut root = None;
    let mut sampled = None;
    for field in value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii) {
        if let Some(text) = field.strip_prefix(b"Root=") {
            root = parse_root(text);
        } else if field == b"Sampled=1" {
            sampled = Some(true);
        } else if field == b"Sampled=0" {
            sampled = Some(false);
        }
    }
    root.map(|root| (root, sampled))
}

fn parse_root(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != 35 || !text.starts_with(b"1-") || text[10] != b'-' {
        return None;
    }
    let mut root = [0; 32];
    root[..8].copy_from_slice(&text[2..10]);
    root[8..].copy_from_slice(&text[11..]);
    (root.iter().all(is_hex) && !is_zero(&root)).then_some(root)
}

fn is_hex(byte: &u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn traceparents_are_taken_or_ignored_as_the_standard_says() {
        let (id, sampled) = parse_traceparent(PARENT).unwrap();
        assert_eq!(&id, b"0af7651916cd43dd8448eb211c80319c");
        assert!(sampled);
        let with = |at: usize, byte: u8| {
            let mut value = PARENT.to_vec();
            value[at] = byte;
            parse_traceparent(&value)
        };
        assert_eq!(with(54, b'0').map(|it| it.1), Some(false));
        for (at, byte) in [(0, b'f'), (3, b'A'), (2, b'_'), (40, b'g'), (54, b'x')] {
            let mut value = PARENT.to_vec();
            value[at] = byte;
            if at == 0 {
                value[1] = b'f';
            }
            assert_eq!(parse_traceparent(&value), None, "{at}");
        }
        assert_eq!(parse_traceparent(b"00-0af7"), None);
        let mut future = PARENT.to_vec();
        future.extend_from_slice(b"-more");
        assert_eq!(
            parse_traceparent(&future),
            None,
            "version 00 has one length"
        );
        future[1] = b'1';
        assert!(parse_traceparent(&future).is_some());
        let zero = b"00-00000000000000000000000000000000-b7ad6b7169203331-01";
        assert_eq!(parse_traceparent(zero), None);
    }

    #[test]
    fn roots_are_taken_with_their_decision() {
        let (root, sampled) =
            parse_xray(b"Self=1-x;Root=1-67891233-abcdef012345678912345678;Sampled=1").unwrap();
        assert_eq!(&root, b"67891233abcdef012345678912345678");
        assert_eq!(sampled, Some(true));
        for bad in [
            &b""[..],
            b"Root=1-67891233",
            b"Root=2-67891233-abcdef012345678912345678",
        ] {
            assert_eq!(parse_xray(bad), None);
        }
    }
}
