//! The admin listener on a real socket, over a real door.
