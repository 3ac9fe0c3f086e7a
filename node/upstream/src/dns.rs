//! Host names to addresses: cached by TTL, refreshed in the background, stale rather than none.
//!
//! Look-ups run on the shared runtime: the resolver's own connections are bound to the runtime
//! that first used them, and a worker's may end before the others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::limits::{DNS_ADDRESSES_MAX, DNS_RETRY_AFTER, DNS_TTL_MAX, DNS_TTL_MIN};

/// How long an answer of the system's resolver is used: it tells no TTL.
const SYSTEM_TTL: Duration = Duration::from_secs(30);

/// A name without addresses, and why.
pub(crate) type NoAddress = Arc<str>;

/// Where look-ups go.
pub(crate) struct Resolver {
    runtime: Handle,
    source: Source,
}

enum Source {
    /// The name servers of `/etc/resolv.conf`, after `/etc/hosts`.
    Dns(Box<TokioResolver>),
    /// `getaddrinfo`, when there is no usable `/etc/resolv.conf`.
    System,
    #[cfg(test)]
    Scripted(std::sync::Mutex<std::collections::VecDeque<Result<Answer, NoAddress>>>),
}

/// What a look-up found.
#[derive(Clone)]
struct Answer {
    addresses: Vec<IpAddr>,
    ttl: Duration,
}

impl Resolver {
    pub(crate) fn new(runtime: Handle) -> Self {
        let dns = TokioResolver::builder_tokio().and_then(|mut builder| {
            builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
            builder.build()
        });
        let source = match dns {
            Ok(resolver) => Source::Dns(Box::new(resolver)),
            Err(error) => {
                tracing::warn!(%error, "no name server configuration, using the system's resolver");
                Source::System
            }
        };
        Self { runtime, source }
    }

    async fn look_up(&self, host: &str) -> Result<Answer, NoAddress> {
        match &self.source {
            Source::Dns(resolver) => {
                let found = resolver.lookup_ip(host).await.map_err(|e| text(&e))?;
                let ttl = found
                    .valid_until()
                    .saturating_duration_since(Instant::now());
                Ok(Answer {
                    addresses: found.iter().take(DNS_ADDRESSES_MAX).collect(),
                    ttl,
                })
            }
            Source::System => {
                let found = tokio::net::lookup_host((host, 0))
                    .await
                    .map_err(|e| text(&e))?;
                let addresses = found.map(|a| a.ip()).take(DNS_ADDRESSES_MAX).collect();
                Ok(Answer {
                    addresses,
                    ttl: SYSTEM_TTL,
                })
            }
            #[cfg(test)]
            Source::Scripted(answers) => answers
                .lock()
                .expect("not poisoned")
                .pop_front()
                .unwrap_or_else(|| Err("script is over".into())),
        }
    }
}

fn text(error: &impl ToString) -> NoAddress {
    error.to_string().into()
}

/// The addresses of one host, shared by all workers.
pub(crate) struct HostAddresses {
    name: Option<Arc<Name>>,
    fixed: Vec<IpAddr>,
    cursor: AtomicUsize,
}

struct Name {
    host: String,
    known: ArcSwapOption<Known>,
    /// Changes whenever the set of addresses does.
    version: AtomicUsize,
    refreshing: AtomicBool,
    /// Held during the first look-up, so that a burst of requests asks once.
    first: Mutex<()>,
}

struct Known {
    result: Result<Vec<IpAddr>, NoAddress>,
    until: Instant,
}

impl HostAddresses {
    pub(crate) fn new(host: &str) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let (fixed, name) = if let Ok(address) = bare.parse::<IpAddr>() {
            (vec![address], None)
        } else if is_localhost(host) {
            (
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
                None,
            )
        } else {
            let name = Name {
                host: host.to_owned(),
                known: ArcSwapOption::empty(),
                version: AtomicUsize::new(0),
                refreshing: AtomicBool::new(false),
                first: Mutex::new(()),
            };
            (Vec::new(), Some(Arc::new(name)))
        };
        Self {
            name,
            fixed,
            cursor: AtomicUsize::new(0),
        }
    }

    /// The addresses, beginning with another one at each call.
    pub(crate) async fn get(&self, resolver: &Arc<Resolver>) -> Result<Vec<IpAddr>, NoAddress> {
        let mut addresses = match &self.name {
            // Loopback addresses are not equals: the IPv4 one is tried first, always.
            None => return Ok(self.fixed.clone()),
            Some(name) => name.get(resolver).await?,
        };
        let turns = self.cursor.fetch_add(1, Ordering::Relaxed) % addresses.len().max(1);
        addresses.rotate_left(turns);
        Ok(addresses)
    }

    /// Changes when an address was added or removed.
    pub(crate) fn version(&self) -> usize {
        self.name
            .as_ref()
            .map_or(0, |name| name.version.load(Ordering::Relaxed))
    }

    /// Whether the address is still one of this host's, as far as known.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let Some(name) = &self.name else { return true };
        match name.known.load().as_deref() {
            Some(Known {
                result: Ok(addresses),
                ..
            }) => addresses.contains(&address),
            _ => true,
        }
    }
}

/// RFC 6761, section 6.3: `localhost` and names below it never go to a name server.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
        || host.len() > 10 && host[host.len() - 10..].eq_ignore_ascii_case(".localhost")
}

impl Name {
    async fn get(self: &Arc<Self>, resolver: &Arc<Resolver>) -> Result<Vec<IpAddr>, NoAddress> {
        if let Some(answer) = self.at_hand(resolver) {
            return answer;
        }
        let _first = self.first.lock().await;
        if let Some(answer) = self.at_hand(resolver) {
            return answer;
        }
        let (name, lookup) = (Arc::clone(self), Arc::clone(resolver));
        // A task of its own: it finishes, and is remembered, when the caller gives up.
        let task = resolver
            .runtime
            .spawn(async move { name.refresh(&lookup).await });
        task.await.map_err(|e| text(&e))?;
        match self.known.load().as_deref() {
            Some(known) => known.result.clone(),
            None => Err("no answer".into()),
        }
    }

    /// What is cached; begins a refresh when it is stale. `None`: nothing usable is cached.
    fn at_hand(
        self: &Arc<Self>,
        resolver: &Arc<Resolver>,
    ) -> Option<Result<Vec<IpAddr>, NoAddress>> {
        let known = self.known.load();
        let known = known.as_deref()?;
        if known.until <= Instant::now() {
            if known.result.is_err() {
                return None;
            }
            if !self.refreshing.swap(true, Ordering::AcqRel) {
                let (name, lookup) = (Arc::clone(self), Arc::clone(resolver));
                drop(resolver.runtime.spawn(async move {
                    name.refresh(&lookup).await;
                    name.refreshing.store(false, Ordering::Release);
                }));
            }
        }
        Some(known.result.clone())
    }

    async fn refresh(&self, resolver: &Resolver) {
        let looked_up = match resolver.look_up(&self.host).await {
            Ok(answer) if answer.addresses.is_empty() => Err("no address".into()),
            other => other,
        };
        let now = Instant::now();
        let before = self.known.load();
        let good_before = before
            .as_deref()
            .and_then(|known| known.result.as_ref().ok());
        let known = match looked_up {
            Ok(answer) => {
                if !good_before.is_some_and(|old| same_set(old, &answer.addresses)) {
                    self.version.fetch_add(1, Ordering::Relaxed);
                }
                let ttl = answer.ttl.clamp(DNS_TTL_MIN, DNS_TTL_MAX);
                Known {
                    result: Ok(answer.addresses),
                    until: now + ttl,
                }
            }
            Err(error) => {
                tracing::warn!(host = %self.host, %error, stale = good_before.is_some(), "look-up failed");
                let result = good_before.map_or(Err(error), |old| Ok(old.clone()));
                Known {
                    result,
                    until: now + DNS_RETRY_AFTER,
                }
            }
        };
        self.known.store(Some(Arc::new(known)));
    }
}

fn same_set(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.len() == b.len() && a.iter().all(|address| b.contains(address))
}

#[cfg(test)]
mod tests;
