//! Which IAM action on which resource a caller needs for an operation.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon API
//! Gateway Management" and "... Management V2": most operations need the action of their method on
//! the ARN of their path; portals and routing rules, which came later, have actions by name and an
//! account in their ARNs. For open connections: API Gateway Developer Guide, "Control access to
//! WebSocket APIs with IAM authorization".
//!
//! What depends on the body is the handler's to ask for beside this: `UpdateRestApiPolicy` for a
//! resource policy, `AddCertificateToDomain` and `RemoveCertificateFromDomain` for a trust store,
//! and the tagging of what is created.

use super::{Op, Operation, V1Op, V2Op};
use crate::arn::ExecuteApiArn;
use crate::encode_label;

/// The action that every call of an API needs whose route is authorised by IAM. Its resource is an
/// [`ExecuteApiArn`].
pub const INVOKE: &str = "execute-api:Invoke";

/// Where an operation takes place, as far as ARNs say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The region.
    pub region: &'a str,
    /// The account.
    pub account: &'a str,
    /// API and stage that an operation on a connection was addressed to.
    pub stage: Option<(&'a str, &'a str)>,
}

/// What a caller needs for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// `apigateway:GET`, `apigateway:CreatePortal`, `execute-api:ManageConnections`.
    pub action: String,
    /// The ARN.
    pub resource: String,
}

/// What a caller needs for an operation with these label values, decoded and in order.
///
/// Labels stand in the ARN as they are, save for the ARN that tags are about, which AWS has there
/// URL-encoded. Of names that exist only those at the end of a template have slashes (base paths,
/// route keys), so no value can pass for another resource. An operation on a whole collection of a kind
/// with actions by name is on `.../*`, as AWS's examples allow it.
///
/// `None` when the number of labels is another, or for a connection without its stage.
#[must_use]
pub fn authorization(
    operation: &Operation,
    labels: &[&str],
    place: &Place<'_>,
) -> Option<Authorization> {
    if labels.len() != operation.labels.len() {
        return None;
    }
    let Place {
        region, account, ..
    } = place;
    if matches!(operation.op, Op::Management(_)) {
        let (api, stage) = place.stage?;
        let path = format!("@connections/{}", labels.first()?);
        let arn = ExecuteApiArn::method(region, account, api, stage, operation.method, &path);
        return Some(Authorization {
            action: "execute-api:ManageConnections".to_owned(),
            resource: arn.to_string(),
        });
    }
    let name = action_name(operation).unwrap_or(operation.method);
    Some(Authorization {
        action: format!("apigateway:{name}"),
        resource: resource(operation, labels, place)?,
    })
}

/// The ARN of what an operation of the two management services is about.
fn resource(operation: &Operation, labels: &[&str], place: &Place<'_>) -> Option<String> {
    let Place {
        region, account, ..
    } = place;
    let path = resource_path(operation, labels);
    let uri = operation.uri;
    // What one does to a portal, and who shares a product, has no ARN but theirs.
    let part = ["/publish", "/preview", "/sharingpolicy"]
        .into_iter()
        .find(|part| uri.ends_with(part));
    Some(match operation.op {
        // The association is addressed by its ARN.
        Op::V1(V1Op::DeleteDomainNameAccessAssociation) => (*labels.first()?).to_owned(),
        _ if uri.contains("domainnameaccessassociations") => {
            format!("arn:aws:apigateway:{region}:{account}:/domainnameaccessassociations")
        }
        _ if !has_names(operation) => format!("arn:aws:apigateway:{region}::{path}"),
        _ if uri.ends_with('s') => format!("arn:aws:apigateway:{region}:{account}:{path}/*"),
        _ => {
            let path = path.strip_suffix(part.unwrap_or_default()).unwrap_or(&path);
            format!("arn:aws:apigateway:{region}:{account}:{path}")
        }
    })
}

/// The path of the template with its labels, without v2's prefix.
fn resource_path(operation: &Operation, labels: &[&str]) -> String {
    let is_tags = matches!(
        operation.op,
        Op::V1(V1Op::GetTags | V1Op::TagResource | V1Op::UntagResource)
            | Op::V2(V2Op::GetTags | V2Op::TagResource | V2Op::UntagResource)
    );
    let mut labels = labels.iter();
    let uri = operation.uri.strip_prefix("/v2").unwrap_or(operation.uri);
    let mut path = String::with_capacity(uri.len());
    for segment in uri.split('/').skip(1) {
        path.push('/');
        match labels.as_slice().first() {
            Some(label) if segment.starts_with('{') => {
                labels.next();
                if is_tags {
                    path.push_str(&encode_label(label));
                } else {
                    path.push_str(label);
                }
            }
            _ => path.push_str(segment),
        }
    }
    path
}

/// The name of the action, where it is not the method's.
fn action_name(operation: &Operation) -> Option<&'static str> {
    match operation.op {
        Op::V1(V1Op::CreateDomainNameAccessAssociation) => Some("CreateAccessAssociation"),
        Op::V1(V1Op::RejectDomainNameAccessAssociation) => Some("RejectAccessAssociation"),
        Op::V2(V2Op::PutRoutingRule) => Some("UpdateRoutingRule"),
        _ => has_names(operation).then_some(operation.name),
    }
}

/// Whether an operation belongs to portals or routing rules.
fn has_names(operation: &Operation) -> bool {
    operation.uri.starts_with("/v2/portal") || operation.uri.contains("/routingrules")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Service;
    use crate::operations::{OPERATIONS, find_operation};

    const PLACE: Place<'static> = Place {
        region: "us-east-1",
        account: "123456789012",
        stage: Some(("a1", "prod")),
    };

    fn needs(service: Service, name: &str, labels: &[&str]) -> (String, String) {
        let operation = find_operation(service, name).unwrap_or_else(|| panic!("{name}"));
        let needed = authorization(operation, labels, &PLACE);
        let needed = needed.unwrap_or_else(|| panic!("{name} {labels:?}"));
        (needed.action, needed.resource)
    }

    /// A value for each label: its name, or an ARN where one is meant.
    fn labels_of(operation: &Operation) -> Vec<&'static str> {
        let value = |label: &&'static str| match *label {
            "domain_name_access_association_arn" => "arn:aws:apigateway:r:1:/x",
            label => label,
        };
        operation.labels.iter().map(value).collect()
    }

    #[test]
    fn every_operation_needs_something_of_its_own() {
        let mut seen = BTreeSet::new();
        for operation in &OPERATIONS {
            let labels = labels_of(operation);
            let needed = authorization(operation, &labels, &PLACE).unwrap();
            let arn = crate::arn::Arn::parse(&needed.resource).unwrap();
            let (service, _) = needed.action.split_once(':').unwrap();
            assert_eq!(arn.service, service, "{needed:?}");
            assert_eq!(service, operation.service.signing_name(), "{needed:?}");
            assert!(!needed.resource.contains("/v2/"), "{needed:?}");
            assert_eq!(
                authorization(operation, &[&*labels, &["x"]].concat(), &PLACE),
                None
            );
            seen.insert((needed.action, needed.resource, operation.query));
        }
        // Few share what they need: v1 and v2 of domain names, VPC links and tags; what one does to
        // a portal has an action of its own.
        assert!(seen.len() > 200, "{}", seen.len());
    }

    /// The actions by name, from the two tables of operations in the source.
    #[test]
    fn actions_by_name() {
        let mut named: Vec<(&str, String)> = Vec::new();
        for operation in &OPERATIONS {
            let needed = authorization(operation, &labels_of(operation), &PLACE).unwrap();
            let (_, action) = needed.action.split_once(':').unwrap();
            if action != operation.method && operation.service != Service::Management {
                named.push((operation.name, action.to_owned()));
            }
        }
        named.sort();
        let mut expected: Vec<(&str, String)> = [
            "CreatePortal CreatePortalProduct CreateProductPage CreateProductRestEndpointPage",
            "CreateRoutingRule DeletePortal DeletePortalProduct DeletePortalProductSharingPolicy",
            "DeleteProductPage DeleteProductRestEndpointPage DeleteRoutingRule DisablePortal",
            "GetPortal GetPortalProduct GetPortalProductSharingPolicy GetProductPage",
            "GetProductRestEndpointPage GetRoutingRule ListPortalProducts ListPortals",
            "ListProductPages ListProductRestEndpointPages ListRoutingRules PreviewPortal",
            "PublishPortal PutPortalProductSharingPolicy UpdatePortal UpdatePortalProduct",
            "UpdateProductPage UpdateProductRestEndpointPage",
        ]
        .iter()
        .flat_map(|line| line.split(' '))
        .map(|name| (name, name.to_owned()))
        .collect();
        expected.extend([
            ("PutRoutingRule", "UpdateRoutingRule".to_owned()),
            (
                "CreateDomainNameAccessAssociation",
                "CreateAccessAssociation".to_owned(),
            ),
            (
                "RejectDomainNameAccessAssociation",
                "RejectAccessAssociation".to_owned(),
            ),
        ]);
        expected.sort();
        assert_eq!(named, expected);
    }

    #[test]
    fn methods_on_paths() {
        use Service::{ApiGateway as V1, ApiGatewayV2 as V2};
        for (service, name, labels, action, path) in [
            (V2, "GetApis", &[][..], "GET", "/apis"),
            (V2, "CreateApi", &[], "POST", "/apis"),
            (V2, "ImportApi", &[], "PUT", "/apis"),
            (V2, "UpdateApi", &["a1"], "PATCH", "/apis/a1"),
            (
                V2,
                "DeleteStage",
                &["a1", "$default"],
                "DELETE",
                "/apis/a1/stages/$default",
            ),
            (
                V2,
                "DeleteRouteSettings",
                &["a1", "prod", "GET /pets/{id}"],
                "DELETE",
                "/apis/a1/stages/prod/routesettings/GET /pets/{id}",
            ),
            (
                V2,
                "ResetAuthorizersCache",
                &["a1", "prod"],
                "DELETE",
                "/apis/a1/stages/prod/cache/authorizers",
            ),
            (
                V2,
                "CreateApiMapping",
                &["api.example.com"],
                "POST",
                "/domainnames/api.example.com/apimappings",
            ),
            (V1, "GetApiKeys", &[], "GET", "/apikeys"),
            (V1, "ImportApiKeys", &[], "POST", "/apikeys"),
            (
                V1,
                "UpdateUsage",
                &["p1", "k1"],
                "PATCH",
                "/usageplans/p1/keys/k1/usage",
            ),
            (
                V1,
                "PutMethod",
                &["a1", "r1", "GET"],
                "PUT",
                "/restapis/a1/resources/r1/methods/GET",
            ),
        ] {
            let arn = format!("arn:aws:apigateway:us-east-1::{path}");
            let expected = (format!("apigateway:{action}"), arn);
            assert_eq!(needs(service, name, labels), expected, "{name}");
        }
        let tagged = "arn:aws:apigateway:us-east-1::/apis/a1";
        let path = "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1";
        let arn = format!("arn:aws:apigateway:us-east-1::{path}");
        for (service, name, action) in [
            (V2, "TagResource", "POST"),
            (V1, "TagResource", "PUT"),
            (V2, "UntagResource", "DELETE"),
        ] {
            let expected = (format!("apigateway:{action}"), arn.clone());
            assert_eq!(needs(service, name, &[tagged]), expected);
        }
    }

    #[test]
    fn names_with_an_account_and_connections() {
        let v2 = |name, labels: &[&str]| needs(Service::ApiGatewayV2, name, labels).1;
        let at = "arn:aws:apigateway:us-east-1:123456789012:";
        let rules = "/domainnames/example.com/routingrules";
        assert_eq!(
            v2("CreateRoutingRule", &["example.com"]),
            format!("{at}{rules}/*")
        );
        assert_eq!(
            v2("ListRoutingRules", &["example.com"]),
            format!("{at}{rules}/*")
        );
        let one = v2("PutRoutingRule", &["example.com", "r1"]);
        assert_eq!(one, format!("{at}{rules}/r1"));
        assert_eq!(v2("ListPortals", &[]), format!("{at}/portals/*"));
        assert_eq!(v2("DeletePortal", &["p1"]), format!("{at}/portals/p1"));
        assert_eq!(v2("PublishPortal", &["p1"]), format!("{at}/portals/p1"));
        let product = v2("PutPortalProductSharingPolicy", &["p1"]);
        assert_eq!(product, format!("{at}/portalproducts/p1"));
        let association = format!("{at}/domainnameaccessassociations/domainname/a/vpcesource/b");
        let v1 = |name, labels: &[&str]| needs(Service::ApiGateway, name, labels).1;
        let one = v1("DeleteDomainNameAccessAssociation", &[&association]);
        assert_eq!(one, association);
        let all = v1("CreateDomainNameAccessAssociation", &[]);
        assert_eq!(all, format!("{at}/domainnameaccessassociations"));
        let post = needs(Service::Management, "PostToConnection", &["abc="]);
        let arn = "arn:aws:execute-api:us-east-1:123456789012:a1/prod/POST/@connections/abc=";
        assert_eq!(
            post,
            ("execute-api:ManageConnections".to_owned(), arn.to_owned())
        );
        let nowhere = Place {
            stage: None,
            ..PLACE
        };
        let operation = find_operation(Service::Management, "DeleteConnection").unwrap();
        assert_eq!(authorization(operation, &["abc="], &nowhere), None);
    }
}
