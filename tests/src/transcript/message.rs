//! An assistant's message: one line per content block, the same id on each, its tokens final on the last line at best.

use super::expected::Usage;
use super::ids;
use super::json::{Json, obj};
use super::scribe::Scribe;
use rand::Rng;

/// How a client writes tokens and the reason of a message's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Placeholders first, the real number on the last line, no reason anywhere (2.0.76 to 2.1.9).
    FinalAtLast,
    /// Placeholders only, no reason anywhere (2.1.10 to 2.1.29): the real number is never written.
    NeverFinal,
    /// Placeholders first, the real number and the reason on the last line (2.1.30 to 2.1.103).
    FinalWithReason,
    /// The real number and the reason on every line (2.1.104 to 2.1.199).
    FinalOnAll,
    /// The reason on every line, placeholders first (2.1.200 and later).
    ReasonOnAll,
}

impl Habit {
    /// The habit of a client of that version.
    pub(crate) fn of(version: &str) -> Self {
        let mut numbers = version
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or_default());
        let (_, minor, patch) = (
            numbers.next(),
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        );
        match (minor, patch) {
            (0, _) | (1, 0..=9) => Self::FinalAtLast,
            (1, 10..=29) => Self::NeverFinal,
            (1, 30..=103) => Self::FinalWithReason,
            (1, 104..=199) => Self::FinalOnAll,
            _ => Self::ReasonOnAll,
        }
    }
}

/// A message that is being written.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) request: Option<String>,
    pub(crate) model: String,
    pub(crate) habit: Habit,
    pub(crate) stop: &'static str,
    /// The tokens the API counted.
    pub(crate) usage: Usage,
    /// The line that counts by now: the one of the most output tokens.
    best: Option<(String, Usage)>,
}

impl Message {
    /// A further line's tokens.
    pub(crate) fn note(&mut self, model: &str, usage: Usage) {
        if self
            .best
            .as_ref()
            .is_none_or(|(_, best)| usage.output > best.output)
        {
            self.best = Some((model.to_owned(), usage));
        }
    }
}

impl Scribe {
    /// Begins a message with tokens that follow from the session so far; `output` is what it will have said.
    pub(crate) fn begin(&mut self, output: u64, stop: &'static str) -> Message {
        let fresh = self.rng.random_range(120..2_600) + output / 2;
        let hour = self.chance(350);
        let usage = Usage {
            input: self.rng.random_range(1..12),
            output,
            cache_read: self.context,
            write_5m: if hour { 0 } else { fresh },
            write_1h: if hour { fresh } else { 0 },
            messages: 1,
        };
        self.context += fresh;
        Message {
            id: ids::message(&mut self.rng),
            request: Some(ids::request(&mut self.rng)),
            model: self.model.to_owned(),
            habit: Habit::of(self.version),
            stop,
            usage,
            best: None,
        }
    }

    /// The tokens and the reason that a line shows.
    fn shown(&mut self, message: &Message, last: bool) -> (Usage, Option<&'static str>) {
        let placeholder = Usage {
            output: self.rng.random_range(1..=10).min(message.usage.output),
            ..message.usage
        };
        match (message.habit, last) {
            (Habit::FinalAtLast, true) => (message.usage, None),
            (Habit::FinalWithReason | Habit::ReasonOnAll, true) | (Habit::FinalOnAll, _) => {
                (message.usage, Some(message.stop))
            }
            (Habit::ReasonOnAll, false) => (placeholder, Some(message.stop)),
            _ => (placeholder, None),
        }
    }

    /// The next line of a message.
    pub(crate) fn line(&mut self, message: &mut Message, block: Json, last: bool) {
        let (usage, stop) = self.shown(message, last);
        let record = self.assistant(message, block, usage, stop);
        message.note(&message.model.clone(), usage);
        self.mark("assistant");
        self.put(&record);
        self.pause(200, 1_800);
    }

    /// A line that has been made but not written.
    pub(crate) fn assistant(
        &mut self,
        message: &Message,
        block: Json,
        usage: Usage,
        stop: Option<&'static str>,
    ) -> Json {
        let body = body(message, block, usage, stop);
        let mut fields = obj! {"message": body};
        if let Some(request) = &message.request {
            fields = fields.with("requestId", request.clone());
        }
        self.record(fields.with("type", "assistant"), obj! {})
    }

    /// Ends a message: its tokens count now.
    pub(crate) fn end(&mut self, message: Message) {
        if let Some((model, usage)) = message.best {
            self.expected.models.entry(model).or_default().add(&usage);
        }
    }
}

/// The API's message with one block of its content.
pub(crate) fn body(
    message: &Message,
    block: Json,
    usage: Usage,
    stop: Option<&'static str>,
) -> Json {
    obj! {
        "model": message.model.clone(), "id": message.id.clone(), "type": "message", "role": "assistant",
        "content": vec![block], "stop_reason": stop, "stop_sequence": None::<String>, "usage": tokens(usage),
    }
}

/// Tokens as the API writes them.
pub(crate) fn tokens(usage: Usage) -> Json {
    obj! {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": obj! {
            "ephemeral_5m_input_tokens": usage.write_5m, "ephemeral_1h_input_tokens": usage.write_1h,
        },
        "output_tokens": usage.output,
        "service_tier": "standard",
    }
}

/// A block of text.
pub(crate) fn text(text: impl Into<Json>) -> Json {
    obj! {"type": "text", "text": text}
}

/// A block of thinking.
pub(crate) fn thinking(scribe: &mut Scribe, text: impl Into<Json>) -> Json {
    obj! {"type": "thinking", "thinking": text, "signature": ids::signature(&mut scribe.rng)}
}
