//! Discord's own OpenAPI document, which stands beside the project where its licence lets it: what is judged by nothing else
//! says aloud that it was left out where it is not there.

use serde_json::Value;
use std::path::PathBuf;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Result<Value, String>> = LazyLock::new(|| {
    let beside = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/discord-openapi/openapi.json"
    );
    let file = std::env::var_os("DISCORD_OPENAPI").map_or(PathBuf::from(beside), PathBuf::from);
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| said(&error))?;
    serde_json::from_str(&text).map_err(|error| said(&error))
});

/// The document, for a test that has more to look at without it. `DISCORD_OPENAPI` names it elsewhere.
pub fn document() -> Option<&'static Value> {
    DOCUMENT.as_ref().ok()
}

/// The document, for a test that is nothing without it: that is said then, and the scripts count it as left out.
pub fn wanted() -> Option<&'static Value> {
    if let Err(why) = &*DOCUMENT {
        println!("skipped: Discord's OpenAPI document ({why})");
    }
    document()
}
