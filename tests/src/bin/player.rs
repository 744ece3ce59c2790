//! An agent for tests and examples: it writes a transcript and does nothing else.

use clap::Parser;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use tests::player::{Args, PlayerError, list_steps, play, reap};
use tokio::signal::unix::{SignalKind, signal};

/// An exit code like that of a process that SIGTERM ended. As process 1 of a container nothing does that for us.
const TERMINATED: u8 = 143;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = writeln!(stderr(), "player: cannot listen for SIGTERM");
        return ExitCode::FAILURE;
    };
    let (done, finished) = tokio::sync::oneshot::channel();
    // Not a task: writing blocks, and SIGTERM shall be answered at once all the same.
    std::thread::spawn(move || done.send(run(&args)));
    tokio::select! {
        _ = terminate.recv() => ExitCode::from(TERMINATED),
        code = finished => ExitCode::from(code.unwrap_or(1)),
    }
}

fn run(args: &Args) -> u8 {
    if args.list_steps {
        return u8::from(list_steps(args, &mut std::io::BufWriter::new(stdout())).is_err());
    }
    if let Some(name) = &args.reap {
        reap(args, name, &mut stdout());
        return 0;
    }
    match play(args, &mut stdout()) {
        Ok(report) => {
            let line = serde_json::to_string(&report).unwrap_or_default();
            let _ = writeln!(stdout(), "{line}");
            args.exit_code
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &PlayerError) -> u8 {
    let _ = writeln!(stderr(), "player: {error}");
    error.exit_code()
}
