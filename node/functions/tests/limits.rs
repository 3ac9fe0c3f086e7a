//! Every limit at its edge, and what happens beyond it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tollgate_functions::{InvokeError, LogSource, TimeoutCause};

use crate::support::{World, bytes, invocation, is_alive, until};

const SIX_MIB: usize = 6 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_response_may_have_six_mebibytes_and_not_one_byte_more() {
    let world = World::new();
    // The quotes of the JSON string are two bytes.
    world.functions.sync(vec![
        world.python("def handler(n, c): return 'x' * (n - 2)"),
    ]);
    let outcome = world.invoke(&SIX_MIB.to_string()).await.unwrap();
    assert_eq!(outcome.function_error, None);
    assert_eq!(bytes(&outcome).len(), SIX_MIB);
    for size in [SIX_MIB + 1, 5 * SIX_MIB] {
        let (error_type, error) = world.error(&size.to_string()).await;
        assert_eq!(error_type, "Function.ResponseSizeTooLarge");
        assert!(
            error["errorMessage"]
                .as_str()
                .unwrap()
                .contains("6291456 bytes"),
            "{error}"
        );
    }
    world.until_logged("the response is too large").await;
    assert_eq!(world.answer("3").await, json!("x"));
    assert_eq!((world.state().starts, world.state().restarts), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_may_have_six_mebibytes_and_not_one_byte_more() {
    let world = World::new();
    world.functions.sync(vec![
        world.nodejs("exports.handler = async (e) => e.length;"),
    ]);
    let mut large = invocation("");
    large.payload = Bytes::from(format!("\"{}\"", "x".repeat(SIX_MIB - 2)));
    let outcome = world.functions.invoke("f", large.clone()).await.unwrap();
    assert_eq!(&bytes(&outcome)[..], (SIX_MIB - 2).to_string().as_bytes());
    large.payload = Bytes::from(vec![b' '; SIX_MIB + 1]);
    let refused = world.functions.invoke("f", large).await.unwrap_err();
    let expected = InvokeError::PayloadTooLarge {
        bytes: SIX_MIB + 1,
        bytes_max: SIX_MIB,
    };
    assert_eq!(refused, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_is_killed() {
    let world = World::new();
    let mut spec = world.python(
        "import os, time
def handler(event, context):
    print('pid', os.getpid())
    time.sleep(event)
    return os.getpid()",
    );
    // Shorter than the time a start may take, which must not delay it.
    spec.timeout_ms = 1000;
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.idle == 1).await;
    let start = Instant::now();
    match world.invoke("60").await {
        Err(InvokeError::Timeout {
            after_ms,
            cause: TimeoutCause::Function,
        }) => {
            assert!((1000..5000).contains(&after_ms), "{after_ms}");
        }
        other => panic!("{other:?}"),
    }
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    let line = world.until_logged("pid ").await;
    let process_id: u64 = line.text[4..].parse().unwrap();
    until(|| is_alive(process_id), |alive| !alive).await;
    assert_ne!(world.answer("0").await, json!(process_id));
    assert_eq!(world.state().timeouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_patience_does_not_end_the_function() {
    let world = World::new();
    let spec = world.python(
        "import os, time
def handler(event, context):
    while not os.path.exists(event): time.sleep(0.005)
    print('done')",
    );
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.idle == 1).await;
    let gate = world.code().join("gate");
    let mut impatient = invocation(&json!(gate).to_string());
    impatient.deadline = Duration::from_millis(50);
    let error = world
        .functions
        .invoke("f", impatient.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            InvokeError::Timeout {
                cause: TimeoutCause::Caller,
                ..
            }
        ),
        "{error:?}"
    );
    let error = world.functions.invoke("f", impatient).await.unwrap_err();
    assert!(
        matches!(
            error,
            InvokeError::Timeout {
                cause: TimeoutCause::Queue,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(world.state().queued, 0, "who left does not wait");
    std::fs::write(gate, "").unwrap();
    world.until_logged("done").await;
    let state = world
        .until_state(|state| state.busy == 0 && state.idle == 1)
        .await;
    assert_eq!((state.invocations, state.restarts), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_run_at_once_as_the_concurrency_says() {
    let world = World::new();
    // Each waits until four have begun, which only happens when four run at once.
    let mut spec = world.python(
        "import os, time
def handler(event, context):
    open(os.path.join(event, str(os.getpid())), 'w').close()
    while len(os.listdir(event)) < 4: time.sleep(0.005)
    return os.getpid()",
    );
    spec.concurrency = 4;
    world.functions.sync(vec![spec]);
    let marks = world.code().join("marks");
    std::fs::create_dir(&marks).unwrap();
    let event = json!(marks).to_string();
    let runs = [0; 8].map(|_| {
        let (functions, event) = (world.functions.clone(), event.clone());
        tokio::spawn(async move { functions.invoke("f", invocation(&event)).await.unwrap() })
    });
    for run in runs {
        run.await.unwrap();
    }
    assert_eq!(
        std::fs::read_dir(&marks).unwrap().count(),
        4,
        "and never more than four"
    );
    assert_eq!(world.state().starts, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_are_refused_at_once() {
    let world = World::new();
    let mut spec = world.python(
        "import os, time
def handler(event, context):
    while not os.path.exists(event): time.sleep(0.005)",
    );
    spec.queue_max = 3;
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.idle == 1).await;
    let gate = world.code().join("gate");
    let event = json!(gate).to_string();
    let start = || {
        let (functions, event) = (world.functions.clone(), event.clone());
        tokio::spawn(async move { functions.invoke("f", invocation(&event)).await.map(|_| ()) })
    };
    let runs = [0; 4].map(|_| start());
    world
        .until_state(|state| state.busy == 1 && state.queued == 3)
        .await;
    let refused = world
        .functions
        .invoke("f", invocation(&event))
        .await
        .unwrap_err();
    assert_eq!(refused, InvokeError::Overloaded { waiting: 3 });
    std::fs::write(gate, "").unwrap();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    assert_eq!(world.state().overloads, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_uses_too_much_memory_is_killed() {
    let world = World::new();
    let mut spec = world.python(
        "import time
def handler(event, context):
    if event == 'small': return 1
    kept = bytearray(300 << 20)
    time.sleep(60)",
    );
    spec.memory_mib = Some(100);
    world.functions.sync(vec![spec]);
    match world.invoke("{}").await {
        Err(InvokeError::OutOfMemory {
            used_mib: 100..,
            limit_mib: 100,
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(world.answer("\"small\"").await, json!(1));
    world.until_logged("of 100 MiB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_neither_blocks_nor_fills_the_log() {
    let world = World::new();
    world.functions.sync(vec![world.python(
        "import sys
def handler(event, context):
    for _ in range(50): sys.stdout.write(('x' * 99 + '\\n') * 10486)
    sys.stdout.write('y' * 100000)
    return 'done'",
    )]);
    assert_eq!(world.answer("{}").await, json!("done"));
    // The end of the process is the end of its output: after that every line is accounted for.
    assert!(world.functions.restart("f"));
    let accounted = || {
        let lines = world
            .logs()
            .into_iter()
            .filter(|record| record.source != LogSource::Stderr);
        lines
            .map(
                |record| match record.text.strip_suffix(" lines of Stdout dropped") {
                    Some(count) => count.parse().unwrap(),
                    None => 1,
                },
            )
            .sum::<u64>()
    };
    until(accounted, |count| *count == 50 * 10486 + 1).await;
    let logs = world.logs();
    assert!(
        logs.len() < 50_000,
        "{} of 524300 lines were logged",
        logs.len()
    );
    assert!(logs.iter().all(|record| record.text.len() < 9000));
}
