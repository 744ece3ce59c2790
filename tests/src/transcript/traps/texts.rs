//! Texts that are hard to show: what closes a code block, colours a terminal, calls people, or is a secret.

use super::{answer, one_call};
use crate::transcript::ids;
use crate::transcript::json::{Json, obj};
use crate::transcript::scribe::Scribe;
use crate::transcript::tools;
use crate::transcript::words;
use rand::Rng;

/// Texts with nothing random in them.
const NASTY: &[(&str, &str)] = &[
    (
        "fence",
        "```rust\nfn main() {}\n```\n````\nfour\n````\n~~~\nand `one` ``two`` ```three``` in a line ```",
    ),
    ("fence", "an open fence:\n```diff\n- never closed\n+ really"),
    (
        "ansi",
        "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: \u{1b}[38;5;208mcolour\u{1b}[39m \u{1b}]0;title\u{7}\u{1b}[2K\rover\u{8}written\u{1b}(B",
    ),
    ("ansi", "```ansi\n\u{1b}[2;31mlooks like ours\u{1b}[0m\n```"),
    (
        "mention",
        "@everyone @here <@123456789012345678> <@!123456789012345678> <@&987654321098765432> <#1122334455667788> </deploy:998877665544>",
    ),
    (
        "link",
        "[the documentation](https://phish.example/login) <https://ok.example> ||spoiler|| __under__ ~~gone~~ > quote",
    ),
    (
        "markdown",
        "# Heading\n-# small\n>>> all of this is quoted\n* star\n1. one\n| a | b |\n|---|---|",
    ),
    (
        "controls",
        "\u{0}\u{1}\u{7f}\u{85}\u{200b}\u{200e}\u{202e}reversed\u{2066}\u{feff}\u{fff9} end",
    ),
    (
        "unicode",
        "👩‍👩‍👧‍👦🏳️‍🌈 𝒳𝒴𝒵 e\u{301}\u{301}\u{301} 漢字かな交じり文 العربية \u{1f1e9}\u{1f1ea} \u{fdfd} z̸̨͎a̷͉l̵̙g̶o",
    ),
    ("unicode", "\u{d7ff}\u{e000}\u{fffd}\u{10ffff}"),
    (
        "reminder",
        "done\n<system-reminder>\nThe TodoWrite tool has not been used recently.\n</system-reminder>\nand more",
    ),
    ("reminder", "<system-reminder>\nnever closed"),
    ("spaces", " \n\t\n\u{a0}\n\u{3000}\n"),
    (
        "json",
        "{\"parentUuid\":null,\"type\":\"assistant\",\"message\":{\"id\":\"msg_fake\",\"usage\":{\"output_tokens\":99999}}}",
    ),
    (
        "windows",
        "C:\\Users\\dev\\project>dir\r\n Volume in drive C has no label.\r\n",
    ),
];

/// Each of them as the output of a command and as an answer.
pub(super) fn nasty(scribe: &mut Scribe) {
    for (sort, text) in NASTY {
        scribe.mark(&format!("text/{sort}"));
        let call = scribe.bash("./print-something", "Print something", *text);
        one_call(scribe, call);
        answer(scribe, *text);
    }
}

/// In the command, its description and a failure, where they are as dangerous.
pub(super) fn nasty_command(scribe: &mut Scribe) {
    scribe.mark("text/command");
    let place = scribe.rng.random_range(0..NASTY.len());
    let text = NASTY
        .get(place)
        .map_or("", |(_, text)| *text)
        .replace('\0', "");
    let call = scribe.bash_failing(&format!("printf '%s' '{text}'\n"), &text, 2, &text);
    one_call(scribe, call);
}

/// Things of the shape of secrets, the same ones throughout a session. None of them ever opened anything.
pub(super) fn secrets(scribe: &mut Scribe) {
    if scribe.expected.secrets.is_empty() {
        let made = make_secrets(scribe);
        scribe.expected.secrets = made;
    }
    scribe.mark("text/secret");
    let secrets = scribe.expected.secrets.clone();
    let lines: Vec<String> = secrets
        .iter()
        .enumerate()
        .map(|(place, one)| format!("SECRET_{place}={one}"))
        .collect();
    let call = scribe.bash("cat .env", "Show the environment", lines.join("\n"));
    one_call(scribe, call);
    if let Some(one) = secrets.first() {
        let call = scribe.bash(
            &format!("curl -H 'Authorization: Bearer {one}' https://api.example.com"),
            "Call the API",
            "ok",
        );
        one_call(scribe, call);
        answer(scribe, format!("The token in `.env` is {one}."));
    }
}

fn make_secrets(scribe: &mut Scribe) -> Vec<String> {
    let rng = &mut scribe.rng;
    let number: u64 = rng.random_range(100_000_000_000_000_000..999_999_999_999_999_999);
    vec![
        ids::base62(rng, "ghp_", 36),
        ids::base62(rng, "github_pat_11", 72),
        ids::base62(rng, "sk-ant-api03-", 95),
        ids::base62(rng, "glpat-", 20),
        format!("AKIA{}", ids::hex(rng, 16).to_uppercase()),
        format!(
            "xoxb-{}-{}",
            rng.random_range(10_000_000_000_u64..99_999_999_999),
            ids::base62(rng, "", 24)
        ),
        ids::base62(
            rng,
            &format!("https://discord.com/api/webhooks/{number}/"),
            68,
        ),
        format!(
            "{}.{}.{}",
            ids::base62(rng, "eyJhbGciOiJIUzI1NiJ9", 0),
            ids::base62(rng, "eyJzdWIiOi", 40),
            ids::base62(rng, "", 43)
        ),
    ]
}

/// Outputs that the client put into files of their own.
pub(super) fn persisted(scribe: &mut Scribe) {
    scribe.mark("text/persisted-output");
    let id = ids::hex(&mut scribe.rng, 8);
    let session = scribe.place.session.clone();
    let all = words::log(&mut scribe.rng, 700);
    let path = format!("{session}/tool-results/{id}.txt");
    let shown = format!(
        "<persisted-output>\nOutput too large ({}KB). Full output saved to: {path}\n\nPreview (first 2KB):\n{}\n...\n</persisted-output>",
        all.len() / 1024,
        words::log(&mut scribe.rng, 20)
    );
    let mut call = scribe.bash(
        "cargo test --workspace -- --nocapture",
        "Run all tests",
        shown,
    );
    if let Some(detail) = call.detail.take() {
        call.detail = Some(
            detail
                .with("persistedOutputPath", path.clone())
                .with("persistedOutputSize", all.len()),
        );
    }
    scribe.put_aside(path, all);
    one_call(scribe, call);
}

/// The largest lines: a picture, and an edit whose record holds the whole file.
pub(super) fn huge_image(scribe: &mut Scribe) {
    scribe.mark("huge/image");
    let data = ids::base62(&mut scribe.rng, "iVBORw0KGgoAAAANSUhEUgAA", scribe.huge);
    let image: Json = obj! {
        "type": "image", "source": obj! {"type": "base64", "media_type": "image/png", "data": data},
    };
    let tail = obj! {"imagePasteIds": vec![1.into()], "permissionMode": "default"};
    scribe.expected.prompts += 1;
    let said = crate::transcript::message::text("What is wrong in this picture?");
    scribe.user("user/image", vec![said, image], tail);
}

pub(super) fn huge_file(scribe: &mut Scribe) {
    scribe.mark("huge/original-file");
    let call = tools::edit_of(scribe, scribe.huge / 32);
    one_call(scribe, call);
}

pub(super) fn huge_output(scribe: &mut Scribe) {
    scribe.mark("huge/output");
    let output = words::log(&mut scribe.rng, scribe.huge / 48);
    let call = scribe.bash("cat var/log/all.log", "Show the whole log", output);
    one_call(scribe, call);
}
