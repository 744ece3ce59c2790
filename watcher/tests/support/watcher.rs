//! The watcher's binary as a child process, with folders of its own.

use super::discord::{Discord, TOKEN};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Folders and settings of one watcher, over several lives.
pub struct Pod {
    pub dir: tempfile::TempDir,
    env: Vec<(String, String)>,
    uid: Option<u32>,
}

impl Pod {
    /// A Pod whose watcher posts to `discord` and follows `agent.jsonl`.
    pub fn new(discord: &Discord) -> Self {
        let mut pod = Self::without_webhook();
        pod.set("DISCORD_WEBHOOK_URL", &discord.webhook(1));
        pod
    }

    /// A Pod whose watcher knows no webhook.
    pub fn without_webhook() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        let mut pod = Self {
            dir,
            env: Vec::new(),
            uid: None,
        };
        pod.set(
            "STATE_DIR",
            pod.path("state").to_str().unwrap().to_owned().as_str(),
        );
        pod.set(
            "TRANSCRIPT_PATH",
            pod.path("agent.jsonl")
                .to_str()
                .unwrap()
                .to_owned()
                .as_str(),
        );
        pod.set(
            "TERMINATION_LOG",
            pod.path("termination-log")
                .to_str()
                .unwrap()
                .to_owned()
                .as_str(),
        );
        pod.set("LOG_LEVEL", "trace");
        std::fs::write(pod.path("termination-log"), "").unwrap();
        pod
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.retain(|(key, _)| key != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the watcher as this user.
    pub fn run_as(&mut self, uid: u32) {
        self.uid = Some(uid);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The agent writes.
    pub fn append(&self, text: &str) {
        append(&self.path("agent.jsonl"), text.as_bytes());
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watcher"));
        command.args(arguments).env_clear().envs(self.env.clone());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(uid) = self.uid {
            std::os::unix::process::CommandExt::uid(&mut command, uid);
        }
        command
    }

    /// Starts a watcher that follows.
    pub fn start(&self) -> Watcher {
        // A log that nobody reads must not stop the watcher: it goes to a file.
        let log = self.path("log");
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let child = self
            .command(&[])
            .stderr(file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Watcher { child: Some(child) }
    }

    /// Runs the watcher to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert_silent(&output.stdout);
        assert_silent(&output.stderr);
        output
    }

    /// What all lives have logged.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        assert_silent(text.as_bytes());
        text
    }

    /// What the kubelet was told.
    pub fn termination(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.path("termination-log")).unwrap();
        assert_silent(text.as_bytes());
        serde_json::from_str(&text).unwrap()
    }

    /// A count among the running watcher's metrics, by the end of its name.
    pub fn metric(&self, name: &str) -> Option<u64> {
        use std::io::Read as _;
        let path = self.path("state").join("health.sock");
        let mut stream = std::os::unix::net::UnixStream::connect(path).ok()?;
        let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        assert_silent(text.as_bytes());
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let name = format!("discord_watcher_{name}");
        lines
            .filter(|(found, _)| *found == name)
            .find_map(|(_, value)| value.parse().ok())
    }

    /// Waits until the checkpoint says that all of `agent.jsonl` was acknowledged.
    pub fn all_is_saved(&self) {
        let length = std::fs::metadata(self.path("agent.jsonl")).unwrap().len();
        super::eventually("a checkpoint of all of it", || {
            let text = std::fs::read(self.path("state").join("checkpoint.json")).ok()?;
            let saved: serde_json::Value = serde_json::from_slice(&text).ok()?;
            let files = saved["files"].as_array()?;
            files
                .iter()
                .any(|file| file["acknowledged"] == length)
                .then_some(())
        });
    }

    /// What the watcher says of itself.
    pub fn health(&self) -> serde_json::Value {
        let output = self.run(&["--health"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // Every test is a test that no path shows the token.
            let _ = self.log();
        } else if let Ok(log) = std::fs::read_to_string(self.path("log")) {
            eprintln!("{log}");
        }
    }
}

pub fn assert_silent(output: &[u8]) {
    let text = String::from_utf8_lossy(output);
    assert!(!text.contains(TOKEN), "the token is in: {text}");
}

pub fn append(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

/// A running watcher; killed when dropped.
pub struct Watcher {
    child: Option<Child>,
}

impl Watcher {
    /// A child that was started in another way.
    pub fn of(child: Child) -> Self {
        Self { child: Some(child) }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let status = Command::new("kill")
            .args([format!("-{name}"), id])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Asks it to end and returns its exit code.
    pub fn end(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// Waits for its end and returns its exit code; none when a signal ended it.
    pub fn wait(mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Ends it as a lack of memory would.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
