//! A WebSocket chat: routes, integrations, their responses and models, a deployment and a stage.

use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{IntegrationType, LoggingLevel, ProtocolType, RouteSettings};

use crate::support::{Failed, check, connections, given, kept, keys};

// Nobody has this connection: a client that closed it long ago.
const CONNECTION: &str = "L0SM9cOFvHcCIhw=";
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

pub async fn chat(v2: &Client) -> Result<(), Failed> {
    let made = v2
        .create_api()
        .name("chat")
        .protocol_type(ProtocolType::Websocket);
    let made = made
        .route_selection_expression("$request.body.action")
        .send()
        .await?;
    let api = made.api_id().ok_or("no id")?;
    kept(&made, &v2.get_api().api_id(api).send().await?)?;
    let model = model(v2, api).await?;
    let target = integration(v2, api).await?;
    routes(v2, api, &target).await?;
    let used = v2.delete_model().api_id(api).model_id(&model).send().await;
    let error = used
        .err()
        .ok_or("a model in use was deleted")?
        .into_service_error();
    check(error.meta().code() == Some("ConflictException"), &error)?;
    stage(v2, api).await?;
    gone(api).await?;
    v2.delete_api().api_id(api).send().await?;
    Ok(())
}

async fn model(v2: &Client, api: &str) -> Result<String, Failed> {
    let made = v2.create_model().api_id(api).name("Message");
    let made = made.schema(r#"{"type": "object"}"#).send().await?;
    let id = made.model_id().ok_or("no id")?;
    kept(
        &made,
        &v2.get_model().api_id(api).model_id(id).send().await?,
    )?;
    Ok(id.to_owned())
}

async fn integration(v2: &Client, api: &str) -> Result<String, Failed> {
    let made = v2.create_integration().api_id(api);
    let made = made
        .integration_type(IntegrationType::Mock)
        .request_templates("200", r#"{"statusCode": 200}"#)
        .template_selection_expression("200")
        .send()
        .await?;
    let id = made.integration_id().ok_or("no id")?;
    let read = v2.get_integration().api_id(api).integration_id(id).send();
    kept(&made, &read.await?)?;
    let response = v2.create_integration_response().api_id(api);
    let response = response
        .integration_id(id)
        .integration_response_key("$default");
    let made = response.clone().send().await?;
    let read = v2.get_integration_response().api_id(api).integration_id(id);
    let read = read.integration_response_id(made.integration_response_id().ok_or("no id")?);
    kept(&made, &read.send().await?)?;
    let twice = response
        .send()
        .await
        .err()
        .ok_or("twice")?
        .into_service_error();
    check(twice.is_conflict_exception(), &twice)?;
    Ok(format!("integrations/{id}"))
}

async fn routes(v2: &Client, api: &str, target: &str) -> Result<(), Failed> {
    for key in ["$connect", "$disconnect", "$default"] {
        let route = v2.create_route().api_id(api).route_key(key);
        let made = route.target(target).send().await?;
        let read = v2.get_route().api_id(api);
        let read = read
            .route_id(made.route_id().ok_or("no id")?)
            .send()
            .await?;
        kept(&made, &read)?;
    }
    let made = v2.create_route().api_id(api).route_key("sendmessage");
    let made = made
        .target(target)
        .route_response_selection_expression("$default")
        .model_selection_expression("${request.body.kind}")
        .request_models("text", "Message")
        .send()
        .await?;
    let route = made.route_id().ok_or("no id")?;
    kept(
        &made,
        &v2.get_route().api_id(api).route_id(route).send().await?,
    )?;
    let made = v2.create_route_response().api_id(api).route_id(route);
    let made = made.route_response_key("$default").send().await?;
    let read = v2.get_route_response().api_id(api).route_id(route);
    let read = read.route_response_id(made.route_response_id().ok_or("no id")?);
    kept(&made, &read.send().await?)?;
    let all = v2.get_routes().api_id(api).send().await?;
    check(all.items().len() == 4, format!("{all:?}"))
}

async fn stage(v2: &Client, api: &str) -> Result<(), Failed> {
    let made = v2.create_deployment().api_id(api).send().await?;
    let deployment = made.deployment_id().ok_or("no id")?;
    let read = v2.get_deployment().api_id(api).deployment_id(deployment);
    kept(&made, &read.send().await?)?;
    let made = v2.create_stage().api_id(api).stage_name("production");
    let made = made
        .deployment_id(deployment)
        .stage_variables("kind", "a")
        .send()
        .await?;
    let read = || v2.get_stage().api_id(api).stage_name("production").send();
    kept(&made, &read().await?)?;
    let logged = RouteSettings::builder()
        .logging_level(LoggingLevel::Info)
        .build();
    let changed = v2.update_stage().api_id(api).stage_name("production");
    let changed = changed.default_route_settings(logged).send().await?;
    kept(&changed, &read().await?)
}

/// Nobody is connected, and that is what the stage's own address says.
async fn gone(api: &str) -> Result<(), Failed> {
    let address = format!("{}/_aws/execute-api/{api}/production", given("GATEWAY_URL"));
    let client = connections(&address, keys("ROOT"));
    let get = client
        .get_connection()
        .connection_id(CONNECTION)
        .send()
        .await;
    let error = get.err().ok_or("it was found")?.into_service_error();
    check(error.is_gone_exception(), &error)?;
    let delete = client.delete_connection().connection_id(CONNECTION).send();
    let error = delete
        .await
        .err()
        .ok_or("it was closed")?
        .into_service_error();
    check(error.is_gone_exception(), &error)?;
    let post = || client.post_to_connection().connection_id(CONNECTION);
    let error = post().data(Blob::new("hello")).send().await;
    let error = error.err().ok_or("it was sent")?.into_service_error();
    check(error.is_gone_exception(), &error)?;
    let large = Blob::new(vec![0; MESSAGE_BYTES_MAX + 1]);
    let error = post().data(large).send().await;
    let error = error.err().ok_or("it was sent")?.into_service_error();
    check(error.is_payload_too_large_exception(), &error)
}
