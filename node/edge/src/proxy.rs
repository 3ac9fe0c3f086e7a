//! The PROXY protocol, versions 1 and 2 (haproxy's `doc/proxy-protocol.txt`): how a balancer in
//! front tells whose connection it carries.
//!
//! Only a parser; who may send a header is decided by the listener, and a header from anyone else
//! ends the connection, because whoever is believed here chooses his own address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Version 1 in bytes, CR LF included (section 2.1).
const V1_BYTES_MAX: usize = 107;
/// Addresses and extensions of version 2 in bytes; the longest known header has about 600.
const V2_BYTES_MAX: usize = 4096;
const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header is broken or absent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Client and server of the original connection; `None` for the balancer's own connections.
    pub(crate) addresses: Option<(SocketAddr, SocketAddr)>,
    /// The length of the header in bytes.
    pub(crate) length: usize,
}

/// Parses the header at the start of `bytes`; `None` when there is more to come.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    if starts_alike(bytes, V2_START) {
        return if bytes.len() < V2_START.len() {
            Ok(None)
        } else {
            parse_v2(bytes)
        };
    }
    if starts_alike(bytes, V1_START) {
        return if bytes.len() < V1_START.len() {
            Ok(None)
        } else {
            parse_v1(bytes)
        };
    }
    Err(Broken)
}

/// Whether `bytes` begin with a header; `None` when that cannot be said yet. Neither signature is
/// the start of an HTTP request that the edge would take, nor of a TLS handshake.
pub(crate) fn is_header(bytes: &[u8]) -> Option<bool> {
    if bytes.starts_with(V1_START) || bytes.starts_with(V2_START) {
        return Some(true);
    }
    let undecided = starts_alike(bytes, V1_START) || starts_alike(bytes, V2_START);
    if undecided { None } else { Some(false) }
}

fn starts_alike(bytes: &[u8], start: &[u8]) -> bool {
    let common = bytes.len().min(start.len());
    bytes[..common] == start[..common]
}

fn parse_v1(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    let window = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if window.len() == V1_BYTES_MAX {
            Err(Broken)
        } else {
            Ok(None)
        };
    };
    let line = core::str::from_utf8(&window[V1_START.len()..end]).map_err(|_| Broken)?;
    let length = end + 2;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(Some(Header {
            addresses: None,
            length,
        }));
    }
    let mut words = line.split(' ');
    let family = words.next();
    let mut address = || {
        let word = words.next()?;
        match family {
            Some("TCP4") => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            Some("TCP6") => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, target) = (address().ok_or(Broken)?, address().ok_or(Broken)?);
    let mut port = || {
        words
            .next()
            .filter(|word| is_decimal(word))?
            .parse::<u16>()
            .ok()
    };
    let (source_port, target_port) = (port().ok_or(Broken)?, port().ok_or(Broken)?);
    if words.next().is_some() {
        return Err(Broken);
    }
    let addresses = (
        SocketAddr::new(source, source_port),
        SocketAddr::new(target, target_port),
    );
    Ok(Some(Header {
        addresses: Some(addresses),
        length,
    }))
}

/// Rust's number parser takes a sign; the protocol takes neither sign nor leading zeros.
fn is_decimal(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'))
}

fn parse_v2(bytes: &[u8]) -> Result<Option<Header>, Broken> {
    let Some(&[version_and_command, family, high, low]) =
        bytes[V2_START.len()..].first_chunk::<4>()
    else {
        return Ok(None);
    };
    let payload = usize::from(u16::from_be_bytes([high, low]));
    if version_and_command >> 4 != 2 || payload > V2_BYTES_MAX {
        return Err(Broken);
    }
    let start = V2_START.len() + 4;
    let length = start + payload;
    let Some(payload) = bytes.get(start..length) else {
        return Ok(None);
    };
    let addresses = match (version_and_command & 0x0f, family) {
        // LOCAL: the balancer's health check.
        (0, _) => None,
        (1, 0x11) => Some(v4_addresses(payload)?),
        (1, 0x21) => Some(v6_addresses(payload)?),
        // Unspecified or a Unix socket: nothing that is an address to us.
        (1, 0x00 | 0x31) => None,
        _ => return Err(Broken),
    };
    Ok(Some(Header { addresses, length }))
}

fn v4_addresses(payload: &[u8]) -> Result<(SocketAddr, SocketAddr), Broken> {
    let &[a, b, c, d, e, f, g, h, s1, s2, t1, t2] = payload.first_chunk().ok_or(Broken)?;
    let source = SocketAddr::from(([a, b, c, d], u16::from_be_bytes([s1, s2])));
    let target = SocketAddr::from(([e, f, g, h], u16::from_be_bytes([t1, t2])));
    Ok((source, target))
}

fn v6_addresses(payload: &[u8]) -> Result<(SocketAddr, SocketAddr), Broken> {
    let (source, rest) = payload.split_first_chunk::<16>().ok_or(Broken)?;
    let (target, rest) = rest.split_first_chunk::<16>().ok_or(Broken)?;
    let &[s1, s2, t1, t2] = rest.first_chunk().ok_or(Broken)?;
    let source = SocketAddr::from((*source, u16::from_be_bytes([s1, s2])));
    let target = SocketAddr::from((*target, u16::from_be_bytes([t1, t2])));
    Ok((source, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(version_and_command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [V2_START, &[version_and_command, family], &length, payload].concat()
    }

    fn addresses(bytes: &[u8]) -> Option<(String, String)> {
        let header = parse(bytes).unwrap().unwrap();
        header
            .addresses
            .map(|(source, target)| (source.to_string(), target.to_string()))
    }

    #[test]
    fn version_1() {
        let header = b"PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\nGET /";
        assert_eq!(
            addresses(header),
            Some(("192.0.2.1:1234".to_owned(), "198.51.100.2:443".to_owned()))
        );
        assert_eq!(parse(header).unwrap().unwrap().length, header.len() - 5);
        let header = b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n";
        assert_eq!(
            addresses(header),
            Some(("[2001:db8::1]:0".to_owned(), "[::1]:65535".to_owned()))
        );
        assert_eq!(addresses(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(addresses(b"PROXY UNKNOWN ffff::1 x 1 2\r\n"), None);
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn version_1_broken() {
        for bad in [
            "GET / HTTP/1.1\r\n",
            "PROXY\r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1234\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 1234 443 5\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 +1234 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 01234 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
            "PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n",
            "PROXY TCP4 ::1 ::1 1 443\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.2 1 443\r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.2 1 443\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n",
            "PROXY UNKNOWNX\r\n",
            "proxy TCP4 192.0.2.1 198.51.100.2 1 443\r\n",
        ] {
            assert_eq!(parse(bad.as_bytes()), Err(Broken), "{bad:?}");
        }
        let endless = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; V1_BYTES_MAX]].concat();
        assert_eq!(parse(&endless), Err(Broken));
    }

    #[test]
    fn version_2() {
        let four = [192, 0, 2, 1, 198, 51, 100, 2, 0x04, 0xd2, 0x01, 0xbb];
        let header = v2(0x21, 0x11, &[&four[..], &[4, 0, 1, 9]].concat());
        assert_eq!(
            addresses(&header),
            Some(("192.0.2.1:1234".to_owned(), "198.51.100.2:443".to_owned()))
        );
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Ok(None), "{cut}");
        }
        let mut six = vec![0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 7, 8);
        let header = v2(0x21, 0x21, &six);
        assert_eq!(
            addresses(&header),
            Some(("[::1]:7".to_owned(), "[::2]:8".to_owned()))
        );
        assert_eq!(addresses(&v2(0x20, 0x00, &[])), None);
        assert_eq!(addresses(&v2(0x21, 0x00, &[])), None);
        assert_eq!(addresses(&v2(0x21, 0x31, &[0; 216])), None);
    }

    #[test]
    fn version_2_broken() {
        assert_eq!(parse(&v2(0x11, 0x11, &[0; 12])), Err(Broken));
        assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), Err(Broken));
        assert_eq!(parse(&v2(0x21, 0x12, &[0; 12])), Err(Broken));
        assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), Err(Broken));
        assert_eq!(parse(&v2(0x21, 0x21, &[0; 35])), Err(Broken));
        assert_eq!(
            parse(&v2(0x21, 0x11, &vec![0; V2_BYTES_MAX + 1])),
            Err(Broken)
        );
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIX"), Err(Broken));
    }

    #[test]
    fn tells_headers_from_requests() {
        assert_eq!(is_header(b"GET"), Some(false));
        assert_eq!(is_header(b"POST"), Some(false));
        assert_eq!(is_header(b"P"), None);
        assert_eq!(is_header(b"PROXY T"), Some(true));
        assert_eq!(is_header(&v2(0x21, 0x11, &[])), Some(true));
        assert_eq!(is_header(&[0x16, 3, 1]), Some(false));
        assert_eq!(is_header(b"\r\nGET"), Some(false));
    }
}
