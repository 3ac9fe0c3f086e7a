//! Reading, newest first.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::chain::Line;
use crate::limits::FOUND_MAX;
use crate::{Error, Event, files};

/// Of `2026-11-23T00:00:00Z` what comes before the seconds.
const MINUTE_CHARS: usize = "2026-11-23T00:00".len();

/// What to look for; every condition that is there must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Not before, ISO 8601 in UTC as events have it.
    pub from: Option<String>,
    /// Before.
    pub to: Option<String>,
    /// The access key id, the user's name or the ARN.
    pub who: Option<String>,
    /// The operation; `*` at the end stands for any end.
    pub event: Option<String>,
    /// The request id.
    pub request_id: Option<String>,
    /// Whether it was refused.
    pub refused: Option<bool>,
    /// Whether it changes nothing.
    pub read_only: Option<bool>,
    /// How many at most, 1 to [`FOUND_MAX`].
    pub events_max: usize,
}

impl Query {
    fn fits(&self, event: &Event) -> bool {
        let identity = &event.user_identity;
        let is = |value: &Option<String>, who: &str| value.as_deref() == Some(who);
        let by = |who: &str| {
            is(&identity.arn, who)
                || is(&identity.user_name, who)
                || is(&identity.access_key_id, who)
        };
        let called = |name: &str| match name.strip_suffix('*') {
            Some(start) => event.event_name.starts_with(start),
            None => event.event_name == name,
        };
        let time = event.event_time.as_str();
        self.from.as_deref().is_none_or(|from| time >= from)
            && self.to.as_deref().is_none_or(|to| time < to)
            && self.who.as_deref().is_none_or(by)
            && self.event.as_deref().is_none_or(called)
            && self
                .request_id
                .as_deref()
                .is_none_or(|id| event.request_id == id)
            && self
                .refused
                .is_none_or(|it| event.error_code.is_some() == it)
            && self.read_only.is_none_or(|it| event.read_only == it)
    }
}

/// The newest events that fit, newest first. Lines that are no events are passed over: whether the
/// chain is whole is another question.
///
/// # Errors
/// [`Error::Io`].
pub fn search(dir: &Path, query: &Query) -> Result<Vec<Event>, Error> {
    let wanted = query.events_max.clamp(1, FOUND_MAX);
    let mut found = Vec::new();
    for (_, path) in files::list(dir)?.into_iter().rev() {
        let begins = begins(&path)?;
        let began_before =
            |time: &String| begins.as_ref().is_some_and(|it| minute(it) < minute(time));
        if query
            .to
            .as_ref()
            .is_some_and(|to| begins.as_ref().is_some_and(|it| minute(it) > minute(to)))
        {
            continue;
        }
        let mut here = std::collections::VecDeque::new();
        let room = wanted - found.len();
        files::lines(&path, |_, bytes| {
            let line = serde_json::from_slice::<Line<'_>>(bytes).ok();
            let event = line.and_then(|it| serde_json::from_str::<Event>(it.event.get()).ok());
            if let Some(event) = event.filter(|event| query.fits(event)) {
                if here.len() == room {
                    here.pop_front();
                }
                here.push_back(event);
            }
            true
        })?;
        found.extend(here.into_iter().rev());
        // Files before this one hold what was earlier.
        if found.len() >= wanted || query.from.as_ref().is_some_and(began_before) {
            break;
        }
    }
    Ok(found)
}

/// The time of a file's first event; `None` when it is empty or begins with something else.
fn begins(path: &Path) -> Result<Option<String>, Error> {
    let mut time = None;
    files::lines(path, |_, bytes| {
        let line = serde_json::from_slice::<Line<'_>>(bytes).ok();
        let event = line.and_then(|it| serde_json::from_str::<Event>(it.event.get()).ok());
        time = event.map(|it| it.event_time);
        false
    })?;
    Ok(time)
}

/// A time without its seconds: calls that end together may stand in another order than they ended.
fn minute(time: &str) -> &str {
    time.get(..MINUTE_CHARS).unwrap_or(time)
}
