//! Several nodes as processes, and what happens to them: joining, leaving without a word, freezing,
//! dying together. What counts is seen from outside: by clients and by the back end.

mod balancer;
mod changes;
mod example;
mod front;
mod joining;
mod keys;
mod leave;
mod load;
mod losses;
mod oracle;
mod partitions;
mod quota;
