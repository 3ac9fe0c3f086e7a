//! How many calls of AWS's clients this node takes.
//!
//! AWS allows an account 10 management calls a second. This limit is no copy of that: it is far
//! above what tools do, and keeps a script that runs wild from taking the node's processors. It is
//! of each node alone, without a word to the others. The node's own operations have none, so that
//! an operator gets in whatever the others do.

use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_config::cells::TokenBucket;
use tollgate_model::Throttle;

/// Whom the limit is for, as v2 says it.
const LIMIT_TYPE: &str = "account";

/// The token buckets of the admin listener.
#[derive(Debug)]
pub struct Pace {
    limit: Throttle,
    management: TokenBucket,
    /// Apart, because who sends messages must not keep administrators out.
    connections: TokenBucket,
}

impl Pace {
    /// As many calls of the management services, and as many of `@connections`.
    #[must_use]
    pub fn new(limit: Throttle) -> Self {
        Self {
            limit,
            management: TokenBucket::new(limit),
            connections: TokenBucket::new(limit),
        }
    }

    /// Takes a call of a caller whose signature is right: strangers use nothing up.
    ///
    /// # Errors
    /// `TooManyRequestsException` with `Retry-After`; for `@connections` it is named
    /// `LimitExceededException`.
    pub(super) fn take(&self, service: Service, now_us: u64) -> Result<(), AwsError> {
        let bucket = match service {
            Service::Management => &self.connections,
            Service::ApiGateway | Service::ApiGatewayV2 => &self.management,
        };
        bucket.try_take(now_us).map_err(|refused| {
            let text = format!(
                "Too Many Requests: this node takes {} such calls a second, {} at once",
                self.limit.rate_limit.as_f64(),
                self.limit.burst_limit
            );
            let seconds = refused.retry_after_us.div_ceil(1_000_000).max(1);
            AwsError::new(ErrorKind::TooManyRequests, text)
                .with_limit_type(LIMIT_TYPE)
                .with_retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use tollgate_protocol::Rate;

    use super::*;

    #[test]
    fn a_burst_is_taken_then_so_many_a_second_and_connections_have_their_own() {
        let pace = Pace::new(Throttle {
            rate_limit: Rate::from_micros(2 * Rate::ONE.micros()),
            burst_limit: 3,
        });
        let take = |service, now_us| pace.take(service, now_us).map_err(|it| it.render(service));
        for service in [
            Service::ApiGatewayV2,
            Service::ApiGateway,
            Service::ApiGatewayV2,
        ] {
            assert_eq!(take(service, 0), Ok(()));
        }
        let refused = take(Service::ApiGatewayV2, 0).expect_err("the burst is over");
        assert_eq!(refused.status, 429);
        let name = ("x-amzn-ErrorType", "TooManyRequestsException".to_owned());
        assert!(refused.headers.contains(&name), "{refused:?}");
        assert!(
            refused.headers.contains(&("Retry-After", "1".to_owned())),
            "{refused:?}"
        );
        assert!(
            refused.body.contains(r#""limitType":"account""#),
            "{refused:?}"
        );
        assert!(take(Service::ApiGateway, 0).is_err());
        assert_eq!(take(Service::Management, 0), Ok(()));
        // Half a second is one token.
        assert_eq!(take(Service::ApiGateway, 500_000), Ok(()));
        assert!(take(Service::ApiGateway, 500_000).is_err());
        for _ in 0..2 {
            assert_eq!(take(Service::Management, 0), Ok(()));
        }
        let refused = take(Service::Management, 0).expect_err("the burst is over");
        assert_eq!(refused.headers[0].1, "LimitExceededException");
    }
}
