//! The life of WebSocket connections: handshakes, messages, the end, and `@connections` from any
//! node of a cluster, with real clients.

mod cluster;
mod life;
