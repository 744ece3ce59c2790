//! Each limit of Discord on both sides of its edge, counted in code points, and the errors in Discord's form.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod double_support;

use double_support::{Bench, embeds, quiet};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

/// Four bytes and two UTF-16 units each: only code points count them as one.
const WIDE: &str = "🦀";

type Make = fn(usize) -> Value;

/// (what, most code points, payload of n code points, path of the error, its code)
const TEXTS: &[(&str, usize, Make, &str, &str)] = &[
    (
        "content",
        2000,
        |n| quiet(json!({"content": wide(n)})),
        "/content",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "title",
        256,
        |n| embeds(json!([{"title": wide(n)}])),
        "/embeds/0/title",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "description",
        4096,
        |n| embeds(json!([{"description": wide(n)}])),
        "/embeds/0/description",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "field name",
        256,
        |n| embeds(json!([{"fields": [{"name": wide(n), "value": "v"}]}])),
        "/embeds/0/fields/0/name",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "field value",
        1024,
        |n| embeds(json!([{"fields": [{"name": "n", "value": wide(n)}]}])),
        "/embeds/0/fields/0/value",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "footer",
        2048,
        |n| embeds(json!([{"footer": {"text": wide(n)}}])),
        "/embeds/0/footer/text",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "author",
        256,
        |n| embeds(json!([{"author": {"name": wide(n)}}])),
        "/embeds/0/author/name",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        "username",
        80,
        |n| quiet(json!({"content": "x", "username": wide(n)})),
        "/username",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        "url",
        2048,
        |n| embeds(json!([{"title": "t", "url": format!("https://a.b/{}", wide(n - 12))}])),
        "/embeds/0/url",
        "BASE_TYPE_MAX_LENGTH",
    ),
];

fn wide(n: usize) -> String {
    WIDE.repeat(n)
}

#[tokio::test]
async fn every_text_is_counted_in_code_points_up_to_its_limit_and_not_one_more() {
    let bench = Bench::new();
    for (what, max, make, path, code) in TEXTS {
        let (status, body) = bench.answer(&make(*max)).await;
        assert_eq!(status, 200, "{what} of {max}: {body}");
        let (status, body) = bench.answer(&make(max + 1)).await;
        assert_eq!(
            (status, body["code"].as_u64()),
            (400, Some(50035)),
            "{what} of {}",
            max + 1
        );
        let found = body["errors"].pointer(&format!("{path}/_errors/0/code"));
        assert_eq!(found.and_then(Value::as_str), Some(*code), "{what}: {body}");
    }
    assert_eq!(bench.double.violations(), Vec::<String>::new());
    assert_eq!(bench.double.messages().len(), TEXTS.len());
}

#[tokio::test]
async fn blanks_around_a_text_do_not_count_and_blanks_alone_are_refused() {
    let bench = Bench::new();
    let padded = format!(" \n{}\t ", "x".repeat(256));
    let (status, body) = bench.answer(&embeds(json!([{"title": padded}]))).await;
    assert_eq!(
        (status, body["embeds"][0]["title"].as_str().map(str::len)),
        (200, Some(256))
    );
    let blank = [
        json!([{"title": "t", "fields": [{"name": "n", "value": " \n "}]}]),
        json!([{"title": "t", "fields": [{"name": "\t", "value": "v"}]}]),
        json!([{"title": " "}]),
        json!([{"description": "\n"}]),
        json!([{"title": "t", "footer": {"text": " "}}]),
        json!([{"title": "t", "author": {"name": ""}}]),
    ];
    for list in blank {
        let (status, body) = bench.answer(&embeds(list.clone())).await;
        assert_eq!(
            (status, body["code"].as_u64()),
            (400, Some(50035)),
            "{list}"
        );
        assert!(
            body["errors"].to_string().contains("BASE_TYPE_REQUIRED"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn six_thousand_code_points_over_all_embeds_pass_and_one_more_does_not() {
    let bench = Bench::new();
    // content is not counted; title, description, field, footer and author of every embed are.
    let list = |extra: usize| {
        let mut body = embeds(json!([
            {"description": wide(4096), "author": {"name": wide(4)}},
            {"title": wide(100), "footer": {"text": wide(500)},
             "fields": [{"name": wide(100), "value": wide(1000 + extra)},
                        {"name": wide(100), "value": wide(100)}]},
        ]));
        body["content"] = json!(wide(2000));
        body
    };
    assert_eq!(bench.answer(&list(0)).await.0, 200);
    let (status, body) = bench.answer(&list(1)).await;
    assert_eq!(status, 400);
    let code = &body["errors"]["embeds"]["_errors"][0]["code"];
    assert_eq!(code, "MAX_EMBED_SIZE_EXCEEDED");
}

#[tokio::test]
async fn ten_embeds_and_twenty_five_fields_pass_and_one_more_does_not() {
    let bench = Bench::new();
    let many = |n: usize| embeds((0..n).map(|n| json!({"title": n.to_string()})).collect());
    let fields = |n: usize| {
        let fields: Vec<Value> = (0..n)
            .map(|n| json!({"name": "n", "value": n.to_string()}))
            .collect();
        embeds(json!([{"fields": fields}]))
    };
    assert_eq!(bench.answer(&many(10)).await.0, 200);
    assert_eq!(bench.answer(&many(11)).await.0, 400);
    assert_eq!(bench.answer(&fields(25)).await.0, 200);
    assert_eq!(bench.answer(&fields(26)).await.0, 400);
}

#[tokio::test]
async fn colours_timestamps_names_and_urls_are_what_discord_takes() {
    let bench = Bench::new();
    let good = [
        json!({"title": "t", "color": 0}),
        json!({"title": "t", "color": 0xFF_FFFF}),
        json!({"title": "t", "timestamp": "2026-11-22T10:00:00.000Z"}),
        json!({"title": "t", "timestamp": "2026-11-22T10:00:00+02:00"}),
    ];
    for embed in good {
        assert_eq!(
            bench.answer(&embeds(json!([embed]))).await.0,
            200,
            "{embed}"
        );
    }
    let bad = [
        json!({"title": "t", "color": 0x100_0000}),
        json!({"title": "t", "color": -1}),
        json!({"title": "t", "color": "red"}),
        json!({"title": "t", "timestamp": "yesterday"}),
        json!({"title": "t", "url": "javascript:alert(1)"}),
        json!({"title": "t", "url": "ftp://a.b/c"}),
        json!({"title": 7}),
        json!({"title": "t", "fields": [{"name": "n"}]}),
        json!({"title": "t", "fields": [{"name": "n", "value": "v", "inline": "yes"}]}),
        json!({"title": "t", "image": {}}),
        json!("text"),
    ];
    for embed in bad {
        assert_eq!(
            bench.answer(&embeds(json!([embed]))).await.0,
            400,
            "{embed}"
        );
    }
    for name in ["Discord Monitoring", "my cLyDe"] {
        let (status, body) = bench
            .answer(&quiet(json!({"content": "x", "username": name})))
            .await;
        let code = &body["errors"]["username"]["_errors"][0]["code"];
        assert_eq!(
            (status, code.as_str()),
            (400, Some("USERNAME_INVALID_CONTAINS"))
        );
    }
    assert_eq!(
        bench
            .answer(&quiet(json!({"content": "x", "flags": 1 << 6})))
            .await
            .0,
        400
    );
    let v2 = quiet(json!({"content": "x", "flags": 1 << 15}));
    assert_eq!(bench.answer(&v2).await.0, 400);
    assert_eq!(
        bench
            .answer(&quiet(json!({"content": "x", "flags": 1 << 12})))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_message_with_nothing_in_it_is_refused() {
    let bench = Bench::new();
    for body in [
        json!({}),
        json!({"content": " \n"}),
        json!({"embeds": []}),
        json!({"content": null}),
    ] {
        let (status, answer) = bench.answer(&quiet(body)).await;
        assert_eq!((status, answer["code"].as_u64()), (400, Some(50006)));
    }
    assert_eq!(
        bench.answer(&embeds(json!([{"color": 1}]))).await.1["code"],
        50006
    );
}

#[tokio::test]
async fn what_discord_swallows_in_silence_is_a_violation() {
    let cases = [
        (json!({"content": "x"}), "allowed_mentions"),
        (
            json!({"content": "x", "allowed_mentions": {"parse": ["everyone"]}}),
            "allowed_mentions",
        ),
        (
            json!({"content": "x", "allowed_mentions": {"parse": [], "users": ["1"]}}),
            "allowed_mentions",
        ),
        (quiet(json!({"content": "x", "colour": 1})), "colour"),
        (embeds(json!([{"title": "t", "body": 1}])), "embeds.0.body"),
        (
            embeds(json!([{"title": "t"}, {"color": 1}])),
            "shows nothing",
        ),
        (
            embeds(json!([{"title": "t", "image": {"url": "attachment://a.png"}}])),
            "no file named",
        ),
        (
            quiet(json!({"content": "x", "components": [{"type": 1}]})),
            "with_components",
        ),
    ];
    for (body, word) in cases {
        let bench = Bench::new();
        assert_eq!(bench.answer(&body).await.0, 200, "{body}");
        let violations = bench.double.violations();
        assert_eq!(violations.len(), 1, "{body}: {violations:?}");
        assert!(violations[0].contains(word), "{violations:?}");
    }
    let bench = Bench::new();
    let twice =
        embeds(json!([{"title": "a", "url": "https://a.b"}, {"title": "b", "url": "https://a.b"}]));
    assert_eq!(
        bench.answer(&twice).await.0,
        400,
        "one of them would never be seen"
    );
    assert_eq!(bench.double.violations().len(), 1);
}

#[tokio::test]
async fn bodies_of_the_wrong_kind_are_refused() {
    let bench = Bench::new();
    let post = || bench.client.post(&bench.url);
    let plain = post().body("{\"content\":\"x\"}").send().await.unwrap();
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.unwrap().contains("CONTENT_TYPE_INVALID"));
    let text = post()
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(text.status(), 400);
    let broken = post()
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 400);
    let body: Value = broken.json().await.unwrap();
    assert_eq!(body["code"], 50109);
    assert_eq!(
        bench.client.put(&bench.url).send().await.unwrap().status(),
        405
    );
    let nowhere = format!("{}/api/v10/nowhere", bench.double.base_url());
    assert_eq!(
        bench.client.get(nowhere).send().await.unwrap().status(),
        404
    );
}

fn file(bytes: usize) -> Part {
    Part::bytes(vec![b'x'; bytes]).file_name("out put.txt")
}

fn form(body: &Value) -> Form {
    let json = Part::text(body.to_string())
        .mime_str("application/json")
        .unwrap();
    Form::new().part("payload_json", json)
}

async fn upload(bench: &Bench, form: Form) -> (u16, Value) {
    let url = format!("{}?wait=true", bench.url);
    let response = bench.client.post(url).multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn files_of_ten_mebibytes_pass_and_one_byte_more_does_not() {
    const MIB: usize = 1024 * 1024;
    let bench = Bench::new();
    let body = quiet(json!({"attachments": [{"id": 0, "description": "the output"}]}));
    let (status, answer) = upload(&bench, form(&body).part("files[0]", file(10 * MIB))).await;
    assert_eq!(status, 200);
    assert_eq!(answer["attachments"][0]["filename"], "out_put.txt");
    assert_eq!(answer["attachments"][0]["description"], "the output");
    assert_eq!(bench.double.messages()[0].attachments[0].size, 10 * MIB);
    let (status, answer) = upload(&bench, form(&body).part("files[0]", file(10 * MIB + 1))).await;
    assert_eq!((status, answer["code"].as_u64()), (413, Some(40005)));
    let three = quiet(json!({"attachments": [{"id": 0}, {"id": 1}, {"id": 2}]}));
    let form = form(&three)
        .part("files[0]", file(9 * MIB))
        .part("files[1]", file(9 * MIB))
        .part("files[2]", file(9 * MIB));
    assert_eq!(
        upload(&bench, form).await.0,
        413,
        "more than 25 MiB in one request"
    );
    assert_eq!(bench.double.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn eleven_files_unlisted_files_and_files_without_a_name_are_noticed() {
    let bench = Bench::new();
    let many = |n: u32| {
        let list: Vec<Value> = (0..n).map(|id| json!({"id": id})).collect();
        (0..n).fold(form(&quiet(json!({"attachments": list}))), |form, n| {
            form.part(format!("files[{n}]"), file(1))
        })
    };
    assert_eq!(upload(&bench, many(10)).await.0, 200);
    assert_eq!(upload(&bench, many(11)).await.0, 400);
    assert_eq!(bench.double.violations(), Vec::<String>::new());
    let unlisted = form(&quiet(json!({}))).part("files[0]", file(1));
    assert_eq!(upload(&bench, unlisted).await.0, 200);
    assert!(bench.double.violations()[0].contains("files[0] is not listed"));
    let nameless = form(&quiet(json!({}))).part("files[0]", Part::bytes(vec![1]));
    assert_eq!(upload(&bench, nameless).await.0, 400);
    let missing = quiet(json!({"content": "x", "attachments": [{"id": 0}]}));
    assert_eq!(
        bench.answer(&missing).await.0,
        400,
        "no such file in the request"
    );
    let stray = form(&quiet(json!({"content": "x"}))).part("other", Part::text("y"));
    assert_eq!(upload(&bench, stray).await.0, 200);
    assert!(bench.double.violations()[1].contains("only payload_json"));
}
