//! The replicated state machine: a pure function from commands to state.
