//! `${AWS::Region}` and its like in documents.

use crate::document::{LoadContext, Node, Value};

/// Fills in AWS's variables everywhere in a tree.
pub(super) fn replace(node: &mut Node, context: &LoadContext) {
    match &mut node.value {
        Value::String(text) if text.contains("${AWS::") => {
            *text = text
                .replace("${AWS::Region}", &context.region)
                .replace("${AWS::AccountId}", &context.account_id)
                .replace("${AWS::Partition}", "aws");
        }
        Value::Sequence(items) => items.iter_mut().for_each(|it| replace(it, context)),
        Value::Mapping(entries) => {
            for entry in entries {
                replace(&mut entry.node, context);
            }
        }
        _ => {}
    }
}
