//! An answer that is larger than what a client should keep in memory.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;

use super::{ANSWER_BYTES_MAX, ANSWER_DEADLINE, Answer, begin, connect, head, request, silent};
use crate::cli::failure::Failure;

/// How long the next piece may take.
const PIECE_DEADLINE: Duration = Duration::from_secs(60);

/// Gives the body of a successful answer to `take`, piece by piece; another answer is returned.
///
/// # Errors
/// TG0009 when nobody answers or the answer stops, and what `take` fails with.
pub(super) async fn get(
    authority: &str,
    target: &str,
    headers: &[(&'static str, String)],
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Option<Answer>, Failure> {
    let io = TokioIo::new(connect(authority).await?);
    let request = request("GET", target, headers, Bytes::new())?;
    let late = || silent(authority, "no answer in 60 seconds");
    let answered = tokio::time::timeout(ANSWER_DEADLINE, begin(io, request));
    let answered = answered.await.map_err(|_| late())?;
    let (response, _driver) = answered.map_err(|why| silent(authority, &why))?;
    let (status, kind) = head(&response);
    let mut body = response.into_body();
    let mut refusal = Vec::new();
    loop {
        let piece = tokio::time::timeout(PIECE_DEADLINE, body.frame());
        let Some(frame) = piece.await.map_err(|_| late())? else {
            break;
        };
        let frame = frame.map_err(|error| silent(authority, &error.to_string()))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if status == 200 {
            take(&data)?;
        } else if refusal.len() < ANSWER_BYTES_MAX {
            refusal.extend_from_slice(&data);
        }
    }
    let body = refusal.into();
    Ok((status != 200).then_some(Answer { status, kind, body }))
}
