//! Functions: the Lambda Runtime API and the processes behind it.
