//! A node's life: start, ready, stop, restart, and what it refuses to start on.

mod damage;
mod endurance;
mod quota;
mod start;
mod stop;
