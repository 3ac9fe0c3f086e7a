//! What was read of a trail and its endpoint has not taken yet: how much of it to send at once, and
//! which event an endpoint never takes.

use tollgate_audit::Followed;

/// Events in order, of which the next ones are to be sent.
#[derive(Debug, Default)]
pub(super) struct Pending {
    lines: Vec<Followed>,
    /// How many to send at once; 0 is as many as there are.
    at_once: usize,
}

impl Pending {
    /// What was read behind all that is here.
    pub(super) fn fill(&mut self, lines: Vec<Followed>) {
        self.lines.extend(lines);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What to send next.
    pub(super) fn next(&self) -> &[Followed] {
        match self.at_once {
            0 => &self.lines,
            most => &self.lines[..most.min(self.lines.len())],
        }
    }

    /// The endpoint has [`Pending::next`]: how many these were. The next ones may be twice as many.
    pub(super) fn taken(&mut self) -> usize {
        let count = self.next().len();
        self.lines.drain(..count);
        self.at_once = match self.lines.is_empty() {
            true => 0,
            false => self.at_once.saturating_mul(2),
        };
        count
    }

    /// The endpoint refused [`Pending::next`] with this status. Where that is about what was sent and
    /// not about who sends it or when, half of it is sent next, and a single event that is refused is
    /// given up: it is returned.
    pub(super) fn refused(&mut self, status: u16) -> Option<Followed> {
        // 400 Bad Request, 413 Content Too Large, 422 Unprocessable Content.
        if !matches!(status, 400 | 413 | 422) {
            return None;
        }
        match self.next().len() {
            0 => None,
            1 => {
                let event = self.lines.remove(0);
                if self.lines.is_empty() {
                    self.at_once = 0;
                }
                Some(event)
            }
            count => {
                self.at_once = count / 2;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(numbers: std::ops::RangeInclusive<u64>) -> Vec<Followed> {
        let line = |number| Followed {
            number,
            hash: number.to_string(),
            event: "{}".to_owned(),
        };
        numbers.map(line).collect()
    }

    fn numbers(lines: &[Followed]) -> Vec<u64> {
        lines.iter().map(|it| it.number).collect()
    }

    #[test]
    fn one_event_that_an_endpoint_never_takes_holds_nothing_up() {
        for bad in [1, 7, 250, 500] {
            let mut pending = Pending::default();
            pending.fill(lines(1..=500));
            let (mut taken, mut given_up, mut calls) = (Vec::new(), Vec::new(), 0);
            while !pending.is_empty() {
                calls += 1;
                let next = numbers(pending.next());
                if next.contains(&bad) {
                    given_up.extend(pending.refused(400).map(|it| it.number));
                } else {
                    assert_eq!(pending.taken(), next.len());
                    taken.extend(next);
                }
            }
            assert_eq!(given_up, [bad]);
            assert_eq!(taken, Vec::from_iter((1..=500).filter(|it| *it != bad)));
            assert!(calls < 100, "{calls}");
            pending.fill(lines(501..=1000));
            assert_eq!(pending.next().len(), 500, "and all at once again");
        }
    }

    #[test]
    fn a_batch_that_is_too_large_gets_smaller_until_it_is_taken() {
        let mut pending = Pending::default();
        pending.fill(lines(1..=100));
        let mut taken = Vec::new();
        while !pending.is_empty() {
            let next = numbers(pending.next());
            if next.len() > 30 {
                assert_eq!(pending.refused(413), None);
            } else {
                pending.taken();
                taken.extend(next);
            }
        }
        assert_eq!(taken, Vec::from_iter(1..=100));
    }

    #[test]
    fn an_endpoint_that_refuses_the_sender_or_is_away_loses_nothing() {
        let mut pending = Pending::default();
        pending.fill(lines(1..=1));
        for status in [301, 401, 403, 404, 429, 500, 503] {
            assert_eq!(pending.refused(status), None);
            assert_eq!(numbers(pending.next()), [1]);
        }
    }
}
