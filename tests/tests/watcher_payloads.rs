//! Generated sessions with every trap, through the watcher's reading and rendering: what comes out is what the
//! generator knows to be true, is valid against Discord's own schema, and holds none of the secrets it put in.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

use discord::Error;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::double::draft;
use tests::double::form::Upload;
use tests::transcript::{Kind, Options, Session, Usage, generate};
use watcher::events::{Call, Event, InterpretOptions, Interpreter, Kind as What};
use watcher::filter::{FilterOptions, Filters};
use watcher::price::Prices;
use watcher::redact::{RedactOptions, Redactor};
use watcher::render::{Post, RenderOptions, Renderer, RunState, StatsOptions};
use watcher::send::{Batch, Waiting, in_place_of, message};

/// Discord's schemas of an executed webhook and of an edited message, where the document is at hand.
struct Schemas {
    execute: jsonschema::Validator,
    edit: jsonschema::Validator,
}

static SCHEMAS: LazyLock<Option<Schemas>> = LazyLock::new(|| {
    let document = tests::oracle::wanted()?;
    let schema = |name: &str| {
        let schema = json!({
            "$ref": format!("#/components/schemas/{name}"),
            "components": document["components"],
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        // A check that lets everything through would be none.
        assert!(!validator.is_valid(&json!({"embeds": [{"title": "x".repeat(257)}]})));
        assert!(!validator.is_valid(&json!({"embeds": [{"fields": [{"name": "x"}]}]})));
        assert!(!validator.is_valid(&json!({"attachments": [{"id": 0}]})));
        assert!(!validator.is_valid(&json!({"allowed_mentions": {"parse": ["all"]}})));
        assert!(validator.is_valid(&json!({"embeds": [{"title": "x".repeat(256)}]})));
        validator
    };
    Some(Schemas {
        execute: schema("IncomingWebhookRequestPartial"),
        edit: schema("IncomingWebhookUpdateRequestPartial"),
    })
});

/// A file of the folder that stands beside the repository.
fn shared(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(name)
}

fn renderer(parity: bool, all: bool) -> Renderer {
    let filters = if all {
        FilterOptions {
            include_tools: vec![],
            include_patterns: vec![],
            min_stdout_length: 0,
        }
    } else {
        FilterOptions::default()
    };
    Renderer::new(RenderOptions {
        filters: Filters::new(&filters, parity).unwrap(),
        parity,
        redactor: Redactor::new(RedactOptions::default()).unwrap(),
        stats: StatsOptions::default(),
        prices: Prices::built_in(),
    })
}

/// The very bytes of a message are legal by the watcher's own limits, by the double, which is stricter than Discord, and by
/// Discord's schema, as a post and as an edit.
fn check_message(message: &discord::Message) {
    assert_eq!(message.fault(), None);
    let body: Value = serde_json::from_slice(&message.json()).unwrap();
    let files: Vec<Upload> = (0..)
        .zip(&message.files)
        .map(|(index, file)| Upload {
            index,
            // As the request names it.
            filename: body["attachments"][usize::try_from(index).unwrap()]["filename"]
                .as_str()
                .unwrap()
                .to_owned(),
            content_type: "text/plain".to_owned(),
            bytes: file.content.clone(),
        })
        .collect();
    for kind in [draft::Kind::Execute, draft::Kind::Edit] {
        let (draft, violations) = draft::check(kind, &body, &files);
        assert!(violations.is_empty(), "{violations:?} in {body}");
        if let Err(error) = draft {
            panic!("{error:?} for {body}");
        }
    }
    if let Some(schemas) = &*SCHEMAS {
        for schema in [&schemas.execute, &schemas.edit] {
            let errors: Vec<_> = schema
                .iter_errors(&body)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{errors:?} in {body}");
        }
    }
}

/// A post is legal alone, and so is what stands in its place should Discord refuse it.
fn check(post: &Post) {
    for embed in &post.embeds {
        assert_eq!(discord::limits::fault(embed), None);
    }
    check_message(&discord::Message {
        embeds: post.embeds.clone(),
        files: post.files.clone(),
        ..discord::Message::default()
    });
    for refused in [
        Error::TooLarge,
        Error::Rejected {
            code: Some(50035),
            reason: format!("embeds.0.fields.2.value: \u{7}``` {}", "no ".repeat(200)),
        },
    ] {
        for message in in_place_of(&post.embeds, &refused) {
            check_message(&message);
        }
    }
}

/// The posts go together into messages as the watcher sends them, none left out.
fn check_batches(posts: &[Post], most: usize) {
    let waiting: Vec<_> = posts
        .iter()
        .map(|post| {
            Rc::new(Waiting {
                embeds: post.embeds.clone(),
                files: post.files.clone(),
                written: Instant::now(),
                position: None,
                told: None,
            })
        })
        .collect();
    let mut rest = waiting.as_slice();
    while !rest.is_empty() {
        let (count, _) = Batch::of(rest.iter(), most);
        assert!(count > 0);
        let (now, later) = rest.split_at(count);
        check_message(&message(now));
        rest = later;
    }
}

fn agent_of(path: &str) -> Option<&str> {
    path.rsplit('/')
        .next()?
        .strip_prefix("agent-")?
        .strip_suffix(".jsonl")
}

/// The session's records in the order of writing, as a follower hands them out.
fn read(session: &Session, interpreter: &mut Interpreter) -> Vec<Event> {
    let mut events = Vec::new();
    let mut pending: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for chunk in session
        .chunks
        .iter()
        .filter(|chunk| chunk.path.ends_with(".jsonl"))
    {
        let bytes = pending.entry(&chunk.path).or_default();
        bytes.extend_from_slice(&chunk.bytes);
        let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
            continue;
        };
        let rest = bytes.split_off(end + 1);
        for line in bytes.split(|&byte| byte == b'\n') {
            interpreter.read(&session.id, agent_of(&chunk.path), line, &mut events);
        }
        *bytes = rest;
    }
    for (path, bytes) in pending {
        interpreter.read(&session.id, agent_of(path), &bytes, &mut events);
    }
    events
}

/// How many records it had.
fn assert_session(options: &Options) -> u64 {
    let session = generate(options);
    let expected = &session.expected;
    let mut interpreter = Interpreter::new(InterpretOptions {
        thinking: true,
        ..InterpretOptions::default()
    });
    let events = read(&session, &mut interpreter);

    let counted: BTreeMap<String, Usage> = interpreter
        .usage()
        .models()
        .into_iter()
        .map(|totals| {
            let tokens = totals.tally.tokens;
            let usage = Usage {
                input: tokens.input,
                output: tokens.output,
                cache_read: tokens.cache_read,
                write_5m: tokens.cache_write_5m,
                write_1h: tokens.cache_write_1h,
                messages: totals.tally.messages,
            };
            (totals.model, usage)
        })
        .collect();
    assert_eq!(counted, expected.models, "tokens of {options:?}");
    assert_eq!(
        interpreter.losses().cut,
        expected.damage.cut,
        "cut records of {options:?}"
    );

    let commands: Vec<_> = events
        .iter()
        .filter(|event| event.agent.is_none())
        .filter_map(|event| match &event.kind {
            What::Tool(tool) => match &tool.call {
                Call::Bash { command, .. } => Some(command.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let mut answered = commands.clone();
    answered.sort();
    answered.dedup();
    assert_eq!(
        answered.len(),
        commands.len(),
        "no command is told twice: {options:?}"
    );
    let known: Vec<_> = expected
        .bash
        .iter()
        .filter(|one| !one.side)
        .map(|one| &one.command)
        .collect();
    assert!(
        commands.iter().all(|command| known.contains(&command)),
        "{options:?}"
    );

    for (parity, all) in [(false, false), (false, true), (true, true)] {
        let mut renderer = renderer(parity, all);
        let posts: Vec<_> = events
            .iter()
            .filter_map(|event| renderer.render(event))
            .collect();
        check_batches(&posts, 10);
        for post in &posts {
            check(post);
            let text = serde_json::to_string(&post.embeds).unwrap();
            for secret in &expected.secrets {
                assert!(!text.contains(secret), "{secret} in {text}");
                for file in &post.files {
                    let bytes = String::from_utf8_lossy(&file.content);
                    assert!(
                        !bytes.contains(secret),
                        "{secret} in {} of {text}",
                        file.name
                    );
                }
            }
        }
        if parity {
            assert_eq!(
                posts.len(),
                events.len(),
                "parity posts everything: {options:?}"
            );
        }
        for state in STATES {
            check(&renderer.summary(&interpreter, state, Duration::from_secs(1)));
        }
    }
    expected.records
}

#[test]
fn every_kind_of_session_is_told_truly_and_fits_discord() {
    for kind in [Kind::Demo, Kind::Clean, Kind::Traps, Kind::Stream] {
        assert_session(&Options::new(kind, 7));
    }
}

/// Every real sample, with everything posted and with the default filters; skipped, with a note, where they are not.
#[test]
fn every_payload_of_every_real_sample_is_legal() {
    let folder = std::env::var_os("TRANSCRIPT_SAMPLES");
    let folder = folder.map_or_else(|| shared("transcripts"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no samples in {}", folder.display());
        return;
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let samples: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect();
    assert!(samples.len() >= 7, "{samples:?}");
    let mut files = 0;
    for path in samples {
        let bytes = std::fs::read(&path).unwrap();
        for (parity, all) in [(false, false), (false, true), (true, true)] {
            let mut interpreter = Interpreter::new(InterpretOptions {
                thinking: true,
                ..InterpretOptions::default()
            });
            let mut renderer = renderer(parity, all);
            let mut events = Vec::new();
            for line in bytes.split(|byte| *byte == b'\n') {
                interpreter.read("s", None, line, &mut events);
            }
            let posts: Vec<_> = events
                .iter()
                .filter_map(|event| renderer.render(event))
                .collect();
            assert!(!posts.is_empty(), "{}", path.display());
            for post in &posts {
                check(post);
                files += post.files.len();
            }
            check_batches(&posts, 10);
            for state in STATES {
                check(&renderer.summary(&interpreter, state, Duration::from_secs(1)));
            }
        }
    }
    assert!(files > 0, "no sample has anything to attach");
}

/// Whatever a run does, and however it ends.
const STATES: [RunState; 7] = [
    RunState::Waiting,
    RunState::Working,
    RunState::Idle,
    RunState::Finished,
    RunState::Failed,
    RunState::Stopped,
    RunState::Incomplete,
];

/// A million with FULL=true, ten thousand else: many sessions, each of its own seed.
#[test]
fn a_great_many_generated_records_are_told_truly_and_every_payload_is_legal() {
    let wanted: u64 = if std::env::var("FULL").as_deref() == Ok("true") {
        1_000_000
    } else {
        10_000
    };
    let (seeds, records) = (AtomicU64::new(1000), AtomicU64::new(0));
    let kinds = [Kind::Clean, Kind::Traps, Kind::Stream];
    let some = || {
        for kind in kinds.iter().cycle() {
            if records.load(Ordering::Relaxed) >= wanted {
                return;
            }
            let seed = seeds.fetch_add(1, Ordering::Relaxed);
            let mut options = Options::new(*kind, seed).records(2000);
            options.huge = 64 << 10;
            records.fetch_add(assert_session(&options), Ordering::Relaxed);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(some);
        }
    });
    println!("{records:?} records, seeds 1000 to {seeds:?}");
}

#[test]
fn statistics_of_generated_files_are_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Clean, Kind::Traps] {
        let session = generate(&Options::new(kind, 11));
        let place = folder.path().join(kind.to_string());
        for (path, bytes) in session.files() {
            let path = place.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let mut out = Vec::new();
        watcher::stats::run(&[place], true, &mut out).unwrap();
        let report: Value = serde_json::from_slice(&out).unwrap();
        let of = |figures: &Value, key: &str| figures[key].as_u64().unwrap();
        let counted: BTreeMap<String, Usage> = report["models"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(model, figures)| {
                let usage = Usage {
                    input: of(figures, "input"),
                    output: of(figures, "output"),
                    cache_read: of(figures, "cacheRead"),
                    write_5m: of(figures, "cacheWrite5m"),
                    write_1h: of(figures, "cacheWrite1h"),
                    messages: of(figures, "messages"),
                };
                (model.clone(), usage)
            })
            .collect();
        assert_eq!(counted, session.expected.models, "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_is_told_truly(seed in any::<u64>(), records in 50_u64..600) {
        for kind in [Kind::Clean, Kind::Traps, Kind::Stream] {
            let mut options = Options::new(kind, seed).records(records);
            options.huge = 64 << 10;
            assert_session(&options);
        }
    }
}
