//! Where an agent's files are.

use super::PlayerError;
use std::path::{Path, PathBuf};

/// The folder's name for a working directory: every character outside `[A-Za-z0-9]` becomes `-`.
pub fn slug(cwd: &str) -> String {
    cwd.chars()
        .map(|one| {
            if one.is_ascii_alphanumeric() {
                one
            } else {
                '-'
            }
        })
        .collect()
}

/// The agent's config directory: the flag, `CLAUDE_CONFIG_DIR`, `$HOME/.claude`. `variable` looks a variable up.
pub fn config_dir(
    flag: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<PathBuf, PlayerError> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    flag.map(Path::to_owned)
        .or_else(|| set("CLAUDE_CONFIG_DIR").map(PathBuf::from))
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".claude")))
        .ok_or(PlayerError::NoConfigDir)
}
