//! Shell completions and the man page, generated from the definition of the command line. Packages install them.

use std::io::{self, Write};

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;

/// Name of the program in scripts and in the man page.
const NAME: &str = env!("CARGO_PKG_NAME");

/// Writes the completion script for `shell` to standard output.
///
/// # Errors
/// If the output cannot be written.
pub fn completions(shell: Shell) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    io::stdout().lock().write_all(&script)
}

/// Writes the man page to standard output: the server, and after it a section for each command.
///
/// # Errors
/// If the output cannot be written.
pub fn man() -> io::Result<()> {
    io::stdout().lock().write_all(&page()?)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let whole = Man::new(command.clone());
    whole.render_title(&mut page)?;
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_options_section(&mut page)?;
    for below in command.get_subcommands().filter(|command| command.get_name() != "help") {
        render(&command, below, &mut page)?;
    }
    Ok(page)
}

/// Writes the section of one command: its options that `root` does not have, then the sections of its subcommands.
fn render(root: &Command, command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
    if let Some(about) = command.get_about() {
        writeln!(page, "{}.", about.to_string().replace('-', "\\-"))?;
    }
    let mut below = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
    if below.peek().is_some() {
        return below.try_for_each(|command| render(root, command, page));
    }
    let mut usage = command.clone().render_usage().to_string();
    usage = usage.trim_start_matches("Usage:").trim().replace('-', "\\-");
    writeln!(page, ".PP\n.B {usage}")?;
    let is_of_root = |arg: &Arg| root.get_arguments().any(|other| other.get_id() == arg.get_id());
    let own = command.clone().mut_args(|arg| if is_of_root(&arg) { arg.hide(true) } else { arg });
    let mut options = Vec::new();
    Man::new(own).render_options_section(&mut options)?;
    page.write_all(String::from_utf8_lossy(&options).replace(".SH OPTIONS", ".SS OPTIONS").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_man_page_has_a_section_for_each_command_and_each_setting() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        for words in
            [".TH", "BARSTONE STREAMS PUT", "BARSTONE TOKEN", "BARSTONE_STATE_DIR", "\\-\\-listen", "if\\-match"]
        {
            assert!(page.contains(words), "{words:?} is missing in {page}");
        }
    }
}
