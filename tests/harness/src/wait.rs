//! Waiting on a value with a deadline: the only sleep of the test suites.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for anything a healthy node does on a busy two-core machine whose disk is still
/// writing what a build left; a test that waits this long fails.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Short against what is waited for, long against the cost of looking.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Calls `look` until it returns `Ok`, and returns that value.
///
/// # Panics
///
/// Past `deadline`, naming `what` was awaited and the last thing seen instead.
pub fn wait_until<T, S: Display>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, S>,
) -> T {
    let began = Instant::now();
    loop {
        let seen = match look() {
            Ok(value) => return value,
            Err(seen) => seen,
        };
        assert!(
            began.elapsed() < deadline,
            "waited {deadline:?} for {what}; last seen: {seen}"
        );
        thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait_until;

    #[test]
    fn returns_the_value_that_was_awaited() {
        let mut looks = 0;
        let value = wait_until(Duration::from_secs(5), "the third look", || {
            looks += 1;
            if looks == 3 {
                Ok(looks)
            } else {
                Err(format!("look {looks}"))
            }
        });
        assert_eq!(value, 3);
    }

    #[test]
    #[should_panic(expected = "for the impossible; last seen: nothing")]
    fn names_the_last_value_seen() {
        wait_until(Duration::ZERO, "the impossible", || Err::<(), _>("nothing"));
    }
}
