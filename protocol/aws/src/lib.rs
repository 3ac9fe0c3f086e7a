//! AWS's wire: SigV4, ARNs, error shapes, operations.
