//! docs/metrics.md is made from what the watcher registers, so that no metric is undocumented and no row is of the past.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt::Write as _;
use std::path::PathBuf;
use watcher::metrics::Metrics;

const HEAD: &str = "\
# Metrics of the watcher

Prometheus text at `/metrics`: over TCP where the chart's `probes.type` is `http`, and always on the socket that
`watcher --health` asks. By default the watcher opens no port in an agent's Pod. This table is made from what the program registers;
`UPDATE_GOLDEN=1 cargo test -p watcher --test metrics_page` renews it.

Counters come in pairs, in and out: what is read and not posted, filtered or lost is waiting. A counter begins at 0 in each
process. None has labels of its own; the cluster's scrape adds the Pod and its namespace.

| metric | type | labels | meaning |
|---|---|---|---|
";

const FOOT: &str = "
`discord_watcher_acknowledge_seconds` begins at the time of last change of the line's file, as it stood when the line was read: for
an agent that pauses between two lines that is the moment of writing, to the clock tick of its file system. Of lines written in
one go the first waited longer than is counted. A line that waited while the watcher was not there is counted with that time.

`discord_watcher_bot_silent_seconds` is renewed each second. A registered watcher says its figures at least every 30 s, so more than a
minute means that the bot is away; the feed goes on meanwhile.
";

/// The rows, from the registry's own text: name as a query needs it, type, labels, meaning.
fn rows() -> String {
    let mut registry = Registry::default();
    Metrics::default().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let mut table = String::new();
    let mut meaning = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split_once(' ').unwrap().1.clone_into(&mut meaning);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            let end = if kind == "counter" { "_total" } else { "" };
            let labels = if kind == "histogram" { "`le`" } else { "" };
            writeln!(table, "| `{name}{end}` | {kind} | {labels} | {meaning} |").unwrap();
        } else if let Some((_, labels)) = line.split_once('{') {
            assert!(
                labels.starts_with("le="),
                "a label that the table does not tell: {line}"
            );
        }
    }
    table
}

#[test]
fn the_page_of_metrics_tells_every_metric_that_is_registered() {
    let page = format!("{HEAD}{}{FOOT}", rows());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/metrics.md is not what the watcher registers; renew it with UPDATE_GOLDEN=1 and look at the difference"
    );
}
