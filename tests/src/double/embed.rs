//! One embed against Discord's limits (resources/message.mdx, Embed Limits).

use serde_json::{Map, Value, json};

use super::checker::{Checker, Path, Text, at};

/// Most code points over all embeds of one message.
pub const MESSAGE_EMBED_TOTAL: usize = 6000;
/// Most embeds of one message.
pub const MESSAGE_EMBEDS: usize = 10;

const KNOWN: [&str; 13] = [
    "type",
    "url",
    "title",
    "color",
    "timestamp",
    "description",
    "author",
    "image",
    "thumbnail",
    "footer",
    "fields",
    "provider",
    "video",
];
const WEB: [&str; 2] = ["http", "https"];
const WEB_OR_FILE: [&str; 3] = ["http", "https", "attachment"];

/// Checks all embeds of a message; answers them as Discord would store them.
pub fn check_all(checker: &mut Checker, embeds: &[Value], path: &Path) -> Vec<Value> {
    let mut total = 0;
    let mut urls: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for (n, embed) in embeds.iter().enumerate() {
        let path = at(path, n);
        let Some(embed) = check(checker, embed, &path, &mut total) else {
            continue;
        };
        if let Some(url) = embed.get("url").and_then(Value::as_str) {
            if urls.iter().any(|known| known == url) {
                // Discord shows only the first of them: the rest would be lost in silence.
                checker.violation(&path, "same url as another embed: only the first is shown");
                checker.error(
                    &at(&path, "url"),
                    "EMBED_URL_REPEATED",
                    "Two embeds of one message have this url.",
                );
            }
            urls.push(url.to_owned());
        }
        kept.push(embed);
    }
    if total > MESSAGE_EMBED_TOTAL {
        checker.error(
            path,
            "MAX_EMBED_SIZE_EXCEEDED",
            &format!("Embed size exceeds maximum size of {MESSAGE_EMBED_TOTAL}"),
        );
    }
    kept
}

fn check(checker: &mut Checker, embed: &Value, path: &Path, total: &mut usize) -> Option<Value> {
    let map = checker.object(embed, path, &KNOWN)?;
    let mut kept = Map::new();
    kept.insert("type".to_owned(), json!("rich"));
    if map
        .get("type")
        .is_some_and(|kind| kind != "rich" && !kind.is_null())
    {
        checker.violation(&at(path, "type"), "a webhook's embed is always \"rich\"");
    }
    for (key, max) in [("title", 256), ("description", 4096)] {
        if let Some(text) = checker.text(map, path, key, Text::up_to(max)) {
            *total += text.chars().count();
            kept.insert(key.to_owned(), json!(text));
        }
    }
    if let Some(url) = checker.url(map, path, "url", &WEB) {
        kept.insert("url".to_owned(), json!(url));
    }
    if let Some(color) = checker.integer(map, path, "color", 0, 0xFF_FFFF) {
        kept.insert("color".to_owned(), json!(color));
    }
    if let Some(timestamp) = timestamp(checker, map, path) {
        kept.insert("timestamp".to_owned(), json!(timestamp));
    }
    if let Some(author) = part(map, "author") {
        let known = ["name", "url", "icon_url"];
        let named = Some(("name", Text::required(256)));
        if let Some(author) = nested(checker, author, &at(path, "author"), &known, named, total) {
            kept.insert("author".to_owned(), author);
        }
    }
    if let Some(footer) = part(map, "footer") {
        let known = ["text", "icon_url"];
        let named = Some(("text", Text::required(2048)));
        if let Some(footer) = nested(checker, footer, &at(path, "footer"), &known, named, total) {
            kept.insert("footer".to_owned(), footer);
        }
    }
    for key in ["image", "thumbnail"] {
        let known = [
            "url",
            "width",
            "height",
            "placeholder",
            "placeholder_version",
            "is_animated",
            "description",
        ];
        if let Some(image) = part(map, key)
            && let Some(image) = nested(checker, image, &at(path, key), &known, None, total)
        {
            kept.insert(key.to_owned(), image);
        }
    }
    for key in ["provider", "video"] {
        if part(map, key).is_some() {
            checker.violation(
                &at(path, key),
                "a webhook cannot set this; Discord drops it",
            );
        }
    }
    let fields = fields(checker, map, path, total);
    if !fields.is_empty() {
        kept.insert("fields".to_owned(), Value::Array(fields));
    }
    Some(Value::Object(kept))
}

fn part<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !value.is_null())
}

/// author, footer, image, thumbnail: perhaps a text that counts, and URLs.
fn nested(
    checker: &mut Checker,
    value: &Value,
    path: &Path,
    known: &[&str],
    text: Option<(&str, Text)>,
    total: &mut usize,
) -> Option<Value> {
    let map = checker.object(value, path, known)?;
    let mut kept = Map::new();
    if let Some((key, rule)) = text
        && let Some(text) = checker.text(map, path, key, rule)
    {
        *total += text.chars().count();
        kept.insert(key.to_owned(), json!(text));
    }
    let icon = if text.is_some() { "icon_url" } else { "url" };
    if let Some(url) = checker.url(map, path, icon, &WEB_OR_FILE) {
        kept.insert(icon.to_owned(), json!(url));
    } else if text.is_none() && !map.contains_key("url") {
        checker.error(
            &at(path, "url"),
            "BASE_TYPE_REQUIRED",
            "This field is required",
        );
    }
    if text.is_some()
        && known.contains(&"url")
        && let Some(url) = checker.url(map, path, "url", &WEB)
    {
        kept.insert("url".to_owned(), json!(url));
    }
    Some(Value::Object(kept))
}

fn fields(
    checker: &mut Checker,
    map: &Map<String, Value>,
    path: &Path,
    total: &mut usize,
) -> Vec<Value> {
    let mut kept = Vec::new();
    let Some(list) = checker.list(map, path, "fields", 25) else {
        return kept;
    };
    let path = at(path, "fields");
    for (n, field) in list.iter().enumerate() {
        let path = at(&path, n);
        let Some(map) = checker.object(field, &path, &["name", "value", "inline"]) else {
            continue;
        };
        let name = checker.text(map, &path, "name", Text::required(256));
        let value = checker.text(map, &path, "value", Text::required(1024));
        let inline = checker.boolean(map, &path, "inline").unwrap_or(false);
        for text in [&name, &value].into_iter().flatten() {
            *total += text.chars().count();
        }
        kept.push(json!({"name": name, "value": value, "inline": inline}));
    }
    kept
}

fn timestamp(checker: &mut Checker, map: &Map<String, Value>, path: &Path) -> Option<String> {
    let text = checker.text(map, path, "timestamp", Text::up_to(64))?;
    if text.parse::<jiff::Timestamp>().is_err() {
        let message = format!("Could not parse {text}. Should be ISO8601.");
        checker.error(&at(path, "timestamp"), "DATE_TIME_TYPE_PARSE", &message);
        return None;
    }
    Some(text)
}
