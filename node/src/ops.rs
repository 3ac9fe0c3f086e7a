//! The ops listener: health and metrics, on a thread of its own, so that it answers while the data
//! plane is busy.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use actix_web::http::header::ContentType;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

/// How far the node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Replaying, compiling, applying files: not ready.
    Starting = 0,
    /// Serving.
    Ready = 1,
    /// Stopping: not ready, requests in flight are finished.
    Draining = 2,
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
pub struct PhaseCell(AtomicU8);

impl PhaseCell {
    /// The phase now.
    #[must_use]
    pub fn get(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Goes on to another phase.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }
}

struct Ops {
    phase: Arc<PhaseCell>,
    observed: Arc<dyn Observed>,
}

/// Serves health and metrics on a bound socket until the process ends.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(
    socket: TcpListener,
    phase: Arc<PhaseCell>,
    observed: Arc<dyn Observed>,
) -> std::io::Result<()> {
    let ops = web::Data::new(Ops { phase, observed });
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
        Phase::Starting => plain(HttpResponse::ServiceUnavailable(), "starting\n".into()),
        Phase::Ready | Phase::Draining => plain(HttpResponse::Ok(), "ok\n".into()),
    }
}

/// Ready when the node is serving and every condition holds; `?verbose` lists them, and what else
/// there is to know.
async fn readyz(request: HttpRequest, ops: web::Data<Ops>) -> HttpResponse {
    let phase = ops.phase.get();
    let mut conditions = vec![match phase {
        Phase::Starting => ("phase", false, "starting".to_owned()),
        Phase::Ready => ("phase", true, "ready".to_owned()),
        Phase::Draining => ("phase", false, "draining".to_owned()),
    }];
    conditions.extend(ops.observed.conditions());
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
    let notes = if verbose {
        ops.observed.notes()
    } else {
        Vec::new()
    };
    for (name, holds, words) in notes {
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
    let observed = Arc::clone(&ops.observed);
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
