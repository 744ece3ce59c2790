//! Manifests in YAML or JSON: one or many documents, lists, and every kind that holds a Pod template.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest input, so that a wrong file does not fill the memory.
const LONGEST: u64 = 64 * 1024 * 1024;

/// What was read, and in which format it is to be written.
pub(super) struct Documents {
    pub(super) values: Vec<Value>,
    pub(super) json: bool,
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
        Ok(Self { values, json })
    }

    /// Writes the documents in the format they came in.
    pub(super) fn render(&self) -> anyhow::Result<String> {
        let mut out = String::new();
        for (at, value) in self.values.iter().enumerate() {
            if self.json {
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

/// A Pod or Pod template inside a document.
pub(super) struct Place {
    /// JSON pointer to what holds its `metadata` and `spec`.
    pub(super) pointer: String,
    /// `Job/name`, for messages.
    pub(super) owner: String,
    /// JSON pointer to the workload itself; the same as `pointer` for a Pod.
    pub(super) workload: String,
}

/// Every Pod template of a document.
pub(super) fn places(document: &Value) -> Vec<Place> {
    let mut out = Vec::new();
    find(document, String::new(), &mut out);
    out
}

fn find(value: &Value, at: String, out: &mut Vec<Place>) {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let kind = text("/kind");
    if kind == "List" || (kind.ends_with("List") && value.get("items").is_some()) {
        let items = value.get("items").and_then(Value::as_array);
        for (index, item) in items.into_iter().flatten().enumerate() {
            find(item, format!("{at}/items/{index}"), out);
        }
        return;
    }
    let inner = match kind {
        "Pod" => "",
        "CronJob" => "/spec/jobTemplate/spec/template",
        "PodTemplate" => "/template",
        // Deployments, Jobs and all that follow their shape, whoever defines them.
        _ => "/spec/template",
    };
    let has_pods = value
        .pointer(&format!("{inner}/spec/containers"))
        .is_some_and(Value::is_array);
    if has_pods {
        let name = match text("/metadata/name") {
            "" => text("/metadata/generateName"),
            name => name,
        };
        out.push(Place {
            pointer: format!("{at}{inner}"),
            owner: format!("{kind}/{name}"),
            workload: at,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_found_wherever_a_kind_keeps_them() {
        let yaml = "
apiVersion: v1
kind: List
items:
  - {kind: Pod, metadata: {name: a}, spec: {containers: []}}
  - {kind: Job, metadata: {name: b}, spec: {template: {spec: {containers: []}}}}
  - {kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec: {template: {spec: {containers: []}}}}}}
  - {kind: Rollout, metadata: {name: d}, spec: {template: {spec: {containers: []}}}}
  - {kind: ConfigMap, metadata: {name: e}}
---
kind: PodTemplate
metadata: {generateName: f-}
template: {spec: {containers: []}}
";
        let documents = Documents::parse(yaml).unwrap();
        let found: Vec<_> = documents
            .values
            .iter()
            .flat_map(places)
            .map(|place| (place.owner, place.pointer))
            .collect();
        let expected = [
            ("Pod/a", "/items/0"),
            ("Job/b", "/items/1/spec/template"),
            ("CronJob/c", "/items/2/spec/jobTemplate/spec/template"),
            ("Rollout/d", "/items/3/spec/template"),
            ("PodTemplate/f-", "/template"),
        ];
        let found: Vec<_> = found
            .iter()
            .map(|(owner, at)| (owner.as_str(), at.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn yaml_written_is_yaml_read() {
        let value = serde_json::json!({
            "a": ["yes", "on", "no", "~", "null", "0644", "1e3", "1_000", "0x1f", "12:30:45", "", " x ", "-", "a: b", "#c",
                "multi\nline\n", "tab\t", "'q'", "\"d\"", "$(X)", "*", "&a", "!t", "%", "@", "`", "1.0", "true", ".inf"],
            "b": {"n": 1, "f": 1.5, "z": null, "t": true, "empty": {}, "list": []},
        });
        let text = Documents {
            values: vec![value.clone()],
            json: false,
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
