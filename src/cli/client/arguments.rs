//! Arguments of the client commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Url;

/// Exit codes, for the help.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the server is not reachable or failed
  2  wrong usage, or a file that cannot be read, written or parsed
  3  the stream does not exist
  4  the server refused the request
If you name several streams, the command tries all of them, and the highest code counts.";

/// The server and how to connect to it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct Options {
    /// URL of the server
    #[arg(long, env = "BARSTONE_SERVER", value_name = "URL", global = true)]
    #[arg(default_value = "http://127.0.0.1:8080", value_parser = server)]
    pub(super) server: Url,
    /// API token of the server [default: the token of a server that the same user runs on this machine]
    #[arg(long, env = "BARSTONE_API_TOKEN", value_name = "TOKEN", global = true, hide_env_values = true)]
    pub(super) token: Option<String>,
    /// File with the API token; other users of this machine can see a token in --token
    #[arg(long, env = "BARSTONE_API_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(super) token_file: Option<PathBuf>,
    /// State directory of a server on this machine, with the API token that the server created
    #[arg(long, env = "BARSTONE_STATE_DIR", value_name = "DIR", global = true)]
    pub(super) state_dir: Option<PathBuf>,
    /// Print the JSON answer of the server
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Longest wait for each answer
    #[arg(long, value_name = "SECONDS", global = true, default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,
}

/// Actions on streams.
#[derive(Debug, Subcommand)]
pub enum StreamsAction {
    /// List streams
    List {
        /// Only streams in this phase: stopped, starting, running, waiting or failed
        #[arg(long)]
        phase: Option<String>,
        /// Only streams whose name or title contains this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Print the definition, state and URLs of a stream
    Get {
        /// Name of the stream
        name: String,
    },
    /// Create a stream, or replace its definition
    Put {
        /// File with the definition and its name: TOML if the file name ends in .toml, otherwise JSON; `-` reads JSON
        /// from standard input
        file: PathBuf,
        /// Write only if the definition still has this tag, which `get` prints; `*` for any tag
        #[arg(long, value_name = "TAG", conflicts_with = "create")]
        if_match: Option<String>,
        /// Write only if no stream has this name
        #[arg(long)]
        create: bool,
    },
    /// Delete streams
    Rm {
        /// Names of the streams
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Start streams
    Start(Chosen),
    /// Stop streams
    Stop(Chosen),
}

/// Streams by name, or all of them.
#[derive(Debug, Args)]
pub struct Chosen {
    /// Names of the streams
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    pub(super) names: Vec<String>,
    /// All streams
    #[arg(long)]
    pub(super) all: bool,
}

/// Actions on all definitions.
#[derive(Debug, Subcommand)]
pub enum DefinitionsAction {
    /// Write all definitions as JSON
    Export {
        /// File to write [default: standard output]
        file: Option<PathBuf>,
    },
    /// Create or replace the streams in a file; if one definition is not valid, none is written
    Import {
        /// File that `export` has written, or TOML with `[[streams]]` if the file name ends in .toml; `-` reads JSON
        /// from standard input
        file: PathBuf,
    },
}

/// The viewer token to create.
#[derive(Debug, Args)]
pub struct TokenArguments {
    /// Name of the stream
    pub(super) name: String,
    /// Seconds until the links expire [default: 3600]
    #[arg(long)]
    pub(super) seconds: Option<u32>,
}

fn server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
    url.ok_or_else(|| "must be a URL such as http://127.0.0.1:8080".into())
}
