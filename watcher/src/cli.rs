//! From a command line to an exit code.

use crate::args::{Args, Command};
use crate::config::{self, Config};
use crate::run::Stop;
use crate::{bridge, health, run, stats};
use anyhow::Context as _;
use clap::Parser as _;
use sidecar::names;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

/// Exit code of a wrong command line, as sysexits.h has it.
const USAGE: u8 = 64;

/// Everything the binary does.
pub fn main() -> ExitCode {
    main_with(&std::env::args_os().collect::<Vec<_>>())
}

/// The same for this command line, which begins with the program's name.
pub fn main_with(line: &[OsString]) -> ExitCode {
    // Before anything else: a signal that comes earlier ends the process by itself, and so fails its Pod.
    let stop = serves(line.get(1).map(OsString::as_os_str)).then(Stop::hear);
    run(Args::parse_from(line), stop)
}

/// Whether a command line of this first word serves until it is asked to end. The others are a person's, for whom a
/// signal ends them as it ends any program.
fn serves(first: Option<&OsStr>) -> bool {
    first.is_none_or(|word| word == "--once" || word == "bridge")
}

/// Does what the command line asks for.
fn run(args: Args, stop: Option<std::io::Result<Stop>>) -> ExitCode {
    // The last resort is for a command line that serves and was not known to.
    let stop = || {
        stop.unwrap_or_else(Stop::hear)
            .context("signals cannot be heard")
    };
    let (config, problems) = config::load(&|name| std::env::var(name).ok());
    match args.command {
        None if args.health => ask(&config),
        None => follow(config, &problems, args.once, stop()),
        Some(Command::Stats { json, paths }) => {
            print(stats::run(&paths, json, &mut std::io::stdout().lock()))
        }
        Some(Command::Bridge { listen }) => serve_bridge(&config, listen, stop()),
        Some(Command::Preview { html, path }) => preview(&config, &path, html.as_deref()),
    }
}

/// Shows what Discord would show, with the filters of the environment.
fn preview(config: &Config, path: &Path, html: Option<&Path>) -> ExitCode {
    let renderer = match run::renderer(config) {
        Ok(renderer) => renderer,
        Err(error) => return print(Err(error)),
    };
    let mut out = std::io::stdout().lock();
    let color = out.is_terminal();
    print(crate::preview::run(path, renderer, html, color, &mut out))
}

/// The exit code of a command for people; its error goes to standard error with its causes.
fn print<E: Into<anyhow::Error>>(result: Result<(), E>) -> ExitCode {
    match result.map_err(Into::into) {
        Ok(()) => ExitCode::SUCCESS,
        // `| head` has seen enough.
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watcher: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether whoever read our output went away.
fn is_closed(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints what the running watcher says of itself.
fn ask(config: &Config) -> ExitCode {
    match health::ask(&config.state_dir.join(names::HEALTH_SOCKET)) {
        Ok(details) => {
            println!("{details}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("watcher: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves the bridge until it is asked to end. Only a wrong command line fails: a bridge that fails would fail its Pod.
fn serve_bridge(
    config: &Config,
    listen: Option<std::net::SocketAddr>,
    stop: anyhow::Result<Stop>,
) -> ExitCode {
    if let Err(error) = runtime::log::init(&config.log_level, config.log_format) {
        eprintln!("watcher: {error}");
    }
    let (settings, problems) = bridge::settings(&|name| std::env::var(name).ok(), listen);
    for problem in problems {
        tracing::warn!("{problem}");
    }
    if let Err(error) = settings.check() {
        eprintln!("watcher: {error}");
        return ExitCode::from(USAGE);
    }
    exit_quietly_on_panic();
    let served = stop.and_then(|stop| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(bridge::serve(settings, stop.token().clone()))?)
    });
    if let Err(error) = served {
        tracing::error!("the bridge cannot run: {error:#}");
    }
    ExitCode::SUCCESS
}

/// Runs until the end. In a Pod the code is always 0: a watcher that fails would fail an agent's Pod.
fn follow(config: Config, problems: &[String], once: bool, stop: anyhow::Result<Stop>) -> ExitCode {
    if let Err(error) = runtime::log::init(&config.log_level, config.log_format) {
        eprintln!("watcher: {error}");
    }
    if !once {
        exit_quietly_on_panic();
    }
    for problem in problems {
        tracing::warn!("{problem}");
    }
    config.tell();
    let result = stop.and_then(|stop| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, run::run(config, once, &stop))
    });
    match result {
        Ok(report) if once && (report.given_up || !report.is_complete()) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the watcher cannot run: {error:#}");
            if once {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}

/// A panic is a defect of ours, and no reason for a Pod to fail: the kubelet starts us again where it should. The
/// message is left out, for it may hold what was being handled.
fn exit_quietly_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(
            place,
            "the watcher has a defect and ends here; please report this line"
        );
        std::process::exit(0);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What the panic's message holds, as a message made from input could.
    const SECRET: &str = "s3cr3t-T0ken_never-to-be-seen";

    /// In the process of its own that the test starts.
    const CHILD: &str = "PANIC_WITH_A_SECRET";

    #[test]
    fn a_panic_says_where_and_not_what_and_fails_no_pod() {
        if std::env::var_os(CHILD).is_some() {
            let _ = runtime::log::init("trace", runtime::log::Format::Text);
            exit_quietly_on_panic();
            panic!("cannot post to {SECRET}");
        }
        let name = "cli::tests::a_panic_says_where_and_not_what_and_fails_no_pod";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", name])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("defect") && said.contains("cli.rs"), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
