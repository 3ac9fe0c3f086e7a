//! Pages of lists: `position` and `limit` in v1, `nextToken` and `maxResults` in v2.
//!
//! A token names the last key of the page before, not an offset, so that a list that changes
//! between two pages neither repeats nor skips what stays in it. It is bound to its list by a
//! fingerprint, which catches mistakes; it is no secret and grants nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{AwsError, Service, query_pairs};

/// Items of a page when the caller does not say.
pub const PAGE_ITEMS_DEFAULT: u32 = 25;
/// The most items of a page; a larger wish is cut to this.
pub const PAGE_ITEMS_MAX: u32 = 500;
/// The longest token that is read, in bytes: a key of 1 KiB and its frame in base64.
pub const TOKEN_BYTES_MAX: usize = 1536;

const VERSION: u8 = 1;

/// Which page a caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The page begins behind this key.
    pub after: Option<String>,
    /// At most so many items, from 1 to [`PAGE_ITEMS_MAX`].
    pub items_max: u32,
}

impl PageRequest {
    /// Reads the page of a list from the query. `list` names the list, for instance
    /// `restapis/{id}/models`; a token of another list is refused.
    ///
    /// # Errors
    /// `BadRequestException` for a limit that is no positive number, or a foreign token.
    pub fn parse(service: Service, query: Option<&str>, list: &str) -> Result<Self, AwsError> {
        let (token_name, limit_name) = match service {
            Service::ApiGateway => ("position", "limit"),
            Service::ApiGatewayV2 | Service::Management => ("nextToken", "maxResults"),
        };
        let mut page = Self {
            after: None,
            items_max: PAGE_ITEMS_DEFAULT,
        };
        for (key, value) in query_pairs(query.unwrap_or_default()) {
            if value.is_empty() {
                continue;
            }
            if key == limit_name {
                let wish = value.parse::<u32>().ok().filter(|wish| *wish > 0);
                page.items_max = wish
                    .ok_or_else(|| AwsError::bad_request(format!("Invalid {limit_name} value")))?
                    .min(PAGE_ITEMS_MAX);
            } else if key == token_name {
                let after = read_token(list, &value);
                page.after =
                    Some(after.ok_or_else(|| {
                        AwsError::bad_request(format!("Invalid {token_name} value"))
                    })?);
            }
        }
        Ok(page)
    }
}

/// The token of the page behind `last`, the last key of this page. Keys longer than about 1 KiB
/// would give tokens that are refused; ids and names are shorter.
#[must_use]
pub fn page_token(list: &str, last: &str) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&fingerprint(list));
    bytes.extend_from_slice(last.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_token(list: &str, token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let key = bytes
        .strip_prefix(&[VERSION])?
        .strip_prefix(&fingerprint(list))?;
    String::from_utf8(key.to_vec()).ok()
}

/// FNV-1a, 32 bits: it catches mistakes, not attacks.
fn fingerprint(list: &str) -> [u8; 4] {
    let hash = list.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(service: Service, query: &str) -> Result<PageRequest, AwsError> {
        PageRequest::parse(service, Some(query), "restapis")
    }

    #[test]
    fn each_service_has_its_names() {
        let token = page_token("restapis", "abc");
        let page = parse(Service::ApiGateway, &format!("limit=2&position={token}")).unwrap();
        assert_eq!(
            page,
            PageRequest {
                after: Some("abc".to_owned()),
                items_max: 2
            }
        );
        let page = parse(
            Service::ApiGatewayV2,
            &format!("maxResults=9&nextToken={token}"),
        );
        assert_eq!(
            page.unwrap(),
            PageRequest {
                after: Some("abc".to_owned()),
                items_max: 9
            }
        );
        let page = parse(Service::ApiGatewayV2, "limit=2&position=x&nextToken=").unwrap();
        assert_eq!(
            page,
            PageRequest {
                after: None,
                items_max: PAGE_ITEMS_DEFAULT
            }
        );
        let page = parse(Service::ApiGateway, "limit=4000000000").unwrap();
        assert_eq!(page.items_max, PAGE_ITEMS_MAX);
    }

    #[test]
    fn refuses_what_it_did_not_give() {
        let foreign = format!("position={}", page_token("apikeys", "abc"));
        let long = format!("position={}", page_token("restapis", &"x".repeat(2000)));
        for query in [
            "limit=0",
            "limit=-1",
            "limit=x",
            "position=!",
            "position=AQ",
            &foreign,
            &long,
        ] {
            let error = parse(Service::ApiGateway, query).unwrap_err();
            assert_eq!(error.status(), 400, "{query}");
        }
    }

    proptest! {
        #[test]
        fn tokens_round_trip(list in ".{0,20}", key in ".{0,60}") {
            prop_assert_eq!(read_token(&list, &page_token(&list, &key)), Some(key));
        }

        #[test]
        fn any_text_is_read_or_refused(token in ".{0,60}") {
            if let Some(key) = read_token("l", &token) {
                prop_assert_eq!(page_token("l", &key), token);
            }
        }
    }
}
