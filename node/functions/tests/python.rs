//! The Python bootstrap.

use serde_json::json;
use tollgate_functions::{InvokeError, LogSource};

use crate::support::{World, bytes, invocation, json as answer_of};

#[tokio::test(flavor = "multi_thread")]
async fn echoes_the_event() {
    let world = World::new();
    world.functions.sync(vec![
        world.python("def handler(event, context): return event"),
    ]);
    for event in [
        r#"{"a":[1,2.5,null,true],"ü":"€😀"}"#,
        "null",
        "[]",
        r#""\ud83d""#,
        "0",
    ] {
        let expected: serde_json::Value =
            serde_json::from_str(event).unwrap_or(serde_json::Value::Null);
        let outcome = world.invoke(event).await.unwrap();
        if event.contains("ud83d") {
            assert_eq!(
                &bytes(&outcome)[..],
                event.as_bytes(),
                "a lone surrogate stays escaped"
            );
        } else {
            assert_eq!(answer_of(&outcome), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_is_that_of_aws() {
    let world = World::new();
    let mut spec = world.python(
        "import os
def handler(event, c):
    left = c.get_remaining_time_in_millis()
    return [c.aws_request_id, c.function_name, c.function_version, c.invoked_function_arn,
            c.memory_limit_in_mb, c.log_group_name, '[$LATEST]' in c.log_stream_name,
            0 < left <= 30000, os.environ.get('_X_AMZN_TRACE_ID'), os.environ['MINE'],
            sorted(k for k in os.environ if k in ('HOME', 'CARGO', 'USER', 'PWD')), os.getcwd()]",
    );
    spec.environment.insert("MINE".into(), "yes".into());
    spec.memory_mib = Some(512);
    world.functions.sync(vec![spec]);
    let mut with_trace = invocation("{}");
    with_trace.trace_id = Some("Root=1-2-3".into());
    with_trace.request_id = "JKJaXmPLvHcESHA=".into();
    let outcome = world.functions.invoke("f", with_trace).await.unwrap();
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let directory = world.code().canonicalize().unwrap();
    assert_eq!(
        answer_of(&outcome),
        json!([
            "JKJaXmPLvHcESHA=",
            "f",
            "$LATEST",
            arn,
            "512",
            "/aws/lambda/f",
            true,
            true,
            "Root=1-2-3",
            "yes",
            [],
            directory
        ])
    );
    let mut hostile = invocation("{}");
    hostile.request_id = "../../x\r\nEvil: 1".into();
    hostile.trace_id = Some("a\r\nEvil: 1".into());
    let outcome = world.functions.invoke("f", hostile).await.unwrap();
    let answer = answer_of(&outcome);
    assert!(
        answer[0].as_str().unwrap().starts_with("invocation-"),
        "{answer}"
    );
    assert_eq!(answer[8], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exception_has_the_form_of_aws_and_the_process_goes_on() {
    let world = World::new();
    world.functions.sync(vec![world.python(
        "import os
def handler(event, context):
    if event == 'pid': return os.getpid()
    if event == 'set': return {1}
    raise ValueError('no ünit')",
    )]);
    let before = world.answer("\"pid\"").await;
    let (error_type, error) = world.error("{}").await;
    assert_eq!(error_type, "ValueError");
    assert_eq!(error["errorMessage"], "no ünit");
    assert_eq!(error["errorType"], "ValueError");
    assert_eq!(error["requestId"], "test-request");
    let trace = error["stackTrace"].as_array().unwrap();
    assert_eq!(trace.len(), 1, "only frames of the function: {trace:?}");
    assert!(
        trace[0]
            .as_str()
            .unwrap()
            .contains("app.py\", line 5, in handler"),
        "{trace:?}"
    );
    let (error_type, error) = world.error("\"set\"").await;
    assert_eq!(error_type, "Runtime.MarshalError");
    assert!(
        error["errorMessage"]
            .as_str()
            .unwrap()
            .contains("set is not JSON"),
        "{error}"
    );
    let (error_type, _) = world.error("no json").await;
    assert_eq!(error_type, "Runtime.UnmarshalError");
    assert_eq!(world.answer("\"pid\"").await, before);
    assert_eq!(world.state().errors, 3);
    let line = world.until_logged("[ERROR] ValueError").await;
    assert_eq!(line.source, LogSource::Stderr);
    assert_eq!(line.request_id.as_deref(), Some("test-request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_cannot_be_loaded_is_an_init_failure() {
    let cases = [
        (
            "import nothing_like_this",
            "app.handler",
            "Runtime.ImportModuleError",
            "nothing_like",
        ),
        (
            "def handler(:",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "app",
        ),
        (
            "x = 1",
            "app.handler",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing",
        ),
        (
            "x = 1",
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler'",
        ),
        (
            "1/0",
            "app.handler",
            "ZeroDivisionError",
            "division by zero",
        ),
        (
            "import os; os._exit(7)",
            "app.handler",
            "Runtime.ExitError",
            "exit status: 7",
        ),
    ];
    for (code, handler, expected, part) in cases {
        let world = World::new();
        let mut spec = world.python(code);
        spec.handler = handler.into();
        world.functions.sync(vec![spec]);
        match world.invoke("{}").await {
            Err(InvokeError::InitFailed {
                error_type,
                message,
            }) => {
                assert_eq!(&*error_type, expected);
                assert!(message.contains(part), "{message}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_may_be_in_a_folder_and_import_its_neighbours() {
    let world = World::new();
    world.write("src/neighbour.py", "VALUE = 5");
    world.write(
        "src/app.py",
        "from src.neighbour import VALUE\ndef run(e, c): return VALUE",
    );
    let mut spec = world.python("");
    spec.handler = "src/app.run".into();
    world.functions.sync(vec![spec]);
    assert_eq!(world.answer("{}").await, json!(5));
    assert!(
        !world.code().join("src/__pycache__").exists(),
        "the directory stays as it is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_works_without_setting_it_up() {
    let world = World::new();
    world.functions.sync(vec![world.python(
        "import logging, sys
print('at start')
def handler(event, context):
    logging.getLogger().warning('careful %d', 7)
    print('to stdout'); print('to stderr', file=sys.stderr)",
    )]);
    assert_eq!(world.answer("{}").await, json!(null));
    let warning = world.until_logged("careful 7").await;
    assert!(warning.text.starts_with("[WARNING]\t"), "{warning:?}");
    assert!(warning.text.contains("\ttest-request\t"), "{warning:?}");
    assert_eq!(
        world.until_logged("to stdout").await.source,
        LogSource::Stdout
    );
    assert_eq!(
        world.until_logged("to stderr").await.source,
        LogSource::Stderr
    );
    assert_eq!(&*world.until_logged("at start").await.function, "f");
}
