//! What the pipeline knows of a connection, made once and not for every request.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ipnet::IpNet;
use tollgate_edge::ConnInfo;
use tollgate_pipeline::{ClientInfo, Scheme, TlsInfo};

/// Connections that are remembered per worker. A busy connection that lost its place is made
/// again for each of its requests, which costs a fraction of a microsecond.
const SLOTS: usize = 1024;

type Slot = Option<(u64, Rc<ClientInfo>)>;

pub(super) struct Clients {
    trusted_proxies: Arc<[IpNet]>,
    slots: RefCell<Vec<Slot>>,
}

impl Clients {
    pub(super) fn new(trusted_proxies: Arc<[IpNet]>) -> Self {
        Self {
            trusted_proxies,
            slots: RefCell::new(vec![None; SLOTS]),
        }
    }

    /// The description of this connection.
    pub(super) fn get(&self, conn: &ConnInfo) -> Rc<ClientInfo> {
        let serial = conn.connection_serial;
        let at = usize::try_from(serial % SLOTS as u64).unwrap_or_default();
        let mut slots = self.slots.borrow_mut();
        if let Some((known, client)) = &slots[at]
            && *known == serial
        {
            return Rc::clone(client);
        }
        let client = Rc::new(self.describe(conn));
        slots[at] = Some((serial, Rc::clone(&client)));
        client
    }

    fn describe(&self, conn: &ConnInfo) -> ClientInfo {
        let scheme = if conn.tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let trusted = Arc::clone(&self.trusted_proxies);
        let mut client = ClientInfo::new(conn.peer.ip(), scheme, conn.local.port(), trusted);
        client.connection = conn.connection_serial;
        client.tls = conn.tls.as_ref().map(|tls| TlsInfo {
            version: tls.version,
            cipher: tls.cipher.as_str().into(),
            server_name: tls.sni.as_deref().map(Into::into),
        });
        client
    }
}
