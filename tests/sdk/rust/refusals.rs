//! Every error type of the two services that this gateway answers with, as the SDK types it.

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::error::ProvideErrorMetadata as _;
use aws_sdk_apigatewayv2::operation::RequestId as _;
use aws_sdk_apigatewayv2::operation::create_domain_name::CreateDomainNameError;
use aws_sdk_apigatewayv2::operation::get_apis::GetApisError;
use aws_sdk_apigatewayv2::types::ProtocolType;

use crate::support::{Failed, check, client, connections, given, keys};

// The bucket of that node gains a call a second: one of two calls in a row is refused.
const ATTEMPTS: usize = 20;

pub async fn all(v2: &Client) -> Result<(), Failed> {
    let wrong = v2
        .create_api()
        .name("x")
        .protocol_type(ProtocolType::from("OTHER"));
    let error = wrong
        .send()
        .await
        .err()
        .ok_or("taken")?
        .into_service_error();
    check(error.is_bad_request_exception(), &error)?;
    check(error.request_id().is_some(), "no request id")?;
    let missing = v2.get_api().api_id("nothere123").send().await;
    let error = missing.err().ok_or("found")?.into_service_error();
    check(error.is_not_found_exception(), &error)?;
    denied().await?;
    too_many().await
}

async fn denied() -> Result<(), Failed> {
    let admin = given("AWS_ENDPOINT_URL");
    let v2 = client(&admin, keys("NOBODY"));
    let domain = v2.create_domain_name().domain_name("other.example.com");
    let error = domain
        .send()
        .await
        .err()
        .ok_or("allowed")?
        .into_service_error();
    let CreateDomainNameError::AccessDeniedException(denied) = &error else {
        return Err(error.into());
    };
    let says = denied
        .message()
        .is_some_and(|it| it.contains("is not authorized"));
    check(says, denied)?;
    // Of other operations the model does not know it; the code is the same.
    let error = v2.get_apis().send().await.err().ok_or("allowed")?;
    check(
        error.code() == Some("AccessDeniedException"),
        format!("{error:?}"),
    )?;
    let stage = format!("{}/nothere123/prod", given("AWS_ENDPOINT_URL"));
    let post = connections(&stage, keys("NOBODY"));
    let post = post.get_connection().connection_id("abc=").send().await;
    let error = post.err().ok_or("allowed")?.into_service_error();
    check(error.is_forbidden_exception(), &error)
}

async fn too_many() -> Result<(), Failed> {
    let limited = given("LIMITED_URL");
    let v2 = client(&limited, keys("ROOT"));
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        refused = v2.get_apis().send().await.err();
        if refused.is_some() {
            break;
        }
    }
    let error = refused.ok_or("never too many")?;
    let after = error
        .raw_response()
        .and_then(|it| it.headers().get("retry-after"));
    check(after.is_some(), "no Retry-After")?;
    let error = error.into_service_error();
    let GetApisError::TooManyRequestsException(many) = &error else {
        return Err(error.into());
    };
    check(many.limit_type() == Some("account"), many)?;

    let stage = connections(&format!("{limited}/nothere123/prod"), keys("ROOT"));
    for _ in 0..ATTEMPTS {
        let get = stage.get_connection().connection_id("abc=").send().await;
        let error = get.err().ok_or("found")?.into_service_error();
        if error.is_limit_exceeded_exception() {
            return Ok(());
        }
        check(error.is_gone_exception(), &error)?;
    }
    Err("never too many connections' calls".into())
}
