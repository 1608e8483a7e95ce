//! The `pinhole` command: arguments to a command, nothing else.

mod cmd;

use std::process::ExitCode;

use clap::Parser;

/// What is freed goes back to the system; the system's own allocator keeps the most that there ever was.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// NAT traversal and encryption edge proxy for H.323.
///
/// Started with -c it runs the gatekeeper of a configuration in GnuGk's dialect; GnuGk's letters mean the same.
#[derive(Parser)]
#[command(
    name = "pinhole",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<cmd::Command>,
    #[command(flatten)]
    run: Option<cmd::run::RunArgs>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match (cli.command, cli.run) {
        (Some(command), _) => command.run(),
        (None, Some(args)) => cmd::run::main(&args),
        (None, None) => ExitCode::from(cmd::USAGE),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn running_needs_a_configuration_file() {
        assert!(Cli::try_parse_from(["pinhole", "-rr"]).is_err());
        let run = Cli::try_parse_from(["pinhole", "-c", "g.ini", "-rr", "-ttt"]).unwrap().run;
        let run = run.unwrap();
        assert_eq!((run.routed, run.trace), (2, 3));
    }

    #[test]
    fn routed_and_direct_exclude_each_other() {
        assert!(Cli::try_parse_from(["pinhole", "-c", "g.ini", "-r", "-d"]).is_err());
        assert!(Cli::try_parse_from(["pinhole", "-c", "g.ini", "-p", "-d"]).is_err());
    }
}
