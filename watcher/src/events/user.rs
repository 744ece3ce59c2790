//! What came from the user's side: prompts, and the results of tools.

use super::context::Context;
use super::interpreter::{Interpreter, NAMES};
use super::{Answer, Call, Event, Kind, Outcome, ToolEvent, hash, prompt};
use crate::record::{Block, Blocks, Entry, text_of};
use jiff::Timestamp;
use std::sync::Arc;

impl Interpreter {
    pub(super) fn user(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let message = &entry.message;
        self.activity.idle = false;
        self.activity.api_failed = false;
        match &message.content {
            Blocks::None => {}
            Blocks::Text(text) => self.prompted(text, 0, entry, context, out),
            Blocks::List(blocks) => {
                let mut texts = Vec::new();
                let mut images = 0;
                for block in blocks {
                    match block.kind.as_str() {
                        "tool_result" | "mcp_tool_result" => {
                            self.answer(block, entry, context, out);
                        }
                        "text" => texts.extend(block.text.and_then(text_of)),
                        "image" | "document" => images += 1,
                        _ => {}
                    }
                }
                self.prompted(&texts.join("\n"), images, entry, context, out);
            }
        }
    }

    pub(super) fn answer(
        &mut self,
        block: &Block<'_>,
        entry: &Entry<'_>,
        context: &Context,
        out: &mut Vec<Event>,
    ) {
        let id = block.tool.as_str();
        let call = self.calls.close(id);
        let new = self.seen.insert(hash(&[b"result", id.as_bytes()]));
        if !new || !context.fresh {
            return;
        }
        let known = call.as_ref().map_or(&Call::Missing, |call| &call.call);
        let mut answer = Answer::of(known, block, entry.tool_result);
        if answer.duration_ms.is_none() {
            answer.duration_ms = call.as_ref().and_then(|call| between(call.at, context.at));
        }
        if answer.failed && !answer.refused {
            self.activity.errors += 1;
        }
        let (name, call, late) = call.map_or_else(
            || (String::new(), Call::Missing, false),
            |open| (open.name, open.call, open.told),
        );
        let tool = ToolEvent {
            id: id.to_owned(),
            name,
            call,
            outcome: Outcome::Answered {
                answer: Box::new(answer),
                late,
            },
        };
        out.push(context.event(Kind::Tool(Box::new(tool))));
    }

    fn prompted(
        &mut self,
        text: &str,
        images: usize,
        entry: &Entry<'_>,
        context: &Context,
        out: &mut Vec<Event>,
    ) {
        let for_the_model = entry.meta.is_true()
            || entry.compact_summary.is_true()
            || entry.transcript_only.is_true();
        if !context.fresh || for_the_model || (text.is_empty() && images == 0) {
            return;
        }
        if self.was_typed_ahead(text, &context.session) {
            return;
        }
        let kind = prompt::classify(text, images);
        if context.agent.is_none() && matches!(kind, Some(Kind::Prompt { .. })) {
            // Nobody's direct prompt is taken before all that was typed ahead: what is left there will not come.
            self.forget_typed_ahead(&context.session);
        }
        self.activity.interrupted =
            context.agent.is_none() && matches!(kind, Some(Kind::Interrupted { .. }));
        out.extend(kind.map(|kind| context.event(kind)));
    }

    /// A prompt typed while the agent is busy: told when it is typed. One that is taken back, or handed to the model
    /// within its turn, never comes as a prompt of its own.
    pub(super) fn queued(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        if !context.fresh {
            return;
        }
        match entry.operation.as_str() {
            "enqueue" => {}
            // It has no text. Prompts are taken in the order they were typed in.
            "remove" => {
                let of_session = |(session, _): &(_, _)| *session == context.session;
                if let Some(at) = self.queue.iter().position(of_session) {
                    self.queue.remove(at);
                }
                return;
            }
            "popAll" => return self.forget_typed_ahead(&context.session),
            _ => return,
        }
        let text = entry.content.and_then(text_of).unwrap_or_default();
        let kind = match prompt::classify(&text, 0) {
            Some(Kind::Prompt { text, images, .. }) => Kind::Prompt {
                text,
                images,
                queued: true,
            },
            Some(other) => other,
            None => return,
        };
        if self.queue.len() >= NAMES {
            self.queue.pop_front();
        }
        self.queue
            .push_back((context.session.clone(), typed_ahead(&text)));
        out.push(context.event(kind));
    }

    /// Whether this text was told when it was typed ahead; what was typed before it is over too.
    pub(super) fn was_typed_ahead(&mut self, text: &str, session: &Arc<str>) -> bool {
        let key = typed_ahead(text);
        let found = |(of, queued): &(Arc<str>, u64)| of == session && *queued == key;
        let Some(last) = self.queue.iter().position(found) else {
            return false;
        };
        let mut at = 0;
        self.queue.retain(|(of, _)| {
            at += 1;
            at > last + 1 || of != session
        });
        true
    }

    fn forget_typed_ahead(&mut self, session: &Arc<str>) {
        self.queue.retain(|(of, _)| of != session);
    }
}

fn typed_ahead(text: &str) -> u64 {
    hash(&[b"queue", text.trim().as_bytes()])
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    let passed = to?.duration_since(from?).as_millis();
    u64::try_from(passed).ok()
}
