//! Three nodes: any of them reaches any connection, in order, and a dead one's are not for long.

use tollgate_harness::Cluster;
use tollgate_tests::drivers::drive;

const API: &str = r#"
apis:
  - name: chat
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    stages: [{stageName: prod}]
    integrations:
      who:
        integrationType: MOCK
        integrationResponses:
          $default: {responseTemplates: {$default: "${context.connectionId}"}}
    routes:
      - {routeKey: $connect}
      - {routeKey: who, integration: who, routeResponseSelectionExpression: $default}
"#;

fn run(script: &str) {
    let mut cluster = Cluster::start(3, API);
    let urls: Vec<String> = cluster
        .nodes()
        .iter()
        .map(|node| format!("http://{}", node.http()))
        .collect();
    let pid = cluster.node(2).process().pid().to_string();
    let environment = [("NODES", &*urls.join(" ")), ("VICTIM_PID", &*pid)];
    let said = drive(&cluster.nodes()[0], script, &environment);
    assert!(said.contains("done"), "{said}");
    println!("{said}");
}

#[test]
fn any_node_reaches_any_connection_in_order() {
    run("sockets/across.py");
}

#[test]
fn the_connections_of_a_killed_node_are_answered_for_in_time() {
    run("sockets/killed.py");
}
