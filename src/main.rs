//! The program: arguments, configuration, log, and then [`barstone::app`].

use std::process::ExitCode;

use anyhow::Context;
use barstone::config::{Cli, Command, Config, ConfigAction};
use barstone::{app, shutdown, telemetry};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

/// Exit code for a configuration that is not right.
const BAD_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match Config::load(cli.settings) {
        Ok(config) => config,
        Err(error) => return fail(&error.into(), BAD_CONFIGURATION),
    };
    let result = match cli.command {
        Some(Command::Config { action }) => look_at(&config, action),
        Some(Command::Serve) | None => serve(config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("barstone: {error:#}");
    ExitCode::from(code)
}

#[expect(clippy::print_stdout, reason = "this is what the user asked for")]
fn look_at(config: &Config, action: ConfigAction) -> anyhow::Result<()> {
    match action {
        ConfigAction::Check => {
            println!("the configuration is right: {} streams", config.streams.as_ref().map_or(1, Vec::len))
        }
        ConfigAction::Show => print!("{}", config.to_toml()?),
    }
    Ok(())
}

/// As many connections as the system allows, not as many as it gives to those who do not ask.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config.log).map_err(|error| anyhow::anyhow!(error)).context("log")?;
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = CancellationToken::new();
        let signals = async {
            shutdown::asked_to_end().await?;
            tracing::info!("ending");
            end.cancel();
            shutdown::asked_to_end().await?;
            anyhow::bail!("ended by a second signal")
        };
        tokio::select! {
            ran = app::run(config, end.clone()) => Ok(ran?),
            stopped = signals => stopped,
        }
    })
}
