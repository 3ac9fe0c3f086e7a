//! Nodes as processes, clients and waits for the test suites.
