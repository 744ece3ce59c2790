//! The outer object of a record, in both dialects: session transcripts (camelCase) and stream-json (`snake_case`).

use super::loose::{Flag, Number, loose};
use super::message::Message;
use super::text::Text;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

loose! {
    /// One record. Every field is optional; which are there depends on `kind` and on the client's version.
    pub struct Entry<'de> {
        /// `type`: user, assistant, system, progress, result and others that arrive every month.
        kind: Text<'de> = "type",
        /// `subtype` of system and result records.
        subtype: Text<'de> = "subtype",
        /// Identity of the record, kept when a session is copied into another file.
        uuid: Text<'de> = "uuid",
        /// The session it belongs to.
        session: Text<'de> = "sessionId" | "session_id",
        /// ISO 8601, UTC.
        timestamp: Text<'de> = "timestamp",
        /// The client's version.
        version: Text<'de> = "version" | "claude_code_version",
        /// The agent's working directory at that moment.
        cwd: Text<'de> = "cwd",
        /// The subagent that wrote it.
        agent: Text<'de> = "agentId" | "agent_id",
        /// Whether it belongs to a subagent's conversation.
        sidechain: Flag = "isSidechain",
        /// In stream-json: the call of the subagent that wrote it.
        parent_tool: Text<'de> = "parent_tool_use_id",
        /// Text injected by the client, not typed by a person.
        meta: Flag = "isMeta",
        /// The summary that replaces a conversation after compaction.
        compact_summary: Flag = "isCompactSummary",
        /// Shown in the transcript view only.
        transcript_only: Flag = "isVisibleInTranscriptOnly",
        /// An error of the model's API, written as if the assistant had said it.
        api_error: Flag = "isApiErrorMessage",
        /// Kind of the API error.
        error: Option<&'de RawValue> = "error",
        /// HTTP status of the API error.
        api_status: Number = "apiErrorStatus",
        /// The message; read in the record's own pass, for it is most of most records.
        message: Message<'de> = "message",
        /// What the tool returned besides its text: an object by tool, a string on failure, an array.
        tool_result: Option<&'de RawValue> = "toolUseResult" | "tool_use_result",
        /// Payload of a progress record.
        data: Option<&'de RawValue> = "data",
        /// The call a progress record belongs to.
        parent_tool_use: Text<'de> = "parentToolUseID",
        /// Text of a system record or of a queued prompt.
        content: Option<&'de RawValue> = "content",
        /// What happened to the queue of prompts.
        operation: Text<'de> = "operation",
        /// Payload of an attachment record.
        attachment: Option<&'de RawValue> = "attachment",
        /// Payload of a compaction.
        compact: Option<&'de RawValue> = "compactMetadata" | "compact_metadata",
        /// Pull request: its address.
        pr_url: Text<'de> = "prUrl",
        /// Pull request: its number.
        pr_number: Number = "prNumber",
        /// Pull request: its repository.
        pr_repository: Text<'de> = "prRepository",
        /// Milliseconds of a turn, of a run.
        duration: Number = "durationMs" | "duration_ms",
        /// Milliseconds until an API call is tried again.
        retry_in: Number = "retryInMs" | "retry_delay_ms",
        /// Which attempt failed, from 1.
        retry_attempt: Number = "retryAttempt" | "attempt",
        /// Attempts before giving up.
        max_retries: Number = "maxRetries" | "max_retries",
        /// HTTP status of the failed attempt (stream-json).
        error_status: Number = "error_status",
        /// Errors of stop hooks.
        hook_errors: Option<&'de RawValue> = "hookErrors",
        /// Whether a stop hook kept the agent going.
        prevented: Flag = "preventedContinuation",
        /// Model named by stream-json's init.
        model: Text<'de> = "model",
        /// Result: final text.
        result: Text<'de> = "result",
        /// Result: whether the run failed.
        is_error: Flag = "is_error",
        /// Result: turns of the run.
        turns: Number = "num_turns",
        /// Result: exact cost of the session, US dollars.
        total_cost: Number = "total_cost_usd",
        /// Result: exact figures by model, see [`ModelCosts`].
        model_usage: Option<&'de RawValue> = "modelUsage",
        /// Result: refused permissions.
        denials: Option<&'de RawValue> = "permission_denials",
        /// Result: texts of errors.
        errors: Option<&'de RawValue> = "errors",
    }
}

loose! {
    /// Payload of a progress record: only a subagent's repeated message matters.
    pub struct Progress<'de> {
        /// `bash_progress`, `hook_progress`, `agent_progress` and others.
        kind: Text<'de> = "type",
        /// The subagent.
        agent: Text<'de> = "agentId",
        /// A whole record of the subagent.
        message: Option<&'de RawValue> = "message",
    }
}

loose! {
    /// Payload of a compaction record.
    pub struct Compaction<'de> {
        /// `auto` or `manual`.
        trigger: Text<'de> = "trigger",
        /// Tokens of the conversation before it.
        tokens: Number = "preTokens" | "pre_tokens",
    }
}

loose! {
    /// What one model cost in a run, as the result record says it.
    pub struct ModelCost {
        /// Input tokens besides the cache.
        input: Number = "inputTokens",
        /// Output tokens.
        output: Number = "outputTokens",
        /// Tokens read from the cache.
        cache_read: Number = "cacheReadInputTokens",
        /// Tokens written to the cache.
        cache_write: Number = "cacheCreationInputTokens",
        /// US dollars.
        cost: Number = "costUSD",
    }
}

/// [`ModelCost`] by model name.
#[derive(Debug, Clone, Default)]
pub struct ModelCosts(pub Vec<(String, ModelCost)>);

/// More models than any run uses; what comes after is not kept.
const MODELS: usize = 64;

impl<'de> Deserialize<'de> for ModelCosts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Models;
        impl<'de> Visitor<'de> for Models {
            type Value = ModelCosts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object by model name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModelCosts, A::Error> {
                let mut found = Vec::new();
                while let Some((name, cost)) = map.next_entry::<String, ModelCost>()? {
                    if found.len() < MODELS {
                        found.push((name, cost));
                    }
                }
                Ok(ModelCosts(found))
            }
        }
        from.deserialize_map(Models)
    }
}
