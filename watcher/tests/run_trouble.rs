//! Bad input and bad surroundings: a clear word, a living process, nothing lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use support::discord::{Answer, Discord};
use support::watcher::{Pod, append};
use support::{eventually, lines};

#[test]
fn a_webhook_that_comes_later_gets_everything_from_the_first_line() {
    let discord = Discord::start();
    let mut pod = Pod::without_webhook();
    let file = pod.path("url");
    pod.set("DISCORD_WEBHOOK_URL_FILE", file.to_str().unwrap());
    pod.append(&lines(0..400));
    let mut watcher = pod.start();
    let said = eventually("a word in health", || {
        pod.health()["discord"].as_str().map(str::to_owned)
    });
    assert!(said.contains("Secret") && said.contains("url"), "{said}");
    std::fs::write(&file, "https://discord.com/not-a-webhook").unwrap();
    eventually("the reason", || {
        pod.health()["discord"]
            .as_str()?
            .contains("/webhooks/ID/TOKEN")
            .then_some(())
    });
    assert!(watcher.is_alive());
    std::fs::write(&file, format!("{}\n", discord.webhook(7))).unwrap();
    eventually("all events", || {
        (discord.events().len() >= 400).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), (0..400).collect::<Vec<_>>());
    assert!(pod.log().contains("does not exist"));
}

#[test]
fn a_deleted_webhook_is_never_used_again_and_a_new_one_gets_the_rest() {
    let discord = Discord::start();
    discord.script(|request, count| {
        if request.path.contains("/webhooks/1/") && count >= 3 {
            Answer::Say(
                404,
                "",
                r#"{"message":"Unknown Webhook","code":10015}"#.into(),
            )
        } else {
            Answer::Save
        }
    });
    let mut pod = Pod::without_webhook();
    let file = pod.path("url");
    std::fs::write(&file, discord.webhook(1)).unwrap();
    pod.set("DISCORD_WEBHOOK_URL_FILE", file.to_str().unwrap());
    let watcher = pod.start();
    pod.append(&lines(0..300));
    let said = eventually("a word in health", || {
        pod.health()["discord"].as_str().map(str::to_owned)
    });
    assert!(
        said.contains("10015") && said.contains("until the webhook URL changes"),
        "{said}"
    );
    let before = discord.requests().len();
    pod.append(&lines(300..400));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        discord.requests().len(),
        before,
        "a refused webhook was used again"
    );
    std::fs::write(&file, discord.webhook(2)).unwrap();
    eventually("all events", || {
        (discord.events().len() >= 400).then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), (0..400).collect::<Vec<_>>());
    let refused = discord
        .requests()
        .iter()
        .filter(|request| !request.saved)
        .count();
    assert!(refused <= 2, "{refused}");
}

#[test]
fn an_unreadable_transcript_is_said_with_its_cure() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    let path = pod.path("agent.jsonl");
    append(&path, lines(0..3).as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(pod.dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(pod.path("state"), std::fs::Permissions::from_mode(0o777)).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap());
    if owner != 0 {
        eprintln!("not run: only root can be another user");
        return;
    }
    pod.run_as(65_534);
    let mut watcher = pod.start();
    let cure = "securityContext.runAsUser: \"0\"";
    eventually("a word in health", || {
        pod.health()["transcript"]
            .as_str()?
            .contains(cure)
            .then_some(())
    });
    eventually("a message", || {
        let requests = discord.requests();
        requests
            .iter()
            .any(|request| request.body.contains("runAsUser"))
            .then_some(())
    });
    assert!(watcher.is_alive());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    eventually("all events", || (discord.events().len() >= 3).then_some(()));
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2]);
}

#[test]
fn garbage_does_not_stop_it() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let path = pod.path("agent.jsonl");
    let mut watcher = pod.start();
    append(&path, &(0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    append(
        &path,
        b"\n{\"type\":\"user\",\"message\":17}\n[[[[\nnull\n\0\0\0\0\n{}\n",
    );
    append(&path, lines(0..5).as_bytes());
    eventually("all events", || (discord.events().len() >= 5).then_some(()));
    assert!(watcher.is_alive());
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2, 3, 4]);
}

#[test]
fn bad_settings_are_said_and_their_defaults_taken() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    pod.set("POLL_INTERVAL_MS", "-3")
        .set("FILTERS", "{")
        .set("PRICES_FILE", "/none")
        .set("EXTRA_CA_FILE", "/none");
    pod.set("FILTERS", r#"{"includePatterns":["("]}"#);
    pod.append(&lines(0..5));
    let output = pod.run(&["--once"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(discord.events().len(), 5);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    for word in [
        "POLL_INTERVAL_MS",
        "10 to 60000",
        "filters",
        "price table",
        "EXTRA_CA_FILE",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn a_state_folder_that_cannot_be_written_is_no_reason_to_stop() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    pod.set("STATE_DIR", "/proc/none");
    let watcher = pod.start();
    pod.append(&lines(0..5));
    eventually("all events", || (discord.events().len() >= 5).then_some(()));
    assert_eq!(watcher.end(), Some(0));
    assert!(pod.log().contains("checkpoint"));
}

#[test]
fn a_full_disk_under_the_checkpoint_stops_nothing_and_is_written_to_once_there_is_room() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let state = pod.path("state");
    // A disk of 64 KiB that is full, seen by the watcher alone.
    let script = r#"mount -t tmpfs -o size=64k none "$STATE_DIR" || exit 99
        cat /dev/zero >"$STATE_DIR/filler" 2>/dev/null; exec "$0""#;
    let plain = pod.command(&[]);
    let log = std::fs::File::create(pod.path("log")).unwrap();
    let mut child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(plain.get_program())
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stderr(log)
        .spawn()
        .unwrap();
    let comm = format!("/proc/{}/comm", child.id());
    let runs = eventually("the mount, or a refusal", || {
        if child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let name = std::fs::read_to_string(&comm).unwrap_or_default();
        (name.trim() == "watcher").then_some(true)
    });
    if !runs {
        println!(
            "skipped: a mount of one's own is not allowed here: {}",
            pod.log()
        );
        return;
    }
    pod.append(&lines(0..30));
    eventually("all events", || {
        (discord.events().len() >= 30).then_some(())
    });
    eventually("a word of the disk", || {
        pod.log().contains("No space left").then_some(())
    });
    let seen = PathBuf::from(format!("/proc/{}/root{}", child.id(), state.display()));
    let saved = || std::fs::read_to_string(seen.join("checkpoint.json")).unwrap_or_default();
    assert!(!saved().contains("acknowledged"), "the disk was not full");
    std::fs::remove_file(seen.join("filler")).unwrap();
    pod.append(&lines(30..31));
    eventually("a checkpoint", || {
        saved().contains("acknowledged").then_some(())
    });
    assert!(child.try_wait().unwrap().is_none(), "{}", pod.log());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(discord.events(), (0..31).collect::<Vec<_>>());
}

#[test]
fn asked_to_end_it_sends_what_was_just_written_and_exits_with_0() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    let watcher = pod.start();
    eventually("health", || pod.health()["ready"].as_bool());
    pod.append(&lines(0..45));
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), (0..45).collect::<Vec<_>>());
    let last = discord
        .requests()
        .into_iter()
        .rfind(|request| request.method == "POST")
        .unwrap();
    assert!(last.body.contains("Finished"), "{}", last.body);
    assert_eq!(pod.termination()["unsent"], 0);
}

#[test]
fn asked_to_end_in_an_outage_it_ends_in_time_and_tells_what_is_missing() {
    let discord = Discord::start();
    discord.script(|_, _| Answer::Hang(Duration::from_mins(1)));
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "1");
    let watcher = pod.start();
    pod.append(&lines(0..12));
    eventually("a request", || {
        (!discord.requests().is_empty()).then_some(())
    });
    let start = Instant::now();
    assert_eq!(watcher.end(), Some(0));
    // Discord would have kept it for a minute; the machine may be busy.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    let report = pod.termination();
    assert_eq!(report["posted"], 0);
    assert!(
        report["unsent"].as_u64().unwrap() > 0 && report["unreadBytes"].as_u64().unwrap() > 0,
        "{report}"
    );
    assert!(pod.log().contains("does not have all of it"));
}

#[test]
fn asked_to_end_after_an_outage_it_waits_no_longer_for_its_next_try() {
    let discord = Discord::start();
    // A proxy's page is tried again after 5 s at the soonest.
    discord.script(|_, count| match count {
        0..=1 => Answer::Say(403, "", "<html>not now</html>".into()),
        _ => Answer::Save,
    });
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "4");
    let watcher = pod.start();
    pod.append(&lines(0..12));
    eventually("a failure", || {
        pod.log().contains("not sent yet").then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
    assert_eq!(discord.events(), (0..12).collect::<Vec<_>>());
    assert_eq!(pod.termination()["unsent"], 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let discord = Discord::start();
    discord.script(|_, _| Answer::Hang(Duration::from_mins(1)));
    let mut pod = Pod::new(&discord);
    pod.set("FLUSH_SECONDS", "60");
    let watcher = pod.start();
    pod.append(&lines(0..12));
    eventually("a request", || {
        (!discord.requests().is_empty()).then_some(())
    });
    watcher.signal("TERM");
    eventually("the first signal", || {
        pod.log().contains("asked to end").then_some(())
    });
    assert_eq!(watcher.end(), Some(0));
}

#[test]
fn once_processes_what_is_there_and_a_second_time_posts_nothing() {
    let discord = Discord::start();
    let pod = Pod::new(&discord);
    pod.append(&lines(0..7));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    let requests = discord.requests().len();
    assert_eq!(discord.events(), (0..7).collect::<Vec<_>>());
    assert!(discord.requests()[requests - 1].body.contains("Finished"));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.requests().len(), requests);
    pod.append(&lines(7..9));
    assert_eq!(pod.run(&["--once"]).status.code(), Some(0));
    assert_eq!(discord.events(), (0..9).collect::<Vec<_>>());
}

#[test]
fn once_without_a_webhook_says_so_and_fails() {
    let mut pod = Pod::without_webhook();
    pod.set("FLUSH_SECONDS", "0");
    pod.append(&lines(0..3));
    let output = pod.run(&["--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DISCORD_WEBHOOK_URL"));
}

#[test]
fn a_plain_watcher_ends_after_the_silence_asked_for() {
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    pod.set("ENDS_AFTER", "1s");
    pod.append(&lines(0..3));
    let output = pod.run(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(discord.events(), [0, 1, 2]);
}

#[test]
fn health_says_nobody_is_there_when_nobody_is() {
    let pod = Pod::without_webhook();
    let output = pod.run(&["--health"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("health.sock"));
}
