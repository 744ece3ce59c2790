//! What is said after the first answer.

use super::outside::Outside;
use super::{Scene, command, eventually, interaction};
use bot::desk::{MAX_INPUT_BYTES, Outcome};
use bytes::Bytes;
use serde_json::{Value, json};

fn with_file(outside: &Outside, path: &str, size: usize, kind: &str) -> Value {
    let url = outside.file(path);
    file_at(&url, size, kind)
}

fn file_at(url: &str, size: usize, kind: &str) -> Value {
    let file = json!({"id": "7", "filename": "notes\n.md", "size": size, "content_type": kind, "url": url});
    interaction(
        2,
        json!({"name": "input", "options": [
        {"type": 3, "name": "text", "value": "read this"}, {"type": 11, "name": "attachment", "value": "7"},
    ], "resolved": {"attachments": {"7": file}}}),
    )
}

#[tokio::test]
async fn the_end_of_an_input_is_told_to_its_author_once_discord_takes_edits() {
    for (end, says) in [
        (Outcome::Delivered, "Delivered"),
        (Outcome::Expired, "in time"),
        (Outcome::Dropped, "ended before"),
    ] {
        let outside = Outside::start().await;
        // The first answer is still on its way: Discord knows no such webhook yet.
        outside.heard.lock().unwrap().failures = (1, 404);
        let scene = Scene::beside(&outside);
        assert!(
            scene
                .ask(&command("input", &[("text", "x")]))
                .await
                .text()
                .contains("Queued")
        );
        *scene.desk.end.lock().unwrap() = Some(end);
        eventually(says, || {
            outside
                .edits()
                .iter()
                .filter(|text| text.contains(says))
                .nth(1)
                .cloned()
        })
        .await;
    }
}

#[tokio::test]
async fn a_slow_desk_defers_and_the_answer_comes_later() {
    let outside = Outside::start().await;
    let scene = Scene::beside(&outside);
    let go = scene.desk.hold();
    let answer = scene.ask(&command("status", &[])).await;
    assert_eq!(answer.body, json!({"type": 5, "data": {"flags": 64}}));
    assert_eq!(scene.last(), ("status", "deferred"));
    go.cancel();
    eventually("the status", || {
        outside
            .edits()
            .into_iter()
            .find(|text| text.contains("is live"))
    })
    .await;
}

/// Asks a desk that answers nothing before the answer is put off: what is done at once would be said at once.
async fn deferred(scene: &Scene, ask: &Value) {
    let go = scene.desk.hold();
    assert_eq!(scene.ask(ask).await.body["type"], 5);
    go.cancel();
}

#[tokio::test]
async fn an_attachment_is_read_and_follows_the_text() {
    let outside = Outside::start().await;
    outside.heard.lock().unwrap().file = Bytes::from_static("a list: é".as_bytes());
    let scene = Scene::beside(&outside);
    let ask = with_file(&outside, "/attachments/file", 9, "text/plain");
    deferred(&scene, &ask).await;
    eventually("the input", || scene.desk.inputs().pop()).await;
    assert_eq!(
        scene.desk.inputs()[0].1.text,
        "read this\n\nAttachment notes .md:\na list: é"
    );
    eventually("the answer", || {
        outside
            .edits()
            .into_iter()
            .find(|text| text.contains("Queued"))
    })
    .await;
}

#[tokio::test]
async fn an_attachment_that_is_no_text_too_large_or_elsewhere_queues_nothing() {
    let large = Bytes::from(vec![b'x'; MAX_INPUT_BYTES + 1]);
    let cases = [
        (
            "/attachments/file",
            2,
            "image/png",
            Bytes::from_static(b"ok"),
            "not UTF-8",
        ),
        (
            "/attachments/file",
            2,
            "",
            Bytes::from_static(&[0xff, 0xfe]),
            "not UTF-8",
        ),
        (
            "/attachments/file",
            2,
            "",
            Bytes::from_static(b"a\0b"),
            "not UTF-8",
        ),
        (
            "/attachments/file",
            MAX_INPUT_BYTES + 1,
            "",
            Bytes::from_static(b"ok"),
            "too long",
        ),
        // Larger than Discord said.
        ("/attachments/file", 2, "", large.clone(), "too long"),
        (
            "/attachments/moved",
            2,
            "",
            Bytes::from_static(b"ok"),
            "could not be read",
        ),
    ];
    for (path, size, kind, content, says) in cases {
        let outside = Outside::start().await;
        outside.heard.lock().unwrap().file = content;
        let scene = Scene::beside(&outside);
        deferred(&scene, &with_file(&outside, path, size, kind)).await;
        eventually(says, || {
            outside.edits().into_iter().find(|text| text.contains(says))
        })
        .await;
        assert!(scene.desk.inputs().is_empty());
    }
    let outside = Outside::start().await;
    let scene = Scene::beside(&outside);
    let other = Outside::start().await;
    let ask = file_at(&other.file("/attachments/file"), 2, "");
    deferred(&scene, &ask).await;
    eventually("refusal", || {
        outside
            .edits()
            .into_iter()
            .find(|text| text.contains("host of Discord"))
    })
    .await;
    assert!(other.calls().is_empty() && scene.desk.inputs().is_empty());
}

#[tokio::test]
async fn without_discord_an_attachment_is_refused_at_once() {
    let scene = Scene::new();
    let ask = file_at(
        "https://cdn.discordapp.com/attachments/1/2/a.txt",
        2,
        "text/plain",
    );
    assert!(scene.ask(&ask).await.text().contains("Nothing was queued"));
    let mut lost = ask;
    lost["id"] = json!("31");
    lost["data"]["resolved"] = json!({});
    assert!(scene.ask(&lost).await.text().contains("Nothing was queued"));
}
