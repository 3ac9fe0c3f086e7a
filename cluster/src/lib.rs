//! One door for every change of state.
