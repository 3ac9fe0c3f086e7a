//! The prelude of a streamed HTTP answer: JSON with status and headers, eight NUL bytes, the body.
//!
//! Source: AWS Lambda developer guide, "Response streaming"; API Gateway developer guide,
//! "Lambda proxy integration with response streaming".

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::Value;
use tollgate_message::BodyError;

use crate::PayloadStream;
use crate::limits::PRELUDE_BYTES_MAX;

/// The content type that says that the answer begins with a prelude.
pub const HTTP_INTEGRATION_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

const DELIMITER: [u8; 8] = [0; 8];

/// Status and headers of a streamed HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prelude {
    /// The status code; 200 when the function gave none.
    pub status_code: u16,
    /// Names and values as given; a name with several values comes several times.
    pub headers: Vec<(String, String)>,
    /// Values for `Set-Cookie`.
    pub cookies: Vec<String>,
}

/// Why a streamed answer has no prelude.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreludeError {
    /// No delimiter within the limit.
    #[error("the prelude is larger than {PRELUDE_BYTES_MAX} bytes")]
    TooLarge,
    /// The answer ended before the delimiter.
    #[error("the answer ended within the prelude")]
    Incomplete,
    /// It is not JSON of the form described in the guide.
    #[error("the prelude is not a JSON object with statusCode, headers and cookies: {0}")]
    Malformed(String),
    /// The function failed before the delimiter.
    #[error("the answer broke off within the prelude")]
    Body(#[from] BodyError),
}

/// Collects chunks until the prelude is complete. For those who read chunks themselves; else
/// [`split_prelude`] does it all.
#[derive(Debug, Default)]
pub struct PreludeSplitter {
    seen: BytesMut,
    /// Bytes of `seen` known to hold no start of a delimiter.
    searched: usize,
}

impl PreludeSplitter {
    /// Takes a chunk. Once the delimiter is there: the prelude and what follows it in the chunk.
    ///
    /// # Errors
    /// [`PreludeError::TooLarge`] and [`PreludeError::Malformed`].
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<(Prelude, Bytes)>, PreludeError> {
        let room = PRELUDE_BYTES_MAX + DELIMITER.len() - self.seen.len();
        let (now, later) = chunk.split_at(chunk.len().min(room));
        self.seen.extend_from_slice(now);
        let found = self.seen[self.searched..]
            .windows(DELIMITER.len())
            .position(|window| window == DELIMITER)
            .map(|at| self.searched + at);
        let Some(end) = found else {
            if self.seen.len() >= PRELUDE_BYTES_MAX + DELIMITER.len() {
                return Err(PreludeError::TooLarge);
            }
            self.searched = self.seen.len().saturating_sub(DELIMITER.len() - 1);
            return Ok(None);
        };
        let prelude = parse(&self.seen[..end])?;
        let mut rest = BytesMut::from(&self.seen[end + DELIMITER.len()..]);
        rest.extend_from_slice(later);
        Ok(Some((prelude, rest.freeze())))
    }
}

/// Reads the prelude of a streamed answer; the stream goes on with the first byte of the body.
///
/// # Errors
/// See [`PreludeError`]. It reads at most [`PRELUDE_BYTES_MAX`] bytes and one chunk.
pub async fn split_prelude(
    mut body: PayloadStream,
) -> Result<(Prelude, PayloadStream), PreludeError> {
    let mut splitter = PreludeSplitter::default();
    while let Some(chunk) = body.chunk().await {
        if let Some((prelude, rest)) = splitter.push(&chunk?)? {
            body.put_back(rest);
            return Ok((prelude, body));
        }
    }
    Err(PreludeError::Incomplete)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    status_code: Option<Value>,
    #[serde(default)]
    headers: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    multi_value_headers: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
}

fn parse(json: &[u8]) -> Result<Prelude, PreludeError> {
    let wire: Wire =
        serde_json::from_slice(json).map_err(|e| PreludeError::Malformed(e.to_string()))?;
    let status_code = match wire.status_code {
        None | Some(Value::Null) => 200,
        Some(value) => status(&value)
            .ok_or_else(|| PreludeError::Malformed(format!("statusCode is {value}")))?,
    };
    let mut headers = Vec::new();
    for (name, value) in wire
        .headers
        .into_iter()
        .chain(wire.multi_value_headers)
        .flatten()
    {
        add(&mut headers, &name, &value)?;
    }
    Ok(Prelude {
        status_code,
        headers,
        cookies: wire.cookies.unwrap_or_default(),
    })
}

/// A number or its digits, as AWS takes both.
fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(n) => u16::try_from(n.as_u64()?).ok()?,
        Value::String(digits) => digits.parse().ok()?,
        _ => return None,
    };
    (100..=599).contains(&number).then_some(number)
}

fn add(headers: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<(), PreludeError> {
    match value {
        Value::Null => {}
        Value::String(text) => headers.push((name.into(), text.clone())),
        Value::Bool(_) | Value::Number(_) => headers.push((name.into(), value.to_string())),
        Value::Array(values) => {
            for value in values {
                if value.is_array() {
                    return Err(PreludeError::Malformed(format!(
                        "header {name:?} is nested"
                    )));
                }
                add(headers, name, value)?;
            }
        }
        Value::Object(_) => {
            return Err(PreludeError::Malformed(format!(
                "header {name:?} is an object"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"{\"statusCode\":201,\"headers\":{\"X-A\":\"1\",\"x-n\":2},\
        \"multiValueHeaders\":{\"x-m\":[\"a\",\"b\"]},\"cookies\":[\"k=v\"]}\0\0\0\0\0\0\0\0body";

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn splits_at_every_boundary() {
        for at in 0..ANSWER.len() {
            let mut splitter = PreludeSplitter::default();
            let first = splitter.push(&ANSWER[..at]).unwrap();
            let (prelude, rest, tail) = match first {
                Some((prelude, rest)) => (prelude, rest, &ANSWER[at..]),
                None => {
                    let (prelude, rest) = splitter.push(&ANSWER[at..]).unwrap().unwrap();
                    (prelude, rest, &b""[..])
                }
            };
            assert_eq!(prelude.status_code, 201);
            let headers = [
                pair("X-A", "1"),
                pair("x-n", "2"),
                pair("x-m", "a"),
                pair("x-m", "b"),
            ];
            assert_eq!(prelude.headers, headers);
            assert_eq!(prelude.cookies, ["k=v"]);
            assert_eq!([&rest[..], tail].concat(), b"body", "cut at {at}");
        }
    }

    #[test]
    fn is_bounded() {
        let mut splitter = PreludeSplitter::default();
        let mut pushed = 0;
        let error = loop {
            pushed += 1000;
            match splitter.push(&[b' '; 1000]) {
                Ok(None) => assert!(pushed < PRELUDE_BYTES_MAX + 1000),
                Ok(Some(found)) => panic!("{found:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, PreludeError::TooLarge);
    }

    #[test]
    fn a_body_larger_than_the_prelude_limit_is_fine() {
        let mut answer = b"{}\0\0\0\0\0\0\0\0".to_vec();
        answer.resize(3 * PRELUDE_BYTES_MAX, b'x');
        let (prelude, rest) = PreludeSplitter::default().push(&answer).unwrap().unwrap();
        assert_eq!(prelude.status_code, 200);
        assert_eq!(rest.len(), 3 * PRELUDE_BYTES_MAX - 10);
    }

    #[test]
    fn refuses_what_is_no_prelude() {
        for bad in [
            "[]",
            "x",
            "{\"statusCode\":99}",
            "{\"statusCode\":\"abc\"}",
            "{\"headers\":{\"a\":{}}}",
            "{\"headers\":{\"a\":[[1]]}}",
            "{\"cookies\":[1]}",
        ] {
            let mut answer = bad.as_bytes().to_vec();
            answer.extend(DELIMITER);
            let result = PreludeSplitter::default().push(&answer);
            assert!(
                matches!(result, Err(PreludeError::Malformed(_))),
                "{bad}: {result:?}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_that_ends_early_is_incomplete() {
        let (sender, body) = PayloadStream::channel();
        assert!(
            sender
                .send(Bytes::from_static(b"{\"statusCode\":200}\0\0\0"))
                .await
        );
        sender.end().await;
        assert_eq!(
            split_prelude(body).await.unwrap_err(),
            PreludeError::Incomplete
        );
    }
}
