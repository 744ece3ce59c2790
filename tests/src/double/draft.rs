//! A message as a request asks for it, checked against every limit, before it is stored.

use serde_json::{Map, Value};

use super::checker::{Checker, Path, Text, at};
use super::embed;
use super::error::ApiError;
use super::form::Upload;

/// Most files of one message, and most attachments listed.
pub const MESSAGE_FILES: usize = 10;
/// Suppresses the previews of links.
pub const SUPPRESS_EMBEDS: i64 = 1 << 2;
/// Sends without a notification.
pub const SUPPRESS_NOTIFICATIONS: i64 = 1 << 12;
/// A deferred answer that is still to come.
pub const LOADING: i64 = 1 << 7;
/// Seen by one user alone.
pub const EPHEMERAL: i64 = 1 << 6;
/// Components instead of content and embeds.
pub const IS_COMPONENTS_V2: i64 = 1 << 15;

/// What the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Execute webhook.
    Execute,
    /// Edit a message.
    Edit,
    /// A bot's own message.
    Create,
    /// An answer or follow-up to an interaction.
    Reply,
}

/// A checked request. `None` means: the request says nothing about it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Content; empty when the request sets it to null or "".
    pub content: Option<String>,
    /// Embeds in Discord's stored form; empty when null.
    pub embeds: Option<Vec<Value>>,
    /// Name shown instead of the webhook's.
    pub username: Option<String>,
    /// Picture shown instead of the webhook's.
    pub avatar_url: Option<String>,
    /// Message flags.
    pub flags: i64,
    /// Components as sent.
    pub components: Option<Value>,
    /// Name of the forum post to open.
    pub thread_name: Option<String>,
    /// Attachments listed: (id, filename, description).
    pub attachments: Option<Vec<Listed>>,
    /// A poll as sent.
    pub poll: Option<Value>,
}

/// One entry of `attachments`.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Index of an uploaded file, or the id of one that stays.
    pub id: String,
    /// Filename to show.
    pub filename: Option<String>,
    /// Alternative text.
    pub description: Option<String>,
}

const EXECUTE: [&str; 12] = [
    "content",
    "embeds",
    "allowed_mentions",
    "components",
    "attachments",
    "poll",
    "tts",
    "flags",
    "username",
    "avatar_url",
    "thread_name",
    "applied_tags",
];
const EDIT: [&str; 7] = [
    "content",
    "embeds",
    "allowed_mentions",
    "components",
    "attachments",
    "poll",
    "flags",
];
const REPLY: [&str; 8] = [
    "content",
    "embeds",
    "allowed_mentions",
    "components",
    "attachments",
    "poll",
    "tts",
    "flags",
];
const CREATE: [&str; 13] = [
    "content",
    "embeds",
    "allowed_mentions",
    "components",
    "attachments",
    "poll",
    "tts",
    "flags",
    "nonce",
    "message_reference",
    "sticker_ids",
    "enforce_nonce",
    "shared_client_theme",
];

/// Checks a body; answers the draft or Discord's refusal, and the violations either way.
pub fn check(kind: Kind, body: &Value, files: &[Upload]) -> (Result<Draft, ApiError>, Vec<String>) {
    let mut checker = Checker::default();
    let draft = read(&mut checker, kind, body, files);
    let (error, violations) = checker.finish();
    match (error, draft) {
        (Some(error), _) => (Err(error), violations),
        (None, Some(draft)) => (Ok(draft), violations),
        (None, None) => (Err(ApiError::bad(50035, "Invalid Form Body")), violations),
    }
}

fn read(checker: &mut Checker, kind: Kind, body: &Value, files: &[Upload]) -> Option<Draft> {
    let root = Path::new();
    let known: &[&str] = match kind {
        Kind::Execute => &EXECUTE,
        Kind::Edit => &EDIT,
        Kind::Create => &CREATE,
        Kind::Reply => &REPLY,
    };
    let map = checker.object(body, &root, known)?;
    mentions(checker, map);
    let mut draft = Draft {
        content: content(checker, map),
        components: map
            .get("components")
            .filter(|value| !value.is_null())
            .cloned(),
        poll: map.get("poll").filter(|value| !value.is_null()).cloned(),
        attachments: listed(checker, map, files),
        ..Draft::default()
    };
    if map.contains_key("embeds") {
        let list = checker.list(map, &root, "embeds", embed::MESSAGE_EMBEDS);
        let list = list.map(Vec::as_slice).unwrap_or_default();
        draft.embeds = Some(embed::check_all(checker, list, &at(&root, "embeds")));
    }
    draft.flags = flags(checker, map, kind);
    checker.boolean(map, &root, "tts");
    checker.list(map, &root, "components", 40);
    checker.list(map, &root, "applied_tags", 5);
    if kind == Kind::Execute {
        draft.username = username(checker, map);
        draft.avatar_url = checker.url(map, &root, "avatar_url", &["http", "https"]);
        draft.thread_name = checker.text(map, &root, "thread_name", Text::required_if(map));
    }
    if draft.flags & IS_COMPONENTS_V2 != 0 {
        for key in ["content", "embeds", "poll"] {
            if map.get(key).is_some_and(|value| !value.is_null()) {
                checker.error(
                    &at(&root, key),
                    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                    "The field cannot be used with MessageFlags.IS_COMPONENTS_V2",
                );
            }
        }
    }
    for file in files {
        if !file.has_listing(draft.attachments.as_deref()) {
            checker.violation(
                &at(&root, "attachments"),
                &format!("files[{}] is not listed", file.index),
            );
        }
    }
    Some(draft)
}

impl Text {
    /// 1 to 100 code points when the field is there at all.
    fn required_if(map: &Map<String, Value>) -> Self {
        Self {
            max: 100,
            required: map.get("thread_name").is_some_and(|name| !name.is_null()),
        }
    }
}

fn content(checker: &mut Checker, map: &Map<String, Value>) -> Option<String> {
    let value = map.get("content")?;
    // Unlike an embed's texts, blank content is the same as none: the emptiness of the message decides.
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Some(String::new());
    }
    checker.text(map, &Path::new(), "content", Text::up_to(2000))
}

/// A mention in a tool's output must never ring a phone: every send and every edit has to say so.
fn mentions(checker: &mut Checker, map: &Map<String, Value>) {
    let path = at(&Path::new(), "allowed_mentions");
    let Some(value) = map.get("allowed_mentions").filter(|value| !value.is_null()) else {
        checker.violation(
            &path,
            "missing; must be {\"parse\": []} on every send and every edit",
        );
        return;
    };
    let known = ["parse", "users", "roles", "replied_user"];
    let Some(allowed) = checker.object(value, &path, &known) else {
        return;
    };
    let empty = |key: &str| match allowed.get(key) {
        None | Some(Value::Null) => key != "parse",
        Some(value) => value.as_array().is_some_and(Vec::is_empty),
    };
    if !(empty("parse") && empty("users") && empty("roles")) {
        checker.violation(&path, "lets mentions through; must be {\"parse\": []}");
    }
}

fn username(checker: &mut Checker, map: &Map<String, Value>) -> Option<String> {
    let root = Path::new();
    let name = checker.text(
        map,
        &root,
        "username",
        Text {
            max: 80,
            required: false,
        },
    )?;
    let lower = name.to_lowercase();
    for word in ["clyde", "discord"] {
        if lower.contains(word) {
            checker.error(
                &at(&root, "username"),
                "USERNAME_INVALID_CONTAINS",
                &format!("Username cannot contain \"{word}\""),
            );
        }
    }
    Some(name)
}

fn flags(checker: &mut Checker, map: &Map<String, Value>, kind: Kind) -> i64 {
    let root = Path::new();
    let Some(flags) = checker.integer(map, &root, "flags", 0, i64::from(i32::MAX)) else {
        return 0;
    };
    let allowed = match kind {
        Kind::Edit => SUPPRESS_EMBEDS | IS_COMPONENTS_V2,
        Kind::Execute | Kind::Create => SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2,
        Kind::Reply => SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2 | EPHEMERAL,
    };
    if flags & !allowed != 0 {
        let message = format!("Only the bits of {allowed} may be set here.");
        checker.error(&at(&root, "flags"), "MESSAGE_FLAGS_INVALID", &message);
    }
    flags
}

fn listed(
    checker: &mut Checker,
    map: &Map<String, Value>,
    files: &[Upload],
) -> Option<Vec<Listed>> {
    let root = Path::new();
    map.get("attachments")?;
    let list = checker.list(map, &root, "attachments", MESSAGE_FILES);
    let path = at(&root, "attachments");
    let mut kept = Vec::new();
    for (n, item) in list
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let path = at(&path, n);
        let known = [
            "id",
            "filename",
            "description",
            "duration_secs",
            "waveform",
            "title",
            "is_spoiler",
            "is_remix",
        ];
        let Some(item) = checker.object(item, &path, &known) else {
            continue;
        };
        let id = match item.get("id") {
            Some(Value::String(id)) if id.parse::<u64>().is_ok() => id.clone(),
            Some(Value::Number(id)) if id.is_u64() => id.to_string(),
            Some(_) => {
                checker.error(
                    &at(&path, "id"),
                    "NUMBER_TYPE_COERCE",
                    "Value is not snowflake.",
                );
                continue;
            }
            None => {
                checker.error(
                    &at(&path, "id"),
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                );
                continue;
            }
        };
        let filename = checker.text(item, &path, "filename", Text::up_to(1024));
        let description = checker.text(item, &path, "description", Text::up_to(1024));
        // A small id names an uploaded file by its index; a large one an attachment that stays.
        let index = id.parse::<u64>().unwrap_or(u64::MAX);
        if index < 1000 && !files.iter().any(|file| u64::from(file.index) == index) {
            let message = format!("Attachment data not found for files[{index}].");
            checker.error(&path, "ATTACHMENT_NOT_FOUND", &message);
        }
        kept.push(Listed {
            id,
            filename,
            description,
        });
    }
    Some(kept)
}
