//! The Node.js bootstrap.

use serde_json::{Value, json};
use tollgate_functions::{FunctionSpec, InvokeError, Runtime};

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn handlers_of_every_kind_answer() {
    let kinds = [
        (
            "app.js",
            "exports.handler = async (event, context) => [event.n, context.awsRequestId];",
        ),
        (
            "app.js",
            "exports.handler = (event, c) => Promise.resolve([event.n, c.awsRequestId]);",
        ),
        (
            "app.js",
            "exports.handler = (event, c, callback) => {
            setTimeout(() => callback(null, [event.n, c.awsRequestId]), 20); };",
        ),
        (
            "app.js",
            "module.exports = {}; module.exports['handler'] = (e, c) => {
            c.succeed([e.n, c.awsRequestId]); };",
        ),
        (
            "app.mjs",
            "await null; export const handler = async (e, c) => [e.n, c.awsRequestId];",
        ),
        (
            "app.cjs",
            "exports.handler = async (event, c) => [event.n, c.awsRequestId];",
        ),
    ];
    for (file, code) in kinds {
        let world = World::new();
        world.write(file, code);
        let spec = FunctionSpec::new("f", Runtime::NodeJs, world.code(), "app.handler");
        world.functions.sync(vec![spec]);
        for n in 0..3 {
            let answer = world.answer(&format!("{{\"n\":{n}}}")).await;
            assert_eq!(answer, json!([n, "test-request"]), "{file}: {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_may_be_of_type_module() {
    let world = World::new();
    world.write("package.json", r#"{"type":"module"}"#);
    world.write("lib/value.js", "export const value = 'ü';");
    let mut spec = world.nodejs("");
    world.write(
        "src/app.js",
        "import { value } from '../lib/value.js'; export const inner = { run: async () => value };",
    );
    spec.handler = "src/app.inner.run".into();
    world.functions.sync(vec![spec]);
    assert_eq!(world.answer("{}").await, json!("ü"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_is_that_of_aws() {
    let world = World::new();
    let mut spec = world.nodejs(
        "exports.handler = async (event, c) => [c.functionName, c.functionVersion,
            c.invokedFunctionArn, c.memoryLimitInMB, c.getRemainingTimeInMillis() > 1000,
            process.env.MINE, process.env.HOME ?? null, process.cwd() === __dirname];",
    );
    spec.environment.insert("MINE".into(), "yes".into());
    world.functions.sync(vec![spec]);
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let expected = json!(["f", "$LATEST", arn, "128", true, "yes", null, true]);
    assert_eq!(world.answer("{}").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_waits_for_the_event_loop_unless_told_otherwise() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "let done = 0;
        exports.handler = (event, context, callback) => {
            if (event === 'count') { return callback(null, done); }
            context.callbackWaitsForEmptyEventLoop = event === 'wait';
            setTimeout(() => { done += 1; }, 100);
            callback(null, done);
        };",
    )]);
    assert_eq!(world.answer("\"wait\"").await, json!(0));
    // The answer was given once the timer had run.
    assert_eq!(world.answer("\"count\"").await, json!(1));
    assert_eq!(world.answer("\"go\"").await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_answers_gives_null_once_nothing_is_left_to_do() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "exports.handler = (event) => event === 'promise' ? new Promise(() => {}) : undefined;",
    )]);
    assert_eq!(world.answer("\"promise\"").await, Value::Null);
    assert_eq!(world.answer("\"nothing\"").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_form_of_aws() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "class Mine extends Error { constructor(m) { super(m); this.name = 'Mine'; } }
        exports.handler = (event, context, callback) => {
            switch (event) {
                case 'throw': throw new Mine('thrown');
                case 'reject': return Promise.reject(new TypeError('rejected'));
                case 'callback': return callback(new Mine('called back'));
                case 'text': return callback('only text');
                case 'loop': { const a = {}; a.a = a; return callback(null, a); }
                default: return Promise.resolve(process.pid);
            }
        };",
    )]);
    let before = world.answer("{}").await;
    for (event, error_type, message) in [
        ("\"throw\"", "Mine", "thrown"),
        ("\"reject\"", "TypeError", "rejected"),
        ("\"callback\"", "Mine", "called back"),
        ("\"text\"", "string", "only text"),
    ] {
        let (seen, error) = world.error(event).await;
        assert_eq!(seen, error_type);
        assert_eq!(error["errorType"], error_type);
        assert_eq!(error["errorMessage"], message);
        assert!(error["trace"].is_array(), "{error}");
    }
    assert_eq!(world.error("\"loop\"").await.0, "Runtime.MarshalError");
    assert_eq!(world.error("no json").await.0, "Runtime.UnmarshalError");
    assert_eq!(world.answer("{}").await, before, "the process goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_caught_fails_the_invocation_and_ends_the_process() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "exports.handler = (event) => new Promise((resolve) => {
            if (event === 'pid') { return resolve(process.pid); }
            if (event === 'reject') { Promise.reject(new Error('lost')); }
            else { setTimeout(() => { throw new RangeError('late'); }, 1); }
            setTimeout(resolve, 20000);
        });",
    )]);
    let first = world.answer("\"pid\"").await;
    let (error_type, error) = world.error("\"reject\"").await;
    assert_eq!(error_type, "Runtime.UnhandledPromiseRejection");
    assert_eq!(error["errorMessage"], "lost");
    assert_ne!(world.answer("\"pid\"").await, first);
    assert_eq!(world.error("\"throw\"").await.0, "RangeError");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_cannot_be_loaded_is_an_init_failure() {
    let cases = [
        (
            "require('./nothing')",
            "app.handler",
            "Runtime.ImportModuleError",
            "nothing",
        ),
        (
            "exports.handler = (",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "",
        ),
        (
            "exports.other = 1",
            "app.handler",
            "Runtime.HandlerNotFound",
            "not exported",
        ),
        (
            "exports.handler = 1",
            "app.handler",
            "Runtime.HandlerNotFound",
            "not a function",
        ),
        ("", "other.handler", "Runtime.ImportModuleError", "other"),
        ("", "handler", "Runtime.MalformedHandlerName", "handler"),
        (
            "throw new RangeError('bad')",
            "app.handler",
            "RangeError",
            "bad",
        ),
    ];
    for (code, handler, expected, part) in cases {
        let world = World::new();
        let mut spec = world.nodejs(code);
        spec.handler = handler.into();
        world.functions.sync(vec![spec]);
        match world.invoke("{}").await {
            Err(InvokeError::InitFailed {
                error_type,
                message,
            }) => {
                assert_eq!(&*error_type, expected, "{code}");
                assert!(message.contains(part), "{message}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_between_two_invocations_costs_the_process_and_nothing_else() {
    let world = World::new();
    world.functions.sync(vec![world.nodejs(
        "exports.handler = async (event) => {
            if (event === 'later') { setTimeout(() => { throw new Error('in between'); }, 20); }
            return process.pid;
        };",
    )]);
    let first = world.answer("\"later\"").await;
    world.until_logged("in between").await;
    world
        .until_state(|state| state.restarts == 1 && state.idle == 1)
        .await;
    assert_ne!(world.answer("{}").await, first);
    assert_eq!(world.state().init_failures, 0);
}
