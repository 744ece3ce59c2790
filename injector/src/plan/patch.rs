//! Writes RFC 6902 operations, and remembers what `uninject` needs to take them back.

use super::status::Undo;
use crate::json;
use crate::pod::Presence;

/// Room for a usual patch in bytes, so that it is not moved while it grows.
const USUAL: usize = 6 * 1024;

/// The operations of one answer, as JSON text.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// A JSON array without its end; empty without an operation.
    text: String,
    pub(crate) undo: Undo,
}

impl Patch {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The whole patch: a JSON array. There must be an operation in it.
    pub(crate) fn finish(mut self) -> String {
        self.text.push(']');
        self.text
    }

    /// Begins an operation; what is written until [`Self::end`] is its value.
    fn begin(&mut self, op: &str, path: &str) {
        if self.text.is_empty() {
            self.text.reserve(USUAL);
        }
        self.text.push(if self.text.is_empty() { '[' } else { ',' });
        self.text.push_str("{\"op\":\"");
        self.text.push_str(op);
        self.text.push_str("\",\"path\":");
        json::string(&mut self.text, path);
    }

    fn end(&mut self) {
        self.text.push('}');
    }

    fn operation(&mut self, op: &str, path: &str, value: Option<&str>) {
        self.begin(op, path);
        if let Some(value) = value {
            self.text.push_str(",\"value\":");
            self.text.push_str(value);
        }
        self.end();
    }

    /// `add`: a member of an object that is there, or an item of a list that is.
    pub(crate) fn add(&mut self, path: &str, value: &str) {
        self.operation("add", path, Some(value));
    }

    pub(crate) fn replace(&mut self, path: &str, value: &str) {
        self.operation("replace", path, Some(value));
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.operation("remove", path, None);
    }

    /// Appends items to the list at `path`, which is made when it is not there.
    pub(crate) fn append(&mut self, path: &str, presence: Presence, items: &[impl AsRef<str>]) {
        if items.is_empty() {
            return;
        }
        if presence == Presence::There {
            let end = format!("{path}/-");
            for item in items {
                self.add(&end, item.as_ref());
            }
            return;
        }
        self.made(path, presence);
        self.begin("add", path);
        self.text.push_str(",\"value\":[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.text.push_str(item.as_ref());
        }
        self.text.push(']');
        self.end();
    }

    /// Sets members (key and JSON) of the mapping at `path`, which is made when it is not there.
    pub(crate) fn members(&mut self, path: &str, presence: Presence, members: &[(&str, String)]) {
        if members.is_empty() {
            return;
        }
        if presence == Presence::There {
            for (key, value) in members {
                self.add(&format!("{path}/{}", json::pointer_token(key)), value);
            }
            return;
        }
        self.made(path, presence);
        self.begin("add", path);
        self.text.push_str(",\"value\":{");
        for (key, value) in members {
            json::member(&mut self.text, key, value);
        }
        self.text.push('}');
        self.end();
    }

    /// Makes an empty mapping where none is.
    pub(crate) fn object(&mut self, path: &str, presence: Presence) {
        self.made(path, presence);
        self.add(path, "{}");
    }

    fn made(&mut self, path: &str, presence: Presence) {
        match presence {
            Presence::Absent => self.undo.created.push(path.to_owned()),
            Presence::Null => self.undo.null.push(path.to_owned()),
            Presence::There => {}
        }
    }
}
