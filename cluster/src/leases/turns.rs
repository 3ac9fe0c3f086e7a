//! Slots that wait for a place in a batch, each in its turn: by name, from the last one on and
//! around. The first by name each time would leave those at the end out for as long as others come
//! back sooner than a batch is answered.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::Place;

/// Slots, at most one entry of each.
#[derive(Debug, Default)]
pub(super) struct Turns {
    places: BTreeSet<Place>,
    /// Who had the last turn.
    last: Place,
}

impl Turns {
    /// Adds a slot; `false` when it waits already.
    pub(super) fn insert(&mut self, place: Place) -> bool {
        self.places.insert(place)
    }

    /// Takes the slot out whose turn it is.
    pub(super) fn take_next(&mut self) -> Option<Place> {
        let after = (Bound::Excluded(&self.last), Bound::Unbounded);
        let next = self.places.range(after).next();
        let next = next.or_else(|| self.places.first())?.clone();
        self.places.remove(&next);
        self.last.clone_from(&next);
        Some(next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
    }
}
