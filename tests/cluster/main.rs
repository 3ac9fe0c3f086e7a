//! Several nodes as processes, and what happens to them: joining, leaving without a word, freezing,
//! dying together. What counts is seen from outside: by clients and by the back end.

mod balancer;
mod changes;
mod clocks;
mod configuration;
mod disk;
mod example;
mod front;
mod handover;
mod iam;
mod joining;
mod keys;
mod leave;
mod linear;
mod load;
mod losses;
mod on_partition;
mod oracle;
mod partitions;
mod quota;
mod rates;
mod sizes;
mod succession;
