//! A custom domain name with mappings, a canary that moves a path from stage to stage, tags, VPC links.

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::DomainNameConfiguration;

use crate::apis::quick;
use crate::support::{Failed, call_host, check, given, kept};

const DOMAIN: &str = "shop.example.com";
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:000000000000:certificate/fixed";

/// An API with two stages, whose answers say which of them it was.
async fn shop(v2: &Client) -> Result<String, Failed> {
    let api = quick(v2, "shop", &format!("{}/", given("BACKEND_URL"))).await?;
    let all = v2.get_integrations().api_id(&api).send().await?;
    let integration = all.items().first().and_then(|it| it.integration_id());
    let parameters = [("overwrite:header.x-kind", "$stageVariables.kind")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let change = v2.update_integration().api_id(&api);
    let change = change.integration_id(integration.ok_or("no integration")?);
    change
        .response_parameters("200", parameters.into())
        .send()
        .await?;
    let deployment = v2.create_deployment().api_id(&api).send().await?;
    let deployment = deployment.deployment_id().ok_or("no id")?;
    for kind in ["stable", "canary"] {
        let made = v2.create_stage().api_id(&api).stage_name(kind);
        let made = made.deployment_id(deployment).stage_variables("kind", kind);
        let made = made.send().await?;
        let read = v2.get_stage().api_id(&api).stage_name(kind).send().await?;
        kept(&made, &read)?;
    }
    Ok(api)
}

/// Requests to the domain come to this stage.
fn leads_to(kind: &str) -> Result<(), Failed> {
    let (_, text) = call_host(DOMAIN, "/")?;
    let found = text
        .to_ascii_lowercase()
        .contains(&format!("x-kind: {kind}\r\n"));
    check(found, format!("not {kind}: {text}"))
}

pub async fn custom_domain(v2: &Client) -> Result<(), Failed> {
    let api = shop(v2).await?;
    let certificate = DomainNameConfiguration::builder().certificate_arn(CERTIFICATE);
    let domain = v2.create_domain_name().domain_name(DOMAIN);
    let domain = domain.domain_name_configurations(certificate.build());
    let made = domain.clone().send().await?;
    kept(
        &made,
        &v2.get_domain_name().domain_name(DOMAIN).send().await?,
    )?;
    let twice = domain
        .send()
        .await
        .err()
        .ok_or("twice")?
        .into_service_error();
    check(twice.is_conflict_exception(), &twice)?;

    let made = v2.create_api_mapping().domain_name(DOMAIN).api_id(&api);
    let made = made.stage("stable").send().await?;
    let mapping = made.api_mapping_id().ok_or("no id")?;
    let read = || {
        v2.get_api_mapping()
            .domain_name(DOMAIN)
            .api_mapping_id(mapping)
            .send()
    };
    kept(&made, &read().await?)?;
    leads_to("stable")?;
    for kind in ["canary", "stable"] {
        let change = v2.update_api_mapping().domain_name(DOMAIN).api_id(&api);
        let changed = change.api_mapping_id(mapping).stage(kind).send().await?;
        kept(&changed, &read().await?)?;
        leads_to(kind)?;
    }
    tags(v2, &api).await?;
    v2.delete_domain_name().domain_name(DOMAIN).send().await?;
    check(
        call_host(DOMAIN, "/")?.0 == 404,
        "somebody answers to the name",
    )?;
    v2.delete_api().api_id(&api).send().await?;
    Ok(())
}

async fn tags(v2: &Client, api: &str) -> Result<(), Failed> {
    let arn = format!("arn:aws:apigateway:us-east-1::/apis/{api}");
    let tag = v2
        .tag_resource()
        .resource_arn(&arn)
        .tags("cost center", "42");
    tag.tags("owner", "ana").send().await?;
    let read = || v2.get_tags().resource_arn(&arn).send();
    let found = read().await?.tags.unwrap_or_default();
    let right = found.len() == 2 && found.get("cost center").is_some_and(|it| it == "42");
    check(right, format!("{found:?}"))?;
    let untag = v2.untag_resource().resource_arn(&arn).tag_keys("owner");
    untag.tag_keys("cost center").send().await?;
    let left = read().await?.tags.unwrap_or_default();
    check(left.is_empty(), format!("{left:?}"))
}

pub async fn vpc_link(v2: &Client) -> Result<(), Failed> {
    let made = v2.create_vpc_link().name("inner").subnet_ids("subnet-1");
    let made = made.send().await?;
    let id = made.vpc_link_id().ok_or("no id")?;
    let read = || v2.get_vpc_link().vpc_link_id(id).send();
    kept(&made, &read().await?)?;
    let changed = v2.update_vpc_link().vpc_link_id(id).name("renamed");
    kept(&changed.send().await?, &read().await?)?;
    v2.delete_vpc_link().vpc_link_id(id).send().await?;
    let error = read()
        .await
        .err()
        .ok_or("still there")?
        .into_service_error();
    check(error.is_not_found_exception(), &error)
}
