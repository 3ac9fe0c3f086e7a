//! Calls about connections as they go from node to node.

use tollgate_protocol::codec::{self, Decode, Encode};

use crate::connections::{Connection, Error};

/// The kinds of the envelopes.
const QUESTION: u8 = 72;
const ANSWER: u8 = 73;

/// What is asked of a connection's owner.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) struct Question {
    /// The connection's id as its clients know it: the owner checks it again.
    pub(super) connection_id: String,
    /// The API that the call named, `*` when it named none.
    pub(super) api_id: String,
    /// The stage, likewise.
    pub(super) stage: String,
    /// What to do.
    pub(super) verb: Verb,
}

/// What can be done with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) enum Verb {
    /// Tell what is known of it.
    Get,
    /// Send it this message.
    Send(Vec<u8>),
    /// Close it.
    Close,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// What is known: opened at, last active at (ms since the epoch), address, user agent.
    Known(u64, u64, String, String),
    /// There is no such connection.
    Gone,
    /// Too much waits for the client.
    Busy,
}

impl Question {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, codec::CodecError> {
        codec::seal(QUESTION, self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, codec::CodecError> {
        codec::open(QUESTION, bytes)
    }
}

impl Answer {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, codec::CodecError> {
        codec::seal(ANSWER, self)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, codec::CodecError> {
        codec::open(ANSWER, bytes)
    }

    /// The answer to [`Verb::Get`].
    pub(super) fn connection(self) -> Result<Connection, Error> {
        match self {
            Self::Known(connected_at_ms, last_active_at_ms, source_ip, user_agent) => {
                Ok(Connection {
                    connected_at_ms,
                    last_active_at_ms,
                    source_ip,
                    user_agent,
                })
            }
            Self::Busy => Err(Error::Busy),
            Self::Done | Self::Gone => Err(Error::Gone),
        }
    }

    /// The answer to what only does something.
    pub(super) fn done(self) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::Busy => Err(Error::Busy),
            Self::Known(..) | Self::Gone => Err(Error::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_over_the_wire_comes_back_as_it_was() {
        for verb in [Verb::Get, Verb::Send(vec![0, 255]), Verb::Close] {
            let question = Question {
                connection_id: "c".into(),
                api_id: "chat".into(),
                stage: "*".into(),
                verb,
            };
            let bytes = question.to_bytes().unwrap();
            assert_eq!(Question::from_bytes(&bytes).unwrap(), question);
            assert!(Answer::from_bytes(&bytes).is_err());
        }
        let known = Answer::Known(1, 2, "10.0.0.1".into(), String::new());
        for answer in [Answer::Done, Answer::Gone, Answer::Busy, known] {
            let bytes = answer.to_bytes().unwrap();
            assert_eq!(Answer::from_bytes(&bytes).unwrap(), answer);
        }
    }
}
