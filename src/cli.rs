//! The command line as a whole: which commands there are, and which flags belong to which.

use clap::{Arg, Parser, Subcommand};

use crate::client::{DefinitionsAction, EXIT_CODES, Options, StreamsAction};
use crate::config::{ConfigAction, Settings};

/// Where the names of the variables are.
const ENVIRONMENT: &str = "`barstone --help` names the environment variable of each.";

/// The command line.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, mut_args(|arg| arg.global(false)))]
pub struct Cli {
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings before the command, and those from the environment.
    #[command(flatten)]
    pub settings: Settings,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make streams and serve them (the default)
    #[command(mut_args(not_from_environment), after_help = ENVIRONMENT)]
    Serve {
        /// Settings after the command, without the environment.
        #[command(flatten)]
        settings: Settings,
    },
    /// Look at the configuration without running
    #[command(mut_args(not_from_environment), after_help = ENVIRONMENT)]
    Config {
        /// Settings after the command, without the environment.
        #[command(flatten)]
        settings: Settings,
        /// What to do with it.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// See and change the streams of a running server
    #[command(after_help = EXIT_CODES)]
    Streams {
        /// Which server, and how to speak to it.
        #[command(flatten)]
        options: Options,
        /// What to do.
        #[command(subcommand)]
        action: StreamsAction,
    },
    /// Keep all definitions of a running server elsewhere, and bring them back
    #[command(after_help = EXIT_CODES)]
    Definitions {
        /// Which server, and how to speak to it.
        #[command(flatten)]
        options: Options,
        /// What to do.
        #[command(subcommand)]
        action: DefinitionsAction,
    },
}

/// A variable must not override a flag that stands before the command, so it is read there.
fn not_from_environment(arg: Arg) -> Arg {
    arg.env(None)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::Config;

    /// Port and filter of the log.
    #[track_caller]
    fn check(arguments: &str, port: u16, log: &str) {
        let cli = Cli::try_parse_from(arguments.split(' ')).unwrap();
        let settings = match cli.command {
            Some(Command::Serve { settings } | Command::Config { settings, .. }) => settings.or(cli.settings),
            None => cli.settings,
            Some(Command::Streams { .. } | Command::Definitions { .. }) => panic!("no settings belong to it"),
        };
        let config = Config::load(settings).unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (port, log), "{arguments}");
    }

    #[test]
    fn settings_stand_before_and_after_the_command() {
        check("barstone --listen [::]:1 --log warn", 1, "warn");
        check("barstone --listen [::]:1 serve --log warn", 1, "warn");
        check("barstone --listen [::]:1 serve --listen [::]:2 --log warn", 2, "warn");
        check("barstone --log warn config --listen [::]:1 check", 1, "warn");
        check("barstone config check --listen [::]:1 --log warn", 1, "warn");
    }

    #[test]
    fn settings_of_a_server_are_not_those_of_a_client() {
        for arguments in ["streams list", "streams --json", "definitions export"] {
            let arguments = format!("barstone {arguments} --listen [::]:1");
            let error = Cli::try_parse_from(arguments.split(' ')).unwrap_err();
            assert!(error.to_string().contains("--listen"), "{error}");
        }
    }

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
