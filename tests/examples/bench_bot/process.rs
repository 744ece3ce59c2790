//! The bot as a process: started, and looked at through `/proc`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks a second in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

pub(crate) struct Process {
    child: Child,
    pub(crate) base: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts it on a port that the system gives, which its log tells.
    pub(crate) fn start(binary: &str, dir: &Path, settings: &[(&str, String)]) -> Self {
        let database = format!("sqlite://{}", dir.join("bot.db").display());
        let mut child = Command::new(binary)
            .arg("serve")
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .env("DATABASE_URL", database)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let port = loop {
            let line = log.next().unwrap().unwrap();
            if let Some((_, rest)) = line.split_once("127.0.0.1:") {
                break rest
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect::<String>();
            }
        };
        // Read on, or it would wait for its own log.
        std::thread::spawn(move || log.for_each(drop));
        Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
        }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Resident memory in MiB, now and at most.
    pub(crate) fn resident(&self) -> (f64, f64) {
        let status = self.proc("status");
        let mib = |name: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024.0
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// Seconds of processor time so far.
    fn worked(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        // utime and stime are the 14th and 15th field; the 3rd follows the name.
        let ticks = |at: usize| -> f64 { fields[at - 2].parse().unwrap() };
        (ticks(14) + ticks(15)) / TICKS
    }

    /// Per cent of one core during so long.
    pub(crate) async fn load(&self, time: Duration) -> f64 {
        let (start, before) = (Instant::now(), self.worked());
        tokio::time::sleep(time).await;
        (self.worked() - before) / start.elapsed().as_secs_f64() * 100.0
    }
}
