//! Client of the REST API of a running server. It validates nothing itself: the server decides what is allowed. Results
//! are an exit code and, on error, one line on standard error.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use reqwest::Method;
use reqwest::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use tokio::runtime;

mod answer;
mod arguments;
mod card;
mod document;
mod error;
mod health;
mod server;
mod table;
mod token;
mod token_origin;

use answer::{Detail, Stream, ViewerToken, one_line};
pub use arguments::{Chosen, DefinitionsAction, EXIT_CODES, Options, StreamsAction, TokenArguments};
use error::{ClientError, Code};
use server::{Answer, Condition, Server};

use crate::program::config::Config;

type CommandResult = Result<Code, ClientError>;

/// Reads a definition from a file.
///
/// # Errors
/// A message that names the file.
pub fn read_definition(path: &Path) -> Result<Value, String> {
    document::read(path).map_err(|error| error.to_string())
}

/// Runs an action on streams and reports errors.
pub fn streams(options: &Options, action: StreamsAction) -> ExitCode {
    finish(async {
        let client = Client::new(options)?;
        match action {
            StreamsAction::List { phase, search } => client.list(phase.as_deref(), search.as_deref()).await,
            StreamsAction::Get { name } => client.get(&name).await,
            StreamsAction::Put { file, if_match, create } => {
                let condition = match (create, if_match.as_deref()) {
                    (true, _) => Some((IF_NONE_MATCH, "*")),
                    (false, tag) => tag.map(|tag| (IF_MATCH, tag)),
                };
                client.put(&file, condition).await
            }
            StreamsAction::Rm { names } => client.remove(&names).await,
            StreamsAction::Start(chosen) => client.switch("start", &chosen).await,
            StreamsAction::Stop(chosen) => client.switch("stop", &chosen).await,
        }
    })
}

/// Runs an action on all definitions and reports errors.
pub fn definitions(options: &Options, action: DefinitionsAction) -> ExitCode {
    finish(async {
        let client = Client::new(options)?;
        match action {
            DefinitionsAction::Export { file } => client.export(file.as_deref()).await,
            DefinitionsAction::Import { file } => client.import(&file).await,
        }
    })
}

/// Checks whether the server that `config` starts on this machine is ready.
pub fn health(config: &Config) -> ExitCode {
    finish(async { health::check(config).await.map(|()| Code::Done) })
}

/// Creates a viewer token and prints links with it.
pub fn token(options: &Options, arguments: &TokenArguments) -> ExitCode {
    finish(async { Client::new(options)?.token(arguments).await })
}

fn finish(work: impl Future<Output = CommandResult>) -> ExitCode {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ClientError::Start(error.to_string()));
    let result = runtime.and_then(|runtime| runtime.block_on(work));
    ExitCode::from(result.unwrap_or_else(|error| report(&error.to_string(), error.code())) as u8)
}

/// Output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

struct Client {
    server: Server,
    form: Form,
}

impl Client {
    fn new(options: &Options) -> Result<Self, ClientError> {
        let form = if options.json { Form::Json } else { Form::Text };
        Ok(Self { server: Server::new(options)?, form })
    }

    async fn list(&self, phase: Option<&str>, search: Option<&str>) -> CommandResult {
        let query: Vec<_> = [("phase", phase), ("search", search)].into_iter().filter_map(with_value).collect();
        let answer = self.server.send(self.server.request(Method::GET, &["streams"], &query)).await?;
        self.show(&answer, |answer| Ok(table::table(&answer.read::<Vec<Stream>>()?)))
    }

    async fn get(&self, name: &str) -> CommandResult {
        let answer = self.server.send(self.server.stream(Method::GET, name, None)?).await?;
        self.show(&answer, |answer| Ok(card::card(&answer.read::<Detail>()?, &answer.tag, &self.server.base())))
    }

    async fn put(&self, file: &Path, condition: Option<Condition<'_>>) -> CommandResult {
        let definition = document::read(file)?;
        let name = document::name(&definition, file)?;
        // For a definition to be created, an impossible name is refused rather than missing.
        let unnameable = |error: ClientError| ClientError::Refused(format!("name: {error}"));
        let request = self.server.stream(Method::PUT, name, None).map_err(unnameable)?;
        let request = match &condition {
            Some(condition) => server::on_condition(request, condition)?,
            None => request,
        };
        let creates = condition.is_some_and(|(header, _)| header == IF_NONE_MATCH);
        let answer = self.server.send(server::with_body(request, &definition)).await.map_err(|error| match error {
            ClientError::PreconditionFailed(_) if creates => ClientError::Exists(name.to_owned()),
            error => error,
        })?;
        self.show(&answer, |answer| Ok(line(&answer.read()?)))
    }

    /// Deletes streams. The answers have no body, so `--json` prints nothing.
    async fn remove(&self, names: &[String]) -> CommandResult {
        let mut worst = Code::Done;
        for name in names {
            let removed = match self.server.stream(Method::DELETE, name, None) {
                Ok(request) => self.server.send(request).await,
                Err(error) => Err(error),
            };
            match (removed, self.form) {
                (Ok(_), Form::Text) => print(&format!("{name}: deleted\n"))?,
                (Ok(_), Form::Json) => {}
                (Err(error), _) => worst = worst.max(report_for(name, &error)),
            }
        }
        Ok(worst)
    }

    /// Starts or stops streams. With `--json` it prints an array, even for one stream.
    async fn switch(&self, verb: &str, chosen: &Chosen) -> CommandResult {
        if chosen.all {
            let answer = self.server.send(self.server.request(Method::POST, &["all", verb], &[])).await?;
            return self.show(&answer, lines);
        }
        let (mut worst, mut documents) = (Code::Done, Vec::new());
        for name in &chosen.names {
            match (self.switch_one(verb, name).await, self.form) {
                (Ok(line), Form::Text) => print(&line)?,
                (Ok(document), Form::Json) => documents.push(document),
                (Err(error), _) => worst = worst.max(report_for(name, &error)),
            }
        }
        if self.form == Form::Json {
            print(&format!("[{}]\n", documents.join(",")))?;
        }
        Ok(worst)
    }

    async fn switch_one(&self, verb: &str, name: &str) -> Result<String, ClientError> {
        let answer = self.server.send(self.server.stream(Method::POST, name, Some(verb))?).await?;
        match self.form {
            Form::Text => Ok(line(&answer.read()?)),
            Form::Json => Ok(answer.json()?.to_owned()),
        }
    }

    /// Exports all definitions as JSON, with or without `--json`.
    async fn export(&self, file: Option<&Path>) -> CommandResult {
        let answer = self.server.send(self.server.request(Method::GET, &["definitions"], &[])).await?;
        let text = format!("{}\n", answer.json()?);
        match file {
            Some(path) => {
                std::fs::write(path, text).map_err(|source| ClientError::File { path: path.to_owned(), source })?
            }
            None => print(&text)?,
        }
        Ok(Code::Done)
    }

    async fn import(&self, file: &Path) -> CommandResult {
        let request = self.server.request(Method::POST, &["definitions"], &[]);
        let answer = self.server.send(server::with_body(request, &document::read(file)?)).await?;
        self.show(&answer, lines)
    }

    async fn token(&self, arguments: &TokenArguments) -> CommandResult {
        let request = self.server.stream(Method::POST, &arguments.name, Some("tokens"))?;
        let body = arguments.seconds.map_or_else(|| json!({}), |seconds| json!({"seconds": seconds}));
        let answer = self.server.send(server::with_body(request, &body)).await?;
        self.show(&answer, |answer| Ok(card::links(&answer.read::<ViewerToken>()?, &self.server.base())))
    }

    fn show(&self, answer: &Answer, text: impl Fn(&Answer) -> Result<String, ClientError>) -> CommandResult {
        match self.form {
            Form::Text => print(&text(answer)?)?,
            Form::Json => print(&format!("{}\n", answer.json()?))?,
        }
        Ok(Code::Done)
    }
}

fn with_value<'a>((key, value): (&'a str, Option<&'a str>)) -> Option<(&'a str, &'a str)> {
    Some((key, value?))
}

fn lines(answer: &Answer) -> Result<String, ClientError> {
    Ok(answer.read::<Vec<Stream>>()?.iter().map(line).collect())
}

fn line(stream: &Stream) -> String {
    format!("{}: {}\n", one_line(&stream.name), one_line(&stream.phase))
}

/// Prints to standard output. A closed pipe is not an error.
fn print(text: &str) -> Result<(), ClientError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(ClientError::Output(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn report_for(name: &str, error: &ClientError) -> Code {
    report(&format!("{name}: {error}"), error.code())
}

#[expect(clippy::print_stderr, reason = "a client has no log")]
fn report(text: &str, code: Code) -> Code {
    eprintln!("barstone: {}", one_line(text));
    code
}
