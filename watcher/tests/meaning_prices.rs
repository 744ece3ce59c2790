//! What is charged beside the tokens: fast mode, long prompts, computing in one country, searches; and what a client
//! itself says of the cost.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::Duration;
use watcher::render::RunState;

/// An ended message of `model` with 400 tokens of output, and what else its `usage` says.
fn message(id: &str, model: &str, usage: &Value) -> Value {
    let mut record = said(id, id, 400, text("x"));
    record["message"]["model"] = json!(model);
    record["message"]["stop_reason"] = json!("end_turn");
    for (key, value) in usage.as_object().unwrap() {
        record["message"]["usage"][key] = value.clone();
    }
    record
}

/// What `watcher stats` does with these records, under an environment of its own.
fn stats(records: &[Value], env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let lines: Vec<_> = records.iter().map(Value::to_string).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_watcher"))
        .args(["stats", "--json"])
        .arg(&path)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn report(records: &[Value]) -> Value {
    serde_json::from_slice(&stats(records, &[]).stdout).unwrap()
}

/// US dollars of one message, and whether they are a lower bound.
fn cost(model: &str, usage: &Value) -> (f64, bool) {
    let report = report(&[message("m1", model, usage)]);
    let totals = &report["totals"];
    (
        totals["costUsd"].as_f64().unwrap(),
        totals["lowerBound"].as_bool().unwrap(),
    )
}

fn assert_costs(model: &str, usage: &Value, dollars: f64) {
    let (found, at_least) = cost(model, usage);
    assert!(
        (found - dollars).abs() < 1e-9 && !at_least,
        "{model} {usage}: {found} instead of {dollars}, lower bound: {at_least}"
    );
}

/// What a message of [`message`] costs by the million: 10 in, 400 out, 100 read, 10 and 20 written.
fn plain(input: f64, output: f64) -> f64 {
    let prompt = 10.0 + 100.0 * 0.1 + 10.0 * 1.25 + 20.0 * 2.0;
    (prompt * input + 400.0 * output) / 1e6
}

#[test]
fn fast_mode_costs_its_factor_on_all_tokens() {
    let opus = plain(5.0, 25.0);
    assert_costs("claude-opus-5", &json!({}), opus);
    assert_costs("claude-opus-5", &json!({"speed": "standard"}), opus);
    assert_costs("claude-opus-5", &json!({"speed": "fast"}), 2.0 * opus);
    assert_costs("claude-opus-4-8", &json!({"speed": "fast"}), 2.0 * opus);
    assert_costs("claude-opus-4-6", &json!({"speed": "fast"}), 6.0 * opus);
}

#[test]
fn computing_in_the_united_states_alone_costs_its_factor_also_on_fast_mode() {
    let opus = plain(5.0, 25.0);
    let us = json!({"inference_geo": "us"});
    assert_costs("claude-opus-4-6", &us, 1.1 * opus);
    assert_costs("claude-opus-4-6", &json!({"inference_geo": "global"}), opus);
    let both = json!({"inference_geo": "us", "speed": "fast"});
    assert_costs("claude-opus-4-6", &both, 6.0 * 1.1 * opus);
}

#[test]
fn a_long_prompt_costs_more_where_the_model_has_such_a_price() {
    // With the 40 other tokens of the prompt this is the bound itself.
    let short = json!({"cache_read_input_tokens": 199_960});
    let long = json!({"cache_read_input_tokens": 199_961});
    let prompt = |read: f64| 3.0 * (10.0 + 0.1 * read + 12.5 + 40.0) / 1e6;
    let output = 400.0 * 15.0 / 1e6;
    let sonnet = "claude-sonnet-4-5-20250929";
    assert_costs(sonnet, &short, prompt(199_960.0) + output);
    assert_costs(sonnet, &long, 2.0 * prompt(199_961.0) + 1.5 * output);
    assert_costs("claude-sonnet-4-6", &long, prompt(199_961.0) + output);
    // Another model has another bound.
    let (short, long) = (
        json!({"cache_read_input_tokens": 99_960}),
        json!({"cache_read_input_tokens": 99_961}),
    );
    let haiku = |read: f64| (0.1 * (10.0 + 0.1 * read + 12.5 + 40.0) + 400.0 * 0.5) / 1e6;
    assert_costs("claude-haiku-5-5", &short, haiku(99_960.0));
    assert_costs("claude-haiku-5-5", &long, 5.0 * haiku(99_961.0));
    let longest = json!({"cache_read_input_tokens": 300_000});
    assert_costs("claude-haiku-5-5", &longest, 5.0 * haiku(300_000.0));
}

#[test]
fn searches_of_the_web_are_paid_one_by_one_and_counted() {
    let searched = json!({"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 9}});
    assert_costs("claude-haiku-4-5", &searched, plain(1.0, 5.0) + 0.03);
    let report = report(&[message("m1", "claude-haiku-4-5", &searched)]);
    assert_eq!(report["models"]["claude-haiku-4-5"]["webSearches"], 3);
    assert_eq!(report["totals"]["input"], 10);
}

#[test]
fn a_premium_that_the_table_does_not_know_makes_the_cost_a_lower_bound() {
    let opus = plain(5.0, 25.0);
    let (dollars, at_least) = cost("claude-opus-4-5", &json!({"speed": "fast"}));
    assert!((dollars - opus).abs() < 1e-9 && at_least, "{dollars}");
    let (_, at_least) = cost("claude-opus-4-5", &json!({"inference_geo": "us"}));
    assert!(at_least);
}

#[test]
fn premiums_are_of_the_record_that_counts_and_of_its_message_alone() {
    let opus = plain(5.0, 25.0);
    let mut early = message("m1", "claude-opus-5", &json!({"speed": "fast"}));
    early["uuid"] = json!("u0");
    early["message"]["usage"]["output_tokens"] = json!(1);
    let records = [
        early,
        message("m1", "claude-opus-5", &json!({"speed": "standard"})),
        message("m2", "claude-opus-5", &json!({"speed": "fast"})),
    ];
    let found = report(&records)["models"]["claude-opus-5"]["costUsd"]
        .as_f64()
        .unwrap();
    assert!((found - 3.0 * opus).abs() < 1e-9, "{found}");
}

#[test]
fn the_live_summary_knows_the_same_premiums() {
    let records: Vec<_> = (0..100)
        .map(|number| {
            message(
                &format!("m{number}"),
                "claude-opus-4-6",
                &json!({"speed": "fast", "server_tool_use": {"web_search_requests": 1}}),
            )
        })
        .collect();
    let mut it = interpreter();
    events(&mut it, &records);
    let figures = renderer(false).figures(&it);
    let expected = 100.0 * (6.0 * plain(5.0, 25.0) + 0.01);
    assert!((figures.cost - expected).abs() < 1e-6, "{}", figures.cost);
    assert!(!figures.at_least);
}

const OWN: &str = r#"{"version": 1, "thousandWebSearches": 2000, "prices": [{"models": ["house-*"], "price":
    {"input": 1000000, "output": 0, "cacheRead": 0, "cacheWrite5m": 0, "cacheWrite1h": 0, "fast": 3, "usOnly": 5,
     "longPrompt": {"above": 200000, "input": 7, "output": 1}}}]}"#;

#[test]
fn a_value_replaces_the_table_with_its_premiums() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.json");
    std::fs::write(&file, OWN).unwrap();
    let usage = json!({"speed": "fast", "inference_geo": "us", "cache_read_input_tokens": 300_000,
        "server_tool_use": {"web_search_requests": 1}});
    let records = [message("m1", "house-model", &usage)];
    let file = file.to_str().unwrap();
    for env in [
        &[("PRICES", OWN)][..],
        &[("PRICES_FILE", file)],
        // The text goes before the file.
        &[("PRICES", OWN), ("PRICES_FILE", "/none")],
    ] {
        let report: Value = serde_json::from_slice(&stats(&records, env).stdout).unwrap();
        let expected = 10.0 * 3.0 * 5.0 * 7.0 + 2.0;
        assert_eq!(report["totals"]["costUsd"], expected, "{env:?}");
        assert_eq!(report["totals"]["lowerBound"], false);
    }
    // A model of the built-in table is not in this one.
    let records = [message("m1", "claude-opus-5", &json!({}))];
    let report: Value =
        serde_json::from_slice(&stats(&records, &[("PRICES", OWN)]).stdout).unwrap();
    assert_eq!(report["totals"]["costUsd"], Value::Null);
}

#[test]
fn a_wrong_table_is_refused_with_what_is_wrong_in_it() {
    let records = [message("m1", "claude-opus-5", &json!({}))];
    for (table, word) in [
        (OWN.replace("usOnly", "usOnyl"), "usOnyl"),
        (OWN.replace("\"version\": 1", "\"version\": 2"), "version 2"),
        (OWN.replace("200000", "123"), "longPrompt.above 123"),
        ("{".to_owned(), "price table is wrong"),
    ] {
        let output = stats(&records, &[("PRICES", &table)]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(word), "{text}");
    }
}

fn ended(uuid: &str, session: &str, total: f64, models: &Value) -> Value {
    json!({"type": "result", "subtype": "success", "session_id": session, "uuid": uuid,
        "total_cost_usd": total, "modelUsage": models})
}

#[test]
fn the_exact_cost_of_each_model_is_that_of_the_result_record() {
    let records = [
        message("m1", "claude-opus-4-6", &json!({})),
        message("m2", "claude-sonnet-4-5-20250929", &json!({})),
        ended(
            "r0",
            "s1",
            0.1,
            &json!({"claude-opus-4-6": {"costUSD": 0.1}}),
        ),
        ended(
            "r1",
            "s1",
            1.75,
            &json!({"claude-opus-4-6[1m]": {"costUSD": 1.25, "inputTokens": 5}, "claude-sonnet-4-5-20250929": {"costUSD": 0.375},
                "claude-haiku-4-5-20251001": {"costUSD": 0.125}, "odd": {"costUSD": "much"}}),
        ),
    ];
    let all = report(&records);
    for of in [&all, &all["sessions"][0]] {
        let exact = |model: &str| &of["models"][model]["exactCostUsd"];
        assert_eq!(exact("claude-opus-4-6"), 1.25, "{of}");
        assert_eq!(exact("claude-sonnet-4-5-20250929"), 0.375);
        // The client uses it unseen: no message of the transcript is its own.
        assert_eq!(exact("claude-haiku-4-5-20251001"), 0.125);
        let unseen = &of["models"]["claude-haiku-4-5-20251001"];
        assert_eq!(
            (&unseen["messages"], &unseen["costUsd"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(of["models"].as_object().unwrap().len(), 3, "{of}");
    }
    assert_eq!(all["sessions"][0]["exactCostUsd"], 1.75);
    assert_eq!(all["totals"]["exactCostUsd"], 1.75);
    // By the table it is as before.
    let table = plain(5.0, 25.0) + plain(3.0, 15.0);
    let found = all["totals"]["costUsd"].as_f64().unwrap();
    assert!((found - table).abs() < 1e-9, "{found}");

    let mut it = interpreter();
    events(&mut it, &records);
    let text = shown(&renderer(false).summary(&it, RunState::Finished, Duration::ZERO));
    let each = "claude-opus-4-6[1m] $1.25 · claude-sonnet-4-5-20250929 $0.38 · claude-haiku-4-5-20251001 $0.12";
    assert!(text.contains("\"$1.75\""), "{text}");
    assert!(text.contains("Cost by model"), "{text}");
    assert!(text.replace('\\', "").contains(each), "{text}");
}

#[test]
fn a_sum_over_sessions_is_exact_only_when_each_of_them_says_it() {
    let mut other = message("m2", "claude-opus-4-6", &json!({}));
    other["sessionId"] = json!("s2");
    let records = [
        message("m1", "claude-opus-4-6", &json!({})),
        ended(
            "r1",
            "s1",
            1.5,
            &json!({"claude-opus-4-6": {"costUSD": 1.5}}),
        ),
        other,
    ];
    let half = report(&records);
    assert_eq!(
        half["models"]["claude-opus-4-6"]["exactCostUsd"],
        Value::Null
    );
    assert_eq!(half["totals"]["exactCostUsd"], Value::Null);
    let end = ended(
        "r2",
        "s2",
        0.5,
        &json!({"claude-opus-4-6": {"costUSD": 0.5}}),
    );
    let whole = report(&[&records[..], &[end]].concat());
    assert_eq!(whole["models"]["claude-opus-4-6"]["exactCostUsd"], 2.0);
    assert_eq!(whole["totals"]["exactCostUsd"], 2.0);
}

#[test]
fn without_result_records_no_model_has_an_exact_cost_and_the_summary_no_field_for_it() {
    let records = [message("m1", "claude-opus-4-6", &json!({}))];
    assert_eq!(
        report(&records)["models"]["claude-opus-4-6"]["exactCostUsd"],
        Value::Null
    );
    let mut it = interpreter();
    events(&mut it, &records);
    let text = shown(&renderer(false).summary(&it, RunState::Finished, Duration::ZERO));
    assert!(!text.contains("Cost by model"), "{text}");
}

#[test]
fn an_exact_cost_that_messages_came_after_is_not_said() {
    let costs = json!({"claude-opus-4-6": {"costUSD": 1.5}, "claude-sonnet-4-5": {"costUSD": 0.5}});
    let records = [
        message("m1", "claude-opus-4-6", &json!({})),
        message("m2", "claude-sonnet-4-5", &json!({})),
        ended("r1", "s1", 2.0, &costs),
        message("m3", "claude-opus-4-6", &json!({})),
    ];
    let all = report(&records);
    for of in [&all["totals"], &all["sessions"][0]] {
        assert_eq!(of["exactCostUsd"], Value::Null, "{of}");
    }
    let exact = |model: &str| &all["models"][model]["exactCostUsd"];
    assert_eq!(*exact("claude-opus-4-6"), Value::Null);
    assert_eq!(*exact("claude-sonnet-4-5"), 0.5, "not used since");
    let table = plain(5.0, 25.0) * 2.0 + plain(3.0, 15.0);
    let found = all["totals"]["costUsd"].as_f64().unwrap();
    assert!((found - table).abs() < 1e-9, "{found}");
}

#[test]
fn the_table_says_which_of_the_two_reasons_makes_a_figure_a_lower_bound() {
    let told = |records: &[Value]| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let lines: Vec<_> = records.iter().map(Value::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let mut table = Vec::new();
        watcher::stats::run(&[path], false, &mut table).unwrap();
        String::from_utf8(table).unwrap()
    };
    let fast = json!({"speed": "fast"});
    let premium = told(&[message("m1", "claude-opus-4-5", &fast)]);
    assert!(premium.contains("the price table lacks"), "{premium}");
    assert!(!premium.contains("final output"), "{premium}");
    // Its output is the true one.
    assert_eq!(premium.matches('≥').count(), 4, "{premium}");
    let placeholder = told(&[said("u1", "m1", 5, text("x"))]);
    assert!(placeholder.contains("final output"), "{placeholder}");
    assert!(
        !placeholder.contains("the price table lacks"),
        "{placeholder}"
    );
}
