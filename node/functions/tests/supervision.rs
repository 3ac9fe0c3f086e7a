//! Processes that crash, are replaced, grow old, or must go.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_functions::{FunctionSpec, InvokeError, Runtime, SyncReport};

use crate::support::{World, invocation, is_alive, until};

const WAITS: &str = "import os, time
def handler(event, context):
    if event is None: return os.getpid()
    print('waits in', os.getpid())
    while not os.path.exists(event): time.sleep(0.005)
    return os.getpid()";

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_told_at_once_and_mended() {
    let world = World::new();
    world.functions.sync(vec![world.python(
        "import os, signal
def handler(event, context):
    if event == 'exit': os._exit(3)
    if event == 'kill': os.kill(os.getpid(), signal.SIGKILL)
    if event == 'sys.exit': raise SystemExit(4)
    return 1",
    )]);
    for (event, exit) in [
        ("\"exit\"", "exit status: 3"),
        ("\"kill\"", "signal: 9"),
        ("\"sys.exit\"", "status: 4"),
    ] {
        let start = Instant::now();
        match world.invoke(event).await {
            Err(InvokeError::Crashed { exit: seen }) => assert!(seen.contains(exit), "{seen}"),
            other => panic!("{event}: {other:?}"),
        }
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(world.answer("{}").await, json!(1));
    }
    assert_eq!((world.state().errors, world.state().restarts), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_processes_are_ready_before_they_are_needed() {
    let world = World::new();
    let mut spec = world.python(WAITS);
    (spec.concurrency, spec.warm) = (3, 2);
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.idle == 2).await;
    let outcome = world.invoke("null").await.unwrap();
    assert!(!outcome.cold_start);
    // One works, and the pool grows so that two are ready beside it, but not beyond three.
    let (functions, gate) = (world.functions.clone(), world.code().join("gate"));
    let event = json!(gate).to_string();
    let run = tokio::spawn(async move { functions.invoke("f", invocation(&event)).await });
    world
        .until_state(|state| state.busy == 1 && state.idle == 2)
        .await;
    std::fs::write(gate, "").unwrap();
    run.await.unwrap().unwrap();
    assert_eq!((world.state().starts, world.state().cold_starts), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_warm_processes_the_first_invocation_starts_one_and_idle_ones_stop() {
    let world = World::new();
    let mut spec = world.python(WAITS);
    (spec.warm, spec.idle_timeout_ms) = (0, 300);
    world.functions.sync(vec![spec]);
    assert_eq!(world.state().starts, 0);
    let outcome = world.invoke("null").await.unwrap();
    assert!(outcome.cold_start);
    let process_id: u64 = serde_json::from_value(crate::support::json(&outcome)).unwrap();
    assert!(!world.invoke("null").await.unwrap().cold_start);
    world.until_state(|state| state.idle == 0).await;
    until(|| is_alive(process_id), |alive| !alive).await;
    assert_eq!(
        world.state().restarts,
        0,
        "an end that was wanted is no restart"
    );
    assert!(world.invoke("null").await.unwrap().cold_start);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_start_tries_more_and_more_rarely() {
    let world = World::new();
    let mut spec = world.python("import os\nopen('starts', 'a').write('x')\nos._exit(1)");
    spec.concurrency = 4;
    world.functions.sync(vec![spec.clone()]);
    let start = Instant::now();
    world.until_state(|state| state.init_failures >= 4).await;
    // 100 + 200 + 400 ms lie between the four.
    assert!(
        start.elapsed() >= Duration::from_millis(700),
        "{:?}",
        start.elapsed()
    );
    let asked = Instant::now();
    let error = world.invoke("{}").await.unwrap_err();
    assert!(matches!(error, InvokeError::InitFailed { .. }), "{error:?}");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "nobody waits for the next try"
    );
    assert!(
        world
            .state()
            .init_error
            .unwrap()
            .contains("Runtime.ExitError")
    );
    // A changed function starts at once and with a clean record.
    world.write("app.py", "def handler(e, c): return 1");
    assert!(world.functions.restart("f"));
    assert_eq!(world.answer("{}").await, json!(1));
    assert_eq!(world.state().init_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_takes_too_long_is_a_failure() {
    let world = World::new();
    let mut spec = world.python("import time\ntime.sleep(60)");
    spec.init_timeout_ms = 300;
    world.functions.sync(vec![spec]);
    match world.invoke("{}").await {
        Err(InvokeError::InitFailed { error_type, .. }) => {
            assert_eq!(&*error_type, "Runtime.InitTimeout");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_replaces_processes_and_fails_nothing() {
    let world = World::new();
    let mut spec = world.python(WAITS);
    let report = world.functions.sync(vec![spec.clone()]);
    assert_eq!(
        report,
        SyncReport {
            added: 1,
            ..SyncReport::default()
        }
    );
    let before = world.answer("null").await;
    assert_eq!(world.functions.sync(vec![spec.clone()]).unchanged, 1);
    assert_eq!(
        world.answer("null").await,
        before,
        "unchanged functions keep their processes"
    );

    let gate = world.code().join("gate");
    let event = json!(gate).to_string();
    let start = || {
        let (functions, event) = (world.functions.clone(), event.clone());
        tokio::spawn(async move { functions.invoke("f", invocation(&event)).await })
    };
    let running = start();
    world.until_state(|state| state.busy == 1).await;
    let waiting = start();
    world.until_state(|state| state.queued == 1).await;
    spec.environment.insert("NEW".into(), "1".into());
    assert_eq!(world.functions.sync(vec![spec]).changed, 1);
    assert_ne!(
        world.answer("null").await,
        before,
        "new invocations go to new processes"
    );
    std::fs::write(gate, "").unwrap();
    for run in [running, waiting] {
        let outcome = run.await.unwrap().unwrap();
        assert_eq!(crate::support::json(&outcome), before);
    }
    let old = before.as_u64().unwrap();
    until(|| is_alive(old), |alive| !alive).await;
    assert_eq!(world.functions.sync(vec![]).removed, 1);
    let error = world.invoke("null").await.unwrap_err();
    assert_eq!(error, InvokeError::UnknownFunction { name: "f".into() });
    assert!(!world.functions.restart("f"));
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_lets_work_finish_and_leaves_no_process() {
    let world = World::new();
    let mut spec = world.python(WAITS);
    (spec.concurrency, spec.warm) = (3, 3);
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.idle == 3).await;
    let gate = world.code().join("gate");
    let (functions, event) = (world.functions.clone(), json!(gate).to_string());
    let run = tokio::spawn(async move { functions.invoke("f", invocation(&event)).await });
    let line = world.until_logged("waits in").await;
    let functions = world.functions.clone();
    let end = tokio::spawn(async move { functions.shutdown(Duration::from_secs(30)).await });
    until(|| world.functions.observe(), Vec::is_empty).await;
    assert_eq!(
        world.invoke("null").await.unwrap_err(),
        InvokeError::Stopped
    );
    assert!(!end.is_finished());
    std::fs::write(gate, "").unwrap();
    run.await.unwrap().unwrap();
    end.await.unwrap();
    assert!(!is_alive(u64::from(line.process_id)));
    assert_eq!(
        world.functions.sync(vec![world.python(WAITS)]),
        SyncReport::default()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_kills_what_does_not_end_in_time_with_all_it_started() {
    let world = World::new();
    world.functions.sync(vec![world.python(
        "import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def handler(event, context):
    print('child', subprocess.Popen(['sleep', '1000']).pid)
    time.sleep(1000)",
    )]);
    let functions = world.functions.clone();
    let run = tokio::spawn(async move { functions.invoke("f", invocation("{}")).await });
    let line = world.until_logged("child ").await;
    let child: u64 = line.text[6..].parse().unwrap();
    assert!(is_alive(child));
    world.functions.shutdown(Duration::from_millis(50)).await;
    assert_eq!(run.await.unwrap().unwrap_err(), InvokeError::Stopped);
    assert!(!is_alive(u64::from(line.process_id)));
    until(|| is_alive(child), |alive| !alive).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_kills_the_processes() {
    let world = World::new();
    world.functions.sync(vec![world.python(WAITS)]);
    let process_id = world.answer("null").await.as_u64().unwrap();
    drop(world);
    until(|| is_alive(process_id), |alive| !alive).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_thread_may_invoke() {
    let world = World::new();
    let spec = world.python(WAITS);
    let never = json!(world.code().join("never")).to_string();
    world.functions.sync(vec![spec]);
    let functions = world.functions.clone();
    let other = std::thread::spawn(move || {
        // A runtime without a timer.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let answered = functions.invoke("f", invocation("null")).await;
            let mut impatient = invocation(&never);
            impatient.deadline = Duration::from_millis(20);
            (answered, functions.invoke("f", impatient).await)
        })
    });
    let (answered, timed_out) = tokio::task::spawn_blocking(|| other.join().unwrap())
        .await
        .unwrap();
    answered.unwrap();
    assert!(
        matches!(timed_out, Err(InvokeError::Timeout { .. })),
        "{timed_out:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_leaves_others_alone() {
    let world = World::new();
    let good = world.python("def handler(e, c): return 'good'");
    world.write("bad.py", "1/0");
    let bad = FunctionSpec::new("bad", Runtime::Python, world.code(), "bad.handler");
    world.functions.sync(vec![good, bad]);
    let error = world
        .functions
        .invoke("bad", invocation("{}"))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "ZeroDivisionError");
    assert_eq!(world.answer("{}").await, json!("good"));
}
