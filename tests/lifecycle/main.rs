//! A node's life: start, ready, stop, restart, and what it refuses to start on.

mod damage;
mod dev;
mod endurance;
mod quota;
mod start;
mod stop;
