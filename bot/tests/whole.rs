//! Bot, watcher and bridge as processes, with an agent's end of the FIFO: what a person says reaches the agent once and in
//! order, whoever of them is killed while it waits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use serde_json::Value;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use support::discord::{Discord, GUILD, TOKEN};
use support::eventually;
use support::life::{API, say};
use support::process::Process;
use tokio::net::{TcpListener, TcpStream};

/// Names the watcher's subcommand for the process that is one; `run` for none.
const ROLE: &str = "THE_WATCHERS_ROLE";

/// The watcher's own entry, in this test's binary: so it is of what is built here, and a process that can be killed.
#[test]
#[ignore = "no test: the process that the test beside it starts and kills"]
fn the_watcher_as_a_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let line = ["watcher", &role].map(OsString::from);
    watcher::cli::main_with(if role == "run" { &line[..1] } else { &line });
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Pod's folder, and what is in it.
struct Pod {
    dir: tempfile::TempDir,
    bridge_port: u16,
    service: String,
}

impl Pod {
    fn new(service: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("state")).unwrap();
        // Below what the system hands out by itself, so that nobody takes it while the bridge is away.
        let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
        let bridge_port = (first..first + 1000)
            .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .unwrap();
        Self {
            dir,
            bridge_port,
            service: service.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self, role: &str) -> Killed {
        let text = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "the_watcher_as_a_process",
                "--ignored",
                "--nocapture",
            ])
            .env_clear()
            .env(ROLE, role)
            .env("STATE_DIR", text("state"))
            .env("TRANSCRIPT_PATH", text("agent.jsonl"))
            .env("TERMINATION_LOG", text("termination-log"))
            .env("AGENT_STDIN", text("stdin"))
            .env("BRIDGE_PORT", self.bridge_port.to_string())
            .env(
                "BRIDGE_URL",
                format!("http://127.0.0.1:{}", self.bridge_port),
            )
            .env("BOT_URL", &self.service)
            .env("BOT_TOKEN", API)
            .env("RUN_OWNER", "Job/fix-bug")
            .env("POD_NAMESPACE", "agents")
            .env("POD_UID", "0f3c2a1b-1111-2222-3333-444455556666")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Killed(child)
    }

    async fn bridge(&self) -> Killed {
        let started = self.start("bridge");
        eventually("the bridge listens", async || {
            let address = ("127.0.0.1", self.bridge_port);
            TcpStream::connect(address).await.ok().map(drop)
        })
        .await;
        started
    }

    /// The agent writes a prompt into its transcript.
    fn writes(&self, number: usize) {
        let record = serde_json::json!({
            "type": "user", "uuid": format!("u-{number}"), "sessionId": "s", "cwd": "/w",
            "timestamp": "2026-11-22T10:00:00.000Z",
            "message": { "role": "user", "content": format!("event-{number}") },
        });
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("agent.jsonl"))
            .unwrap();
        writeln!(file, "{record}").unwrap();
    }
}

/// What the agent has read so far.
type Heard = Arc<Mutex<Vec<String>>>;

/// The agent's end: open for reading and writing, as the documented command does it.
fn agent(fifo: &Path) -> Heard {
    let heard = Heard::default();
    let told = Arc::clone(&heard);
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(fifo)
        .unwrap();
    std::thread::spawn(move || {
        for line in BufReader::new(file).lines().map_while(Result::ok) {
            let Ok(record) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if let Some(text) = record["message"]["content"][0]["text"].as_str() {
                told.lock().unwrap().push(text.to_owned());
            }
        }
    });
    heard
}

/// The bot's address, as a Service has it: the same for whichever bot there is.
struct Service {
    base: String,
    bot: Arc<Mutex<Option<String>>>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let bot: Arc<Mutex<Option<String>>> = Arc::default();
        let known = Arc::clone(&bot);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let bot = known.lock().unwrap().clone();
                tokio::spawn(async move {
                    let address = bot.as_deref().unwrap_or_default();
                    if let Ok(mut behind) = TcpStream::connect(address).await {
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
                    }
                });
            }
        });
        Self { base, bot }
    }

    fn is(&self, bot: Option<&Process>) {
        let address = bot.map(|bot| bot.base.trim_start_matches("http://").to_owned());
        *self.bot.lock().unwrap() = address;
    }
}

fn bot(discord: &Discord, directory: &Path) -> Process {
    let database = format!("sqlite://{}", directory.join("bot.db").display());
    let settings = [
        ("API_TOKEN", API),
        ("DISCORD_BOT_TOKEN", TOKEN),
        ("PUBLIC_KEY", &Discord::public_key()),
        ("GUILD_ID", GUILD),
        ("DISCORD_API_URL", discord.base.as_str()),
        ("DATABASE_URL", &database),
        ("LOG_LEVEL", "debug"),
    ];
    Process::start(&directory.join("log"), &settings)
}

/// Waits until the channel shows the input as `word`.
async fn shown(discord: &Discord, channel: &str, seq: usize, word: &str) {
    let about = format!("Input {seq} from");
    eventually(&format!("input {seq} is shown as {word}"), async || {
        let texts = discord.state().texts(channel);
        let fits = |text: &String| text.contains(&about) && text.contains(word);
        texts.iter().any(fits).then_some(())
    })
    .await;
}

#[tokio::test]
async fn input_survives_the_deaths_of_bot_watcher_and_bridge() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let service = Service::start().await;
    let pod = Pod::new(&service.base);
    let first_bot = bot(&discord, directory.path());
    service.is(Some(&first_bot));
    let first_bridge = pod.bridge().await;
    let heard = agent(&pod.path("stdin"));
    let reads = async |all: &[&str]| {
        eventually(&format!("the agent has read {all:?}"), async || {
            (heard.lock().unwrap().len() >= all.len()).then_some(())
        })
        .await;
        assert_eq!(*heard.lock().unwrap(), all);
    };
    pod.writes(1);
    let first_watcher = pod.start("run");
    let channel = eventually("the run is live and posted to", async || {
        let state = discord.state();
        let (id, _) = state.runs().pop()?;
        let texts = state.texts(&id);
        texts
            .iter()
            .any(|text| text.contains("event-1"))
            .then_some(id)
    })
    .await;
    say(&discord, &service.base, &channel, "one").await;
    reads(&["one"]).await;
    shown(&discord, &channel, 1, "delivered").await;

    // The watcher is gone when it is said, the bot while it waits.
    drop(first_watcher);
    say(&discord, &service.base, &channel, "two").await;
    shown(&discord, &channel, 2, "queued").await;
    service.is(None);
    first_bot.kill();
    let second_bot = bot(&discord, directory.path());
    service.is(Some(&second_bot));
    let second_watcher = pod.start("run");
    reads(&["one", "two"]).await;
    shown(&discord, &channel, 2, "delivered").await;

    // The bridge is gone when it is said, then all of them.
    drop(first_bridge);
    say(&discord, &service.base, &channel, "three").await;
    shown(&discord, &channel, 3, "queued").await;
    service.is(None);
    second_bot.kill();
    drop(second_watcher);
    let _third_watcher = pod.start("run");
    let _second_bridge = pod.bridge().await;
    let third_bot = bot(&discord, directory.path());
    service.is(Some(&third_bot));
    reads(&["one", "two", "three"]).await;
    shown(&discord, &channel, 3, "delivered").await;

    // It is the same run all the while, and its feed goes on.
    pod.writes(2);
    eventually("the feed goes on", async || {
        let texts = discord.state().texts(&channel);
        texts
            .iter()
            .any(|text| text.contains("event-2"))
            .then_some(())
    })
    .await;
    assert_eq!(discord.state().runs().len(), 1);
    assert_eq!(discord.state().webhooks.len(), 1);
}
