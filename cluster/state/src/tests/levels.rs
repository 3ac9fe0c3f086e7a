//! The cluster goes up when all can, never down, and takes nobody who cannot follow.

use core::cell::Cell;

use super::*;

extern crate std;

std::thread_local! {
    static TOMORROW: Cell<bool> = const { Cell::new(false) };
}

/// In these tests taking a token back is a command that level 2 brought.
pub(crate) fn of_tomorrow(command: &Command) -> Option<u16> {
    let tomorrow = TOMORROW.with(Cell::get) && matches!(command, Command::RevokeToken { .. });
    tomorrow.then_some(2)
}

fn up(talk: &mut Talk, node: NodeId, levels: (u16, u16)) -> Reply {
    let incarnation = talk.state.nodes()[&node].incarnation + 1;
    let Command::NodeUp {
        addresses, version, ..
    } = nodes::up(node, incarnation)
    else {
        unreachable!()
    };
    let command = Command::NodeUp {
        node,
        incarnation,
        addresses,
        version,
        levels,
    };
    talk.say(0, command).reply
}

/// Three nodes of the first release.
fn three() -> Talk {
    let mut talk = Talk::new(10);
    talk.boot(2, 1);
    talk.boot(3, 1);
    assert_eq!(talk.state.level(), 1);
    talk
}

#[test]
fn the_last_node_that_can_lifts_the_level_and_nothing_lowers_it() {
    let mut talk = three();
    for node in [1, 2] {
        assert_eq!(up(&mut talk, node, (1, 2)), Reply::Done);
        assert_eq!(talk.state.level(), 1);
    }
    // Until then one can go back to the old release.
    assert_eq!(up(&mut talk, 2, (1, 1)), Reply::Done);
    assert_eq!(up(&mut talk, 3, (1, 3)), Reply::Done);
    assert_eq!(talk.state.level(), 1);
    assert_eq!(up(&mut talk, 2, (1, 2)), Reply::Done);
    assert_eq!(talk.state.level(), 2);
    let before = talk.state.clone();
    for levels in [(1, 1), (3, 4)] {
        assert_eq!(up(&mut talk, 3, levels), Reply::Level(2), "{levels:?}");
    }
    assert_eq!(talk.state, before);
    assert!(talk.state.takes((2, 2)) && !talk.state.takes((1, 1)));
    let again = State::restore(&talk.state.snapshot().unwrap()).unwrap();
    assert_eq!(again.level(), 2);
}

#[test]
fn a_node_that_is_gone_or_does_not_live_yet_counts_as_it_should() {
    let mut talk = three();
    up(&mut talk, 1, (1, 2));
    up(&mut talk, 2, (1, 2));
    nodes::join(&mut talk, 104);
    talk.say(0, nodes::remove(3));
    // Node 4 was let in and has not said what it can.
    assert_eq!(talk.state.level(), 1);
    assert_eq!(up(&mut talk, 4, (1, 2)), Reply::Done);
    assert_eq!(talk.state.level(), 2);
    let mut other = three();
    up(&mut other, 1, (1, 2));
    up(&mut other, 2, (1, 2));
    other.say(0, nodes::remove(3));
    assert_eq!(other.state.level(), 2);
}

#[test]
fn one_that_is_alone_may_skip_levels_but_not_go_back() {
    let mut talk = Talk::new(10);
    assert_eq!(up(&mut talk, 1, (4, 5)), Reply::Done);
    assert_eq!(talk.state.level(), 5);
    assert_eq!(up(&mut talk, 1, (3, 4)), Reply::Level(5));
    assert_eq!(up(&mut talk, 1, (5, 6)), Reply::Done);
}

#[test]
fn a_command_of_a_higher_level_is_refused_until_all_have_risen() {
    let mut talk = three();
    TOMORROW.with(|it| it.set(true));
    let tomorrow = || Command::RevokeToken { id: "none".into() };
    let before = talk.state.clone();
    assert_eq!(talk.say(50, tomorrow()).reply, Reply::Level(1));
    assert_eq!(talk.state, before);
    for node in [1, 2, 3] {
        up(&mut talk, node, (1, 2));
    }
    // The same proposal again is not answered from memory: it was not carried out.
    let applied = talk.say(50, tomorrow()).reply;
    TOMORROW.with(|it| it.set(false));
    assert!(matches!(applied, Reply::Refused(_)), "{applied:?}");
}
