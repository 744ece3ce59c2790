//! The message inside a user or assistant record.

use super::loose::{Flag, Number, loose};
use super::text::{Text, kept};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

loose! {
    /// A message; of one message id there is usually one record per content block.
    pub struct Message<'de> {
        /// Identity of the model's answer.
        id: Text<'de> = "id",
        /// The model, `<synthetic>` for what the client wrote itself.
        model: Text<'de> = "model",
        /// What was said.
        content: Blocks<'de> = "content",
        /// Why the model stopped; null where the figures are placeholders.
        stop_reason: Text<'de> = "stop_reason",
        /// Tokens of the whole message, repeated on each of its records.
        usage: Option<Usage<'de>> = "usage",
    }
}

loose! {
    /// Tokens of one message as one record says them.
    pub struct Usage<'de> {
        /// Input besides the cache.
        input: Number = "input_tokens",
        /// Output.
        output: Number = "output_tokens",
        /// Read from the cache.
        cache_read: Number = "cache_read_input_tokens",
        /// Written to the cache, both lifetimes together.
        cache_write: Number = "cache_creation_input_tokens",
        /// Written to the cache by lifetime; old clients lack it.
        split: Option<Split> = "cache_creation",
        /// `fast` or `standard`; old clients lack it.
        speed: Text<'de> = "speed",
        /// Where the model had to run: `us`, `global`, `not_available`.
        geo: Text<'de> = "inference_geo",
        /// What the provider did besides, each charged by the request.
        server: Option<ServerTools> = "server_tool_use",
    }
}

loose! {
    /// Requests of tools that run at the provider.
    pub struct ServerTools {
        /// Searches of the web.
        web_searches: Number = "web_search_requests",
    }
}

loose! {
    /// Cache writes by lifetime.
    pub struct Split {
        /// Five minutes.
        five_minutes: Number = "ephemeral_5m_input_tokens",
        /// One hour.
        one_hour: Number = "ephemeral_1h_input_tokens",
    }
}

loose! {
    /// One block of a message's content.
    pub struct Block<'de> {
        /// `text`, `thinking`, `tool_use`, `tool_result`, `image`, `document` and others.
        kind: Text<'de> = "type",
        /// Text of a text block, raw until it is shown.
        text: Option<&'de RawValue> = "text",
        /// Text of a thinking block, raw until it is shown.
        thinking: Option<&'de RawValue> = "thinking",
        /// Identity of a call.
        id: Text<'de> = "id",
        /// Name of the tool called.
        name: Text<'de> = "name",
        /// Arguments of a call.
        input: Option<&'de RawValue> = "input",
        /// The call a result answers.
        tool: Text<'de> = "tool_use_id",
        /// Content of a result: a string or blocks.
        content: Option<&'de RawValue> = "content",
        /// Whether the call failed; absent and null mean success.
        is_error: Flag = "is_error",
    }
}

/// A message's content: a string, or blocks.
#[derive(Debug, Clone, Default)]
pub enum Blocks<'de> {
    /// Neither: a shape we do not know.
    #[default]
    None,
    /// A plain string.
    Text(Cow<'de, str>),
    /// Blocks in order.
    List(Vec<Block<'de>>),
}

impl<'de> Deserialize<'de> for Blocks<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Blocks<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Blocks<'de>, E> {
                Ok(Blocks::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Blocks<'de>, E> {
                Ok(Blocks::Text(Cow::Owned(kept(text))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Blocks<'de>, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = list.next_element()? {
                    blocks.push(block);
                }
                Ok(Blocks::List(blocks))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Blocks<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Blocks::None)
            }
            super::loose::otherwise!(bool number unit);
        }
        from.deserialize_any(Either)
    }
}
