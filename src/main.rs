//! The program: arguments, configuration, log, and then [`barstone::program::app`].

use std::process::ExitCode;

use anyhow::Context;
use barstone::base::{memory, os_error};
use barstone::cli::client;
use barstone::cli::{self, Cli, Command};
use barstone::program::app::{self, AppError, Start};
use barstone::program::config::{self, Config, ConfigAction, Sources};
use barstone::program::{shutdown, telemetry};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

/// Exit code for an invalid configuration or condition, or for a configuration that names something that does not exist.
const BAD_CONFIGURATION: u8 = 2;
/// Exit code for other failures.
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let Cli { command, sources: outer } = Cli::parse();
    let names = std::env::vars_os().map(|(name, _)| name);
    let ignored = match config::check_environment(names, &cli::variables()) {
        Ok(ignored) => ignored,
        Err(error) => return fail(&error.into(), BAD_CONFIGURATION),
    };
    let serve = |sources, config| serve(sources, config, &ignored);
    match command {
        None => configured(outer, serve),
        Some(Command::Serve { sources }) => configured(sources.or(outer), serve),
        Some(Command::Config { sources, action }) => {
            configured(sources.or(outer), |_, config| look_at(&config, action))
        }
        Some(Command::Health { sources }) => match Config::load(&sources.or(outer)) {
            Ok(config) => client::health(&config),
            Err(error) => fail(&error.into(), BAD_CONFIGURATION),
        },
        Some(Command::Streams { options, action }) => client::streams(&options, action),
        Some(Command::Definitions { options, action }) => client::definitions(&options, action),
        Some(Command::Token { options, arguments }) => client::token(&options, &arguments),
        Some(Command::Url { arguments }) => match cli::url::lines(&arguments) {
            Ok(lines) => print_lines(&lines),
            Err(error) => fail(&error.into(), BAD_CONFIGURATION),
        },
        Some(Command::Check { arguments }) => cli::check::run(&arguments),
        Some(Command::Load { arguments }) => {
            raise_open_files();
            cli::load::run(&arguments)
        }
        Some(Command::Probe { arguments }) => cli::probe::run(&arguments),
        Some(Command::Verify { arguments }) => cli::verify::run(&arguments),
        Some(Command::Completions { shell }) => written(cli::completions(shell)),
        Some(Command::Man) => written(cli::man()),
    }
}

fn print_lines(lines: &[String]) -> ExitCode {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    written(std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes()))
}

fn written(outcome: std::io::Result<()>) -> ExitCode {
    outcome.map_or_else(|error| fail(&error.into(), FAILURE), |()| ExitCode::SUCCESS)
}

fn configured(sources: Sources, work: impl FnOnce(Sources, Config) -> anyhow::Result<()>) -> ExitCode {
    let config = match Config::load(&sources) {
        Ok(config) => config,
        Err(error) => return fail(&error.into(), BAD_CONFIGURATION),
    };
    match work(sources, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let of_configuration = error.downcast_ref().is_some_and(AppError::is_of_configuration);
            fail(&error, if of_configuration { BAD_CONFIGURATION } else { FAILURE })
        }
    }
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("barstone: {}", os_error::without_numbers(&format!("{error:#}")));
    ExitCode::from(code)
}

#[expect(clippy::print_stdout, reason = "this is what the user asked for")]
fn look_at(config: &Config, action: ConfigAction) -> anyhow::Result<()> {
    match action {
        ConfigAction::Check => {
            let streams = config.streams.as_ref().map_or(1, Vec::len);
            println!("configuration OK: {streams} stream{}", if streams == 1 { "" } else { "s" })
        }
        ConfigAction::Show => print!("{}", toml::to_string(&config.to_table())?),
    }
    Ok(())
}

/// Raises the soft limit of open files to the hard limit, so that more connections are possible.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(error = os_error::text(&error.into()), "cannot raise the limit of open files");
    }
}

/// Runs the server. `ignored` are environment variables that look like settings and have no effect.
fn serve(sources: Sources, config: Config, ignored: &[String]) -> anyhow::Result<()> {
    memory::set_up();
    let log =
        telemetry::start(&config.log, config.log_format).map_err(|error| anyhow::anyhow!(error)).context("log")?;
    for name in ignored {
        tracing::debug!(%name, "environment variable ignored: there is no such setting");
    }
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = CancellationToken::new();
        let start = Start { sources, config, log, hangups: shutdown::hangups()? };
        let signals = async {
            shutdown::asked_to_end().await?;
            tracing::info!("ending");
            end.cancel();
            shutdown::asked_to_end().await?;
            anyhow::bail!("a second signal ended the process immediately")
        };
        tokio::select! {
            ran = app::run(start, end.clone()) => Ok(ran?),
            stopped = signals => stopped,
        }
    })
}
