//! Every socket is bound before anything else happens, so that an address in use is told at once
//! and the addresses of ports 0 are known.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};
use tollgate_config::node_config::NodeConfig;
use tollgate_edge::{ListenerConfig, Sockets, TrustedPeers};
use tollgate_protocol::codes;

use super::BootError;
use crate::console;
use crate::credentials::{self, RootKey};

/// The file in the data directory that tells the bound addresses.
const ADDRESSES: &str = "addresses.json";
/// Connections that may wait to be accepted on the admin and ops listeners.
const BACKLOG: i32 = 128;

/// The bound sockets.
pub(super) struct Listeners {
    pub(super) data: Data,
    pub(super) admin: Option<TcpListener>,
    ops: Option<TcpListener>,
    peer: Option<TcpListener>,
}

/// The addresses that were bound.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bound {
    pub(super) http: Option<SocketAddr>,
    pub(super) https: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) ops: Option<SocketAddr>,
    pub(super) peer: Option<SocketAddr>,
}

/// The sockets for clients.
pub(super) struct Data {
    http: Option<Sockets>,
    https: Option<Sockets>,
}

impl Listeners {
    pub(super) fn bind(config: &NodeConfig) -> Result<Self, BootError> {
        let data = |address: Option<SocketAddr>| {
            let bound = address
                .map(|it| tollgate_edge::bind(it, config.workers))
                .transpose();
            bound.map_err(|error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let reason = format!("{error}: {}", cause.unwrap_or_default());
                BootError::new(codes::BIND, reason)
            })
        };
        if config.http.is_none() && config.https.is_none() {
            let reason = "http and https are both off: clients need one of them";
            return Err(BootError::new(codes::NODE_CONFIG, reason));
        }
        // The kernel lets one user bind an address twice with `SO_REUSEPORT`; a second node must
        // not share our clients, so a plain bind is tried first.
        for address in [config.http, config.https].into_iter().flatten() {
            if address.port() != 0 {
                drop(listen(address)?);
            }
        }
        Ok(Self {
            data: Data {
                http: data(config.http)?,
                https: data(config.https)?,
            },
            admin: config.admin.map(listen).transpose()?,
            ops: config.ops.map(listen).transpose()?,
            peer: config.peer.map(listen).transpose()?,
        })
    }

    /// The addresses that were bound.
    pub(super) fn bound(&self) -> Bound {
        let of = |socket: Option<&TcpListener>| socket.and_then(|it| it.local_addr().ok());
        Bound {
            http: self.data.http.as_ref().map(Sockets::local_addr),
            https: self.data.https.as_ref().map(Sockets::local_addr),
            admin: of(self.admin.as_ref()),
            ops: of(self.ops.as_ref()),
            peer: of(self.peer.as_ref()),
        }
    }

    /// The socket for the other nodes.
    pub(super) fn peer(&self) -> Result<Option<TcpListener>, BootError> {
        let socket = self.peer.as_ref().map(TcpListener::try_clone);
        socket
            .transpose()
            .map_err(super::io("cannot use the peer listener"))
    }

    /// The socket for health and metrics.
    pub(super) fn ops(&self) -> Result<Option<TcpListener>, BootError> {
        let socket = self.ops.as_ref().map(TcpListener::try_clone);
        socket
            .transpose()
            .map_err(super::io("cannot use the ops listener"))
    }

    /// Prints the addresses, and the root key when it is new, and writes `addresses.json`.
    pub(super) fn announce(
        &self,
        config: &NodeConfig,
        key: &RootKey,
        key_is_new: bool,
    ) -> Result<(), BootError> {
        let bound = self.bound();
        let rows: [(&str, Option<SocketAddr>); 5] = [
            ("http", bound.http),
            ("https", bound.https),
            ("admin", bound.admin),
            ("ops", bound.ops),
            ("peer", bound.peer),
        ];
        let mut map = serde_json::Map::new();
        for (name, address) in rows {
            if let Some(address) = address {
                console::data(format_args!("{name:<6} {address}"));
                map.insert(name.into(), json!(address.to_string()));
            }
        }
        if key_is_new {
            console::data(format_args!("root access key  {}", key.access_key_id));
            console::data(format_args!("root secret key  {}", key.secret_access_key));
            let path = config.data_dir.join(credentials::FILE);
            console::data(format_args!(
                "                 (shown once; kept in {})",
                path.display()
            ));
        }
        write(
            &config.data_dir,
            &serde_json::Value::Object(map).to_string(),
        )
    }
}

impl Data {
    /// The port that clients are told: that of TLS, else the plain one.
    pub(super) fn port(&self) -> Option<u16> {
        let sockets = self.https.as_ref().or(self.http.as_ref());
        sockets.map(|it| it.local_addr().port())
    }

    /// The listeners of the edge: plain first, TLS second.
    pub(super) fn into_listeners(
        self,
        config: &NodeConfig,
        tls: &Arc<ServerConfig>,
    ) -> Vec<ListenerConfig> {
        let trusted = (!config.proxy_protocol.is_empty())
            .then(|| TrustedPeers::new(config.proxy_protocol.clone()));
        let plain = self.http.map(|sockets| (sockets, None));
        let secure = self.https.map(|sockets| (sockets, Some(Arc::clone(tls))));
        plain
            .into_iter()
            .chain(secure)
            .map(|(sockets, tls)| ListenerConfig {
                sockets,
                tls,
                proxy_protocol: trusted.clone(),
            })
            .collect()
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BootError> {
    let bind = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    bind().map_err(|error| BootError::new(codes::BIND, format!("cannot bind {address}: {error}")))
}

/// Written beside and renamed, so that a reader never sees a part.
fn write(dir: &Path, text: &str) -> Result<(), BootError> {
    let beside = dir.join("addresses.tmp");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, dir.join(ADDRESSES)))
        .map_err(super::io("cannot write addresses.json"))
}
