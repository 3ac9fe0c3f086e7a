//! Starting, watching and ending the edge.
//!
//! One actix server with one worker for each of the workers, each with its own `SO_REUSEPORT`
//! socket of every address. One server with N workers and N sockets does not give that: it has a
//! single accept thread, which polls all sockets and deals connections to workers in turn, so the
//! kernel's choice of socket is undone and every connect of the node passes one thread. N servers
//! have N accept threads, each of which feeds exactly one worker.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use actix_server::Server;
use actix_service::fn_factory;
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::counters::{Counters, Observation};
use crate::stage::{Stage, reached};
use crate::worker::{Listener, Worker};
use crate::{EdgeConfig, EdgeLimits, Error, ListenerConfig, Service};

/// actix's own bound must never be met: over `connections_max` we accept and close, so that a
/// client learns at once and the refusal is counted.
const ACCEPTS_OVER_MAX: usize = 1024;
/// How long workers get to take accepted connections over; they need microseconds.
const QUEUE_GRACE: Duration = Duration::from_millis(20);
/// How long after an abort connections may take to be dropped.
const ABORT_WAIT: Duration = Duration::from_secs(5);

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) limits: EdgeLimits,
    pub(crate) counters: Counters,
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) connection_closed: Notify,
}

impl Shared {
    /// Resolves when the edge is at this stage or past it.
    pub(crate) async fn reached(&self, stage: Stage) {
        reached(&self.stage, stage).await;
    }
}

/// The data plane's listeners.
pub struct Edge;

/// A running edge. Dropping it without [`EdgeHandle::drain`] drops all connections.
pub struct EdgeHandle {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    accepting: Vec<actix_server::ServerHandle>,
}

/// Reads the counters of an edge.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

impl Observer {
    /// The counters now.
    #[must_use]
    pub fn observe(&self) -> Observation {
        self.0.counters.observe()
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were dropped at the deadline; 0 when every request was answered.
    pub aborted: u64,
}

impl Edge {
    /// Starts the workers. `factory` is called with 0, 1, .. on the thread of each worker and
    /// again if actix restarts a worker that died.
    ///
    /// # Errors
    /// [`Error::Start`] when a thread or a service cannot be made, [`Error::Bind`] when a socket
    /// cannot be shared.
    pub fn start<S, F>(config: EdgeConfig, factory: F) -> Result<EdgeHandle, Error>
    where
        S: Service,
        F: Fn(usize) -> S + Send + Clone + 'static,
    {
        let EdgeConfig {
            listeners,
            workers,
            limits,
        } = config;
        if workers == 0 || listeners.is_empty() {
            return Err(Error::Start(io::ErrorKind::InvalidInput.into()));
        }
        let shared = Arc::new(Shared {
            limits,
            counters: Counters::default(),
            stage: watch::Sender::new(Stage::Running),
            connection_closed: Notify::new(),
        });
        let sockets = share_sockets(listeners, workers)?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name("tollgate-edge".to_owned())
                .spawn(move || run(sockets, &factory, &shared, &ready, stopped))
                .map_err(Error::Start)?
        };
        let accepting = started
            .recv()
            .map_err(|_| Error::Start(io::ErrorKind::Other.into()))??;
        Ok(EdgeHandle {
            shared,
            stop: Some(stop),
            thread: Some(thread),
            accepting,
        })
    }
}

impl EdgeHandle {
    /// The counters now.
    #[must_use]
    pub fn observe(&self) -> Observation {
        self.shared.counters.observe()
    }

    /// Reads the counters for as long as somebody wants to, also after the edge has ended.
    #[must_use]
    pub fn observer(&self) -> Observer {
        Observer(Arc::clone(&self.shared))
    }

    /// Ends the edge: closes the listening sockets, lets every request that was sent get its
    /// answer (the last of its connection: `Connection: close`, GOAWAY), and drops what is still
    /// open after `deadline`.
    pub async fn drain(mut self, deadline: Duration) -> Drained {
        let end = Instant::now() + deadline;
        self.shared.stage.send_replace(Stage::Draining);
        // A worker that is told to stop drops connections that were accepted and not yet handed to
        // it, so accepting is paused first and the workers take what is queued.
        for server in &self.accepting {
            server.pause().await;
        }
        sleep(QUEUE_GRACE.min(deadline)).await;
        for server in &self.accepting {
            // Resolves when the server has ended, which is not waited for here.
            drop(server.stop(true));
        }
        let in_time = timeout_at(end, self.all_closed()).await;
        let aborted = if in_time.is_ok() {
            0
        } else {
            self.shared.counters.connections_open()
        };
        self.shared.stage.send_replace(Stage::Aborting);
        if timeout_at(Instant::now() + ABORT_WAIT, self.all_closed())
            .await
            .is_err()
        {
            tracing::warn!("connections did not end");
        }
        self.stop();
        Drained { aborted }
    }

    async fn all_closed(&self) {
        while self.shared.counters.connections_open() > 0 {
            self.shared.connection_closed.notified().await;
        }
    }

    fn stop(&mut self) {
        self.shared.stage.send_replace(Stage::Aborting);
        if let Some(stop) = self.stop.take() {
            // Fails only when the thread has ended already.
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the edge's thread panicked");
        }
    }
}

impl Drop for EdgeHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

type WorkerSockets = Vec<(TcpListener, Arc<Listener>)>;

/// The sockets of every worker, with the listeners that they belong to.
fn share_sockets(
    listeners: Vec<ListenerConfig>,
    workers: usize,
) -> Result<Vec<WorkerSockets>, Error> {
    let mut shared: Vec<WorkerSockets> = (0..workers).map(|_| Vec::new()).collect();
    for (index, config) in listeners.into_iter().enumerate() {
        let listener = Arc::new(Listener {
            index,
            tls: config.tls.map(|tls| TlsAcceptor::from(with_alpn(tls))),
            proxy_protocol: config.proxy_protocol,
        });
        for (worker, socket) in config
            .sockets
            .into_workers(workers)?
            .into_iter()
            .enumerate()
        {
            shared[worker].push((socket, Arc::clone(&listener)));
        }
    }
    Ok(shared)
}

fn with_alpn(tls: Arc<rustls::ServerConfig>) -> Arc<rustls::ServerConfig> {
    if !tls.alpn_protocols.is_empty() {
        return tls;
    }
    let mut offering = (*tls).clone();
    offering.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(offering)
}

type Started = Result<Vec<actix_server::ServerHandle>, Error>;

/// The thread that owns the servers.
fn run<S, F>(
    sockets: Vec<WorkerSockets>,
    factory: &F,
    shared: &Arc<Shared>,
    ready: &std::sync::mpsc::SyncSender<Started>,
    stopped: oneshot::Receiver<()>,
) where
    S: Service,
    F: Fn(usize) -> S + Send + Clone + 'static,
{
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            ready.send(Err(Error::Start(error))).ok();
            return;
        }
    };
    runtime.block_on(async {
        let servers = match start_servers(sockets, factory, shared).await {
            Ok(servers) => servers,
            Err(error) => {
                ready.send(Err(Error::Start(error))).ok();
                return;
            }
        };
        let handles = servers.iter().map(Server::handle).collect();
        if ready.send(Ok(handles)).is_err() {
            return;
        }
        // Dropping servers ends their threads at once; a graceful stop would look only once in a
        // second whether connections are left.
        let serving = futures_util::future::join_all(servers);
        tokio::select! {
            _ = stopped => {}
            () = async { serving.await; core::future::pending().await } => {}
        }
    });
}

async fn start_servers<S, F>(
    sockets: Vec<WorkerSockets>,
    factory: &F,
    shared: &Arc<Shared>,
) -> io::Result<Vec<Server>>
where
    S: Service,
    F: Fn(usize) -> S + Send + Clone + 'static,
{
    let mut servers = Vec::new();
    for (index, sockets) in sockets.into_iter().enumerate() {
        let mut server = server(index, sockets, factory, shared)?;
        // The first poll of a server starts its threads and waits for its service.
        if let Some(ended) = poll_once(&mut server).await {
            ended?;
        }
        servers.push(server);
    }
    Ok(servers)
}

async fn poll_once(server: &mut Server) -> Option<io::Result<()>> {
    poll_fn(|cx| {
        Poll::Ready(match core::pin::Pin::new(&mut *server).poll(cx) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    })
    .await
}

fn server<S, F>(
    index: usize,
    sockets: WorkerSockets,
    factory: &F,
    shared: &Arc<Shared>,
) -> io::Result<Server>
where
    S: Service,
    F: Fn(usize) -> S + Send + Clone + 'static,
{
    let mut builder = Server::build()
        .workers(1)
        .disable_signals()
        .shutdown_timeout(u64::from(u32::MAX))
        .max_concurrent_connections(
            shared
                .limits
                .connections_max
                .saturating_add(ACCEPTS_OVER_MAX),
        );
    for (socket, listener) in sockets {
        let (factory, shared) = (factory.clone(), Arc::clone(shared));
        builder = builder.listen(format!("edge-{index}"), socket, move || {
            let (factory, shared, listener) =
                (factory.clone(), Arc::clone(&shared), Arc::clone(&listener));
            fn_factory(move || {
                let (factory, shared, listener) =
                    (factory.clone(), Arc::clone(&shared), Arc::clone(&listener));
                async move {
                    let worker = worker(index, &factory, &shared);
                    Ok::<_, ()>(actix_service::fn_service(move |tcp: TcpStream| {
                        let (worker, listener) = (Rc::clone(&worker), Arc::clone(&listener));
                        // Boxed: actix moves the future, and what is moved takes its room twice.
                        Box::pin(async move {
                            worker.serve(&listener, tcp).await;
                            Ok::<_, ()>(())
                        })
                    }))
                }
            })
        })?;
    }
    Ok(builder.run())
}

thread_local! {
    /// The worker of this thread: all listeners share its service. An actix worker thread serves
    /// one server, hence one edge.
    static WORKER: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

fn worker<S, F>(index: usize, factory: &F, shared: &Arc<Shared>) -> Rc<Worker<S>>
where
    S: Service,
    F: Fn(usize) -> S,
{
    let existing = WORKER.with_borrow(|worker| worker.clone());
    if let Some(Ok(worker)) = existing.map(Rc::downcast::<Worker<S>>) {
        return worker;
    }
    let worker = Rc::new(Worker::new(factory(index), Arc::clone(shared)));
    WORKER.with_borrow_mut(|slot| *slot = Some(Rc::clone(&worker) as Rc<dyn Any>));
    worker
}
