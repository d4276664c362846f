//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{self, LogFormat, Overrides};
use crate::{Failure, bench, export, import, repair, serve};

/// A time-series database that speaks the REST APIs of CnosDB, TDengine and KWDB
#[derive(Debug, Parser)]
#[command(
    name = "triglot",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  triglot
  triglot serve --data-dir ./data --log-format json
  curl -u root: http://127.0.0.1:8902/api/v1/sql -d 'SHOW DATABASES'
  curl -u root:taosdata http://127.0.0.1:6041/rest/sql -d 'SHOW DATABASES'
  curl --cacert data/certs/ca.crt -u root: https://localhost:8080/restapi/query -d 'SHOW DATABASES'"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (also what plain `triglot` does)
    Serve(ServeArgs),
    /// Load line protocol, CSV or Parquet into a running server
    Import(import::ImportArgs),
    /// Write a table or a query's rows from a running server to CSV or Parquet
    Export(export::ExportArgs),
    /// Send the TSBS "cpu-only" load and measure
    Bench(bench::BenchArgs),
    /// Check or print the configuration
    Config(ConfigArgs),
    /// Look for damage in a data directory, and repair it
    Repair(repair::RepairArgs),
    /// Print a completion script
    Completions(CompletionsArgs),
}

/// Options that say what the configuration is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigSource {
    /// Configuration file; also a cnosdb.conf or a taosadapter.toml
    #[arg(short = 'c', long, value_name = "FILE", env = "TRIGLOT_CONFIG")]
    config: Option<PathBuf>,
    /// Data directory
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// One configuration key, e.g. --set cnosdb.listen=127.0.0.1:8902
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// Options of `serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  triglot serve --data-dir ./data
  triglot serve --config triglot.toml --log-level debug
  triglot serve -c taosadapter.toml
  TRIGLOT_ROOT_PASSWORD=secret triglot serve --set cnosdb.listen=0.0.0.0:8902")]
struct ServeArgs {
    #[command(flatten)]
    source: ConfigSource,
    /// How log lines are written
    #[arg(long, value_enum)]
    log_format: Option<LogFormat>,
    /// error, warn, info, debug, trace or directives
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  triglot config print
  triglot config check triglot.toml")]
struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a file (with the environment above it); exits with 1 if it is wrong
    #[command(
        after_help = "Examples:\n  triglot config check triglot.toml\n  TRIGLOT_WAL__MODE=os triglot config check triglot.toml"
    )]
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the effective configuration, secrets masked
    #[command(
        after_help = "Examples:\n  triglot config print > triglot.toml\n  triglot config print --config triglot.toml --set wal.mode=os"
    )]
    Print(ConfigSource),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  triglot completions bash > /etc/bash_completion.d/triglot
  triglot completions zsh > _triglot")]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl ConfigSource {
    fn overrides(&self) -> Result<Overrides, Failure> {
        let mut overrides = Overrides::from_process();
        for text in &self.set {
            overrides.assignment(text)?;
        }
        overrides.flag("server", "data_dir", self.data_dir.clone());
        Ok(overrides)
    }

    /// Loads the configuration.
    pub(crate) fn load(&self) -> Result<config::Config, Failure> {
        Ok(config::load(self.config.as_deref(), &self.overrides()?)?)
    }
}

impl ServeArgs {
    fn load(&self, vendor_flags: Vec<(String, String)>) -> Result<config::Config, Failure> {
        let mut overrides = Overrides { vendor_flags, ..self.source.overrides()? };
        let format = self.log_format.and_then(|f| clap::ValueEnum::to_possible_value(&f));
        overrides.flag("log", "format", format.map(|f| f.get_name().to_owned()));
        overrides.flag("log", "level", self.log_level.clone());
        Ok(config::load(self.source.config.as_deref(), &overrides)?)
    }
}

/// Runs what the command line says. Of a server it may have taosAdapter's flags, too (`--pool.maxConnect 5`).
pub(crate) fn run(arguments: Vec<OsString>) -> Result<(), Failure> {
    let is_server =
        arguments.get(1).is_none_or(|first| first == "serve" || first.to_string_lossy().starts_with('-'));
    let (arguments, flags) =
        if is_server { config::taosadapter::take_flags(arguments) } else { (arguments, Vec::new()) };
    let cli = Cli::parse_from(arguments);
    match cli.command {
        None => serve::run(cli.serve.load(flags)?),
        Some(Command::Serve(args)) => serve::run(args.load(flags)?),
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Config(args)) => run_config(args.command),
        Some(Command::Repair(args)) => repair::run(&args),
        Some(Command::Completions(args)) => {
            clap_complete::generate(args.shell, &mut Cli::command(), "triglot", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn run_config(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => {
            config::load(Some(&file), &Overrides::from_process())?;
            println!("{}: ok", file.display());
        }
        ConfigCommand::Print(source) => print!("{}", source.load()?.shown()?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Every help ends with commands that work: each example that calls triglot must parse.
    #[test]
    fn examples_in_help_texts_parse() {
        let mut open = vec![Cli::command()];
        let mut checked = 0;
        while let Some(mut command) = open.pop() {
            open.extend(command.get_subcommands().cloned());
            if command.get_name() == "help" {
                continue;
            }
            let help = command.render_long_help().to_string();
            let (_, examples) = help
                .split_once("Examples:")
                .unwrap_or_else(|| panic!("{} has no examples", command.get_name()));
            for line in
                examples.lines().map(str::trim).filter(|l| l.contains("triglot") && !l.starts_with("curl"))
            {
                // From the program's name to a redirection: `zcat x | triglot import > y`.
                let begin = line.find("triglot ").unwrap_or(0);
                let words = line.get(begin..).unwrap_or_default();
                let words = words.split(" > ").next().unwrap_or_default();
                let quoted: Vec<String> = split(words);
                Cli::try_parse_from(&quoted).unwrap_or_else(|e| panic!("{line}: {e}"));
                checked += 1;
            }
        }
        assert!(checked >= 15, "{checked}");
    }

    fn split(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), false);
        for c in line.chars() {
            match c {
                '\'' => quote = !quote,
                ' ' if !quote => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
                c => word.push(c),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        words
    }
}
