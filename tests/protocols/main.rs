//! The ways in: TLS by host name, HTTP/2 both ways, HTTP/1.0, the PROXY protocol and what proxies
//! say about their clients. Other people's clients are used: curl, openssl, httpx.

mod forwarded;
mod h2;
mod old;
mod proxy_protocol;
mod tls;
