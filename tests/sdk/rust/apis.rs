//! HTTP APIs: quick create with a function, a proxy, a JWT authorizer, documents, pages.

use std::collections::{HashMap, HashSet};

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::primitives::Blob;
use aws_sdk_apigatewayv2::types::{
    AuthorizationType, AuthorizerType, Cors, IntegrationType, JwtConfiguration, ProtocolType,
};

use crate::support::{Failed, answers, call, check, given, kept};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:hello";
const APIS: usize = 7;
const PAGE: usize = 3;

/// An HTTP API by quick create, and its id.
pub async fn quick(v2: &Client, name: &str, target: &str) -> Result<String, Failed> {
    let api = v2.create_api().name(name).protocol_type(ProtocolType::Http);
    let made = api.target(target).send().await?;
    let id = made.api_id().ok_or("no id")?.to_owned();
    kept(&made, &v2.get_api().api_id(&id).send().await?)?;
    Ok(id)
}

pub async fn hello_from_lambda(v2: &Client) -> Result<(), Failed> {
    let api = quick(v2, "hello", FUNCTION).await?;
    let (status, text) = call(&api, "/?name=Ada")?;
    let greets = status == 200 && text.contains("Hello from Lambda, Ada!");
    check(greets, text)?;
    let stages = v2.get_stages().api_id(&api).send().await?;
    let [stage] = stages.items() else {
        return Err("one stage".into());
    };
    let is_quick = stage.stage_name() == Some("$default") && stage.auto_deploy() == Some(true);
    check(is_quick, format!("{stage:?}"))?;
    v2.delete_api().api_id(&api).send().await?;
    answers(&api, "/", 404)
}

pub async fn http_proxy(v2: &Client) -> Result<(), Failed> {
    let backend = given("BACKEND_URL");
    let api = quick(v2, "proxy", &format!("{backend}/")).await?;
    answers(&api, "/", 200)?;
    let integration = v2.create_integration().api_id(&api);
    let made = integration
        .integration_type(IntegrationType::HttpProxy)
        .integration_method("ANY")
        .integration_uri(format!("{backend}/{{proxy}}"))
        .payload_format_version("1.0")
        .send()
        .await?;
    let id = made.integration_id().ok_or("no id")?;
    let read = || v2.get_integration().api_id(&api).integration_id(id).send();
    kept(&made, &read().await?)?;
    let route = v2
        .create_route()
        .api_id(&api)
        .route_key("GET /pets/{proxy+}");
    let route = route.target(format!("integrations/{id}")).send().await?;
    let named = v2.get_route().api_id(&api);
    let found = named
        .route_id(route.route_id().ok_or("no id")?)
        .send()
        .await?;
    kept(&route, &found)?;
    answers(&api, "/pets/dogs", 200)?;

    let mapping = HashMap::from([("overwrite:statuscode".to_owned(), "202".to_owned())]);
    let change = v2.update_integration().api_id(&api).integration_id(id);
    let changed = change.response_parameters("200", mapping).send().await?;
    kept(&changed, &read().await?)?;
    answers(&api, "/pets/dogs", 202)?;

    let cors = Cors::builder()
        .allow_origins("https://one.example.com")
        .build();
    let changed = v2.update_api().api_id(&api).cors_configuration(cors);
    let changed = changed.send().await?;
    let read = v2.get_api().api_id(&api).send().await?;
    kept(&changed, &read)?;
    check(read.cors_configuration().is_some(), "no CORS")?;
    v2.delete_cors_configuration().api_id(&api).send().await?;
    let read = v2.get_api().api_id(&api).send().await?;
    check(read.cors_configuration().is_none(), "CORS is still there")?;
    v2.delete_api().api_id(&api).send().await?;
    Ok(())
}

pub async fn jwt_authorizer(v2: &Client) -> Result<(), Failed> {
    let api = quick(v2, "secured", &format!("{}/", given("BACKEND_URL"))).await?;
    answers(&api, "/", 200)?;
    let issuer = JwtConfiguration::builder().audience("pets");
    let issuer = issuer.issuer("https://issuer.example.com/pool").build();
    let made = v2.create_authorizer().api_id(&api).name("tokens");
    let made = made
        .authorizer_type(AuthorizerType::Jwt)
        .identity_source("$request.header.Authorization")
        .jwt_configuration(issuer)
        .send()
        .await?;
    let id = made.authorizer_id().ok_or("no id")?;
    let read = v2.get_authorizer().api_id(&api).authorizer_id(id).send();
    kept(&made, &read.await?)?;
    let routes = v2.get_routes().api_id(&api).send().await?;
    let route = routes.items().first().and_then(|it| it.route_id());
    let route = route.ok_or("no route")?;
    let close = v2.update_route().api_id(&api).route_id(route);
    let closed = close.authorization_type(AuthorizationType::Jwt);
    let closed = closed.authorizer_id(id).send().await?;
    let read = v2.get_route().api_id(&api).route_id(route).send().await?;
    kept(&closed, &read)?;
    // Without a token nobody gets in.
    check(
        call(&api, "/")?.0 != 200,
        "a route with an authorizer is open",
    )?;
    let used = v2.delete_authorizer().api_id(&api).authorizer_id(id).send();
    let error = used.await.err().ok_or("an authorizer in use was deleted")?;
    // The model knows no conflict of this operation.
    let code = error.into_service_error().meta().code().map(str::to_owned);
    check(
        code.as_deref() == Some("ConflictException"),
        format!("{code:?}"),
    )?;
    let open = v2.update_route().api_id(&api).route_id(route);
    open.authorization_type(AuthorizationType::None)
        .send()
        .await?;
    v2.delete_authorizer()
        .api_id(&api)
        .authorizer_id(id)
        .send()
        .await?;
    answers(&api, "/", 200)?;
    v2.delete_api().api_id(&api).send().await?;
    Ok(())
}

fn document() -> String {
    r#"{"openapi": "3.0.1", "info": {"title": "imported", "version": "1"}, "paths": {"/pets": {"get": {
        "responses": {"default": {"description": "any"}},
        "x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET",
        "uri": "BACKEND/pets", "payloadFormatVersion": "1.0"}}}}}"#
        .replace("BACKEND", &given("BACKEND_URL"))
}

pub async fn documents(v2: &Client) -> Result<(), Failed> {
    let made = v2.import_api().body(document()).send().await?;
    let api = made.api_id().ok_or("no id")?;
    kept(&made, &v2.get_api().api_id(api).send().await?)?;
    let stage = v2.create_stage().api_id(api).stage_name("$default");
    stage.auto_deploy(true).send().await?;
    answers(api, "/pets", 200)?;
    let first = exported(v2, api).await?;
    v2.reimport_api().api_id(api).body(&first).send().await?;
    let again = exported(v2, api).await?;
    check(first == again, "import and export change nothing")?;
    v2.delete_api().api_id(api).send().await?;
    Ok(())
}

async fn exported(v2: &Client, api: &str) -> Result<String, Failed> {
    let out = v2.export_api().api_id(api).specification("OAS30");
    let out = out.output_type("JSON").send().await?;
    let text = out.body.map(Blob::into_inner).unwrap_or_default();
    Ok(String::from_utf8(text)?)
}

pub async fn paging(v2: &Client) -> Result<(), Failed> {
    let before = v2.get_apis().send().await?.items().len();
    let mut made = HashSet::new();
    for number in 0..APIS {
        let api = v2.create_api().name(format!("page-{number}"));
        let api = api.protocol_type(ProtocolType::Http).send().await?;
        made.insert(api.api_id().ok_or("no id")?.to_owned());
    }
    let (mut found, mut token, mut count) = (Vec::new(), None, 0);
    loop {
        let page = v2.get_apis().max_results(PAGE.to_string());
        let page = page.set_next_token(token).send().await?;
        check(page.items().len() <= PAGE, "a page is too long")?;
        let ids = page.items().iter().filter_map(|it| it.api_id());
        found.extend(ids.map(str::to_owned));
        count += 1;
        token = page.next_token().map(str::to_owned);
        if token.is_none() || count > before + APIS {
            break;
        }
    }
    let different: HashSet<&String> = found.iter().collect();
    let each_once = different.len() == found.len() && found.len() == before + APIS;
    check(
        each_once && count == found.len().div_ceil(PAGE),
        format!("{count}: {found:?}"),
    )?;
    for api in &made {
        check(different.contains(api), format!("{api} is not listed"))?;
        v2.delete_api().api_id(api).send().await?;
    }
    Ok(())
}
