//! From a command line to an exit code.

use crate::args::{Args, Command};
use crate::config::{self, Config};
use crate::{bridge, health, run, stats};
use sidecar::names;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

/// Exit code of a wrong command line, as sysexits.h has it.
const USAGE: u8 = 64;

/// Does what the command line asks for.
pub fn run(args: Args) -> ExitCode {
    let (config, problems) = config::load(&|name| std::env::var(name).ok());
    match args.command {
        None if args.health => ask(&config),
        None => follow(config, &problems, args.once),
        Some(Command::Stats { json, paths }) => {
            print(stats::run(&paths, json, &mut std::io::stdout().lock()))
        }
        Some(Command::Bridge { listen }) => serve_bridge(&config, listen),
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
fn serve_bridge(config: &Config, listen: Option<std::net::SocketAddr>) -> ExitCode {
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
    let served = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(bridge::serve(settings)));
    if let Err(error) = served {
        tracing::error!(%error, "the bridge cannot run");
    }
    ExitCode::SUCCESS
}

/// Runs until the end. In a Pod the code is always 0: a watcher that fails would fail an agent's Pod.
fn follow(config: Config, problems: &[String], once: bool) -> ExitCode {
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
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, run::run(config, once))
        });
    match result {
        Ok(report) if once && !report.is_complete() => ExitCode::FAILURE,
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
