//! What the assistant said and called, and what it cost.

use super::context::Context;
use super::interpreter::{Interpreter, NAMES, tool_event};
use super::pairing::Open;
use super::{Call, Event, Kind, Outcome, hash, prompt};
use crate::record::{Block, Blocks, Entry, Message, Progress, lenient, text_of};
use crate::usage::{Sample, Tariff, Tokens};
use std::time::Instant;

impl Interpreter {
    pub(super) fn progress(&mut self, session: &str, entry: &Entry<'_>) {
        let progress: Progress<'_> = lenient(entry.data);
        if progress.kind.as_str() != "agent_progress" {
            return;
        }
        if let Some(id) = progress.agent.some()
            && !self.agents.iter().any(|(known, _)| &**known == id)
            && let Some(label) = self.task(entry.parent_tool_use.as_str())
        {
            if self.agents.len() >= NAMES {
                self.agents.pop_front();
            }
            self.agents
                .push_back((id.into(), format!("{label} · {id}").into()));
        }
        // The subagent's own file may not be there; its message ids make the repeat harmless where it is.
        let inner: Entry<'_> = lenient(progress.message);
        if inner.kind.as_str() == "assistant" {
            let message = &inner.message;
            let session = entry.session.some().unwrap_or(session);
            self.count(message, session);
        }
    }

    fn count(&mut self, message: &Message<'_>, session: &str) {
        let Some(usage) = &message.usage else { return };
        let tokens = Tokens::of(usage);
        self.ledger.count(&Sample {
            message: message.id.as_str(),
            model: message.model.as_str(),
            session,
            ended: message.stop_reason.some().is_some(),
            tokens,
            tariff: Tariff::of(usage, &tokens),
        });
    }

    pub(super) fn assistant(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let message = &entry.message;
        let sidechain = context.agent.is_some() || entry.sidechain.is_true();
        self.count(message, &context.session);
        let synthetic = message.model.as_str() == "<synthetic>";
        let model = message.model.some().filter(|_| !synthetic && !sidechain);
        if model.is_some() && self.activity.model.as_deref() != model {
            self.activity.model = model.map(Into::into);
        }
        // The client's own record of a turn's end is not written in every mode.
        self.activity.idle = !sidechain && message.stop_reason.as_str() == "end_turn";
        self.activity.interrupted = false;
        self.activity.finished = None;
        self.activity.api_failed = !sidechain && entry.api_error.is_true();
        if entry.api_error.is_true() {
            if context.fresh {
                self.activity.errors += 1;
                out.push(context.event(Kind::ApiError {
                    status: entry.api_status.0.map(|_| entry.api_status.count()),
                    text: plain(&message.content),
                }));
            }
            return;
        }
        if synthetic {
            return;
        }
        let id = message.id.as_str();
        match &message.content {
            Blocks::None => {}
            Blocks::Text(text) => self.said(id, text, context, out),
            Blocks::List(blocks) => {
                for block in blocks {
                    match block.kind.as_str() {
                        "text" => {
                            if let Some(text) = block.text.and_then(text_of) {
                                self.said(id, &text, context, out);
                            }
                        }
                        "thinking" if self.options.thinking => {
                            let text = block.thinking.and_then(text_of).unwrap_or_default();
                            if context.fresh && !text.trim().is_empty() {
                                out.push(context.event(Kind::Thought {
                                    text: text.into_owned(),
                                }));
                            }
                        }
                        "tool_use" | "mcp_tool_use" => self.call(block, context, out),
                        _ => {}
                    }
                }
            }
        }
    }

    pub(super) fn said(
        &mut self,
        message: &str,
        text: &str,
        context: &Context,
        out: &mut Vec<Event>,
    ) {
        let text = prompt::without_reminders(text);
        if text.trim().is_empty() {
            return;
        }
        // A copy of a session may have new uuids; message ids are kept.
        let new = message.is_empty()
            || self
                .seen
                .insert(hash(&[b"said", message.as_bytes(), text.as_bytes()]));
        if new && context.fresh {
            out.push(context.event(Kind::Said {
                text: text.into_owned(),
            }));
        }
    }

    pub(super) fn call(&mut self, block: &Block<'_>, context: &Context, out: &mut Vec<Event>) {
        let new = self
            .seen
            .insert(hash(&[b"call", block.id.as_str().as_bytes()]));
        let fresh = new && context.fresh;
        if fresh {
            self.activity.calls += 1;
        }
        let gone = self.calls.open(Open {
            id: block.id.owned(),
            name: block.name.owned(),
            call: Call::of(block.name.as_str(), block.input),
            at: context.at,
            session: context.session.clone(),
            agent: context.agent.clone(),
            cwd: context.cwd.clone(),
            read: Instant::now(),
            copy: !fresh,
            told: self
                .seen
                .contains(hash(&[b"told", block.id.as_str().as_bytes()])),
        });
        out.extend(
            gone.iter()
                .filter(|call| !call.told && !call.copy)
                .map(|call| tool_event(call, Outcome::Unknown)),
        );
    }
}

fn plain(content: &Blocks<'_>) -> String {
    match content {
        Blocks::None => String::new(),
        Blocks::Text(text) => text.to_string(),
        Blocks::List(blocks) => {
            let texts: Vec<_> = blocks
                .iter()
                .filter_map(|block| block.text.and_then(text_of))
                .collect();
            texts.join("\n")
        }
    }
}
