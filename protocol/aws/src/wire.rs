//! Formats of the management API's bodies and queries: times, pages, request ids.

mod page;
mod request_id;
mod time;

pub use page::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, PageRequest, TOKEN_BYTES_MAX, page_token};
pub use request_id::request_id;
pub use time::{epoch_seconds, iso8601, parse_iso8601, to_iso8601};
