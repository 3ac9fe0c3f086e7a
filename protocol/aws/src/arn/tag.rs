//! `apigateway` ARNs: what the tag operations name, and what v1 and v2 resources are called.
//!
//! `arn:aws:apigateway:{region}::/restapis/{id}`: the account is empty, save for portals. v1 names
//! begin with `/restapis`, v2 names with `/apis`; domain names, VPC links, keys and plans have one
//! name each.

use super::{Arn, ArnError};

/// A thing that can bear tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TagResource {
    /// `/restapis/{id}`
    RestApi(String),
    /// `/restapis/{id}/stages/{name}`
    RestStage {
        /// The API.
        api: String,
        /// The stage.
        stage: String,
    },
    /// `/apis/{id}`
    Api(String),
    /// `/apis/{id}/stages/{name}`
    ApiStage {
        /// The API.
        api: String,
        /// The stage.
        stage: String,
    },
    /// `/apikeys/{id}`
    ApiKey(String),
    /// `/usageplans/{id}`
    UsagePlan(String),
    /// `/clientcertificates/{id}`
    ClientCertificate(String),
    /// `/domainnames/{name}`
    DomainName(String),
    /// `/vpclinks/{id}`, of v1 or v2
    VpcLink(String),
    /// `/portals/{id}`
    Portal(String),
    /// `/portalproducts/{id}`
    PortalProduct(String),
}

impl TagResource {
    /// Reads the ARN of a thing that can bear tags.
    ///
    /// # Errors
    /// When it is no ARN, of another service, or names something else.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let arn = Arn::parse(text)?;
        if arn.service != "apigateway" {
            return Err(ArnError::Service);
        }
        let path = arn.resource.strip_prefix('/').ok_or(ArnError::Resource)?;
        let mut parts = path.split('/');
        let (kind, id) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let below = (parts.next(), parts.next(), parts.next());
        if id.is_empty() || below.1.is_some_and(str::is_empty) {
            return Err(ArnError::Resource);
        }
        let id = id.to_owned();
        match (kind, below) {
            ("restapis", (None, ..)) => Ok(Self::RestApi(id)),
            ("restapis", (Some("stages"), Some(stage), None)) => Ok(Self::RestStage {
                api: id,
                stage: stage.to_owned(),
            }),
            ("apis", (None, ..)) => Ok(Self::Api(id)),
            ("apis", (Some("stages"), Some(stage), None)) => Ok(Self::ApiStage {
                api: id,
                stage: stage.to_owned(),
            }),
            ("apikeys", (None, ..)) => Ok(Self::ApiKey(id)),
            ("usageplans", (None, ..)) => Ok(Self::UsagePlan(id)),
            ("clientcertificates", (None, ..)) => Ok(Self::ClientCertificate(id)),
            ("domainnames", (None, ..)) => Ok(Self::DomainName(id)),
            ("vpclinks", (None, ..)) => Ok(Self::VpcLink(id)),
            ("portals", (None, ..)) => Ok(Self::Portal(id)),
            ("portalproducts", (None, ..)) => Ok(Self::PortalProduct(id)),
            _ => Err(ArnError::Resource),
        }
    }

    /// The resource part, with its leading slash.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::RestApi(id) => format!("/restapis/{id}"),
            Self::RestStage { api, stage } => format!("/restapis/{api}/stages/{stage}"),
            Self::Api(id) => format!("/apis/{id}"),
            Self::ApiStage { api, stage } => format!("/apis/{api}/stages/{stage}"),
            Self::ApiKey(id) => format!("/apikeys/{id}"),
            Self::UsagePlan(id) => format!("/usageplans/{id}"),
            Self::ClientCertificate(id) => format!("/clientcertificates/{id}"),
            Self::DomainName(name) => format!("/domainnames/{name}"),
            Self::VpcLink(id) => format!("/vpclinks/{id}"),
            Self::Portal(id) => format!("/portals/{id}"),
            Self::PortalProduct(id) => format!("/portalproducts/{id}"),
        }
    }
}

/// The ARN of a thing in a region. `account` appears in the names of portals only.
#[must_use]
pub fn tag_arn(region: &str, account: &str, resource: &TagResource) -> String {
    let account = match resource {
        TagResource::Portal(_) | TagResource::PortalProduct(_) => account,
        _ => "",
    };
    format!("arn:aws:apigateway:{region}:{account}:{}", resource.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_round_trips() {
        for path in [
            "/restapis/a",
            "/restapis/a/stages/$default",
            "/apis/a",
            "/apis/a/stages/s",
            "/apikeys/a",
            "/usageplans/a",
            "/clientcertificates/a",
            "/domainnames/a.example",
            "/vpclinks/a",
            "/portals/a",
            "/portalproducts/a",
        ] {
            let resource = TagResource::parse(&format!("arn:aws:apigateway:r::{path}")).unwrap();
            assert_eq!(resource.path(), path);
            let account = if path.starts_with("/portal") {
                "123"
            } else {
                ""
            };
            let arn = format!("arn:aws:apigateway:r:{account}:{path}");
            assert_eq!(tag_arn("r", "123", &resource), arn);
            assert_eq!(TagResource::parse(&arn), Ok(resource));
        }
    }

    #[test]
    fn refuses_other_names() {
        for path in [
            "/restapis",
            "/restapis/",
            "/restapis/a/stages",
            "/restapis/a/stages/",
            "/restapis/a/models/m",
            "/restapis/a/stages/s/x",
            "/apikeys/a/b",
            "/nope/a",
            "restapis/a",
        ] {
            let arn = format!("arn:aws:apigateway:r::{path}");
            assert_eq!(TagResource::parse(&arn), Err(ArnError::Resource), "{arn}");
        }
        assert_eq!(
            TagResource::parse("arn:aws:s3:::/restapis/a"),
            Err(ArnError::Service)
        );
    }
}
