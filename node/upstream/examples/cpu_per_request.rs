//! What a request through [`Client`] costs in CPU time: a fixed number of requests to a trivial
//! server in the same process, counted by the scheduler and not by the clock.
//!
//! `cargo run --release -p tollgate-upstream --example cpu_per_request -- [REQUESTS] [AT_ONCE]
//! [BODY_BYTES]`. Prints the client thread's user and system time per request, and the time that
//! passed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::task::{LocalSet, spawn_local};
use tollgate_message::{Body, Request};
use tollgate_upstream::{Client, GroupSpec, Scheme, SendLimits, ServerSpec, Upstreams};

const LIMITS: SendLimits = SendLimits::new(Duration::from_secs(30), Duration::from_secs(30));

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = |default: usize| {
        let word = arguments.next();
        word.map_or(default, |word| word.parse().expect("arguments are numbers"))
    };
    let (requests, at_once, body_bytes) = (next(200_000), next(64).max(1), next(512));
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || serve(&listener, body_bytes));
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a thread can poll");
    LocalSet::new().block_on(&runtime, async {
        let upstreams = Upstreams::new(Handle::current());
        let server = ServerSpec {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            weight: 1,
        };
        upstreams.sync(vec![GroupSpec::new("g", vec![server])]);
        let client = Client::new(upstreams);
        load(&client, requests / 10, at_once).await;
        let (before, begun) = (thread_ticks(), Instant::now());
        load(&client, requests, at_once).await;
        let (user, system) = thread_ticks();
        // Ticks of 10 ms (USER_HZ is 100 on every Linux port that we build for).
        let each = |ticks: u64| ticks as f64 * 10_000.0 / requests as f64;
        println!(
            "{requests} requests, {at_once} at once, {body_bytes} bytes: user {:.2} us, system {:.2} us, wall {:.2} us",
            each(user - before.0),
            each(system - before.1),
            begun.elapsed().as_secs_f64() * 1e6 / requests as f64,
        );
    });
}

/// Sends the requests, `at_once` of them in flight.
async fn load(client: &Client, requests: usize, at_once: usize) {
    let sent = Rc::new(std::cell::Cell::new(0_usize));
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, sent) = (client.clone(), Rc::clone(&sent));
            spawn_local(async move {
                while sent.get() < requests {
                    sent.set(sent.get() + 1);
                    let answer = client.send("g", request(), &LIMITS).await;
                    let (response, _) = answer.expect("the server answers");
                    assert_eq!(response.status, 200);
                    drop(response.body.collect(u64::MAX).await.expect("a body"));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the load runs to its end");
    }
}

/// What a browser's request looks like behind a gateway.
fn request() -> Request {
    let fields = [
        ("host", "api.example.com"),
        (
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
        ),
        ("accept", "application/json, text/plain, */*"),
        ("accept-encoding", "gzip, deflate, br"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        (
            "x-amzn-trace-id",
            "Root=1-67891233-abcdef012345678912345678",
        ),
    ];
    Request {
        path: "/pets/42".to_owned(),
        query: Some("verbose=1".to_owned()),
        headers: fields.into_iter().collect(),
        body: Body::Empty,
        ..Request::default()
    }
}

/// Answers every request head with one fixed response, on a thread per connection.
fn serve(listener: &TcpListener, body_bytes: usize) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n\
         Content-Type: application/json\r\nContent-Length: {body_bytes}\r\n\
         Connection: keep-alive\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    answer.resize(answer.len() + body_bytes, b'x');
    for stream in listener.incoming().flatten() {
        let answer = answer.clone();
        std::thread::spawn(move || answer_all(stream, &answer));
    }
}

fn answer_all(mut stream: TcpStream, answer: &[u8]) {
    let mut buffer = [0; 4096];
    let mut held = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[held..]) {
        held += read;
        if !buffer[..held].ends_with(b"\r\n\r\n") {
            continue;
        }
        held = 0;
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

/// User and system time of this thread, in clock ticks (proc(5), `/proc/pid/stat`).
fn thread_ticks() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
    let (_, behind_name) = stat.rsplit_once(')').expect("the name is in brackets");
    let mut fields = behind_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse().ok());
    let times = ticks().zip(ticks());
    times.expect("the times are the 12th and 13th field behind the name")
}
