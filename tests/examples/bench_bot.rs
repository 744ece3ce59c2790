//! What a bot costs: resident memory idle and with 1,000 live runs whose watchers poll, and how long it takes to answer
//! interactions meanwhile, signature, store and HTTP included. Prints figures and judges nothing.
//!
//! `bench_bot BOT_BINARY`; RUNS (1000) live runs, COUNT (2000) interactions. The runs are threads: a guild has no room for
//! a thousand channels.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement that fails by panicking"
)]

use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use tests::double::settings::Caps;
use tests::double::{Double, DoubleOptions};

const API: &str = "token-of-the-benchmark";

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

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Resident memory in MiB, now and at most.
fn resident(bot: &Killed) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bot.0.id())).unwrap();
    let kib = |name: &str| -> f64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let (now, most) = (kib("VmRSS:") / 1024.0, kib("VmHWM:") / 1024.0);
    format!("{now:.1} MiB resident, {most:.1} at most")
}

fn start(
    binary: &str,
    double: &Double,
    key: &SigningKey,
    dir: &std::path::Path,
) -> (Killed, String) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = DoubleOptions::default();
    let bot = Command::new(binary)
        .arg("serve")
        .env("LISTEN", format!("127.0.0.1:{port}"))
        .env("API_TOKEN", API)
        .env("DISCORD_BOT_TOKEN", options.bot.token)
        .env("PUBLIC_KEY", hex(key.verifying_key().as_bytes()))
        .env("GUILD_ID", options.guild_id.to_string())
        .env(
            "DATABASE_URL",
            format!("sqlite://{}", dir.join("bot.db").display()),
        )
        .env("DISCORD_API_URL", format!("{}/api/v10", double.base_url()))
        .env("RUNS_MODE", "threads")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Killed(bot), format!("http://127.0.0.1:{port}"))
}

async fn register(client: &reqwest::Client, base: &str, at: usize) -> (String, String) {
    let body = json!({"taskId": format!("task-{at}"), "shortId": format!("{at:08x}"), "namespace": "bench", "input": true});
    loop {
        let asked = client
            .post(format!("{base}/runs"))
            .bearer_auth(API)
            .json(&body);
        if let Ok(answer) = asked.send().await
            && answer.status().is_success()
        {
            let run: Value = answer.json().await.unwrap();
            let text = |name: &str| run[name].as_str().unwrap().to_owned();
            return (text("channelId"), text("runToken"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A watcher with a bridge: it polls for input and acknowledges it.
async fn poll(client: reqwest::Client, url: String, token: String) {
    let mut after = 0;
    loop {
        let asked = client
            .get(format!("{url}?after={after}"))
            .bearer_auth(&token);
        let Ok(answer) = asked.send().await else {
            continue;
        };
        let inputs: Value = answer.json().await.unwrap_or_default();
        let last = inputs["items"]
            .as_array()
            .and_then(|items| items.last()?["seq"].as_i64());
        after = last.unwrap_or(after);
    }
}

/// One of the commands that people use, in the channel of a run.
fn interaction(at: usize, channel: &str) -> Vec<u8> {
    let option = |name: &str, value: &str, focused: bool| json!({"type": 3, "name": name, "value": value, "focused": focused});
    let (kind, name, options) = match at % 4 {
        0 => (2, "status", vec![]),
        1 => (2, "cost", vec![]),
        2 => (4, "input", vec![option("run", "task-1", true)]),
        _ => (
            2,
            "input",
            vec![option("text", "please look at it again", false)],
        ),
    };
    let options_of_the_guild = DoubleOptions::default();
    json!({
        "type": kind, "id": (1_000_000 + at).to_string(), "token": "t".repeat(200), "channel_id": channel,
        "application_id": options_of_the_guild.bot.application_id.to_string(),
        "guild_id": options_of_the_guild.guild_id.to_string(), "data": {"name": name, "options": options},
        "member": {"roles": [], "permissions": "8", "user": {"id": "300", "username": "nick"}},
    })
    .to_string()
    .into_bytes()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let binary = std::env::args().nth(1).unwrap();
    let (runs, count) = (number("RUNS", 1000), number("COUNT", 2000));
    let double = Double::start(DoubleOptions {
        caps: Caps {
            active_threads: runs + 10,
            ..Caps::default()
        },
        ..DoubleOptions::unlimited()
    })
    .unwrap();
    let (key, dir) = (
        SigningKey::from_bytes(&[1; 32]),
        tempfile::tempdir().unwrap(),
    );
    let (bot, base) = start(&binary, &double, &key, dir.path());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("idle: {}", resident(&bot));

    let begun = Instant::now();
    let made: Vec<_> = stream::iter(0..runs)
        .map(|at| register(&client, &base, at))
        .buffer_unordered(32)
        .collect()
        .await;
    println!(
        "{runs} runs registered in {:.1} s: {}",
        begun.elapsed().as_secs_f64(),
        resident(&bot)
    );

    for (channel, token) in &made {
        tokio::spawn(poll(
            client.clone(),
            format!("{base}/runs/{channel}/input"),
            token.clone(),
        ));
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!("{runs} watchers poll: {}", resident(&bot));

    let mut times = Vec::with_capacity(count);
    for at in 0..count {
        // No run gets more input than may wait for it.
        let body = interaction(at, &made[at % made.len()].0);
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_secs()
            .to_string();
        let signature = hex(&key.sign(&[now.as_bytes(), &body].concat()).to_bytes());
        let asked = client
            .post(format!("{base}/interactions"))
            .header("x-signature-ed25519", signature)
            .header("x-signature-timestamp", now)
            .header("content-type", "application/json")
            .body(body);
        let start = Instant::now();
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.bytes().await.unwrap();
        times.push(start.elapsed());
        // As fast as a busy guild, not as fast as one can.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    times.sort_unstable();
    let part = |thousandths: usize| times[(times.len() * thousandths / 1000).min(times.len() - 1)];
    let within = times
        .iter()
        .filter(|time| **time < Duration::from_millis(20))
        .count();
    println!(
        "{count} interactions, SQLite: half {:?}, 99 % {:?}, 99.9 % {:?}; {within} under 20 ms; {}",
        part(500),
        part(990),
        part(999),
        resident(&bot)
    );
}
