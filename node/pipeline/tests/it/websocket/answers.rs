//! What becomes of an answer: which ones open a connection, which response and template are for
//! them, how much of them is sent and as what.

use serde_json::json;
use tollgate_model::{Integration, IntegrationType};
use tollgate_pipeline::{FaultKind, FunctionReply};

use super::{chat, function, handshake};
use crate::compiled::compiled_with;
use crate::support::{World, send};

/// A function whose whole output is the answer.
fn raw() -> Integration {
    Integration {
        integration_type: IntegrationType::Aws,
        ..function()
    }
}

fn throws(world: &World) {
    *world.0.function.borrow_mut() = Box::new(|_| {
        let error = json!({"errorMessage": "who are you", "errorType": "Refused"});
        Ok(FunctionReply::Error(error.to_string().into()))
    });
}

#[test]
fn a_connect_that_throws_lets_nobody_in() {
    for it in [function(), raw()] {
        let kind = it.integration_type;
        let (world, snapshot) = (
            World::new(),
            compiled_with(chat(vec![("$connect", Some(it))], |_| {})),
        );
        throws(&world);
        assert_eq!(send(&world, &snapshot, handshake()).status, 500, "{kind:?}");
        assert_eq!(world.last().fault, Some(FaultKind::BadFunctionOutput));
        assert!(world.0.opened.borrow().is_empty());
        assert_eq!(world.0.released.borrow().len(), 1);
    }
}
