//! The preview shows what a run would post, as text and as a page that loads nothing.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use serde_json::json;

fn transcript(folder: &std::path::Path) -> std::path::PathBuf {
    let [asked, answered] = bash(
        "echo '<script>alert(1)</script>'",
        "<img src=x onerror=alert(1)>\n\u{1b}]0;x\u{7}done",
        "",
    );
    let records = [
        prompt("u1", "go <b>now</b>"),
        asked,
        answered,
        call("c2", "t2", "Read", json!({"file_path": "/never/answered"})),
    ];
    let lines: Vec<_> = records.iter().map(ToString::to_string).collect();
    let path = folder.join("s1.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[test]
fn the_terminal_shows_every_post_and_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let mut out = Vec::new();
    watcher::preview::run(&path, open_renderer(), None, false, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for expected in [
        "| 💬 Prompt",
        "| go <b>now</b>",
        "| exit code 0",
        "| ✅ Finished",
        "still running",
        "Tool calls: 2",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    assert!(!text.contains('\u{1b}'), "no escapes without colours");
    let mut out = Vec::new();
    watcher::preview::run(folder.path(), open_renderer(), None, true, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("\u{1b}[38;2;") && !text.contains("\u{1b}]"),
        "{text}"
    );
}

#[test]
fn the_page_holds_nothing_of_the_transcript_as_markup_and_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = transcript(folder.path());
    let page = folder.path().join("page.html");
    watcher::preview::run(&path, open_renderer(), Some(&page), true, &mut Vec::new()).unwrap();
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && html.contains("Finished"));
    for forbidden in [
        "<script", "<img", "<link", "src=x>", "http://", "https://", "url(",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_sample_makes_a_page() {
    let folder = tempfile::tempdir().unwrap();
    for path in samples() {
        let page = folder.path().join("page.html");
        watcher::preview::run(&path, renderer(false), Some(&page), false, &mut Vec::new()).unwrap();
        let html = std::fs::read_to_string(&page).unwrap();
        assert!(html.matches("<article>").count() > 3, "{}", path.display());
        assert_eq!(
            html.matches("<section").count(),
            html.matches("</section>").count()
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    let error = watcher::preview::run(
        "/no/such".as_ref(),
        open_renderer(),
        None,
        false,
        &mut Vec::new(),
    )
    .unwrap_err();
    assert!(error.to_string().contains("/no/such"), "{error}");
}

#[test]
fn a_line_that_is_too_long_to_be_shown_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s1.jsonl");
    let long = prompt("u1", &"x".repeat(17 << 20)).to_string();
    let text = format!("{long}\n{}\n", prompt("u2", "short"));
    std::fs::write(&path, text).unwrap();
    let mut out = Vec::new();
    watcher::preview::run(&path, open_renderer(), None, false, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("short"), "{text}");
    assert!(text.contains("1 records could not be read"), "{text}");
}
