//! How an operation is run so that nothing but itself is counted.

use crate::scenarios::Scenario;

/// Something that is measured.
pub(crate) trait Operation {
    /// Makes ready what the next `times` runs use up, outside of what is counted.
    fn prepare(&mut self, _times: usize) {}

    /// Does it once.
    fn run(&mut self);
}

/// Runs before counting begins: one-time initialisation, thread-local caches, lazy binding.
const WARM_UP: usize = 20;

/// Warms a scenario up and runs it `times` times. What it ran on is returned, so that the caller
/// decides whether taking it down counts.
pub(crate) fn run(scenario: &Scenario, times: usize) -> Box<dyn Operation> {
    let mut operation = (scenario.build)();
    operation.prepare(WARM_UP + times);
    for _ in 0..WARM_UP {
        operation.run();
    }
    tollgate_measured_region(&mut *operation, times);
    operation
}

/// Valgrind counts inside of this function only; it is found by its name ([`REGION`]). The call
/// through the table keeps the operation apart from the loop.
#[inline(never)]
pub(crate) fn tollgate_measured_region(operation: &mut dyn Operation, times: usize) {
    for _ in 0..times {
        operation.run();
    }
}

/// Names [`tollgate_measured_region`], however the compiler mangles it.
pub(crate) const REGION: &str = "tollgate_measured_region";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::ALL;

    #[test]
    fn every_scenario_does_what_it_says() {
        // Scenarios check their own outcome: a request that is refused by accident panics.
        for scenario in ALL {
            drop(run(scenario, 5));
        }
    }
}
