//! What all events of one record share: time, session, folder, and who did it.

use super::interpreter::{Interpreter, NAMES};
use super::{Call, Event, Kind, hash};
use crate::record::Entry;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::Arc;

/// What all events of one record share.
pub(super) struct Context {
    pub(super) at: Option<Timestamp>,
    pub(super) session: Arc<str>,
    pub(super) agent: Option<Arc<str>>,
    pub(super) cwd: Option<Arc<str>>,
    pub(super) fresh: bool,
}

impl Context {
    pub(super) fn event(&self, kind: Kind) -> Event {
        Event {
            at: self.at,
            session: self.session.clone(),
            agent: self.agent.clone(),
            cwd: self.cwd.clone(),
            kind,
        }
    }
}

impl Interpreter {
    pub(super) fn context(
        &mut self,
        session: &str,
        subagent: Option<&str>,
        entry: &Entry<'_>,
        text: &str,
    ) -> Context {
        let key = match (entry.kind.as_str(), entry.uuid.some()) {
            (_, Some(uuid)) => hash(&[b"uuid", uuid.as_bytes()]),
            ("pr-link", None) => hash(&[b"pr-link", entry.pr_url.as_str().as_bytes()]),
            ("queue-operation", None) => {
                let content = entry.content.map(RawValue::get).unwrap_or_default();
                let at = entry.timestamp.as_str().as_bytes();
                match entry.operation.as_str() {
                    "enqueue" => hash(&[b"queue", at, content.as_bytes()]),
                    // These have no text, and two kinds may come in one moment.
                    other => hash(&[b"queue", at, content.as_bytes(), other.as_bytes()]),
                }
            }
            (_, None) => hash(&[b"text", text.as_bytes()]),
        };
        let hidden = [entry.agent.as_str(), subagent.unwrap_or_default()]
            .iter()
            .any(|id| is_internal(id));
        let fresh = self.seen.insert(key) && !hidden;
        // Checked: Discord refuses a whole message for a bad timestamp.
        let at: Option<Timestamp> = entry.timestamp.some().and_then(|time| time.parse().ok());
        if let Some(time) = at.filter(|_| fresh) {
            self.happened(time);
        }
        let version = entry.version.some();
        if version.is_some() && self.activity.version.as_deref() != version {
            self.activity.version = version.map(Into::into);
        }
        let session = share(&mut self.sessions, entry.session.some().unwrap_or(session));
        let cwd = entry.cwd.some().map(|cwd| share(&mut self.folders, cwd));
        let agent = self.agent(subagent, entry);
        Context {
            at,
            session,
            agent,
            cwd,
            fresh,
        }
    }

    /// Files are read one after the other, and lines are not in the order of their times: the run lasts from the earliest
    /// to the latest. A copy happened when its original did, which is no part of this run if that was not.
    fn happened(&mut self, time: Timestamp) {
        let (first, last) = self.activity.between.unwrap_or((time, time));
        self.activity.between = Some((first.min(time), last.max(time)));
    }

    /// Who wrote the record, when it was not the session's own agent.
    pub(super) fn agent(&mut self, subagent: Option<&str>, entry: &Entry<'_>) -> Option<Arc<str>> {
        if let Some(parent) = entry.parent_tool.some() {
            return Some(self.task(parent).unwrap_or_else(|| "Subagent".into()));
        }
        let id = subagent.filter(|id| !id.is_empty()).or(entry.agent.some());
        match id {
            Some(id) => {
                let known = self.agents.iter().find(|(known, _)| &**known == id);
                Some(known.map_or_else(
                    || format!("Subagent {id}").into(),
                    |(_, label)| label.clone(),
                ))
            }
            None => entry.sidechain.is_true().then(|| "Subagent".into()),
        }
    }

    pub(super) fn task(&self, call: &str) -> Option<Arc<str>> {
        match &self.calls.find(call)?.call {
            Call::Agent {
                kind, description, ..
            } => {
                let label: Vec<&str> = ["Subagent", kind, description]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect();
                Some(label.join(" · ").into())
            }
            _ => None,
        }
    }
}

/// Subagents that are the client's own machinery: their tokens cost money, their text is for nobody.
fn is_internal(agent: &str) -> bool {
    let id = agent.strip_prefix("agent-").unwrap_or(agent);
    id.starts_with("acompact") || id.starts_with("aprompt_suggestion")
}

fn share(names: &mut VecDeque<Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.iter().rev().find(|known| &***known == name) {
        return known.clone();
    }
    if names.len() >= NAMES {
        names.pop_front();
    }
    let shared: Arc<str> = name.into();
    names.push_back(shared.clone());
    shared
}
