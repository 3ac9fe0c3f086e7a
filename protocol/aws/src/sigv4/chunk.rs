//! Bodies in chunks that carry a signature each (`aws-chunked`).
//!
//! ```text
//! <size in hex>;chunk-signature=<64 hex digits>\r\n<data>\r\n ... 0;chunk-signature=...\r\n\r\n
//! ```
//! Data leaves only after its signature was checked, so one chunk is held in memory at a time.
//! Trailers (`...-TRAILER`) are not supported; the verifier refuses them before a body is read.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

use tollgate_protocol::hex::{hash_from_hex, to_hex};

use super::payload::{ChunkSeed, sha256};

/// The largest chunk that is accepted, in bytes. SDKs send 64 to 128 KiB.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The longest chunk header, in bytes: 16 digits, the extension and the line end.
pub const CHUNK_HEADER_BYTES_MAX: usize = 128;

const EXTENSION: &str = "chunk-signature=";

/// Why a chunked body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A chunk header or line end is malformed.
    #[error("malformed chunk")]
    Malformed,
    /// A chunk is larger than [`CHUNK_BYTES_MAX`].
    #[error("chunk larger than {CHUNK_BYTES_MAX} bytes")]
    TooLarge,
    /// The signature of a chunk does not match.
    #[error("the signature of a chunk does not match")]
    Mismatch,
    /// Bytes follow the last chunk.
    #[error("bytes after the last chunk")]
    Trailing,
    /// The body ended before the last chunk.
    #[error("the body ended before the last chunk")]
    Truncated,
}

/// Takes a chunked body apart, piece by piece.
#[derive(Debug)]
pub struct ChunkVerifier {
    seed: ChunkSeed,
    /// Bytes of the header or of the data and its line end that have arrived.
    held: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Data { len: usize, signature: [u8; 32] },
    Done,
    Failed(ChunkError),
}

impl ChunkVerifier {
    /// A verifier for the body of the request that gave this seed.
    #[must_use]
    pub fn new(seed: ChunkSeed) -> Self {
        Self {
            seed,
            held: Vec::new(),
            state: State::Header,
        }
    }

    /// Takes the next bytes of the body and appends what is verified to `out`.
    ///
    /// # Errors
    /// Why the body is refused; every later call says the same.
    pub fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), ChunkError> {
        while !input.is_empty() {
            let step = match self.state {
                State::Header => self.header(&mut input),
                State::Data { len, signature } => self.data(&mut input, len, &signature, out),
                State::Done => Err(ChunkError::Trailing),
                State::Failed(error) => Err(error),
            };
            if let Err(error) = step {
                self.state = State::Failed(error);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// [`ChunkError::Truncated`] when the last chunk is missing, or what was refused before.
    pub fn finish(&self) -> Result<(), ChunkError> {
        match self.state {
            State::Done => Ok(()),
            State::Failed(error) => Err(error),
            State::Header | State::Data { .. } => Err(ChunkError::Truncated),
        }
    }

    fn header(&mut self, input: &mut &[u8]) -> Result<(), ChunkError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (now, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        if self.held.len() + now.len() > CHUNK_HEADER_BYTES_MAX {
            return Err(ChunkError::Malformed);
        }
        self.held.extend_from_slice(now);
        if end.is_none() {
            return Ok(());
        }
        let (len, signature) = parse_header(&self.held).ok_or(ChunkError::Malformed)?;
        let len = usize::try_from(len)
            .ok()
            .filter(|len| *len <= CHUNK_BYTES_MAX);
        self.state = State::Data {
            len: len.ok_or(ChunkError::TooLarge)?,
            signature,
        };
        self.held.clear();
        Ok(())
    }

    fn data(
        &mut self,
        input: &mut &[u8],
        len: usize,
        signature: &[u8; 32],
        out: &mut Vec<u8>,
    ) -> Result<(), ChunkError> {
        let missing = (len + 2).saturating_sub(self.held.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        self.held.extend_from_slice(now);
        if self.held.len() < len + 2 {
            return Ok(());
        }
        let (data, line_end) = self.held.split_at(len);
        if line_end != b"\r\n" {
            return Err(ChunkError::Malformed);
        }
        if !bool::from(chunk_signature(&self.seed, data).ct_eq(signature)) {
            return Err(ChunkError::Mismatch);
        }
        out.extend_from_slice(data);
        self.held.clear();
        self.seed.signature = *signature;
        self.state = if len == 0 { State::Done } else { State::Header };
        Ok(())
    }
}

fn parse_header(line: &[u8]) -> Option<(u64, [u8; 32])> {
    let line = core::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let (size, extension) = line.split_once(';')?;
    let is_hex = size.len() <= 16 && size.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = u64::from_str_radix(size, 16).ok().filter(|_| is_hex)?;
    Some((
        size,
        hash_from_hex(extension.strip_prefix(EXTENSION)?.as_bytes())?,
    ))
}

fn chunk_signature(seed: &ChunkSeed, data: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&seed.key);
    let last = to_hex(&seed.signature);
    let (empty, hash) = (to_hex(&sha256(b"")), to_hex(&sha256(data)));
    let name = "AWS4-HMAC-SHA256-PAYLOAD";
    let lines = [name, seed.date.as_str(), &seed.scope, &last, &empty, &hash];
    context.update(lines.join("\n").as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}
