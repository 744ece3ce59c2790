//! Manifests in YAML or JSON: one or many documents, lists, and every kind that holds a Pod template.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest input, so that a wrong file does not fill the memory.
const LONGEST: u64 = 64 * 1024 * 1024;

/// A format of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Several documents are one JSON value after the other.
    Json,
    /// Several documents are parted by `---`.
    Yaml,
}

/// What was read, and in which format it is to be written.
pub(super) struct Documents {
    pub(super) values: Vec<Value>,
    pub(super) format: Format,
}

impl Documents {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut text = String::new();
        if path == Path::new("-") {
            std::io::stdin()
                .lock()
                .take(LONGEST + 1)
                .read_to_string(&mut text)
                .context("standard input cannot be read")?;
        } else {
            let file = std::fs::File::open(path)
                .with_context(|| format!("{} cannot be opened", path.display()))?;
            file.take(LONGEST + 1)
                .read_to_string(&mut text)
                .with_context(|| format!("{} cannot be read as text", path.display()))?;
        }
        if text.len() as u64 > LONGEST {
            bail!("{} is longer than 64 MiB; split it", path.display());
        }
        Self::parse(&text).with_context(|| format!("{} is neither YAML nor JSON", path.display()))
    }

    /// Reads several files as one; the first one's format is that of the output.
    pub(super) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut all: Option<Self> = None;
        for path in paths {
            let mut documents = Self::read(path)?;
            match &mut all {
                None => all = Some(documents),
                Some(all) => all.values.append(&mut documents.values),
            }
        }
        all.context("no file is named; give -f FILE")
    }

    /// Reads a text.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let json = text.trim_start().starts_with('{');
        let values = if json {
            serde_json::Deserializer::from_str(text)
                .into_iter()
                .collect::<Result<_, _>>()?
        } else {
            // As kubectl reads YAML: a leading zero means octal.
            let options = serde_saphyr::options! { legacy_octal_numbers: true };
            serde_saphyr::from_multiple_with_options(text, options)
                .map_err(|error| anyhow::anyhow!("{error}"))?
        };
        let format = if json { Format::Json } else { Format::Yaml };
        Ok(Self { values, format })
    }

    /// Writes the documents in their format.
    pub(super) fn render(&self) -> anyhow::Result<String> {
        let mut out = String::new();
        for (at, value) in self.values.iter().enumerate() {
            if self.format == Format::Json {
                out.push_str(&serde_json::to_string_pretty(value)?);
                out.push('\n');
            } else {
                if at > 0 {
                    out.push_str("---\n");
                }
                out.push_str(
                    &serde_saphyr::to_string(value).map_err(|error| anyhow::anyhow!("{error}"))?,
                );
                if !out.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_written_is_yaml_read() {
        let value = serde_json::json!({
            "a": ["yes", "on", "no", "~", "null", "0644", "1e3", "1_000", "0x1f", "12:30:45", "", " x ", "-", "a: b", "#c",
                "multi\nline\n", "tab\t", "'q'", "\"d\"", "$(X)", "*", "&a", "!t", "%", "@", "`", "1.0", "true", ".inf"],
            "b": {"n": 1, "f": 1.5, "z": null, "t": true, "empty": {}, "list": []},
        });
        let text = Documents {
            values: vec![value.clone()],
            format: Format::Yaml,
        }
        .render()
        .unwrap();
        assert_eq!(Documents::parse(&text).unwrap().values, [value]);
    }

    #[test]
    fn a_leading_zero_is_octal_as_for_kubectl() {
        let documents = Documents::parse("mode: 0644").unwrap();
        assert_eq!(documents.values[0]["mode"], 420);
    }
}
