//! Chunked bodies (RFC 9112, section 7.1), read strictly.
//!
//! Chunk extensions and trailer fields are dropped: a gateway neither acts on them nor may it
//! pass them on unseen.

use super::head::is_token_byte;

/// A size line with its extensions, in bytes.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// All trailer fields of a body, in bytes.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Digits of a size: 2^64 - 1 in hexadecimal.
const SIZE_DIGITS_MAX: usize = 16;

/// The framing is broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// What comes next in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed.
    More,
    /// So many bytes of data follow as they are; then [`Chunked::passed`] is told.
    Data(u64),
    /// The body is complete.
    Done,
}

/// The state between two reads.
#[derive(Debug, Default, Clone)]
pub(crate) struct Chunked {
    state: State,
}

#[derive(Debug, Default, Clone)]
enum State {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers(usize),
    Done,
}

impl Chunked {
    /// Takes framing off the front of `raw`.
    pub(crate) fn step(&mut self, raw: &mut &[u8]) -> Result<Step, Broken> {
        loop {
            self.state = match self.state {
                State::Size => match take_size(raw)? {
                    None => return Ok(Step::More),
                    Some(0) => State::Trailers(0),
                    Some(size) => State::Data(size),
                },
                State::Data(0) => State::DataEnd,
                State::Data(rest) => return Ok(Step::Data(rest)),
                State::DataEnd => match *raw {
                    [b'\r', b'\n', rest @ ..] => {
                        *raw = rest;
                        State::Size
                    }
                    [] | [b'\r'] => return Ok(Step::More),
                    _ => return Err(Broken),
                },
                State::Trailers(before) => match take_line(raw, TRAILER_BYTES_MAX - before)? {
                    None => return Ok(Step::More),
                    Some([]) => State::Done,
                    Some(line) if is_field(line) => {
                        State::Trailers((before + line.len() + 2).min(TRAILER_BYTES_MAX))
                    }
                    Some(_) => return Err(Broken),
                },
                State::Done => return Ok(Step::Done),
            }
        }
    }

    /// Whether the framing is good as far as it is in `raw`.
    pub(crate) fn check(&self, mut raw: &[u8]) -> Result<(), Broken> {
        let mut ahead = self.clone();
        loop {
            match ahead.step(&mut raw)? {
                Step::Data(rest) if !raw.is_empty() => {
                    let count = usize::try_from(rest).map_or(raw.len(), |rest| rest.min(raw.len()));
                    raw = &raw[count..];
                    ahead.passed(count as u64);
                }
                _ => return Ok(()),
            }
        }
    }

    /// So many bytes of data went by.
    pub(crate) fn passed(&mut self, count: u64) {
        if let State::Data(rest) = &mut self.state {
            *rest -= count;
        }
    }
}

fn take_size(raw: &mut &[u8]) -> Result<Option<u64>, Broken> {
    let digits = raw
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if digits > SIZE_DIGITS_MAX {
        return Err(Broken);
    }
    match raw.get(digits) {
        None => return Ok(None),
        Some(b'\r' | b';') if digits > 0 => {}
        Some(_) => return Err(Broken),
    }
    let Some(line) = take_line(raw, SIZE_LINE_BYTES_MAX)? else {
        return Ok(None);
    };
    let digits = core::str::from_utf8(&line[..digits]).map_err(|_| Broken)?;
    u64::from_str_radix(digits, 16)
        .map(Some)
        .map_err(|_| Broken)
}

/// Takes a line without its CR LF. Control bytes in it, a bare CR or LF among them, break it.
fn take_line<'a>(raw: &mut &'a [u8], bytes_max: usize) -> Result<Option<&'a [u8]>, Broken> {
    let good = raw
        .iter()
        .take_while(|&&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    let length = good.count();
    if length > bytes_max {
        return Err(Broken);
    }
    let (line, rest) = raw.split_at(length);
    match rest {
        [b'\r', b'\n', rest @ ..] => {
            *raw = rest;
            Ok(Some(line))
        }
        [] | [b'\r'] => Ok(None),
        _ => Err(Broken),
    }
}

fn is_field(line: &[u8]) -> bool {
    let name = line.iter().take_while(|&&byte| is_token_byte(byte)).count();
    name > 0 && line.get(name) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a whole body through, `piece` bytes at a time; gives its data and what follows it.
    fn run(body: &[u8], piece: usize) -> Result<(Step, Vec<u8>, usize), Broken> {
        let mut chunked = Chunked::default();
        let (mut raw, mut data) = (Vec::new(), Vec::new());
        let mut pieces = body.chunks(piece);
        loop {
            let mut rest = raw.as_slice();
            let step = chunked.step(&mut rest)?;
            raw = rest.to_vec();
            match step {
                Step::Data(rest) if !raw.is_empty() => {
                    let count = raw.len().min(usize::try_from(rest).unwrap());
                    data.extend(raw.drain(..count));
                    chunked.passed(count as u64);
                }
                Step::Done => {
                    let after = raw.len() + pieces.map(<[u8]>::len).sum::<usize>();
                    return Ok((Step::Done, data, after));
                }
                more => match pieces.next() {
                    Some(piece) => raw.extend_from_slice(piece),
                    None => return Ok((more, data, 0)),
                },
            }
        }
    }

    #[test]
    fn gives_the_data_at_any_split() {
        let body = b"00A;x=\"y\"\r\n0123456789\r\n1\r\n!\r\n0;end\r\nTrailer: x\r\n\r\nGET";
        for piece in 1..body.len() {
            let (step, data, rest) = run(body, piece).unwrap();
            assert_eq!(step, Step::Done, "{piece}");
            assert_eq!(data, b"0123456789!", "{piece}");
            assert_eq!(rest, 3, "{piece}");
            assert_eq!(Chunked::default().check(&body[..piece]), Ok(()), "{piece}");
        }
    }

    #[test]
    fn refuses_what_others_read_otherwise() {
        for bad in [
            &b"0x5\r\nhello\r\n0\r\n\r\n"[..],
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"-1\r\n",
            b" 5\r\nhello\r\n",
            b"5 \r\nhello\r\n",
            b"5\nhello\r\n0\r\n\r\n",
            b"5\r\rhello",
            b"\r\nhello",
            b";x\r\n",
            b"g\r\n",
            b"10000000000000000\r\n",
            b"00000000000000005\r\nhello",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"5;\x01\r\nhello\r\n",
            b"5;a\rb\r\nhello\r\n",
            b"0\r\nbad trailer\r\n\r\n",
            b"0\r\n: x\r\n\r\n",
            b"0\r\n folded\r\n\r\n",
            b"0\r\nX: a\nY: b\r\n\r\n",
            b"0\r\n\n",
        ] {
            assert_eq!(
                run(bad, bad.len()),
                Err(Broken),
                "{:?}",
                String::from_utf8_lossy(bad)
            );
            assert_eq!(
                run(bad, 1),
                Err(Broken),
                "{:?}",
                String::from_utf8_lossy(bad)
            );
            assert_eq!(Chunked::default().check(bad), Err(Broken));
        }
    }

    #[test]
    fn bounds_lines_and_trailers() {
        let mut line = b"1;".to_vec();
        line.resize(SIZE_LINE_BYTES_MAX + 1, b'x');
        assert_eq!(run(&line, 7), Err(Broken));
        let mut trailers = b"0\r\n".to_vec();
        for _ in 0..TRAILER_BYTES_MAX / 4 {
            trailers.extend_from_slice(b"a:b\r\n");
        }
        assert_eq!(run(&trailers, 1000), Err(Broken));
    }
}
