//! Slots that run low while nobody waits for their tokens. What they ask for may come later, so many
//! ask together: a batch costs every node a flush, whatever is in it. A slot that has enough for as
//! long as the next batch takes, at twice its demand, waits for that one; the others ask soon. A
//! plain struct, so that its rules are tested without an actor and a clock.

use std::collections::BTreeSet;

use tollgate_cluster::{Leases, Place};

/// A slot that lasts this long waits for the batch that is made twice a second in any case
/// ([`super::throttle`]).
const PATIENT_MS: u64 = 1_000;

/// Slots that will ask for tokens with the next batch, at most every slot of the node.
#[derive(Debug, Default)]
pub(super) struct LowSlots {
    places: BTreeSet<Place>,
    /// One of them cannot wait long.
    urgent: bool,
    /// Such slots asked a moment ago.
    pausing: bool,
}

impl LowSlots {
    /// A slot runs low, whose tokens last so long. `true` when it is time to ask, and to pause then.
    pub(super) fn add(&mut self, place: Place, lasts_ms: u64) -> bool {
        self.places.insert(place);
        if lasts_ms >= PATIENT_MS {
            return false;
        }
        self.urgent = true;
        !std::mem::replace(&mut self.pausing, true)
    }

    /// The pause is over. `true` when slots that cannot wait ran low meanwhile: time to ask, and to
    /// pause again.
    pub(super) fn end_pause(&mut self) -> bool {
        self.pausing = self.urgent;
        self.pausing
    }

    /// All of them ask with the next batch.
    pub(super) fn ask(&mut self, leases: &mut Leases) {
        self.urgent = false;
        for place in std::mem::take(&mut self.places) {
            // A slot that is gone needs nothing.
            leases.want(&place);
        }
    }

    /// Nothing more is asked for.
    pub(super) fn clear(&mut self) {
        self.urgent = false;
        self.places.clear();
    }
}

#[cfg(test)]
mod tests {
    use tollgate_model::Quota;
    use tollgate_protocol::Millis;

    use super::*;

    #[test]
    fn however_many_run_low_they_ask_once_in_a_pause_and_all_together() {
        let mut leases = Leases::new(1, 1);
        let places: Vec<Place> = (0..100)
            .map(|at| ("p".into(), format!("k{at:03}").as_str().into()))
            .collect();
        let slot = |(plan, key): &Place| leases.slot(plan, key, Quota::default());
        let slots: Vec<_> = places.iter().map(slot).collect();
        let mut low = LowSlots::default();
        let mut asked = |low: &mut LowSlots| {
            low.ask(&mut leases);
            leases.batch(Millis(1)).map_or(0, |it| it.items.len())
        };
        // The first one at once.
        assert!(low.add(places[0].clone(), 0));
        assert_eq!(asked(&mut low), 1);
        // Those that follow wait for the end of the pause, each once.
        for place in places.iter().chain(&places) {
            assert!(!low.add(place.clone(), PATIENT_MS - 1));
        }
        assert!(low.end_pause());
        assert_eq!(asked(&mut low), slots.len());
        assert!(!low.add(places[1].clone(), 0), "it pauses again");
        // Another batch took it along.
        assert_eq!(asked(&mut low), 1);
        assert!(!low.end_pause());
        assert_eq!(asked(&mut low), 0);
        // Who lasts waits for another's batch, or for the regular one.
        assert!(!low.add(places[3].clone(), PATIENT_MS));
        assert!(!low.end_pause());
        assert!(low.add(places[2].clone(), 0));
        assert_eq!(asked(&mut low), 2);
        assert!(!low.end_pause());
        assert!(!low.add(places[3].clone(), u64::MAX));
        assert_eq!(asked(&mut low), 1);
        assert!(low.add(places[2].clone(), 0));
        // After a stop nobody asks.
        low.clear();
        assert_eq!(asked(&mut low), 0);
        assert!(!low.end_pause());
    }
}
