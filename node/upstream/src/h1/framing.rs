//! Where the body of a response ends (RFC 9112, sections 6.3 and 7.1).
//!
//! A plain state machine over slices: it knows no socket, so every way of cutting a response into
//! reads can be tested.

use crate::limits::{CHUNK_EXTRA_BYTES_MAX, CHUNK_SIZE_DIGITS_MAX};

/// What is to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked(Chunks),
    /// Everything until the end of the connection.
    Close,
}

/// The next piece of a body in a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes of framing that come first.
    pub(super) skip: usize,
    /// Bytes of the body behind them.
    pub(super) data: usize,
    /// Whether the body ends with them.
    pub(super) is_last: bool,
}

impl Framing {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks {
            at: At::SizeFirst,
            size: 0,
            digits: 0,
            extra: 0,
        })
    }

    /// Whether no byte is to come.
    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.at == At::Done,
            Self::Close => false,
        }
    }

    /// The length of the whole body when it was announced; asked before the first step.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(*length),
            Self::Chunked(_) | Self::Close => None,
        }
    }

    /// Takes the next piece at the beginning of `input` as read. A step without data that is not
    /// the last one has used up all of the input.
    ///
    /// # Errors
    /// What is broken, in words.
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        match self {
            Self::Length(left) => {
                let data = run(*left, input);
                *left -= data as u64;
                Ok(Step {
                    skip: 0,
                    data,
                    is_last: *left == 0,
                })
            }
            Self::Chunked(chunks) => chunks.step(input),
            Self::Close => Ok(Step {
                skip: 0,
                data: input.len(),
                is_last: false,
            }),
        }
    }
}

/// How many of `left` bytes are in `input`.
fn run(left: u64, input: &[u8]) -> usize {
    usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))
}

/// A chunked body (RFC 9112, section 7.1). Lines end with CR LF and nothing else: readers that
/// disagree about a bare LF in an extension disagree about where a chunk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    at: At,
    /// Bytes of the current chunk that are to come.
    size: u64,
    /// Digits of the current size so far.
    digits: u8,
    /// Bytes of extensions and trailers so far.
    extra: usize,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    SizeFirst,
    Size,
    SizeBlank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerFirst,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

impl Chunks {
    fn step(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        let mut skip = 0;
        while skip < input.len() {
            match self.at {
                At::Data => {
                    let data = run(self.size, &input[skip..]);
                    self.size -= data as u64;
                    if self.size == 0 {
                        self.at = At::DataCr;
                    }
                    return Ok(Step {
                        skip,
                        data,
                        is_last: false,
                    });
                }
                At::Done => break,
                _ => {
                    self.at = self.after(input[skip])?;
                    skip += 1;
                }
            }
        }
        Ok(Step {
            skip,
            data: 0,
            is_last: self.at == At::Done,
        })
    }

    /// Where a byte of framing leads.
    fn after(&mut self, byte: u8) -> Result<At, &'static str> {
        Ok(match (self.at, byte) {
            (At::SizeFirst | At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digit(byte)?;
                At::Size
            }
            (At::Size | At::SizeBlank, b' ' | b'\t') => {
                self.extra()?;
                At::SizeBlank
            }
            (At::Size | At::SizeBlank, b';') => At::Extension,
            (At::Size | At::SizeBlank | At::Extension, b'\r') => At::SizeLf,
            (At::SizeFirst | At::Size | At::SizeBlank, _) => return Err("a chunk size"),
            (At::Extension, b'\n') => return Err("a chunk extension"),
            (At::Extension, _) => {
                self.extra()?;
                At::Extension
            }
            (At::SizeLf, b'\n') if self.size == 0 => At::TrailerFirst,
            (At::SizeLf, b'\n') => At::Data,
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.digits = 0;
                At::SizeFirst
            }
            (At::SizeLf | At::DataCr | At::DataLf, _) => return Err("the end of a chunk"),
            (At::TrailerFirst, b'\r') => At::EndLf,
            (At::Trailer, b'\r') => At::TrailerLf,
            (At::TrailerFirst | At::Trailer, b'\n') => return Err("a trailer"),
            (At::TrailerFirst | At::Trailer, _) => {
                self.extra()?;
                At::Trailer
            }
            (At::TrailerLf, b'\n') => At::TrailerFirst,
            (At::EndLf, b'\n') => At::Done,
            (At::TrailerLf | At::EndLf, _) => return Err("a trailer"),
            (At::Data | At::Done, _) => unreachable!("no framing inside data or behind the end"),
        })
    }

    fn digit(&mut self, byte: u8) -> Result<(), &'static str> {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        // At most 16 digits, so nothing is shifted out.
        if self.digits == CHUNK_SIZE_DIGITS_MAX {
            return Err("a chunk size");
        }
        self.digits += 1;
        self.size = self.size << 4 | u64::from(value);
        Ok(())
    }

    fn extra(&mut self) -> Result<(), &'static str> {
        self.extra += 1;
        if self.extra > CHUNK_EXTRA_BYTES_MAX {
            return Err("too long chunk extensions or trailers");
        }
        Ok(())
    }
}
