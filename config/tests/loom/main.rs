//! The quota cell under every order of what threads do to it, as far as the memory model of the
//! language allows: compiled with loom's atomics in the place of the real ones.

mod cells;

use loom::sync::Arc;
use loom::thread;
use tollgate_protocol::Millis;

use self::cells::quota::{LeaseCell, Take};

/// Switches between threads that are not forced, in one order: three find nearly all races (Musuvathi
/// and Qadeer, PLDI 2007), and keep each model to seconds.
const SWITCHES: usize = 3;

fn every_order(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(SWITCHES);
    builder.check(model);
}

fn cell(tokens: u64, low_water: u64, exhausted: bool) -> Arc<LeaseCell> {
    let cell = LeaseCell::new();
    cell.open(Millis(0), Millis(100));
    cell.grant(tokens, low_water, 0, exhausted);
    Arc::new(cell)
}

fn admitted(taken: Take) -> u64 {
    u64::from(matches!(taken, Take::Taken | Take::TakenLow))
}

/// A thread that makes this many requests; it returns how many were let in.
fn requests(cell: &Arc<LeaseCell>, many: usize) -> thread::JoinHandle<u64> {
    let cell = Arc::clone(cell);
    thread::spawn(move || (0..many).map(|_| admitted(cells::take(&cell, 50))).sum())
}

#[test]
fn requests_and_a_grant_make_what_was_granted() {
    every_order(|| {
        let cell = cell(1, 0, false);
        let one = requests(&cell, 1);
        let other = requests(&cell, 1);
        cell.grant(1, 0, 0, false);
        let sum = one.join().unwrap() + other.join().unwrap();
        assert_eq!(sum + cell.left(), 2);
    });
}

#[test]
fn what_is_withdrawn_is_not_let_in() {
    every_order(|| {
        let cell = cell(3, 0, false);
        let one = requests(&cell, 1);
        let other = requests(&cell, 1);
        let returned = cell.withdraw(1);
        let sum = one.join().unwrap() + other.join().unwrap();
        assert_eq!(sum + returned + cell.left(), 3);
    });
}

#[test]
fn a_sealed_cell_lets_nobody_in_and_gives_the_rest_back_once() {
    every_order(|| {
        let cell = cell(3, 0, false);
        let one = requests(&cell, 2);
        let giver = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.withdraw(1))
        };
        let sealed = cell.seal();
        let (sum, returned) = (one.join().unwrap(), giver.join().unwrap());
        assert_eq!(sum + returned + sealed, 3);
        assert_eq!((cell.left(), admitted(cells::take(&cell, 50))), (0, 0));
    });
}

/// The last grant says in one go what it brings and that nothing follows: nobody is told that the
/// quota is used up while a token of it is there.
#[test]
fn the_last_token_is_used_before_anybody_is_refused() {
    every_order(|| {
        let cell = cell(0, 0, false);
        let asker = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cells::take(&cell, 50))
        };
        cell.grant(1, 0, 0, true);
        match asker.join().unwrap() {
            // It came before the grant, and asks.
            Take::Ask => assert_eq!(cell.left(), 1),
            Take::Taken | Take::TakenLow => assert_eq!(cell.left(), 0),
            Take::Exhausted { .. } => panic!("refused with a token at hand"),
        }
    });
}

/// What is given back can be asked for again: a cell that was told the end forgets it before a
/// token goes, so that nobody is refused for good while others could have it.
#[test]
fn a_cell_that_gives_back_asks_again() {
    every_order(|| {
        let cell = cell(1, 0, true);
        let asker = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cells::take(&cell, 50))
        };
        let returned = cell.withdraw(0);
        let taken = asker.join().unwrap();
        assert_eq!(admitted(taken) + returned, 1);
        if returned == 1 {
            assert_eq!(taken, Take::Ask);
        }
    });
}

/// The sign to ask for more comes once, whoever takes the token at the mark.
#[test]
fn the_low_mark_is_said_once() {
    every_order(|| {
        let cell = cell(3, 1, false);
        let low = |cell: &LeaseCell| u64::from(cells::take(cell, 50) == Take::TakenLow);
        let other = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || low(&cell))
        };
        let mut said = low(&cell);
        said += other.join().unwrap();
        said += low(&cell);
        assert_eq!(said, 1);
    });
}

/// A request is charged to the period that it came in: also one that looked at the cell before its
/// lease ended, and swaps after the next one began.
#[test]
fn a_request_takes_no_token_of_another_period() {
    every_order(|| {
        let cell = cell(1, 0, false);
        let ask = |now| {
            let cell = Arc::clone(&cell);
            thread::spawn(move || admitted(cells::take(&cell, now)))
        };
        let (before, after) = (ask(99), ask(100));
        let sealed = cell.seal();
        cell.open(Millis(100), Millis(200));
        cell.grant(1, 0, 0, false);
        let (before, after) = (before.join().unwrap(), after.join().unwrap());
        assert_eq!(before + sealed, 1, "of the period that ended");
        assert_eq!(after + cell.left(), 1, "of the one that began");
    });
}

/// Who is refused is told the end of the period that is used up.
#[test]
fn the_end_that_is_told_is_that_of_the_period_used_up() {
    every_order(|| {
        let cell = cell(0, 0, true);
        let asker = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cells::take(&cell, 99))
        };
        cell.seal();
        cell.open(Millis(50), Millis(200));
        match asker.join().unwrap() {
            Take::Exhausted { reset } => assert_eq!(reset, Millis(100)),
            other => assert_eq!(other, Take::Ask),
        }
    });
}
