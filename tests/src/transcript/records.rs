//! The records that are neither a call nor an answer.

use super::ids;
use super::json::{Json, obj};
use super::scribe::Scribe;

impl Scribe {
    /// A person's prompt, with the snapshot that the client takes before it.
    pub(crate) fn prompt(&mut self, text: impl Into<Json>) {
        self.snapshot();
        let fields = obj! {"type": "user", "message": obj! {"role": "user", "content": text}};
        let tail = obj! {"thinkingMetadata": obj! {"maxThinkingTokens": 31_999}, "todos": Vec::new(), "permissionMode": "default"};
        let record = self.record(fields, tail);
        self.mark("user/prompt");
        self.put(&record);
        if !self.place.side {
            self.expected.prompts += 1;
        }
        self.pause(800, 3_000);
    }

    /// A user record that no person wrote; `tail` says how one knows.
    pub(crate) fn user(&mut self, shape: &str, content: impl Into<Json>, tail: Json) {
        let fields = obj! {"type": "user", "message": obj! {"role": "user", "content": content}};
        let record = self.record(fields, tail);
        self.mark(shape);
        self.put(&record);
    }

    /// A system record; `body` stands after the subtype.
    pub(crate) fn system(&mut self, subtype: &'static str, body: Json) {
        let mut fields = obj! {"type": "system", "subtype": subtype}.fields();
        fields.extend(body.fields());
        let record = self.record(Json::Map(fields), obj! {});
        self.mark(&format!("system/{subtype}"));
        self.put(&record);
    }

    /// A progress record.
    pub(crate) fn progress(&mut self, data: Json, tool_use: &str) {
        let kind = match &data {
            Json::Map(fields) => fields
                .iter()
                .find(|(key, _)| key == "type")
                .map(|(_, value)| value.clone()),
            _ => None,
        };
        if let Some(Json::Text(kind)) = kind {
            self.mark(&format!("progress/{kind}"));
        }
        let fields = obj! {
            "type": "progress", "data": data, "toolUseID": "bash-progress-0",
            "parentToolUseID": tool_use.to_owned(),
        };
        let record = self.record(fields, obj! {});
        self.put(&record);
    }

    /// A record without an envelope, e.g. a title.
    pub(crate) fn bare(&mut self, kind: &'static str, body: Json) {
        let mut fields = obj! {"type": kind}.fields();
        fields.extend(body.fields());
        self.mark(kind);
        self.put_plain(&Json::Map(fields));
    }

    /// The snapshot of the files that were touched.
    pub(crate) fn snapshot(&mut self) {
        let id = ids::uuid(&mut self.rng);
        let timestamp = self.clock.text();
        self.bare(
            "file-history-snapshot",
            obj! {
                "messageId": id.clone(),
                "snapshot": obj! {"messageId": id, "trackedFileBackups": obj! {}, "timestamp": timestamp},
                "isSnapshotUpdate": false,
            },
        );
    }

    /// The end of a turn.
    pub(crate) fn turn_end(&mut self, messages: u64, milliseconds: u64) {
        self.system(
            "stop_hook_summary",
            obj! {
                "hookCount": 1, "hookInfos": vec![obj! {"command": "scripts/on-stop.sh"}], "hookErrors": Vec::new(),
                "preventedContinuation": false, "stopReason": "", "hasOutput": false, "level": "suggestion",
            },
        );
        let body = obj! {"durationMs": milliseconds, "messageCount": messages, "isMeta": false};
        self.system("turn_duration", body);
    }
}
