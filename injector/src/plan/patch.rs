//! Writes RFC 6902 operations, and remembers what `uninject` needs to take them back.

use super::status::Undo;
use crate::json;
use crate::pod::Presence;
use std::borrow::Cow;

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
    fn begin(&mut self, op: &str, path: &str, token: Option<&str>) {
        if self.text.is_empty() {
            self.text.reserve(USUAL);
        }
        self.text.push(if self.text.is_empty() { '[' } else { ',' });
        self.text.push_str("{\"op\":\"");
        self.text.push_str(op);
        self.text.push_str("\",\"path\":");
        json::pointer(&mut self.text, path, token);
    }

    fn end(&mut self) {
        self.text.push('}');
    }

    fn value(&mut self, value: &str) {
        self.text.push_str(",\"value\":");
        self.text.push_str(value);
        self.end();
    }

    /// `add`: a member of an object that is there, or an item of a list that is.
    pub(crate) fn add(&mut self, path: &str, value: &str) {
        self.begin("add", path, None);
        self.value(value);
    }

    pub(crate) fn replace(&mut self, path: &str, value: &str) {
        self.begin("replace", path, None);
        self.value(value);
    }

    pub(crate) fn remove(&mut self, path: &str) {
        self.begin("remove", path, None);
        self.end();
    }

    /// Appends items to the list at `path`, which is made when it is not there.
    pub(crate) fn append(
        &mut self,
        path: impl Into<Cow<'static, str>>,
        presence: Presence,
        items: &[impl AsRef<str>],
    ) {
        if items.is_empty() {
            return;
        }
        let path = path.into();
        if presence == Presence::There {
            for item in items {
                self.begin("add", &path, Some("-"));
                self.value(item.as_ref());
            }
            return;
        }
        self.begin("add", &path, None);
        self.made(path, presence);
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
    pub(crate) fn members(
        &mut self,
        path: &'static str,
        presence: Presence,
        members: &[(&str, impl AsRef<str>)],
    ) {
        if members.is_empty() {
            return;
        }
        if presence == Presence::There {
            for (key, value) in members {
                self.begin("add", path, Some(key));
                self.value(value.as_ref());
            }
            return;
        }
        self.made(path, presence);
        self.begin("add", path, None);
        self.text.push_str(",\"value\":{");
        for (key, value) in members {
            json::member(&mut self.text, key, value.as_ref());
        }
        self.text.push('}');
        self.end();
    }

    /// Makes an empty mapping where none is.
    pub(crate) fn object(&mut self, path: &'static str, presence: Presence) {
        self.made(path, presence);
        self.add(path, "{}");
    }

    /// Notes what stood at `path` before.
    pub(crate) fn made(&mut self, path: impl Into<Cow<'static, str>>, presence: Presence) {
        match presence {
            Presence::Absent => self.undo.created.push(path.into()),
            Presence::Null => self.undo.null.push(path.into()),
            Presence::There => {}
        }
    }
}
