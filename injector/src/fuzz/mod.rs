//! Mutated reviews, definitions and annotations: nothing panics, and what is promised of every answer holds for each.
//!
//! Seeds stand in `fuzz-seeds/`; what was once found stays among them. A second in `make check`, as long as
//! `FUZZ_SECONDS` says in `hack/fuzz.sh`.

mod mutate;
mod promises;

use mutate::Mutator;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Inputs of a run without `FUZZ_SECONDS`.
const SHORT: usize = 500;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz-seeds")
        .join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 3, "{target} has {} seeds", paths.len());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Runs every seed as it is, then mutations of them, until the time or the count is over.
fn run(target: &str, promise: impl Fn(&[u8])) {
    let seeds = seeds(target);
    let seconds = std::env::var("FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    // Long runs differ from each other; the short one is the same for everybody.
    let start = if end.is_some() { rand::random() } else { 1 };
    let mut mutator = Mutator::new(start);
    let mut count = 0_usize;
    loop {
        let input = seeds
            .get(count)
            .cloned()
            .unwrap_or_else(|| mutator.next(&seeds));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| promise(&input))) {
            let file = std::env::temp_dir().join(format!("{target}-{start:016x}-{count}"));
            std::fs::write(&file, &input).unwrap();
            eprintln!(
                "found by input {count}: {}\nmend it, and keep the input: cp {} {}",
                String::from_utf8_lossy(&input),
                file.display(),
                folder(target).display()
            );
            std::panic::resume_unwind(panic);
        }
        count += 1;
        let over = end.map_or(count >= SHORT + seeds.len(), |end| Instant::now() >= end);
        if over {
            println!("{target}: {count} inputs without a finding");
            return;
        }
    }
}

#[test]
fn no_review_breaks_an_answer() {
    let answering = promises::Answering::new();
    run("review", |input| answering.review(input));
}

#[test]
fn no_definition_breaks_a_pod() {
    run("template", promises::definition);
}

#[test]
fn no_annotations_break_a_pod() {
    let answering = promises::Answering::new();
    run("annotations", |input| answering.annotations(input));
}
