//! The one call that a machine without a certificate can make: to become a node.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::select;
use tokio::time::{Instant, timeout};
use tollgate_protocol::Clock;

use crate::calls::Calls;
use crate::contact::Contacts;
use crate::dial::{DialError, Greeted, greet, unreachable};
use crate::error::{CallError, Refusal, Unreachable};
use crate::hello::Hello;
use crate::limits::{DIAL_WITHIN, JOIN_BODY_BYTES_MAX, JOIN_WITHIN};
use crate::name::Member;
use crate::net::{Net, Simulated};
use crate::pin::Pin;
use crate::pump::pump;
use crate::tls::{Channel, WrongPin, secure_joining};

/// A call to join.
#[derive(Debug, Clone)]
pub struct JoinCall {
    /// The kind that the members' [`crate::Settings::join_kind`] names.
    pub kind: u8,
    /// What to send; at most [`JOIN_BODY_BYTES_MAX`].
    pub body: Bytes,
    /// How long to wait, at most [`JOIN_WITHIN`].
    pub within: Duration,
}

/// Why a call to join has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The server is not of the cluster that the token is for. Nothing was sent to it.
    #[error("the server belongs to another cluster than the join token")]
    WrongCluster,
    /// As for any call.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<DialError> for JoinError {
    fn from(error: DialError) -> Self {
        Self::Call(error.into())
    }
}

/// Asks whatever member listens at `address` (`host:port`) of the cluster whose authority has this
/// pin. The answer, and who gave it.
///
/// # Errors
/// [`JoinError`]; joining is safe to retry when the handler makes it so.
pub async fn join<N: Net>(
    net: &N,
    address: &str,
    pin: Pin,
    clock: Arc<dyn Clock>,
    call: JoinCall,
) -> Result<(Bytes, Member), JoinError> {
    let dialling = async { secure_joining(net.dial(address).await?, pin, clock).await };
    let (channel, peer) = in_time(address, dialling).await?;
    ask(channel, peer, call).await
}

/// As [`join`] in a simulated network: `peer` is believed to listen at `address`.
///
/// # Errors
/// As [`join`].
pub async fn simulate_join<N: Simulated>(
    net: &N,
    address: &str,
    peer: Member,
    call: JoinCall,
) -> Result<(Bytes, Member), JoinError> {
    let stream = in_time(address, net.dial(address)).await?;
    ask(Channel::Plain(stream), peer, call).await
}

async fn in_time<T>(
    address: &str,
    dialling: impl Future<Output = io::Result<T>>,
) -> Result<T, JoinError> {
    match timeout(DIAL_WITHIN, dialling).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if is_wrong_pin(&error) => Err(JoinError::WrongCluster),
        Ok(Err(error)) => Err(unreachable(&error).into()),
        Err(_) => {
            let text = format!(
                "{address} did not answer within {} s",
                DIAL_WITHIN.as_secs()
            );
            Err(CallError::Unreachable(Unreachable::Dial(text)).into())
        }
    }
}

fn is_wrong_pin(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|e| e.downcast_ref());
    matches!(
        error,
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)))
            if other.0.is::<WrongPin>()
    )
}

async fn ask<S>(
    channel: Channel<S>,
    peer: Member,
    call: JoinCall,
) -> Result<(Bytes, Member), JoinError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if call.body.len() > JOIN_BODY_BYTES_MAX {
        return Err(CallError::TooLarge(call.body.len()).into());
    }
    let deadline = Instant::now() + call.within.min(JOIN_WITHIN);
    let greeting = timeout(DIAL_WITHIN, greet(channel, Hello::joiner(), peer));
    let greeted = greeting
        .await
        .map_err(|_| CallError::Unreachable(Unreachable::NotInTime))?;
    let Greeted { frames, out, peer } = greeted?;
    let calls = Arc::new(Calls::new(peer.node, 1, Arc::new(Contacts::default())));
    let waiting = calls.begin(call.kind, call.body, deadline)?;
    let refused = async {
        match pump(frames, out, &*calls).await {
            crate::pump::End::Refused(refusal) => Some(refusal),
            _ => None,
        }
    };
    let answer = select! {
        biased;
        answer = waiting.until(deadline) => answer,
        refusal = refused => Err(lost(refusal)),
    };
    Ok((answer?, peer))
}

/// What a connection's end says of the call on it.
fn lost(refusal: Option<Refusal>) -> CallError {
    refusal.map_or(CallError::Lost, CallError::Refused)
}
