//! Puts the configuration together.

use super::env::Env;
use super::{Bot, Config, EndsAfter, Filters, Run, SecretSource, Stats, Webhook, paths};
use secrecy::SecretString;
use sidecar::{Value, names};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Most bytes a line may be read whole, whatever the environment asks for.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Silence that ends a plain watcher which waits for a result that says nothing, or that never comes.
pub(crate) const NO_RESULT: Duration = Duration::from_hours(1);
/// Longest silence that can be asked for.
const MAX_SILENCE: Duration = Duration::from_hours(7 * 24);

/// Reads the environment through `lookup`; the problems are sentences for the log.
pub fn load(lookup: &dyn Fn(&str) -> Option<String>) -> (Config, Vec<String>) {
    let mut env = Env::new(lookup);
    let config = Config {
        transcript: paths::transcript(&mut env),
        poll: Duration::from_millis(integer(&mut env, "polling.intervalMs", 100)),
        inotify: env.other("INOTIFY", "true or false").unwrap_or(true),
        max_line_bytes: max_line(&mut env),
        lookback: Duration::from_secs(
            env.other::<u32>("LOOKBACK_SECONDS", "a whole number of seconds")
                .unwrap_or(600)
                .into(),
        ),
        batch_size: usize::try_from(integer(&mut env, "polling.batchSize", 10)).unwrap_or(10),
        filters: filters(&mut env),
        stats: stats(&mut env),
        parity: matches!(env.setting("parityMode"), Some(Value::Bool(true))),
        prices: env.text("PRICES"),
        prices_file: env.text("PRICES_FILE").map(PathBuf::from),
        redact: env.text("REDACT"),
        log_level: match env.setting("logging.level") {
            Some(Value::Text(level)) => level,
            _ => "info".to_owned(),
        },
        log_format: env.other("LOG_FORMAT", "text or json").unwrap_or_default(),
        webhook: Webhook {
            url: env.text("DISCORD_WEBHOOK_URL").map(Into::into),
            file: env.text("DISCORD_WEBHOOK_URL_FILE").map(PathBuf::from),
        },
        bot: bot(&mut env),
        run: run(&env),
        state_dir: env
            .text("STATE_DIR")
            .unwrap_or_else(|| names::STATE_DIR.to_owned())
            .into(),
        extra_ca_file: env.text("EXTRA_CA_FILE").map(PathBuf::from),
        health_addr: env.other::<SocketAddr>("HEALTH_ADDR", "an address such as 0.0.0.0:8081"),
        flush: Duration::from_secs(integer(&mut env, "shutdown.flushSeconds", 5)),
        once_patience: Duration::from_secs(
            env.other::<u32>("ONCE_PATIENCE_SECONDS", "a whole number of seconds")
                .unwrap_or(300)
                .into(),
        ),
        ends_after: ends_after(&mut env),
        termination_log: env
            .text("TERMINATION_LOG")
            .unwrap_or_else(|| "/dev/termination-log".to_owned())
            .into(),
    };
    (config, env.into_problems())
}

fn integer(env: &mut Env<'_>, path: &str, otherwise: u64) -> u64 {
    match env.setting(path) {
        Some(Value::Integer(number)) => u64::try_from(number).unwrap_or(otherwise),
        _ => otherwise,
    }
}

fn list(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::List(words)) => words,
        _ => Vec::new(),
    }
}

fn max_line(env: &mut Env<'_>) -> usize {
    const RANGE: &str = "a whole number of bytes from 65536 to 16777216";
    let Some(bytes) = env.other::<usize>("MAX_LINE_BYTES", RANGE) else {
        return MAX_LINE_BYTES;
    };
    if !(64 * 1024..=MAX_LINE_BYTES).contains(&bytes) {
        env.refuse("MAX_LINE_BYTES", &bytes.to_string(), RANGE);
        return MAX_LINE_BYTES;
    }
    bytes
}

fn filters(env: &mut Env<'_>) -> Filters {
    let [tools, patterns, stdout] = env.object(
        "FILTERS",
        [
            "filters.includeTools",
            "filters.includePatterns",
            "filters.minStdoutLength",
        ],
    );
    Filters {
        include_tools: list(tools),
        include_patterns: list(patterns),
        min_stdout_length: match stdout {
            Some(Value::Integer(length)) => usize::try_from(length).unwrap_or(50),
            _ => 50,
        },
    }
}

fn stats(env: &mut Env<'_>) -> Stats {
    let [cost, tokens, errors] =
        env.object("STATS", ["stats.trackCost", "stats.tokens", "stats.errors"]);
    let on = |value| !matches!(value, Some(Value::Bool(false)));
    Stats {
        track_cost: on(cost),
        tokens: on(tokens),
        errors: on(errors),
    }
}

fn bot(env: &mut Env<'_>) -> Option<Bot> {
    let url = env.text("BOT_URL")?;
    let url = url.trim();
    if !url.starts_with("http://") && !url.starts_with("https://") {
        env.problem("BOT_URL: not an http(s) address; the webhook alone is used".to_owned());
        return None;
    }
    let (url, login) = without_login(url);
    if !login.is_empty() {
        env.problem("BOT_URL: user and password in it are not used; BOT_TOKEN is".to_owned());
    }
    Some(Bot {
        url,
        login,
        token: secret(env, "BOT_TOKEN", "BOT_TOKEN_FILE"),
        bridge_url: env
            .text("BRIDGE_URL")
            .map(|url| without_login(url.trim()).0),
        bridge_secret: secret(env, "BRIDGE_SECRET", "BRIDGE_SECRET_FILE"),
        retention_hours: env
            .text("RETENTION_HOURS")
            .and_then(|_| u32::try_from(integer(env, "retention.channelHours", 24)).ok()),
    })
}

/// An address without a slash at its end and without user and password, which would be shown with it; and what was
/// taken out, whole and in parts.
fn without_login(url: &str) -> (String, Vec<SecretString>) {
    let url = url.trim_end_matches('/');
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), Vec::new());
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((login, host)) = authority.rsplit_once('@') else {
        return (url.to_owned(), Vec::new());
    };
    let secrets = std::iter::once(login).chain(login.split_once(':').map(|(_, password)| password));
    (
        format!("{scheme}://{host}{path}"),
        secrets.map(SecretString::from).collect(),
    )
}

fn secret(env: &Env<'_>, value: &str, file: &str) -> SecretSource {
    SecretSource {
        value: env.text(value).map(|text| text.trim().to_owned().into()),
        file: env.text(file).map(PathBuf::from),
    }
}

fn run(env: &Env<'_>) -> Run {
    Run {
        task_id: env.text("RUN_TASK_ID"),
        owner: env.text("RUN_OWNER"),
        pod_name: env.text("POD_NAME"),
        namespace: env.text("POD_NAMESPACE"),
        pod_uid: env.text("POD_UID"),
        job: env.text("JOB_NAME"),
    }
}

fn ends_after(env: &mut Env<'_>) -> Option<EndsAfter> {
    const RANGE: &str = "`result`, or a silence such as 10m (at least 1s)";
    let text = env.text("ENDS_AFTER")?;
    if text.trim() == "result" {
        if env.text("BRIDGE_URL").is_none() {
            return Some(EndsAfter::Result);
        }
        // Each turn of an agent that takes input ends in one.
        env.problem(format!(
            "ENDS_AFTER: with a bridge, a result ends a turn and not the run; {} min of silence end it instead",
            NO_RESULT.as_secs() / 60
        ));
        return Some(EndsAfter::Silence(NO_RESULT));
    }
    let silence = text
        .trim()
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|silence| Duration::try_from(silence).ok())
        .filter(|silence| (Duration::from_secs(1)..=MAX_SILENCE).contains(silence));
    if silence.is_none() {
        env.refuse("ENDS_AFTER", &text, RANGE);
    }
    silence.map(EndsAfter::Silence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Transcript;
    use proptest::prelude::*;

    fn read(pairs: &[(&str, &str)]) -> (Config, Vec<String>) {
        load(&|name| {
            let found = pairs.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn nothing_set_is_the_tables_defaults() {
        let (config, problems) = read(&[]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(config.poll, Duration::from_millis(100));
        assert_eq!(config.batch_size, 10);
        assert_eq!(config.flush, Duration::from_secs(5));
        assert_eq!(config.filters.include_tools, ["Bash", "Write", "Edit"]);
        assert_eq!(config.filters.min_stdout_length, 50);
        assert!(config.stats.track_cost && config.stats.tokens && config.stats.errors);
        let projects = vec!["/home/node/.claude/projects".into()];
        assert_eq!(
            config.transcript,
            Transcript::Tree {
                projects,
                workspace: None
            }
        );
    }

    #[test]
    fn every_value_arrives() {
        let (config, problems) = read(&[
            ("POLL_INTERVAL_MS", "250"),
            ("BATCH_SIZE", "3"),
            (
                "FILTERS",
                r#"{"includeTools":[],"includePatterns":["x"],"minStdoutLength":7}"#,
            ),
            (
                "STATS",
                r#"{"trackCost":false,"tokens":true,"errors":false}"#,
            ),
            ("PARITY_MODE", "true"),
            ("ENDS_AFTER", "10m"),
            ("FLUSH_SECONDS", "0"),
            ("LOG_FORMAT", "json"),
            ("HEALTH_ADDR", "0.0.0.0:8081"),
            ("CLAUDE_CONFIG_DIR", "/c"),
            ("WORKSPACE_PATH", "/w"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            (config.poll, config.batch_size),
            (Duration::from_millis(250), 3)
        );
        assert_eq!(config.filters.include_tools, Vec::<String>::new());
        assert_eq!(config.filters.include_patterns, ["x"]);
        assert_eq!(config.filters.min_stdout_length, 7);
        assert_eq!(
            config.stats,
            Stats {
                track_cost: false,
                tokens: true,
                errors: false
            }
        );
        assert!(config.parity && config.health_addr.is_some());
        assert_eq!(
            config.ends_after,
            Some(EndsAfter::Silence(Duration::from_mins(10)))
        );
        assert_eq!(config.flush, Duration::ZERO);
        let workspace = Some("/w".into());
        assert_eq!(
            config.transcript,
            Transcript::Tree {
                projects: vec!["/c/projects".into()],
                workspace
            }
        );
    }

    #[test]
    fn a_bad_value_falls_back_and_is_said_with_its_range() {
        for (key, value, words) in [
            ("POLL_INTERVAL_MS", "5", "10 to 60000"),
            ("BATCH_SIZE", "11", "1 to 10"),
            ("FILTERS", "[1]", "a JSON object"),
            (
                "FILTERS",
                r#"{"includeTool":["Bash"]}"#,
                "did you mean \"includeTools\"",
            ),
            ("FILTERS", r#"{"minStdoutLength":-1}"#, "0 to 1000000"),
            ("STATS", r#"{"tokens":"yes"}"#, "true or false"),
            ("ENDS_AFTER", "soon", "`result`"),
            ("HEALTH_ADDR", "8081", "0.0.0.0:8081"),
            ("LOG_LEVEL", "loud", "error, warn, info"),
            ("TRANSCRIPT_PATH", "relative", "absolute"),
            ("MAX_LINE_BYTES", "1", "65536"),
        ] {
            let (config, problems) = read(&[(key, value)]);
            assert_eq!(problems.len(), 1, "{key}: {problems:?}");
            let problem = problems.concat();
            assert!(
                problem.contains(key) && problem.contains(words),
                "{problem}"
            );
            assert_eq!(config.poll, Duration::from_millis(100));
            assert_eq!(config.filters.include_tools.len(), 3);
        }
    }

    #[test]
    fn a_path_that_is_not_there_yet_is_judged_by_its_name() {
        let transcript = |path| read(&[("TRANSCRIPT_PATH", path)]).0.transcript;
        assert_eq!(
            transcript("/none/a.jsonl"),
            Transcript::File("/none/a.jsonl".into())
        );
        let projects = vec!["/none/projects".into()];
        assert_eq!(
            transcript("/none/projects"),
            Transcript::Tree {
                projects,
                workspace: None
            }
        );
    }

    #[test]
    fn an_address_shows_neither_user_nor_password() {
        let (config, problems) = read(&[
            ("BOT_URL", "https://team:p%40ss@word@bot.example:8080/x@y/"),
            ("BRIDGE_URL", "http://u:s3cr3t@127.0.0.1:7777"),
        ]);
        let bot = config.bot.unwrap();
        assert_eq!(bot.url, "https://bot.example:8080/x@y");
        assert_eq!(bot.bridge_url.as_deref(), Some("http://127.0.0.1:7777"));
        assert!(problems.concat().contains("BOT_URL") && !problems.concat().contains("ss@word"));
        assert_eq!(bot.login.len(), 2);
        assert_eq!(without_login("http://bot").1.len(), 0);
    }

    #[test]
    fn a_result_ends_no_run_that_takes_input() {
        let read = |pairs: &[(&str, &str)]| {
            let (config, problems) = read(pairs);
            (config.ends_after, problems.concat())
        };
        let result = ("ENDS_AFTER", "result");
        assert_eq!(read(&[result]), (Some(EndsAfter::Result), String::new()));
        let (ends, said) = read(&[result, ("BRIDGE_URL", "http://127.0.0.1:7777")]);
        assert_eq!(ends, Some(EndsAfter::Silence(NO_RESULT)));
        assert!(said.contains("60 min of silence"), "{said}");
    }

    #[test]
    fn neither_the_webhook_nor_a_token_shows_in_debug() {
        let secret = "https://discord.com/api/webhooks/1/s3cr3t";
        let (config, _) = read(&[
            ("DISCORD_WEBHOOK_URL", secret),
            ("BOT_URL", "http://bot"),
            ("BOT_TOKEN", "s3cr3t"),
        ]);
        assert!(!format!("{config:?}").contains("s3cr3t"));
    }

    proptest! {
        #[test]
        fn no_environment_makes_loading_panic(value in "\\PC{0,60}") {
            let _ = load(&|_| Some(value.clone()));
        }
    }
}
