//! The ops listener: health and metrics, on a thread of its own, so that it answers while the data
//! plane is busy.

use std::fmt;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::header::ContentType;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// How far the node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not ready yet.
    Starting(Step),
    /// Serving.
    Ready,
    /// Stopping: not ready, requests in flight are finished.
    Draining,
}

/// What a start is at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Being let into a cluster.
    Join,
    /// Opening the data directory and reading what it holds.
    State,
    /// Telling the cluster that this node lives.
    Life,
    /// Applying the files that the node was started with, and compiling the configuration.
    Configuration,
    /// Opening the listeners.
    Listeners,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Join => "a member of the cluster is asked to let this node in",
            Self::State => "the state is read from disk",
            Self::Life => "the cluster is told that this node lives",
            Self::Configuration => "the configuration is compiled",
            Self::Listeners => "the listeners are opened",
        })
    }
}

/// What the ops listener shows.
pub trait Observed: Send + Sync {
    /// Everything in Prometheus's text format, fresh.
    fn metrics(&self) -> String;
    /// What readiness depends on, by name: whether it holds, and in words.
    fn conditions(&self) -> Vec<(&'static str, bool, String)>;
    /// What an operator should know and readiness does not depend on, in the same form.
    fn notes(&self) -> Vec<(&'static str, bool, String)>;
}

/// The node's phase, shared between boot, drain and the ops listener.
#[derive(Debug, Default)]
pub struct PhaseCell(AtomicUsize);

/// The phases by their number in a [`PhaseCell`].
const PHASES: [Phase; 7] = [
    Phase::Starting(Step::State),
    Phase::Starting(Step::Join),
    Phase::Starting(Step::Life),
    Phase::Starting(Step::Configuration),
    Phase::Starting(Step::Listeners),
    Phase::Ready,
    Phase::Draining,
];

impl PhaseCell {
    /// The phase now.
    #[must_use]
    pub fn get(&self) -> Phase {
        let at = self.0.load(Ordering::Acquire);
        PHASES.get(at).copied().unwrap_or(Phase::Draining)
    }

    /// Goes on to another phase.
    pub fn set(&self, phase: Phase) {
        let at = PHASES.iter().position(|it| *it == phase);
        self.0.store(at.unwrap_or(PHASES.len()), Ordering::Release);
    }
}

/// Where what the ops listener shows is put, as soon as it is there.
pub type Watched = Arc<OnceLock<Arc<dyn Observed>>>;

struct Ops {
    phase: Arc<PhaseCell>,
    watched: Watched,
}

/// Serves health and metrics on a bound socket until the process ends. It begins before anything
/// is there to be shown, so that a long start is not taken for a dead node.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(socket: TcpListener, phase: Arc<PhaseCell>, watched: Watched) -> std::io::Result<()> {
    let ops = web::Data::new(Ops { phase, watched });
    std::thread::Builder::new()
        .name("ops".into())
        .spawn(move || {
            let served = actix_rt::System::new().block_on(async move {
                HttpServer::new(move || {
                    App::new()
                        .app_data(ops.clone())
                        .route("/livez", web::get().to(livez))
                        .route("/readyz", web::get().to(readyz))
                        .route("/startupz", web::get().to(startupz))
                        .route("/metrics", web::get().to(metrics))
                })
                .workers(1)
                .disable_signals()
                .listen(socket)?
                .run()
                .await
            });
            if let Err(error) = served {
                tracing::error!(%error, "the ops listener ended");
            }
        })
        .map(drop)
}

async fn livez() -> HttpResponse {
    plain(HttpResponse::Ok(), "ok\n".into())
}

async fn startupz(ops: web::Data<Ops>) -> HttpResponse {
    match ops.phase.get() {
        Phase::Starting(step) => {
            let text = format!("starting: {step}\n");
            plain(HttpResponse::ServiceUnavailable(), text)
        }
        Phase::Ready | Phase::Draining => plain(HttpResponse::Ok(), "ok\n".into()),
    }
}

/// Ready when the node is serving and every condition holds; `?verbose` lists them, and what else
/// there is to know.
async fn readyz(request: HttpRequest, ops: web::Data<Ops>) -> HttpResponse {
    let phase = ops.phase.get();
    let mut conditions = vec![match phase {
        Phase::Starting(step) => ("phase", false, format!("starting: {step}")),
        Phase::Ready => ("phase", true, "ready".to_owned()),
        Phase::Draining => ("phase", false, "draining".to_owned()),
    }];
    let observed = ops.watched.get();
    conditions.extend(observed.iter().flat_map(|it| it.conditions()));
    let ready = conditions.iter().all(|(_, holds, _)| *holds);
    let verbose = request
        .query_string()
        .split('&')
        .any(|it| it.starts_with("verbose"));
    let mut text = String::new();
    for (name, holds, words) in conditions.iter().filter(|(_, holds, _)| verbose || !*holds) {
        let sign = if *holds { '+' } else { '-' };
        text.push_str(&format!("[{sign}] {name}: {words}\n"));
    }
    let notes = observed.filter(|_| verbose);
    for (name, holds, words) in notes.iter().flat_map(|it| it.notes()) {
        let sign = if holds { '+' } else { '!' };
        text.push_str(&format!("[{sign}] {name}: {words}\n"));
    }
    text.push_str(if ready { "ok\n" } else { "not ready\n" });
    let status = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    plain(status, text)
}

async fn metrics(ops: web::Data<Ops>) -> HttpResponse {
    let Some(observed) = ops.watched.get().cloned() else {
        return plain(HttpResponse::ServiceUnavailable(), "starting\n".into());
    };
    // Rendering thousands of series takes milliseconds: not on the thread that answers health.
    match web::block(move || observed.metrics()).await {
        Ok(text) => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4")
            .body(text),
        Err(error) => plain(HttpResponse::InternalServerError(), format!("{error}\n")),
    }
}

fn plain(mut builder: actix_web::HttpResponseBuilder, text: String) -> HttpResponse {
    builder.content_type(ContentType::plaintext()).body(text)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;

    struct Nothing;

    impl Observed for Nothing {
        fn metrics(&self) -> String {
            "tollgate_up 1\n".into()
        }

        fn conditions(&self) -> Vec<(&'static str, bool, String)> {
            vec![("configuration", true, "revision 7 is served".into())]
        }

        fn notes(&self) -> Vec<(&'static str, bool, String)> {
            Vec::new()
        }
    }

    async fn said(response: HttpResponse) -> (u16, String) {
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_rt::test]
    async fn a_node_that_reads_its_state_says_so_and_is_not_ready() {
        let ops = web::Data::new(Ops {
            phase: Arc::default(),
            watched: Watched::default(),
        });
        let ask = || TestRequest::with_uri("/readyz?verbose").to_http_request();
        let (status, text) = said(readyz(ask(), ops.clone()).await).await;
        assert_eq!(status, 503);
        assert_eq!(
            text,
            "[-] phase: starting: the state is read from disk\nnot ready\n"
        );
        assert_eq!(said(startupz(ops.clone()).await).await.0, 503);
        assert_eq!(said(metrics(ops.clone()).await).await.0, 503);
        assert!(ops.watched.set(Arc::new(Nothing)).is_ok());
        ops.phase.set(Phase::Starting(Step::Configuration));
        let (status, text) = said(readyz(ask(), ops.clone()).await).await;
        assert_eq!(status, 503);
        assert!(text.contains("the configuration is compiled"), "{text}");
        for (phase, status) in [(Phase::Ready, 200), (Phase::Draining, 503)] {
            ops.phase.set(phase);
            assert_eq!(ops.phase.get(), phase);
            assert_eq!(said(readyz(ask(), ops.clone()).await).await.0, status);
        }
    }
}
