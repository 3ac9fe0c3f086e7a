//! Listeners: HTTP/1.1, HTTP/2, TLS, PROXY protocol.
