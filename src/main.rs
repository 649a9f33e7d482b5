//! The command line: arguments → plan → agent → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    trimeter::command::run()
}
