//! The binary as an operator runs it: on a port that the system gives it, its log in a file.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A bot that is a process.
pub struct Process {
    child: Child,
    /// Where it serves, as `http://HOST:PORT`.
    pub base: String,
    log: PathBuf,
}

impl Process {
    /// Starts it with these settings and no others, and waits until it says where it serves. What former processes have
    /// written to the log stays.
    pub fn start(log: &Path, settings: &[(&str, &str)]) -> Self {
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let before = file.metadata().unwrap().len();
        let child = Command::new(env!("CARGO_BIN_EXE_bot"))
            .arg("serve")
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut process = Self {
            child,
            base: String::new(),
            log: log.to_owned(),
        };
        process.base = process.said(usize::try_from(before).unwrap());
        process
    }

    /// The address in its log, from this byte on.
    fn said(&mut self, from: usize) -> String {
        let start = Instant::now();
        loop {
            let text = self.log();
            let new = text.get(from..).unwrap_or_default();
            let serving = new.lines().find(|line| line.contains("serving"));
            let port = serving
                .and_then(|line| line.split("127.0.0.1:").nth(1))
                .map(|rest| {
                    rest.chars()
                        .take_while(char::is_ascii_digit)
                        .collect::<String>()
                });
            if let Some(port) = port {
                return format!("http://127.0.0.1:{port}");
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < super::PATIENCE,
                "{ended:?}: {text}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All that it, and those before it, have written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Ends it as a lack of memory would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as Kubernetes does; whether it says that all was well.
    pub fn end(mut self) -> bool {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(told.unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
