//! Whether what clients saw of one item can have happened in some order, one thing after the other,
//! each between its call and its answer: linearizability of a register (Herlihy and Wing; the search
//! is Wing's and Gong's, with the visited states remembered as Lowe does).
//!
//! A write without an answer may have happened at any time after its call, or never.

use std::collections::{BTreeSet, HashSet};

/// What a client did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Did {
    Write(u64),
    Read(u64),
}

/// One operation, with the times of its call and its answer on one clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operation {
    pub(crate) did: Did,
    pub(crate) called: u64,
    /// `None`: no answer came.
    pub(crate) answered: Option<u64>,
}

/// What was carried out so far: the first of the answered ones, in order of their calls, some
/// others, and some of those without an answer; and what the register holds then.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    first: usize,
    others: BTreeSet<usize>,
    unanswered: BTreeSet<usize>,
    value: u64,
}

struct Search<'a> {
    answered: &'a [Operation],
    unanswered: &'a [Operation],
    seen: HashSet<State>,
    /// The state with the most operations, for the message.
    best: Option<State>,
}

/// # Errors
/// The operations around the place where no order goes on.
pub(crate) fn check(history: &[Operation], initial: u64) -> Result<(), String> {
    let mut history = history.to_vec();
    history.sort_by_key(|it| it.called);
    let (answered, unanswered): (Vec<Operation>, Vec<Operation>) =
        history.into_iter().partition(|it| it.answered.is_some());
    let mut search = Search {
        answered: &answered,
        unanswered: &unanswered,
        seen: HashSet::new(),
        best: None,
    };
    let mut open = vec![State {
        first: 0,
        others: BTreeSet::new(),
        unanswered: BTreeSet::new(),
        value: initial,
    }];
    while let Some(state) = open.pop() {
        if state.first == answered.len() {
            return Ok(());
        }
        open.extend(search.next(&state));
    }
    Err(search.complaint())
}

impl Search<'_> {
    /// The states that may follow and were not looked at yet.
    fn next(&mut self, state: &State) -> Vec<State> {
        // An operation can be next only if it was called before each of the rest was answered.
        let mut rest = Vec::new();
        let mut horizon = u64::MAX;
        for at in state.first..self.answered.len() {
            let operation = &self.answered[at];
            if operation.called > horizon {
                break;
            }
            if !state.others.contains(&at) {
                horizon = horizon.min(operation.answered.unwrap_or(u64::MAX));
                rest.push(at);
            }
        }
        rest.retain(|at| self.answered[*at].called <= horizon);
        let did = |at: &usize| self.answered[*at].did;
        // A read of what is there changes nothing: no other order is worth a look.
        let read = rest.iter().find(|at| did(at) == Did::Read(state.value));
        let mut next = Vec::new();
        if let Some(read) = read {
            next.push(self.with(state, *read));
        } else {
            for at in &rest {
                if matches!(did(at), Did::Write(_)) {
                    next.push(self.with(state, *at));
                }
            }
            next.extend(self.with_unanswered(state, &rest, horizon));
        }
        next.retain(|state| self.seen.insert(state.clone()));
        let size = |state: &State| state.first + state.others.len();
        for state in &next {
            if self
                .best
                .as_ref()
                .is_none_or(|best| size(best) < size(state))
            {
                self.best = Some(state.clone());
            }
        }
        next
    }

    fn with(&self, state: &State, at: usize) -> State {
        let mut state = state.clone();
        if let Did::Write(value) = self.answered[at].did {
            state.value = value;
        }
        state.others.insert(at);
        while state.others.remove(&state.first) {
            state.first += 1;
        }
        state
    }

    /// An unanswered write is of use only where one of the rest reads it at once.
    fn with_unanswered(&self, state: &State, rest: &[usize], horizon: u64) -> Vec<State> {
        let mut next = Vec::new();
        for (at, operation) in self.unanswered.iter().enumerate() {
            let Did::Write(value) = operation.did else {
                continue;
            };
            let is_read = rest
                .iter()
                .any(|read| self.answered[*read].did == Did::Read(value));
            if is_read && operation.called <= horizon && !state.unanswered.contains(&at) {
                let mut state = state.clone();
                state.unanswered.insert(at);
                state.value = value;
                next.push(state);
            }
        }
        next
    }

    fn complaint(&self) -> String {
        let first = self.best.as_ref().map_or(0, |best| best.first);
        let near = &self.answered[first.saturating_sub(5)..self.answered.len().min(first + 10)];
        format!(
            "no order explains these {} operations; the furthest that was reached is {:?}, near {near:#?}",
            self.answered.len(),
            self.best
        )
    }
}

#[cfg(test)]
mod tests;
