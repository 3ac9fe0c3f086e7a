//! Choosing a server, on one worker.
//!
//! Turns are kept per worker: shared turns would be one more cache line written by all of them,
//! and over many requests the sum of fair workers is fair.

use std::cell::RefCell;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::group::Group;
use crate::limits::SERVERS_TRIED_MAX;
use crate::spec::Balance;

/// Smooth weighted turns: every server earns its weight, the richest is chosen and pays the sum.
/// Heavy servers are interleaved with light ones instead of served in runs.
#[derive(Default)]
pub(crate) struct Turns {
    credit: RefCell<Vec<i64>>,
}

/// The servers that a request has tried, by index.
#[derive(Default)]
pub(crate) struct Tried {
    indexes: [Option<usize>; SERVERS_TRIED_MAX],
}

impl Tried {
    /// Remembers a server; says whether another may be tried.
    pub(crate) fn add(&mut self, index: usize) -> bool {
        if let Some(free) = self.indexes.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(index);
        }
        self.indexes.iter().any(Option::is_none)
    }

    fn has(&self, index: usize) -> bool {
        self.indexes.contains(&Some(index))
    }
}

impl Turns {
    /// The index of the server for the next request; `None` when all were tried.
    ///
    /// Servers that are down or weigh nothing are passed over while there is another one. When
    /// there is none, all are used: a wrong health check must not take the whole service down.
    pub(crate) fn pick(&self, group: &Group, tried: &Tried, now: Instant) -> Option<usize> {
        if group.servers.len() == 1 {
            return (!tried.has(0)).then_some(0);
        }
        let weight = |index: usize| i64::from(group.spec.servers[index].weight);
        let up = |index: &usize| group.servers[*index].is_up(now);
        let indexes = || (0..group.servers.len()).filter(|index| !tried.has(*index));
        let best = |index: &usize| up(index) && weight(*index) > 0;
        if indexes().any(|index| best(&index)) {
            return self.among(group, || indexes().filter(best), weight);
        }
        if indexes().any(|index| up(&index)) {
            return self.among(group, || indexes().filter(up), |_| 1);
        }
        if indexes().any(|index| weight(index) > 0) {
            return self.among(
                group,
                || indexes().filter(|index| weight(*index) > 0),
                weight,
            );
        }
        self.among(group, indexes, |_| 1)
    }

    fn among<I: Iterator<Item = usize>>(
        &self,
        group: &Group,
        indexes: impl Fn() -> I,
        weight: impl Fn(usize) -> i64,
    ) -> Option<usize> {
        match group.spec.balance {
            Balance::RoundRobin => self.turn(group, indexes(), weight),
            Balance::LeastOutstanding => {
                let load = |index: usize| {
                    i64::from(
                        group.servers[index]
                            .load
                            .outstanding
                            .load(Ordering::Relaxed),
                    )
                };
                // a/b < c/d as a*d < c*b; counts and weights are below 2^32, so nothing overflows
                // in practice, and saturation keeps the order of what could.
                let lighter = |a: usize, b: usize| {
                    load(a).saturating_mul(weight(b)) < load(b).saturating_mul(weight(a))
                };
                let least =
                    indexes().reduce(|least, i| if lighter(i, least) { i } else { least })?;
                self.turn(group, indexes().filter(|i| !lighter(least, *i)), &weight)
            }
        }
    }

    fn turn(
        &self,
        group: &Group,
        indexes: impl Iterator<Item = usize>,
        weight: impl Fn(usize) -> i64,
    ) -> Option<usize> {
        let mut credit = self.credit.borrow_mut();
        credit.resize(group.servers.len(), 0);
        let mut sum = 0;
        let mut richest = None;
        for index in indexes {
            sum += weight(index);
            credit[index] += weight(index);
            if richest.is_none_or(|best: usize| credit[index] > credit[best]) {
                richest = Some(index);
            }
        }
        let chosen = richest?;
        credit[chosen] -= sum;
        Some(chosen)
    }
}

#[cfg(test)]
mod tests;
