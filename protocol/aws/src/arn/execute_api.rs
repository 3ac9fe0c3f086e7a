//! `execute-api` ARNs: what policies and authorizers name.
//!
//! ```text
//! arn:aws:execute-api:{region}:{account}:{api}/{stage}/{VERB}/{path}      REST, HTTP
//! arn:aws:execute-api:{region}:{account}:{api}/{stage}/{routeKey}         WebSocket
//! arn:aws:execute-api:{region}:{account}:{api}/{stage}/POST/@connections  @connections
//! arn:aws:execute-api:{region}:{account}:{api}/authorizers/{id}           an authorizer
//! ```

use core::fmt;

use super::{Arn, ArnError};

/// An `execute-api` ARN. Every part may be `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecuteApiArn {
    /// `aws`
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The API.
    pub api: String,
    /// All behind the API: `{stage}/{VERB}/{path}` or `{stage}/{routeKey}`, without a leading
    /// slash.
    pub rest: String,
}

impl ExecuteApiArn {
    /// The ARN of a request to a REST or HTTP API. `path` is the concrete request path.
    #[must_use]
    pub fn method(
        region: &str,
        account: &str,
        api: &str,
        stage: &str,
        method: &str,
        path: &str,
    ) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        Self::new(region, account, api, format!("{stage}/{method}/{path}"))
    }

    /// The ARN of a route of a WebSocket API.
    #[must_use]
    pub fn route(region: &str, account: &str, api: &str, stage: &str, route_key: &str) -> Self {
        Self::new(region, account, api, format!("{stage}/{route_key}"))
    }

    /// The ARN of an authorizer, which permissions of its function name.
    #[must_use]
    pub fn authorizer(region: &str, account: &str, api: &str, authorizer: &str) -> Self {
        Self::new(region, account, api, format!("authorizers/{authorizer}"))
    }

    fn new(region: &str, account: &str, api: &str, rest: String) -> Self {
        Self {
            partition: "aws".to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            api: api.to_owned(),
            rest,
        }
    }

    /// Takes an ARN apart.
    ///
    /// # Errors
    /// When it is no ARN, of another service, or names no API.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let arn = Arn::parse(text)?;
        if arn.service != "execute-api" {
            return Err(ArnError::Service);
        }
        let (api, rest) = arn.resource.split_once('/').ok_or(ArnError::Resource)?;
        if api.is_empty() {
            return Err(ArnError::Resource);
        }
        let mut parsed = Self::new(arn.region, arn.account, api, rest.to_owned());
        arn.partition.clone_into(&mut parsed.partition);
        Ok(parsed)
    }

    /// The stage: what stands before the first slash.
    #[must_use]
    pub fn stage(&self) -> &str {
        self.rest.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for ExecuteApiArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
            api,
            rest,
        } = self;
        write!(
            f,
            "arn:{partition}:execute-api:{region}:{account}:{api}/{rest}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        let prefix = "arn:aws:execute-api:r:1:abc/";
        for (arn, rest) in [
            (
                ExecuteApiArn::method("r", "1", "abc", "prod", "GET", "/pets/7"),
                "prod/GET/pets/7",
            ),
            (
                ExecuteApiArn::method("r", "1", "abc", "prod", "GET", "/"),
                "prod/GET/",
            ),
            (
                ExecuteApiArn::route("r", "1", "abc", "prod", "$connect"),
                "prod/$connect",
            ),
            (
                ExecuteApiArn::authorizer("r", "1", "abc", "x1"),
                "authorizers/x1",
            ),
        ] {
            let text = arn.to_string();
            assert_eq!(text, format!("{prefix}{rest}"));
            assert_eq!(ExecuteApiArn::parse(&text), Ok(arn));
        }
        assert_eq!(
            ExecuteApiArn::parse("arn:aws:execute-api:r:1:*/*")
                .unwrap()
                .stage(),
            "*"
        );
        for bad in ["arn:aws:execute-api:r:1:abc", "arn:aws:execute-api:r:1:/x"] {
            assert_eq!(ExecuteApiArn::parse(bad), Err(ArnError::Resource));
        }
    }
}
