//! What a watcher costs. Prints figures, and beside each that has a goal a line that says whether it is reached.
//!
//! `bench_watcher wire BINARY`: from an agent's append to the request at Discord, for lone events, by inotify and by polling.
//! WATCHERS (20) at once, ROUNDS (10) events each, 3 s apart: at that distance the watcher's pace holds nothing back.
//! `bench_watcher idle BINARY`: processor time and memory of one that has nothing to do, for SECONDS (30).
//! `bench_watcher backlog PROJECTS`: a backlog read, parsed and rendered by the watcher's own parts; nothing is sent.
//! `bench_watcher race ROUNDS COMMAND... -- COMMAND...`: two commands by turns; wall time and peak memory of each.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that fails by panicking"
)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use watcher::events::{InterpretOptions, Interpreter};
use watcher::filter::{FilterOptions, Filters};
use watcher::follow::{FollowOptions, Follower, Root};
use watcher::price::Prices;
use watcher::redact::{RedactOptions, Redactor};
use watcher::render::{RenderOptions, Renderer, StatsOptions};

/// Time between two events of one watcher.
const APART: Duration = Duration::from_secs(3);

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A line of /proc/PID/status in MiB; none when the process is over.
fn memory(pid: u32, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Processor time of a process' first thread in seconds, to the nanosecond, where the kernel counts it.
fn processor_time(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// What a figure should be.
#[derive(Clone, Copy)]
enum Goal {
    Below(f64),
    Above(f64),
}

/// Says whether a figure is what it should be.
fn judge(what: &str, found: f64, goal: Goal, unit: &str) {
    let (reached, words, limit) = match goal {
        Goal::Below(limit) => (found < limit, "under", limit),
        Goal::Above(limit) => (found > limit, "over", limit),
    };
    let verdict = if reached { "reached" } else { "MISSED" };
    println!("goal: {what}: {words} {limit} {unit}, found {found:.3}: {verdict}");
}

fn part(sorted: &[Duration], thousandths: usize) -> f64 {
    sorted[(sorted.len() - 1) * thousandths / 1000].as_secs_f64() * 1000.0
}

/// A Discord that saves everything; tells when each request's first byte came, and its body.
fn discord() -> (u16, std::sync::mpsc::Receiver<(Instant, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            std::thread::spawn(move || serve(&stream, &sender));
        }
    });
    (port, receiver)
}

fn serve(stream: &TcpStream, sender: &Sender<(Instant, String)>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        if reader.fill_buf().ok()?.is_empty() {
            return None;
        }
        let at = Instant::now();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.to_lowercase();
            if line.trim().is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"1\"}";
        writer.write_all(answer.as_bytes()).ok()?;
        sender
            .send((at, String::from_utf8_lossy(&body).into_owned()))
            .ok()?;
    }
}

fn start(binary: &str, dir: &Path, port: u16, id: usize, poll: Option<u64>) -> Killed {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env(
            "DISCORD_WEBHOOK_URL",
            format!("http://127.0.0.1:{port}/api/webhooks/{id}/token"),
        )
        .env("TRANSCRIPT_PATH", dir.join("agent.jsonl"))
        .env("STATE_DIR", dir.join("state"))
        .env("TERMINATION_LOG", dir.join("end"))
        // As the chart sets them in a Pod.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_TRIM_THRESHOLD_", "131072")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(poll) = poll {
        command
            .env("POLL_INTERVAL_MS", poll.to_string())
            .env("INOTIFY", "false");
    }
    Killed(command.spawn().unwrap())
}

fn prompt(watcher: usize, round: usize) -> String {
    format!(
        "{{\"type\":\"user\",\"uuid\":\"u-{watcher}-{round}\",\"sessionId\":\"s\",\"cwd\":\"/w\",\
         \"timestamp\":\"2026-11-22T10:00:00.000Z\",\"message\":{{\"role\":\"user\",\"content\":\"event-{watcher}-{round}-\"}}}}\n"
    )
}

fn wire(binary: &str, name: &str, poll: Option<u64>) {
    let (watchers, rounds) = (number("WATCHERS", 20), number("ROUNDS", 10));
    let (port, requests) = discord();
    let dir = tempfile::tempdir().unwrap();
    let mut running = Vec::new();
    let mut files = Vec::new();
    for at in 0..watchers {
        let own = dir.path().join(at.to_string());
        std::fs::create_dir(&own).unwrap();
        let mut file = File::create(own.join("agent.jsonl")).unwrap();
        file.write_all(prompt(at, 9999).as_bytes()).unwrap();
        files.push(file);
        running.push(start(binary, &own, port, at + 1, poll));
    }
    // The first message, the live summary and its first edit are behind them.
    std::thread::sleep(Duration::from_secs(8));
    let mut written = std::collections::HashMap::new();
    for round in 0..rounds {
        for (at, file) in files.iter_mut().enumerate() {
            let text = prompt(at, round);
            // The moments of appending drift against the watchers' looks.
            std::thread::sleep(APART.div_f64(files_f64(watchers)) + Duration::from_micros(700));
            written.insert(format!("event-{at}-{round}-"), Instant::now());
            file.write_all(text.as_bytes()).unwrap();
        }
    }
    std::thread::sleep(Duration::from_secs(5));
    let mut times = Vec::new();
    for (at, body) in requests.try_iter() {
        let told: Vec<_> = written
            .keys()
            .filter(|event| body.contains(*event))
            .cloned()
            .collect();
        for event in told {
            times.push(at.duration_since(written.remove(&event).unwrap()));
        }
    }
    times.sort_unstable();
    println!(
        "{name}: append to request, {} lone events: half {:.2} ms, 90 % {:.2}, 99 % {:.2}, most {:.2}; {} not seen",
        times.len(),
        part(&times, 500),
        part(&times, 900),
        part(&times, 990),
        part(&times, 1000),
        written.len()
    );
    if let Some(poll) = poll {
        let most = u32::try_from(poll).unwrap();
        let limit = f64::from(most) + 5.0;
        judge(
            &format!("{name}, 99 %"),
            part(&times, 990),
            Goal::Below(limit),
            "ms",
        );
    } else {
        judge(
            &format!("{name}, half"),
            part(&times, 500),
            Goal::Below(5.0),
            "ms",
        );
        judge(
            &format!("{name}, 99 %"),
            part(&times, 990),
            Goal::Below(20.0),
            "ms",
        );
    }
    let lost = u32::try_from(written.len()).unwrap();
    judge(
        &format!("{name}, not seen"),
        lost.into(),
        Goal::Below(1.0),
        "events",
    );
}

fn files_f64(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}

fn idle(binary: &str) {
    let seconds = number("SECONDS", 30);
    let (port, _requests) = discord();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("agent.jsonl"), prompt(0, 0)).unwrap();
    let watcher = start(binary, dir.path(), port, 1, None);
    std::thread::sleep(Duration::from_secs(10));
    let spent = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", watcher.0.id())).unwrap();
        let after = stat.rsplit(") ").next().unwrap().to_owned();
        let field = |at: usize| -> f64 { after.split(' ').nth(at).unwrap().parse().unwrap() };
        // utime and stime, in hundredths of a second.
        (field(11) + field(12)) / 100.0
    };
    let exact = || processor_time(watcher.0.id());
    let before = (spent(), exact());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    let share = match (before.1, exact()) {
        (Some(before), Some(after)) => after - before,
        _ => spent() - before.0,
    };
    let percent = share / files_f64(seconds) * 100.0;
    let resident = memory(watcher.0.id(), "VmRSS:").unwrap();
    println!(
        "idle: {percent:.3} % of a core, {resident:.1} MiB resident, {:.1} at most",
        memory(watcher.0.id(), "VmHWM:").unwrap()
    );
    judge("idle, of a core", percent, Goal::Below(0.1), "%");
    judge("idle, resident", resident, Goal::Below(8.0), "MiB");
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
async fn backlog(projects: &str, parity: bool) {
    let options = FollowOptions {
        once: true,
        ..FollowOptions::new(Root::Tree {
            projects: vec![projects.into()],
            workspace: None,
        })
    };
    let (mut follower, _) = Follower::open(options).unwrap();
    let mut interpreter = Interpreter::new(InterpretOptions::default());
    let mut renderer = Renderer::new(RenderOptions {
        filters: Filters::new(&FilterOptions::default(), parity).unwrap(),
        parity,
        redactor: Redactor::new(RedactOptions::default()).unwrap(),
        stats: StatsOptions::default(),
        prices: Prices::built_in(),
    });
    let begun = Instant::now();
    let (mut bytes, mut lines, mut events, mut posts) = (0, 0, Vec::new(), 0);
    let mut happened = 0;
    let what = std::env::var("ONLY").unwrap_or_default();
    while !follower.finished() {
        for line in follower.next(64, 1 << 20).await {
            bytes += line.end - line.start;
            lines += 1;
            if what != "read"
                && let Some(source) = follower.source(line.file)
            {
                let agent = source.subagent.as_deref();
                interpreter.read(&source.session, agent, &line.bytes, &mut events);
            }
            happened += events.len();
            for event in events.drain(..) {
                if what != "parse" {
                    posts += usize::from(renderer.render(&event).is_some());
                }
            }
            follower.acknowledge(line.file, line.end);
        }
    }
    let wall = begun.elapsed().as_secs_f64();
    // Of one core: other programs may want it too.
    let seconds = processor_time(std::process::id()).unwrap_or(wall);
    let name = if parity {
        "backlog, everything posted"
    } else {
        "backlog, default filters"
    };
    let speed = bytes as f64 / 1e6 / seconds;
    let most = memory(std::process::id(), "VmHWM:").unwrap();
    println!(
        "{name}: {:.0} MB, {lines} lines, {happened} events, {posts} posts in {wall:.2} s, {seconds:.2} s of a core: {speed:.0} MB/s; {most:.1} MiB at most",
        bytes as f64 / 1e6,
    );
    judge(name, speed, Goal::Above(300.0), "MB/s of a core");
    judge(&format!("{name}, memory"), most, Goal::Below(24.0), "MiB");
}

/// Wall time and peak memory (as seen each millisecond) of one run.
fn run(command: &[String]) -> (Duration, f64) {
    let begun = Instant::now();
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0_f64;
    loop {
        most = most.max(memory(child.id(), "VmHWM:").unwrap_or(0.0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?}: {status}");
            return (begun.elapsed(), most);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn race(arguments: &[String]) {
    let rounds: usize = arguments[0].parse().unwrap();
    let sides: Vec<&[String]> = arguments[1..].split(|word| word == "--").collect();
    let mut times = vec![Vec::new(); sides.len()];
    let mut most = vec![0_f64; sides.len()];
    for _ in 0..rounds {
        for (at, command) in sides.iter().enumerate() {
            let (time, memory) = run(command);
            times[at].push(time);
            most[at] = most[at].max(memory);
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_unstable();
            part(times, 500)
        })
        .collect();
    for (at, command) in sides.iter().enumerate() {
        let name = Path::new(&command[0])
            .file_name()
            .unwrap()
            .to_string_lossy();
        println!(
            "{name}: median {:.0} ms of {rounds}, {:.1} MiB at most",
            medians[at], most[at]
        );
    }
    if let ([first, second], [a, b]) = (medians.as_slice(), most.as_slice()) {
        println!(
            "the second takes {:.2} times the first's time and {:.1} times its memory",
            second / first,
            b / a
        );
        judge(
            "statistics, the other's time",
            second / first,
            Goal::Above(2.0),
            "times ours",
        );
        judge(
            "statistics, the other's memory",
            b / a,
            Goal::Above(4.0),
            "times ours",
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments[0].as_str() {
        "wire" => {
            wire(&arguments[1], "inotify", None);
            wire(&arguments[1], "polling every 50 ms", Some(50));
            wire(&arguments[1], "polling every 100 ms", Some(100));
        }
        "idle" => idle(&arguments[1]),
        "backlog" => backlog(&arguments[1], std::env::var("PARITY").is_ok()).await,
        "race" => race(&arguments[1..]),
        other => panic!("no such measurement: {other}"),
    }
}
