//! The generator's own promises: the same options give the same bytes, and what it says about them is true.

#![allow(clippy::unwrap_used, clippy::case_sensitive_file_extension_comparisons)]

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use std::collections::BTreeSet;
use std::path::Path;
use tests::count::{Count, count_bytes, count_files};
use tests::transcript::{Expected, Generator, Kind, Options, Session, generate, step};

fn counted(session: &Session) -> Count {
    let mut files = session.files();
    files.retain(|path, _| path.ends_with(".jsonl"));
    let main = files.remove(&format!("{}.jsonl", session.id)).unwrap();
    count_bytes(std::iter::once(main.as_slice()).chain(files.values().map(Vec::as_slice)))
}

/// The truth in the counter's terms.
fn truth(expected: &Expected, bash: Vec<String>) -> Count {
    Count {
        models: expected.models.clone(),
        tools: expected.tools.clone(),
        side_tools: expected.side_tools.clone(),
        bash,
        errors: expected.errors,
        api_errors: expected.api_errors,
        prompts: expected.prompts,
        uuids: expected.uuids,
        records: expected.records - expected.damage.cut,
        damaged: expected.damage.cut,
    }
}

fn own_commands(expected: &Expected) -> Vec<String> {
    expected
        .bash
        .iter()
        .filter(|one| !one.side)
        .map(|one| one.command.clone())
        .collect()
}

fn assert_true(options: &Options) {
    let session = generate(options);
    let mut count = counted(&session);
    let mut commands = own_commands(&session.expected);
    if options.kind == Kind::Traps {
        // Forks have files of their own, which the counter reads after the first.
        count.bash.sort();
        commands.sort();
    }
    let tokens = session.expected.total();
    assert!(tokens.output > 0 && tokens.cache_read > 0 && !commands.is_empty());
    assert_eq!(count, truth(&session.expected, commands), "{options:?}");
}

#[test]
fn the_truth_of_a_demo_is_what_an_independent_count_finds() {
    assert_true(&Options::new(Kind::Demo, 1));
}

#[test]
fn the_truth_of_a_clean_session_is_what_an_independent_count_finds() {
    for seed in 0..4 {
        assert_true(&Options::new(Kind::Clean, seed));
    }
}

#[test]
fn the_truth_of_a_session_of_traps_is_what_an_independent_count_finds() {
    for seed in 0..4 {
        let mut options = Options::new(Kind::Traps, seed).records(2_500);
        options.huge = 100_000;
        assert_true(&options);
    }
}

#[test]
fn the_truth_of_a_stream_is_what_an_independent_count_finds() {
    for seed in 0..5 {
        assert_true(&Options::new(Kind::Stream, seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_options_give_the_same_bytes_and_another_seed_others(seed in any::<u64>(), records in 1_u64..400) {
        for kind in [Kind::Demo, Kind::Clean, Kind::Traps, Kind::Stream] {
            let mut options = Options::new(kind, seed).records(records);
            options.huge = 5_000;
            let session = generate(&options);
            prop_assert_eq!(&session.chunks, &generate(&options).chunks);
            options.seed = seed.wrapping_add(1);
            prop_assert!(session.chunks != generate(&options).chunks);
        }
    }

    #[test]
    fn a_session_is_at_least_as_long_as_was_asked_for(seed in any::<u64>(), records in 1_u64..400) {
        for kind in [Kind::Clean, Kind::Traps, Kind::Stream] {
            let mut options = Options::new(kind, seed).records(records);
            options.huge = 5_000;
            let expected = generate(&options).expected;
            prop_assert!(expected.records >= records);
            let session = generate(&options.bytes(records * 1_000));
            let written: usize = session.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
            prop_assert_eq!(written as u64, session.expected.bytes);
            prop_assert!(session.expected.bytes >= records * 1_000);
        }
    }
}

#[test]
fn a_clean_session_is_one_file_of_whole_records_that_end_with_a_newline() {
    let session = generate(&Options::new(Kind::Clean, 7));
    assert_eq!(session.files().len(), 1);
    for chunk in &session.chunks {
        let line = chunk.bytes.strip_suffix(b"\n").unwrap();
        assert!(!line.contains(&b'\n'));
        let value: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert!(value["type"].is_string());
    }
    assert_eq!(
        session.expected.damage,
        tests::transcript::Damage::default()
    );
}

#[test]
fn records_begin_as_clients_begin_them() {
    for chunk in generate(&Options::new(Kind::Clean, 3)).chunks {
        let begins =
            chunk.bytes.starts_with(b"{\"parentUuid\":") || chunk.bytes.starts_with(b"{\"type\":");
        assert!(begins, "{}", String::from_utf8_lossy(&chunk.bytes));
    }
}

#[test]
fn each_bash_command_carries_its_serial_and_no_other_has_it() {
    for kind in [Kind::Demo, Kind::Clean, Kind::Traps, Kind::Stream] {
        let expected = generate(&Options::new(kind, 5)).expected;
        let serials: Vec<u32> = expected.bash.iter().map(|bash| bash.serial).collect();
        assert_eq!(serials.iter().collect::<BTreeSet<_>>().len(), serials.len());
        for bash in &expected.bash {
            assert!(bash.command.contains(&step(bash.serial)), "{bash:?}");
        }
        if kind != Kind::Traps {
            assert!(serials.is_sorted(), "in the order of writing");
        }
    }
}

/// The record types, tools and traps that there are to be, one a line; `UPDATE_GOLDEN=1` renews it.
const SHAPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/generator-shapes.txt");

#[test]
fn a_session_of_traps_has_every_record_type_every_tool_and_every_trap() {
    for seed in [11, 12] {
        let shapes = generate(&Options::new(Kind::Traps, seed).records(2_500))
            .expected
            .shapes;
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text: String = shapes
                .iter()
                .flat_map(|shape| [shape.as_str(), "\n"])
                .collect();
            std::fs::write(SHAPES, text).unwrap();
        }
        let listed = std::fs::read_to_string(SHAPES).unwrap();
        let listed: Vec<&str> = listed.lines().collect();
        assert!(listed.len() > 100);
        assert!(shapes.iter().map(String::as_str).eq(listed), "seed {seed}");
    }
}

#[test]
fn the_shapes_that_are_noted_are_in_the_bytes() {
    let session = generate(&Options::new(Kind::Traps, 12).records(2_500));
    let all: Vec<u8> = session
        .chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.iter().copied())
        .collect();
    let text = String::from_utf8_lossy(&all);
    for shape in &session.expected.shapes {
        let needle = match shape.split_once('/') {
            Some(("system", subtype)) => format!("\"subtype\":\"{subtype}\""),
            Some(("progress" | "attachment", kind)) => format!("{{\"type\":\"{kind}\""),
            Some(("tool", name)) => format!("\"name\":\"{name}\""),
            Some(("queue-operation", operation)) => format!("\"operation\":\"{operation}\""),
            None => format!("\"type\":\"{shape}\""),
            _ => continue,
        };
        // `agent_progress` names its type after the message.
        assert!(
            text.contains(&needle) || text.contains(&needle[1..]),
            "{shape}: no {needle}"
        );
    }
    for file in [
        "subagents/agent-",
        "subagents/agent-acompact-",
        ".meta.json",
        "tool-results/",
    ] {
        assert!(
            session
                .expected
                .files
                .iter()
                .any(|path| path.contains(file)),
            "{file}"
        );
    }
    assert!(
        session
            .expected
            .files
            .iter()
            .any(|path| path.starts_with("agent-")),
        "an old client's subagent"
    );
    assert!(
        session
            .expected
            .secrets
            .iter()
            .all(|secret| text.contains(secret.as_str()))
    );
}

#[test]
fn a_long_session_is_generated_piece_by_piece() {
    let mut generator = Generator::new(&Options::new(Kind::Clean, 1).bytes(u64::MAX));
    let taken: u64 = generator
        .by_ref()
        .take(20_000)
        .map(|chunk| chunk.bytes.len() as u64)
        .sum();
    let ahead = generator.expected().bytes - taken;
    assert!(
        ahead < 4 << 20,
        "no more than the exchange at hand waits in memory: {ahead} bytes"
    );
}

#[test]
fn a_demo_is_short_and_has_what_people_want_to_see() {
    let expected = generate(&Options::new(Kind::Demo, 1)).expected;
    assert!(
        (50..=80).contains(&expected.records),
        "{}",
        expected.records
    );
    for tool in [
        "Bash",
        "Read",
        "Grep",
        "Edit",
        "Write",
        "WebSearch",
        "TodoWrite",
        "Task",
    ] {
        assert!(expected.tools.contains_key(tool), "{tool}");
    }
    assert!(expected.shapes.contains("pr-link"));
    assert_eq!(
        (expected.errors, expected.prompts, expected.models.len()),
        (2, 1, 2)
    );
}

/// Message ids and lines of the real samples as SOURCES.md beside them has them; of two ids of the fourth the client
/// made up the answers, which cost nothing.
const SAMPLES: &[(&str, u64, u64)] = &[
    ("e-26_dcd5518fea_0.jsonl", 89, 468),
    ("e-37_995ebed6e4_2.jsonl", 42, 170 + 1),
    ("e-4b_7d5121b42a_0.jsonl", 40, 219),
    ("e-84_324d6610f2_0.jsonl", 63 - 2, 284),
    (
        "s-8463c716-a2ea-4c14-9efa-87158ebd9f20_subagents_agent-a7be2f0.jsonl",
        13,
        131,
    ),
    ("s-short.jsonl", 1, 15),
    ("s-tool_heavy.jsonl", 4, 39),
];

#[test]
fn the_counter_finds_every_message_of_the_real_samples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts");
    if !folder.is_dir() {
        eprintln!(
            "left out: there are no real samples at {}",
            folder.display()
        );
        return;
    }
    for (name, ids, records) in SAMPLES {
        let count = count_files([folder.join(name).as_path()]).unwrap();
        let messages: u64 = count.models.values().map(|usage| usage.messages).sum();
        assert_eq!(
            (messages, count.records, count.damaged),
            (*ids, *records, 0),
            "{name}"
        );
    }
}
