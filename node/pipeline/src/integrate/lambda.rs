//! Functions behind a Lambda `Invoke` API (reference 7.4).

use bytes::Bytes;
use tollgate_config::snapshot::FunctionTarget;
use tollgate_message::{Body, HeaderList, Method, Request, Version};
use tollgate_protocol::limits::FUNCTION_PAYLOAD_BYTES_MAX;

use crate::finished::Record;
use crate::ports::{
    FunctionReply, IntegrationError, IntegrationErrorKind as Kind, InvokeMeta, Ports,
};

/// Calls `Invoke`, signed when there is a key, and waits for the payload.
pub(crate) async fn invoke<P: Ports>(
    ports: &P,
    target: &FunctionTarget,
    payload: Bytes,
    meta: InvokeMeta<'_>,
    record: &mut Record,
) -> Result<FunctionReply, IntegrationError> {
    let FunctionTarget::Endpoint {
        group,
        authority,
        path,
        signing,
    } = target
    else {
        return Err(IntegrationError::new(
            Kind::Unknown,
            "the function is not behind an endpoint",
        ));
    };
    let mut headers = HeaderList::with_capacity(10, 512);
    headers.append("host", authority.as_bytes());
    headers.append("content-type", "application/json");
    headers.append("x-amz-invocation-type", "RequestResponse");
    headers.append("x-amzn-trace-id", meta.trace_id);
    let mut request = Request {
        method: Method::Post,
        path: path.to_string(),
        query: None,
        version: Version::Http11,
        headers,
        body: Body::Empty,
    };
    if let Some(key) = signing {
        ports.sign(key, &mut request, &payload);
    }
    request.body = Body::from(payload);
    let reply = ports.send_http(group, request, meta.timeout_ms).await?;
    record.integration.status = Some(reply.response.status);
    record.integration.server = reply.server;
    let failed = reply.response.headers.contains("x-amz-function-error");
    let status = reply.response.status;
    let output = reply
        .response
        .body
        .collect(FUNCTION_PAYLOAD_BYTES_MAX)
        .await;
    let output = output.map_err(|error| IntegrationError::new(Kind::Reset, error.to_string()))?;
    match status {
        200 if failed => Ok(FunctionReply::Error(output)),
        200 => Ok(FunctionReply::Buffered(output)),
        429 => Err(IntegrationError::new(
            Kind::Overloaded,
            "the endpoint throttles",
        )),
        // Not permitted, no such function: the gateway's configuration is to blame.
        400..=499 => Err(IntegrationError::new(
            Kind::Unknown,
            format!("Invoke gave {status}"),
        )),
        _ => Err(IntegrationError::new(
            Kind::Protocol,
            format!("Invoke gave {status}"),
        )),
    }
}
