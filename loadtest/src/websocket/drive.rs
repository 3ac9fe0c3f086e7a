//! Opens the connections, sends on schedule, and counts what arrives.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::{Client, intended, payload};
use super::frames::{self, TEXT};
use super::outcome::{ServerUse, SocketOutcome, outcome};
use super::{Error, Plan, Scenario};
use crate::compare::usage::{CpuTimes, resident_bytes};
use crate::generator::connection::{Connection, Dialer};
use crate::generator::pacer::Pacer;
use crate::generator::tally::{Tally, Window};
use crate::latency::Latencies;
use crate::limits::DRAIN;
use crate::outcome::ErrorKind;
use crate::request::Request;
use crate::schedule::{Arrivals, Schedule};
use crate::stop::Stop;

/// Handshakes at a time.
const OPENING_MAX: usize = 128;
/// Writes that wait for one connection of the generator; more of them wait for the schedule.
const WRITES_MAX: usize = 64;

/// What the connections share.
struct Shared {
    /// Times in messages count from here.
    epoch: Instant,
    window: Cell<Option<Window>>,
    tally: RefCell<Tally>,
    /// Deliveries of messages that were due in the measured part, wanted and had.
    wanted: Cell<u64>,
    delivered: Cell<u64>,
}

impl Shared {
    fn receive(&self, message: &[u8]) {
        let now = Instant::now();
        let Some(left) = intended(self.epoch, message) else {
            return;
        };
        let mut tally = self.tally.borrow_mut();
        tally.answers_total += 1;
        if let Some(window) = self.window.get().filter(|window| window.contains(left)) {
            let at = now.saturating_duration_since(window.from);
            tally.delivery(at, now.saturating_duration_since(left));
            self.delivered.set(self.delivered.get() + 1);
        }
    }

    fn count_bytes(&self, (read, written): (u64, u64)) {
        let mut tally = self.tally.borrow_mut();
        tally.read_bytes += read;
        tally.written_bytes += written;
    }

    fn fail(&self, kind: ErrorKind) {
        let at = self.window.get().map_or(Duration::ZERO, |window| {
            Instant::now().saturating_duration_since(window.from)
        });
        self.tally.borrow_mut().error(kind, at);
    }
}

/// One connection's end for those who send over it.
type Writer = mpsc::Sender<Vec<u8>>;

pub(super) async fn drive(plan: &Plan, mut stop: Stop) -> Result<SocketOutcome, Error> {
    let before = server_memory(plan);
    let dialer = Arc::new(plan.dialer.clone());
    let mut handshakes = Latencies::new(3);
    let clients = open_all(plan, &dialer, &mut handshakes).await?;
    let after = server_memory(plan);
    let shared = Rc::new(Shared {
        epoch: Instant::now(),
        window: Cell::new(None),
        tally: RefCell::new(Tally::new(plan.duration)),
        wanted: Cell::new(0),
        delivered: Cell::new(0),
    });
    let mut tasks = JoinSet::new();
    let mut writers: Vec<Writer> = Vec::with_capacity(clients.len());
    for client in clients {
        let (writer, writes) = mpsc::channel(WRITES_MAX);
        writers.push(writer);
        tasks.spawn_local(serve(Rc::clone(&shared), client, writes));
    }
    let start = Instant::now();
    let from = start + plan.warmup;
    let until = from + plan.duration;
    shared.window.set(Some(Window { start, from, until }));
    let measuring = async {
        sleep_until(from).await;
        let cpu = server_cpu(plan);
        sleep_until(until).await;
        cpu
    };
    let load = send_all(plan, &shared, &dialer, &writers, start);
    let mut cut = false;
    let mut cpu = (None, None);
    tokio::select! {
        () = stop.stopped() => cut = true,
        (sent, began) = async { tokio::join!(load, measuring) } => {
            sent?;
            drain(&shared).await;
            // Only now: what was late was paid for late.
            cpu = (began, server_cpu(plan));
        }
    }
    let server = ServerUse::new(before, after, server_memory(plan), cpu, plan);
    drop(writers);
    tasks.abort_all();
    Ok(outcome(
        plan,
        &shared_tally(&shared, cut),
        &handshakes,
        server,
        Instant::now().min(until) - from.min(Instant::now()),
    ))
}

fn shared_tally(shared: &Shared, cut: bool) -> Tally {
    let mut tally = shared.tally.borrow().clone();
    if !cut {
        let missing = shared.wanted.get().saturating_sub(shared.delivered.get());
        tally.errors_of(ErrorKind::Unfinished, missing);
    }
    tally
}

/// Waits for what is on its way, for as long as that is allowed to take.
async fn drain(shared: &Shared) {
    let end = Instant::now() + DRAIN;
    while shared.delivered.get() < shared.wanted.get() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Opens connections at the rate that was asked for, or as fast as the server takes them.
async fn open_all(
    plan: &Plan,
    dialer: &Arc<Dialer>,
    handshakes: &mut Latencies,
) -> Result<Vec<Client>, Error> {
    let schedule = Schedule::new(
        Arrivals::Constant,
        plan.ramp_per_s,
        Duration::from_secs_f64(plan.connections as f64 / plan.ramp_per_s),
        0,
        1,
        0,
    );
    let mut pacer = Pacer::new(schedule, Instant::now())?;
    let mut opening = JoinSet::new();
    let mut clients = Vec::with_capacity(plan.connections);
    let (headers, patience) = (Arc::new(plan.headers.clone()), plan.timeout);
    let mut keep = |opened: Opened, clients: &mut Vec<Client>| match opened {
        Ok((client, took)) => {
            handshakes.record(took);
            clients.push(client);
            Ok(())
        }
        Err(kind) => Err(Error::Open {
            wanted: plan.connections,
            opened: clients.len(),
            kind,
        }),
    };
    for _ in 0..plan.connections {
        let arrival = pacer.next().await?;
        // The schedule may end one early by rounding: the last leaves at once.
        let due = arrival.map_or_else(Instant::now, |arrival| arrival.intended);
        if opening.len() >= OPENING_MAX
            && let Some(opened) = opening.join_next().await
        {
            keep(opened.map_err(std::io::Error::other)?, &mut clients)?;
        }
        let (dialer, headers) = (Arc::clone(dialer), Arc::clone(&headers));
        opening.spawn_local(async move {
            let opened = timeout(patience, Client::open(&dialer, &headers)).await;
            let client = opened.unwrap_or(Err(ErrorKind::Timeout))?;
            Ok((client, due.elapsed()))
        });
    }
    while let Some(opened) = opening.join_next().await {
        keep(opened.map_err(std::io::Error::other)?, &mut clients)?;
    }
    Ok(clients)
}

type Opened = Result<(Client, Duration), ErrorKind>;

/// Reads until the connection ends, and writes what others want written.
async fn serve(shared: Rc<Shared>, mut client: Client, mut writes: mpsc::Receiver<Vec<u8>>) {
    // What came with the handshake's answer.
    let mut done = client.messages(|message| shared.receive(message)).await;
    loop {
        shared.count_bytes(client.take_bytes());
        if let Err(kind) = done {
            shared.fail(kind);
            return;
        }
        done = tokio::select! {
            write = writes.recv() => match write {
                Some(frames) => client.send(&frames).await,
                None => return,
            },
            read = client.read() => match read {
                Ok(()) => client.messages(|message| shared.receive(message)).await,
                Err(kind) => Err(kind),
            },
        };
    }
}

/// Sends what the schedule says until its end.
async fn send_all(
    plan: &Plan,
    shared: &Rc<Shared>,
    dialer: &Arc<Dialer>,
    writers: &[Writer],
    start: Instant,
) -> Result<(), Error> {
    if plan.scenario == Scenario::Idle {
        return Ok(());
    }
    let end = plan.warmup + plan.duration;
    let schedule = Schedule::new(Arrivals::Constant, plan.rate_per_s, end, 0, 1, 0);
    let mut pacer = Pacer::new(schedule, start)?;
    let mut publisher = Publisher::open(plan, shared, dialer).await?;
    let receivers = match plan.scenario {
        Scenario::FanOut => writers.len() as u64,
        Scenario::Idle | Scenario::Echo => 1,
    };
    let mut turn = 0;
    while let Some(arrival) = pacer.next().await? {
        let due = arrival.intended;
        if let Some(lag) = arrival.lag {
            shared.tally.borrow_mut().generator_lag.record(lag);
        }
        if shared
            .window
            .get()
            .is_some_and(|window| window.contains(due))
        {
            let burst = plan.burst as u64;
            shared.wanted.set(shared.wanted.get() + receivers * burst);
        }
        let text = payload(shared.epoch, due, plan.message_bytes);
        let message = plan.template.replace("PAYLOAD", &text);
        let sent = match (&mut publisher, plan.scenario) {
            (Publisher::Post(connection), Scenario::FanOut) => {
                post(plan, connection, &message).await
            }
            (Publisher::Socket(writer), Scenario::FanOut) => {
                write(writer, &message, plan.burst).await
            }
            _ => {
                turn = (turn + 1) % writers.len();
                write(&writers[turn], &message, plan.burst).await
            }
        };
        if let Err(kind) = sent {
            shared.fail(kind);
        }
    }
    Ok(())
}

async fn write(writer: &Writer, message: &str, burst: usize) -> Result<(), ErrorKind> {
    let mut frames = Vec::new();
    for _ in 0..burst {
        frames::write(TEXT, message.as_bytes(), &mut frames);
    }
    // Its connection has ended, which was counted there.
    writer.send(frames).await.map_err(|_| ErrorKind::Write)
}

async fn post(plan: &Plan, connection: &mut Connection, message: &str) -> Result<(), ErrorKind> {
    let Some(target) = &plan.publish else {
        return Err(ErrorKind::Connect);
    };
    let request = Request::new(target, "POST", &plan.headers, message.as_bytes());
    let request = request.map_err(|_| ErrorKind::Write)?;
    for _ in 0..plan.burst {
        connection.start();
        let answer = connection.exchange(&request, plan.timeout).await?;
        if !(200..300).contains(&answer.status) {
            return Err(ErrorKind::Protocol);
        }
    }
    Ok(())
}

/// How messages for all are published.
enum Publisher {
    Nobody,
    Post(Connection),
    Socket(Writer),
}

impl Publisher {
    async fn open(plan: &Plan, shared: &Rc<Shared>, dialer: &Arc<Dialer>) -> Result<Self, Error> {
        if plan.scenario != Scenario::FanOut {
            return Ok(Self::Nobody);
        }
        let failed = |kind: ErrorKind| Error::Publish(kind.name().to_owned());
        if let Some(target) = &plan.publish {
            let dialer = Dialer {
                target: target.clone(),
                tls: dialer.tls.clone(),
            };
            return Ok(Self::Post(Connection::new(Arc::new(dialer), false)));
        }
        let client = Client::open(dialer, &plan.headers).await.map_err(failed)?;
        let (writer, writes) = mpsc::channel(WRITES_MAX);
        // What comes back to the publisher is no delivery: it is not one of the receivers.
        let own = Rc::new(Shared {
            epoch: shared.epoch,
            window: Cell::new(None),
            tally: RefCell::new(Tally::new(plan.duration)),
            wanted: Cell::new(0),
            delivered: Cell::new(0),
        });
        tokio::task::spawn_local(serve(own, client, writes));
        Ok(Self::Socket(writer))
    }
}

fn server_memory(plan: &Plan) -> Option<u64> {
    resident_bytes(plan.server_pid?).ok()
}

fn server_cpu(plan: &Plan) -> Option<CpuTimes> {
    CpuTimes::read(plan.server_pid?).ok()
}
