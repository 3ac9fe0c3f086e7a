//! Questions that the cluster only carries.

use std::time::Duration;

use super::hub::{TestNode, cluster};
use crate::asking::{ANSWER_BYTES_MAX, Topic};
use crate::peers::CallError;

const WITHIN: Duration = Duration::from_secs(2);

/// A node that answers with its id and the question, and with too much when it is asked for that.
fn answers(node: &TestNode) {
    let id = node.door.members().node;
    let answerer = move |question: bytes::Bytes| -> crate::peers::Boxed<Option<Vec<u8>>> {
        Box::pin(async move {
            let more = match &question[..] {
                b"much" => ANSWER_BYTES_MAX,
                b"nothing" => return None,
                _ => 0,
            };
            let mut answer = format!("{id} {}", String::from_utf8_lossy(&question)).into_bytes();
            answer.resize(answer.len() + more, b'.');
            Some(answer)
        })
    };
    node.door.answer(Topic::Audit, Box::new(answerer));
}

#[tokio::test]
async fn every_other_node_is_asked_and_who_cannot_answer_says_so() {
    let (hub, nodes, _) = cluster(3).await;
    nodes.iter().skip(1).for_each(answers);
    let door = &nodes[0].door;
    let heard = door.ask_others(Topic::Audit, b"who", WITHIN).await;
    let heard: Vec<_> = heard
        .into_iter()
        .map(|(node, answer)| (node, answer.unwrap()))
        .collect();
    assert_eq!(heard, [(2, "2 who".into()), (3, "3 who".into())]);
    // The first has no answerer, the question is refused, the answer would be too long.
    let of_third = nodes[2].door.ask_others(Topic::Audit, b"who", WITHIN).await;
    assert!(matches!(of_third[0], (1, Err(CallError::Refused { .. }))));
    assert!(matches!(of_third[1], (2, Ok(_))));
    for question in ["nothing", "much"] {
        let heard = door
            .ask_others(Topic::Audit, question.as_bytes(), WITHIN)
            .await;
        let refused = |(_, answer): &(_, _)| matches!(answer, Err(CallError::Refused { .. }));
        assert!(heard.len() == 2 && heard.iter().all(refused), "{heard:?}");
    }
    let door = &nodes[0].door;
    let one = door.ask(3, Topic::Audit, b"who", WITHIN).await;
    assert_eq!(one.unwrap(), "3 who");
    // Nobody answers questions about connections there.
    let other = door.ask(3, Topic::Sockets, b"who", WITHIN).await;
    assert!(matches!(other, Err(CallError::Refused { .. })), "{other:?}");
    hub.part(&[3], &[1, 2]);
    let heard = door.ask_others(Topic::Audit, b"who", WITHIN).await;
    assert!(matches!(heard[0], (2, Ok(_))), "{heard:?}");
    assert!(matches!(heard[1], (3, Err(_))), "{heard:?}");
    hub.heal();
}
