//! The `tollgate` command.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 done, 1 refused or failed,
//! 64 a mistake in the command line or the node's configuration, 75 try again (sysexits.h:
//! `EX_USAGE`, `EX_TEMPFAIL`).

mod apply;
mod arguments;
mod audit;
mod check;
mod client;
mod explain;
mod failure;
mod get;
mod health;
mod history;
mod iam;
mod keys;
mod manage;
mod members;
mod names;
mod output;
mod profile;
mod resolve;
mod settings;
mod succession;
mod table;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser as _;
use tollgate_config::node_config::NodeConfig;

use crate::boot::Invitation;
use arguments::{Arguments, Command, Format};
use failure::{Failure, USAGE};
use output::Output;

/// What the command starts, made by the caller so that nothing here knows how a node is built.
pub trait Launcher {
    /// Runs a node until it is told to stop; the exit code.
    fn start(&self, config: NodeConfig) -> i32;

    /// Joins a cluster unless the data directory belongs to a node already, then runs the node;
    /// the exit code.
    fn join(&self, config: NodeConfig, invitation: Invitation) -> i32;

    /// Runs a throw-away node that applies this file or directory whenever it changes; the exit
    /// code.
    fn dev(&self, config: NodeConfig, path: PathBuf) -> i32;
}

/// What every command is given.
struct Context {
    environment: BTreeMap<String, String>,
    format: Format,
    output: Output,
}

/// Runs the command line `argv`, its first word being the program; the exit code.
#[must_use]
pub fn run(argv: impl IntoIterator<Item = OsString>, launcher: &dyn Launcher) -> i32 {
    // The one place of the command that reads the environment; everything else is given it.
    let environment = crate::process::environment();
    run_with(argv, launcher, environment, Output::standard())
}

fn run_with(
    argv: impl IntoIterator<Item = OsString>,
    launcher: &dyn Launcher,
    environment: BTreeMap<String, String>,
    output: Output,
) -> i32 {
    let arguments = match Arguments::try_parse_from(argv) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and versions come as errors that do not go to standard error.
            if error.use_stderr() {
                output.talk(error.render().to_string().trim_end());
                return USAGE;
            }
            output.data(error.render().to_string().trim_end());
            return 0;
        }
    };
    let context = Context {
        environment,
        format: arguments.format,
        output,
    };
    match dispatch(arguments.command, &context, launcher) {
        Ok(code) => code,
        Err(failure) => {
            failure.print(&context);
            failure.exit
        }
    }
}

fn dispatch(command: Command, context: &Context, launcher: &dyn Launcher) -> Result<i32, Failure> {
    match command {
        Command::Start(arguments) => {
            let config = settings::load(arguments, context)?;
            return Ok(launcher.start(config));
        }
        Command::Join(arguments) => {
            let (config, invitation) = settings::load_join(arguments, context)?;
            return Ok(launcher.join(config, invitation));
        }
        Command::Dev(arguments) => {
            let (config, path) = settings::load_dev(arguments, context)?;
            return Ok(launcher.dev(config, path));
        }
        Command::Check(arguments) => check::run(&arguments, context)?,
        Command::Explain(arguments) => explain::run(&arguments, context)?,
        Command::Version => explain::version(context),
        Command::Completions(arguments) => explain::completions(&arguments, context)?,
        Command::Healthcheck(arguments) => client::block_on(health::run(&arguments, context))?,
        Command::Apply(arguments) => client::block_on(apply::run(&arguments, context))?,
        Command::Get(arguments) => client::block_on(get::run(&arguments, context))?,
        Command::Key(arguments) => client::block_on(keys::run(&arguments, context))?,
        Command::Usage(arguments) => client::block_on(usage::run(&arguments, context))?,
        Command::History(arguments) => client::block_on(history::list(&arguments, context))?,
        Command::Diff(arguments) => client::block_on(history::diff(&arguments, context))?,
        Command::Rollback(arguments) => client::block_on(history::back(&arguments, context))?,
        Command::Audit(arguments) => client::block_on(audit::run(&arguments, context))?,
        Command::Status(arguments) => client::block_on(manage::status(&arguments, context))?,
        Command::Iam(arguments) => client::block_on(iam::run(&arguments, context))?,
        Command::Members(arguments) => client::block_on(members::list(&arguments, context))?,
        Command::Token(arguments) => client::block_on(members::token(&arguments, context))?,
        Command::Leave(arguments) => client::block_on(members::leave(&arguments, context))?,
        Command::Remove(arguments) => client::block_on(members::remove(&arguments, context))?,
        Command::Backup(arguments) => client::block_on(succession::take(&arguments, context))?,
        Command::Restore(arguments) => succession::restore(&arguments, context)?,
        Command::Recover(arguments) => succession::recover(&arguments, context)?,
        Command::Cache(arguments) => client::block_on(manage::cache(&arguments, context))?,
        Command::LogLevel(arguments) => client::block_on(manage::log_level(&arguments, context))?,
    }
    Ok(0)
}
