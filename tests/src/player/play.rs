//! The run of a player from its settings to its report.

use super::PlayerError;
use super::args::Args;
use super::garbage::Garbage;
use super::pace::Pace;
use super::place::{config_dir, slug};
use super::recorded::Recorded;
use super::stdin::{Input, Stdin};
use super::writer::{Writer, write_settings};
use crate::transcript::Generator;
use serde::Serialize;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What was played; the last line that the player prints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Report {
    /// Records written, over all files.
    pub records: u64,
    /// Bytes written, over all files.
    pub bytes: u64,
    /// From the first record to the last.
    pub seconds: f64,
}

/// Prints the serials of the agent's own Bash calls, one a line, in the order of writing.
pub fn list_steps(args: &Args, out: &mut dyn Write) -> std::io::Result<()> {
    let mut generator = Generator::new(&args.options());
    generator.by_ref().for_each(drop);
    for serial in generator.expected().steps() {
        writeln!(out, "{serial:06}")?;
    }
    out.flush()
}

/// Plays the session. Blocks for as long as it takes; the caller ends the process on SIGTERM. Progress is told to
/// `out`; whether anybody reads it does not matter to an agent.
pub fn play(args: &Args, out: &mut dyn Write) -> Result<Report, PlayerError> {
    let config = config_dir(args.config_dir.as_deref(), |name| std::env::var(name).ok())?;
    if args.write_settings {
        write_settings(&config)?;
    }
    wait(args.start_delay);
    let project = config.join("projects").join(slug(&args.cwd));
    let mut player = Player {
        pace: Pace::new(args.rate, args.pace, args.seed),
        writer: Writer::new(project, args.partial.then_some(args.seed)),
        stdin: None,
        interrupted: false,
        begun: Instant::now(),
        told: Instant::now(),
        out,
    };
    if !args.no_transcript {
        player.session(args)?;
    }
    let report = player.report();
    if player.stdin.is_some() {
        player.listen_for(args.linger)?;
    } else {
        wait(args.linger);
    }
    Ok(report)
}

fn wait(seconds: f64) {
    if let Ok(time) = Duration::try_from_secs_f64(seconds) {
        sleep(time);
    }
}

struct Player<'a> {
    pace: Pace,
    writer: Writer,
    stdin: Option<Stdin>,
    interrupted: bool,
    begun: Instant,
    told: Instant,
    out: &'a mut dyn Write,
}

impl Player<'_> {
    fn session(&mut self, args: &Args) -> Result<(), PlayerError> {
        // Whoever waits for the agent's beginning reads this line.
        let _ = writeln!(self.out, "playing to {}", self.writer.project.display());
        let _ = self.out.flush();
        if let Some(bytes) = args.garbage {
            let id = Generator::new(&args.options()).session_id().to_owned();
            return Garbage::new(args.seed, bytes)
                .try_for_each(|line| self.one(&format!("{id}.jsonl"), &line));
        }
        if args.transcript.is_empty() {
            return self.generated(args);
        }
        for path in &args.transcript {
            let mut recorded = Recorded::open(path)?;
            let name = recorded.name.clone();
            loop {
                let line = recorded.next()?;
                if line.is_empty() {
                    break;
                }
                self.one(&name, line)?;
            }
        }
        Ok(())
    }

    fn generated(&mut self, args: &Args) -> Result<(), PlayerError> {
        let mut generator = Generator::new(&args.options());
        if let Some(fifo) = &args.stdin {
            let stdin = Stdin::open(fifo, generator.session_id(), &args.cwd, args.seed)?;
            self.stdin = Some(stdin);
        }
        for chunk in generator.by_ref() {
            self.one(&chunk.path, &chunk.bytes)?;
            self.listen(Duration::ZERO)?;
            if self.interrupted {
                break;
            }
        }
        Ok(())
    }

    /// Answers what comes in within this many seconds; an interruption ends the wait.
    fn listen_for(&mut self, seconds: f64) -> Result<(), PlayerError> {
        let until = Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|time| Instant::now().checked_add(time));
        while let Some(left) = until.and_then(|at| at.checked_duration_since(Instant::now()))
            && !self.interrupted
        {
            self.listen(left)?;
        }
        Ok(())
    }

    /// Answers the next input, if one comes within this time.
    fn listen(&mut self, time: Duration) -> Result<(), PlayerError> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        let Some(input) = stdin.wait(time) else {
            return Ok(());
        };
        let (file, records) = (stdin.file(), stdin.records(&input));
        for record in records {
            self.one(&file, &record)?;
        }
        self.interrupted |= input == Input::Interrupt;
        Ok(())
    }

    fn one(&mut self, path: &str, bytes: &[u8]) -> Result<(), PlayerError> {
        self.pace.wait();
        self.writer.append(path, bytes, &self.pace)?;
        if self.told.elapsed() >= Duration::from_secs(5) {
            self.told = Instant::now();
            let Report { records, bytes, .. } = self.report();
            let _ = writeln!(self.out, "played {records} records, {bytes} bytes");
            let _ = self.out.flush();
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let seconds = self.begun.elapsed().as_secs_f64();
        Report {
            records: self.writer.records,
            bytes: self.writer.bytes,
            seconds,
        }
    }
}
