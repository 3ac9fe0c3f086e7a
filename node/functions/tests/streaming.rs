//! Answers that arrive while they are made.

use std::time::Duration;

use tokio::time::timeout;
use tollgate_functions::{
    HTTP_INTEGRATION_RESPONSE, Outcome, Payload, PayloadStream, PreludeError, split_prelude,
};

use crate::support::{PATIENCE, World, until};

fn streamed(outcome: Outcome) -> (String, PayloadStream) {
    match outcome.payload {
        Payload::Streaming { content_type, body } => (content_type, body),
        Payload::Buffered(bytes) => panic!("buffered: {bytes:?}"),
    }
}

async fn text(body: &mut PayloadStream, length: usize) -> String {
    let mut all = Vec::new();
    while all.len() < length {
        let chunk = timeout(PATIENCE, body.chunk()).await.unwrap();
        all.extend_from_slice(&chunk.unwrap().unwrap());
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_arrive_before_the_end() {
    let world = World::new();
    let gate = world.code().join("gate");
    world.functions.sync(vec![world.nodejs(
        "const fs = require('node:fs');
        exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
            stream.setContentType('text/plain');
            stream.write('first ');
            while (!fs.existsSync(event.gate)) { await new Promise((r) => setTimeout(r, 5)); }
            stream.write('second');
            stream.end();
        });",
    )]);
    let event = serde_json::json!({ "gate": gate }).to_string();
    let (content_type, mut body) = streamed(world.invoke(&event).await.unwrap());
    assert_eq!(content_type, "text/plain");
    assert_eq!(text(&mut body, 6).await, "first ");
    // The function waits for this file, so the first chunk came while it was running.
    std::fs::write(&gate, "").unwrap();
    assert_eq!(text(&mut body, 6).await, "second");
    assert_eq!(body.chunk().await, None);
    world
        .until_state(|state| state.idle >= 1 && state.busy == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_answers_have_a_prelude() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "const { Readable } = require('node:stream');
        exports.handler = awslambda.streamifyResponse((event, stream) => {
            stream = awslambda.HttpResponseStream.from(stream, {
                statusCode: 418, headers: { 'X-Kind': 'pot' }, cookies: ['a=b'] });
            Readable.from(['short ', 'and ', 'stout']).pipe(stream);
        });",
    )]);
    let (content_type, body) = streamed(world.invoke("{}").await.unwrap());
    assert_eq!(content_type, HTTP_INTEGRATION_RESPONSE);
    let (prelude, mut body) = split_prelude(body).await.unwrap();
    assert_eq!(prelude.status_code, 418);
    assert_eq!(prelude.headers, [("X-Kind".to_owned(), "pot".to_owned())]);
    assert_eq!(prelude.cookies, ["a=b"]);
    assert_eq!(text(&mut body, 15).await, "short and stout");
    assert_eq!(body.chunk().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_are_whole_and_a_slow_reader_slows_the_function() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "const fs = require('node:fs');
        exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            for (let i = 0; i < 480; i += 1) {
                if (!stream.write(Buffer.alloc(65536, i))) {
                    await new Promise((resolve) => stream.once('drain', resolve));
                }
                fs.appendFileSync(event, '.');
            }
            stream.end();
        });",
    )]);
    let progress = world.code().join("progress");
    let event = serde_json::json!(progress).to_string();
    let (_, mut body) = streamed(world.invoke(&event).await.unwrap());
    let written = || std::fs::metadata(&progress).map_or(0, |file| file.len());
    until(written, |chunks| *chunks > 0).await;
    // Nobody reads: it may fill the buffers in between, which are far smaller than 30 MiB.
    let mut before = written();
    let stuck = loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = written();
        if now == before {
            break now;
        }
        before = now;
    };
    assert!(stuck < 400, "{stuck}");
    let mut total = 0;
    while let Some(chunk) = body.chunk().await {
        total += chunk.unwrap().len();
    }
    assert_eq!(total, 480 * 65536);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_end_the_body_with_an_error() {
    let world = World::new();
    let mut spec = world.nodejs(
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            if (event === 'early') { throw new RangeError('before'); }
            stream.write('some');
            await new Promise((r) => setTimeout(r, 20));
            if (event === 'exit') { process.exit(3); }
            if (event === 'hang') { await new Promise((r) => setTimeout(r, 60000)); }
            throw new RangeError('after');
        });",
    );
    spec.timeout_ms = 1500;
    world.functions.sync(vec![spec]);
    assert_eq!(world.error("\"early\"").await.0, "RangeError");
    for (event, part) in [
        ("\"late\"", "RangeError"),
        ("\"exit\"", "closed"),
        ("\"hang\"", "closed"),
    ] {
        let (_, mut body) = streamed(world.invoke(event).await.unwrap());
        assert_eq!(text(&mut body, 4).await, "some");
        let end = timeout(PATIENCE, body.chunk()).await.unwrap();
        let error = end.unwrap().unwrap_err().to_string();
        assert!(error.contains(part), "{event}: {error}");
        assert_eq!(body.chunk().await, None);
    }
    assert_eq!(world.state().timeouts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_does_not_disturb_the_function() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            for (let i = 0; i < 200; i += 1) {
                if (!stream.write(Buffer.alloc(65536))) {
                    await new Promise((resolve) => stream.once('drain', resolve));
                }
            }
            console.log('wrote it all');
            stream.end();
        });",
    )]);
    let (_, body) = streamed(world.invoke("{}").await.unwrap());
    drop(body);
    world.until_logged("wrote it all").await;
    let state = world
        .until_state(|state| state.busy == 0 && state.idle >= 1)
        .await;
    assert_eq!(state.restarts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_delimiter_is_refused() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "exports.handler = awslambda.streamifyResponse(async (event, stream) => {
            stream.setContentType('application/vnd.awslambda.http-integration-response');
            stream.end('x'.repeat(event));
        });",
    )]);
    let (_, body) = streamed(world.invoke("10").await.unwrap());
    assert_eq!(
        split_prelude(body).await.unwrap_err(),
        PreludeError::Incomplete
    );
    let (_, body) = streamed(world.invoke("100000").await.unwrap());
    assert_eq!(
        split_prelude(body).await.unwrap_err(),
        PreludeError::TooLarge
    );
}
