//! Requests that wait for tokens, by slot. A plain struct, so that its bounds are tested without an
//! actor.

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use tollgate_cluster::Place;

/// Requests that wait for one slot. More are refused at once: the tokens of a quota that is nearly
/// used up would not reach them.
const WAITING_PER_SLOT_MAX: usize = 256;

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct WaitLists(BTreeMap<Place, Vec<oneshot::Sender<bool>>>);

impl WaitLists {
    /// Adds a request; drops its sender, which it sees as a refusal, when too many wait.
    pub(super) fn add(&mut self, place: Place, waiting: oneshot::Sender<bool>) {
        let list = self.0.entry(place).or_default();
        if list.len() >= WAITING_PER_SLOT_MAX {
            list.retain(|it| !it.is_closed());
        }
        if list.len() < WAITING_PER_SLOT_MAX {
            list.push(waiting);
        }
    }

    /// Wakes those that wait for a slot: to take again, or to give up.
    pub(super) fn wake(&mut self, place: &Place, again: bool) {
        for waiting in self.0.remove(place).unwrap_or_default() {
            // The request may be gone.
            waiting.send(again).ok();
        }
    }

    /// Nobody will answer: all give up.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_a_bounded_list_and_forgets_who_is_gone() {
        let place: Place = ("p".into(), "k".into());
        let mut lists = WaitLists::default();
        let mut requests = Vec::new();
        for _ in 0..WAITING_PER_SLOT_MAX {
            let (sender, receiver) = oneshot::channel();
            lists.add(place.clone(), sender);
            requests.push(receiver);
        }
        let (sender, mut refused) = oneshot::channel();
        lists.add(place.clone(), sender);
        assert!(matches!(
            refused.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        requests.truncate(10);
        let (sender, late) = oneshot::channel();
        lists.add(place.clone(), sender);
        requests.push(late);
        lists.wake(&place, true);
        assert_eq!(requests.len(), 11);
        for mut request in requests {
            assert_eq!(request.try_recv(), Ok(true));
        }
    }
}
