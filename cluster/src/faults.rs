//! Faults that tests plant, to prove that the simulation would find them. A product build has
//! none: there the answer is a constant.

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bug {
    /// An answer adds all that was ever granted, not what is new.
    GrantCountedTwice,
    /// Tokens are reported as given back while requests can still take them.
    ReturnedAfterSpent,
    /// What this node voted for is not on disk.
    VoteNotPersisted,
    /// A change is answered before this node shows it.
    AnsweredBeforeApplied,
    /// A new leader grants shares of rates while those of the one before still hold.
    SharesWithoutWait,
}

#[cfg(test)]
pub(crate) use crate::tests::planted;

#[cfg(not(test))]
pub(crate) const fn planted(_: Bug) -> bool {
    false
}
