//! The command line: its commands and the flags of each.

mod access;
pub mod check;
pub mod client;
mod definition;
pub mod load;
mod manual;
pub mod probe;
pub mod url;
pub mod verify;

use clap::{Arg, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub use manual::{completions, man};

use crate::cli::client::{DefinitionsAction, EXIT_CODES, Options, StreamsAction, TokenArguments};
use crate::program::config::{ConfigAction, Sources, VIEWER_KEY_VARIABLE};

/// Help text that refers to the names of environment variables.
const ENVIRONMENT: &str = "`barstone --help` names the environment variable of each option.";

/// The command line.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, mut_args(|arg| arg.global(false)))]
pub struct Cli {
    /// The command; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings before the command and from the environment.
    #[command(flatten)]
    pub sources: Sources,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    #[command(mut_args(not_from_environment), after_help = ENVIRONMENT)]
    Serve {
        /// Settings after the command.
        #[command(flatten)]
        sources: Sources,
    },
    /// Check or print the configuration without running
    #[command(mut_args(not_from_environment), after_help = ENVIRONMENT)]
    Config {
        /// Settings after the command.
        #[command(flatten)]
        sources: Sources,
        /// The action.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Health check: exit 0 if the server at --listen is ready, 1 if not
    #[command(mut_args(not_from_environment), after_help = ENVIRONMENT)]
    Health {
        /// Settings after the command.
        #[command(flatten)]
        sources: Sources,
    },
    /// List, create, start, stop and delete streams of a running server
    #[command(after_help = EXIT_CODES)]
    Streams {
        /// The server and how to connect to it.
        #[command(flatten)]
        options: Options,
        /// The action.
        #[command(subcommand)]
        action: StreamsAction,
    },
    /// Export or import all stream definitions of a running server
    #[command(after_help = EXIT_CODES)]
    Definitions {
        /// The server and how to connect to it.
        #[command(flatten)]
        options: Options,
        /// The action.
        #[command(subcommand)]
        action: DefinitionsAction,
    },
    /// Create playback links to a private stream that expire
    #[command(after_help = EXIT_CODES)]
    Token {
        /// The stream, and the lifetime of the token.
        #[command(flatten)]
        arguments: TokenArguments,
        /// The server and how to connect to it, last because its heading in the help holds for all that follows.
        #[command(flatten)]
        options: Options,
    },
    /// Print the URL of a manifest under conditions
    #[command(after_help = url::EXIT_CODES)]
    Url {
        /// The manifest and the conditions.
        #[command(flatten)]
        arguments: url::Arguments,
    },
    /// Check any HLS or DASH server over time against the rules of the protocols
    #[command(after_help = check::EXIT_CODES)]
    Check {
        /// The presentation and what to report.
        #[command(flatten)]
        arguments: check::Arguments,
    },
    /// Play a stream as many light clients do, and report what they met
    #[command(after_help = load::EXIT_CODES)]
    Load {
        /// The manifests and the clients.
        #[command(flatten)]
        arguments: load::Arguments,
    },
    /// Measure latency, losses and synchronisation at the end of any chain that carries the signal
    #[command(after_help = probe::EXIT_CODES)]
    Probe {
        /// What to play, and the limits.
        #[command(flatten)]
        arguments: probe::Arguments,
    },
    /// Compare the segments that a CDN delivers with the definition of the stream
    #[command(after_help = verify::EXIT_CODES)]
    Verify {
        /// The presentation and its definition.
        #[command(flatten)]
        arguments: verify::Arguments,
    },
    /// Print a script with completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the man page
    Man,
}

/// Names of all environment variables that a command reads, those of settings first.
pub fn variables() -> Vec<String> {
    let root = Cli::command();
    let mut names: Vec<String> = Vec::new();
    for argument in [&root].into_iter().chain(root.get_subcommands()).flat_map(clap::Command::get_arguments) {
        let name = argument.get_env().and_then(|name| name.to_str());
        names.extend(name.filter(|name| !names.iter().any(|other| other == name)).map(str::to_owned));
    }
    // The only variable without a flag.
    names.push(VIEWER_KEY_VARIABLE.to_owned());
    names
}

/// Settings are read from the environment before the command only, so that a variable does not override a flag that
/// stands there.
fn not_from_environment(arg: Arg) -> Arg {
    arg.env(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::config::{Config, check_environment};

    /// Checks port and log filter.
    #[track_caller]
    fn check(arguments: &str, port: u16, log: &str) {
        let cli = Cli::try_parse_from(arguments.split(' ')).unwrap();
        let sources = match cli.command {
            Some(Command::Serve { sources } | Command::Health { sources } | Command::Config { sources, .. }) => {
                sources.or(cli.sources)
            }
            None => cli.sources,
            Some(
                Command::Streams { .. }
                | Command::Definitions { .. }
                | Command::Token { .. }
                | Command::Url { .. }
                | Command::Check { .. }
                | Command::Load { .. }
                | Command::Probe { .. }
                | Command::Verify { .. }
                | Command::Completions { .. }
                | Command::Man,
            ) => panic!("no settings belong to it"),
        };
        let config = Config::load(&sources).unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (port, log), "{arguments}");
    }

    #[test]
    fn settings_are_accepted_before_and_after_the_command() {
        check("barstone --listen [::]:1 --log warn", 1, "warn");
        check("barstone --listen [::]:1 serve --log warn", 1, "warn");
        check("barstone --listen [::]:1 serve --listen [::]:2 --log warn", 2, "warn");
        check("barstone --log warn config --listen [::]:1 check", 1, "warn");
        check("barstone config check --listen [::]:1 --log warn", 1, "warn");
        check("barstone --log warn health --listen [::]:1", 1, "warn");
    }

    #[test]
    fn a_client_command_refuses_server_settings() {
        for arguments in ["streams list", "streams --json", "definitions export"] {
            let arguments = format!("barstone {arguments} --listen [::]:1");
            let error = Cli::try_parse_from(arguments.split(' ')).unwrap_err();
            assert!(error.to_string().contains("--listen"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_variable_gets_a_suggestion() {
        let check = |names: &[&str]| {
            check_environment(names.iter().map(Into::into), &variables()).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["BARSTONE_LISTEN", "BARSTONE_CONFIG", "BARSTONE", "LISTN"]), Ok(vec![]));
        assert_eq!(check(&["BARSTONE_SERVER", "BARSTONE_API_TOKEN", "BARSTONE_API_TOKEN_FILE"]), Ok(vec![]));
        let error = check(&["BARSTONE_LISTN"]).unwrap_err();
        assert_eq!(error, "environment variable BARSTONE_LISTN: unknown; did you mean BARSTONE_LISTEN?");
        let error = check(&["BARSTONE_LISTEN_PORT"]).unwrap_err();
        assert!(error.ends_with("did you mean BARSTONE_LISTEN?"), "{error}");
        for near in ["BARSTONE_SERVICE", "BARSTONE_STORE_PORT", "BARSTONE_TOKEN", "BARSTONE_listen"] {
            assert!(check(&[near]).is_err(), "{near}");
        }
        for far in ["BARSTONE_XYZZY", "BARSTONE_", "BARSTONE_SERVICE_HOSTS", "BARSTONE_PORTS"] {
            assert_eq!(check(&[far]), Ok(vec![far.to_owned()]));
        }
    }

    #[test]
    fn variables_of_kubernetes_services_are_ignored() {
        let check = |names: &[&str]| check_environment(names.iter().map(Into::into), &variables()).ok();
        for service in ["", "STORE_", "EDGE_", "SERVE_", "API_TOKEN_"] {
            let of = |end: &str| format!("BARSTONE_{service}{end}");
            for end in [
                "SERVICE_HOST",
                "SERVICE_PORT",
                "SERVICE_PORT_HTTP",
                "PORT_8080_TCP",
                "PORT_8080_TCP_ADDR",
                "PORT_53_UDP_PORT",
                "PORT_9_SCTP_PROTO",
            ] {
                assert_eq!(check(&[&of(end)]), Some(vec![of(end)]));
            }
            let all = [of("PORT"), of("SERVICE_HOST")];
            assert_eq!(check(&[&all[0], &all[1]]), Some(all.to_vec()));
        }
    }

    #[test]
    fn the_command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
