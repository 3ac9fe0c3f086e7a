//! Programs that speak the Runtime API themselves, unmodified: PyPI `awslambdaric`.

use tollgate_harness::{Node, NodeOptions, Request, python};
use tollgate_tests::files;

#[test]
fn awss_own_python_client_is_served_unmodified() {
    let text = files::api(
        "      - {routeKey: $default, integration: 'function:ric'}
functions:
  ric: {runtime: provided, directory: code, command: ['${env.SUITE_PYTHON}', -m, awslambdaric, app.handler]}
",
    );
    let code = "def handler(event, context):
    if event['rawPath'] == '/raise':
        raise ValueError('x')
    return {'statusCode': 203, 'body': event['rawPath'] + ' ' + context.function_name}
";
    let options = NodeOptions::api(text)
        .file("code/app.py", code)
        .env("SUITE_PYTHON", python());
    let node = Node::start(options);
    let get = |target: &str| node.send(&Request::get(target).host(files::HOST));
    for turn in 0..3 {
        let response = get(&format!("/turn/{turn}"));
        let expected = format!("/turn/{turn} ric");
        assert_eq!(
            (response.status, response.text()),
            (203, expected),
            "{response:?}"
        );
    }
    assert_eq!(get("/raise").status, 500);
    assert_eq!(get("/after").status, 203);
}
