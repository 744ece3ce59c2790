//! What the client said of itself: turns, hooks, retries, compaction, tasks, the end.

use super::context::Context;
use super::interpreter::Interpreter;
use super::{Event, Finish, Kind, prompt};
use crate::record::{Compaction, Entry, List, Text, lenient, text_of};

impl Interpreter {
    pub(super) fn system(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let told = || entry.content.and_then(text_of).unwrap_or_default();
        let kind = match entry.subtype.as_str() {
            "turn_duration" => {
                self.activity.idle = context.agent.is_none();
                None
            }
            "stop_hook_summary" => {
                self.activity.idle = context.agent.is_none() && !entry.prevented.is_true();
                let errors: List<Text<'_>> = lenient(entry.hook_errors);
                let texts: Vec<_> = errors.0.iter().filter_map(Text::some).collect();
                (!texts.is_empty() || entry.prevented.is_true()).then(|| Kind::Hook {
                    text: texts.join("\n"),
                    prevented: entry.prevented.is_true(),
                })
            }
            "local_command" => {
                prompt::classify(&told(), 0).filter(|kind| !matches!(kind, Kind::Prompt { .. }))
            }
            "api_error" | "api_retry" => Some(Kind::Retry {
                attempt: entry.retry_attempt.count(),
                most: entry.max_retries.count(),
                wait_ms: entry.retry_in.count(),
                reason: retry_reason(entry),
            }),
            "compact_boundary" => {
                let compaction: Compaction<'_> = lenient(entry.compact);
                Some(Kind::Compacted {
                    trigger: compaction.trigger.owned(),
                    tokens: compaction.tokens.count(),
                })
            }
            "init" => {
                if let Some(model) = entry.model.some() {
                    self.activity.model = Some(model.into());
                }
                Some(Kind::Began {
                    model: entry.model.owned(),
                    version: entry.version.owned(),
                })
            }
            "informational" | "scheduled_task_fire" | "away_summary" => Some(Kind::Notice {
                text: told().into_owned(),
            })
            .filter(|_| !told().trim().is_empty()),
            _ => None,
        };
        out.extend(
            kind.filter(|_| context.fresh)
                .map(|kind| context.event(kind)),
        );
    }

    pub(super) fn result(&mut self, entry: &Entry<'_>, context: &Context, out: &mut Vec<Event>) {
        let cost = entry.total_cost.0;
        if let Some(cost) = cost {
            self.ledger.exact_cost(&context.session, cost);
        }
        let costs = lenient(entry.model_usage);
        self.ledger.exact_model_costs(&context.session, &costs);
        self.activity.idle = true;
        // An end for want of turns or money says so in its subtype alone.
        let failed = entry.is_error.is_true() || entry.subtype.as_str().starts_with("error");
        self.activity.finished = Some(failed);
        if !context.fresh {
            return;
        }
        let errors: List<Text<'_>> = lenient(entry.errors);
        let errors: Vec<_> = errors.0.iter().filter_map(Text::some).collect();
        let text = entry
            .result
            .some()
            .map_or_else(|| errors.join("\n"), str::to_owned);
        out.push(
            context.event(Kind::Finished(Finish {
                subtype: entry.subtype.owned(),
                failed,
                text,
                duration_ms: entry.duration.count(),
                turns: entry.turns.count(),
                cost,
                denials: lenient::<List<serde::de::IgnoredAny>>(entry.denials)
                    .0
                    .len(),
            })),
        );
    }

    /// What a client adds to a conversation by itself.
    pub(super) fn attachment(
        &mut self,
        entry: &Entry<'_>,
        context: &Context,
        out: &mut Vec<Event>,
    ) {
        crate::record::loose! {
            /// The attachments that say something to a person.
            struct Attached<'de> {
                kind: Text<'de> = "type",
                id: Text<'de> = "taskId",
                status: Text<'de> = "status",
                description: Text<'de> = "description",
                summary: Text<'de> = "deltaSummary",
                blocking: Text<'de> = "blockingError",
                most: crate::record::Number = "maxTurns",
                prompt: Text<'de> = "prompt",
            }
        }
        let attached: Attached<'_> = lenient(entry.attachment);
        let kind = match attached.kind.as_str() {
            "task_status" => Some(Kind::Background {
                id: attached.id.owned(),
                status: attached.status.owned(),
                text: attached
                    .description
                    .some()
                    .or(attached.summary.some())
                    .unwrap_or_default()
                    .to_owned(),
            }),
            "hook_blocking_error" => Some(Kind::Hook {
                text: attached.blocking.owned(),
                prevented: true,
            }),
            // Typed ahead, and read by the model within its turn: it will not come as a prompt.
            "queued_command" if context.fresh => {
                self.was_typed_ahead(attached.prompt.as_str(), &context.session);
                None
            }
            "max_turns_reached" => Some(Kind::Notice {
                text: format!("The limit of {} turns is reached.", attached.most.count()),
            }),
            _ => None,
        };
        out.extend(
            kind.filter(|_| context.fresh)
                .map(|kind| context.event(kind)),
        );
    }
}

fn retry_reason(entry: &Entry<'_>) -> String {
    crate::record::loose! {
        /// An error object of the client.
        struct Failure<'de> {
            status: crate::record::Number = "status",
            message: Text<'de> = "message",
            code: Text<'de> = "code",
        }
    }
    if entry.error_status.0.is_some() {
        return entry.error_status.count().to_string();
    }
    if let Some(text) = entry.error.and_then(text_of) {
        return text.into_owned();
    }
    let failure: Failure<'_> = lenient(entry.error);
    if failure.status.0.is_some() {
        return failure.status.count().to_string();
    }
    failure
        .code
        .some()
        .or(failure.message.some())
        .unwrap_or_default()
        .to_owned()
}
