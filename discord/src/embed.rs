//! The parts of a message. Empty fields are left out of the JSON, since Discord refuses some of them when empty.

use bytes::Bytes;
use serde::Serialize;

/// One embed: the coloured box of a message. Limits stand in [`crate::limits`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Embed {
    /// Bold first line; at most [`crate::limits::TITLE`] code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Body in Discord's markdown; at most [`crate::limits::DESCRIPTION`] code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Link of the title. Of several embeds of one message with the same `url` only the first is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// ISO 8601 time, shown after the footer in the reader's own time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// `0xRRGGBB` of the bar on the left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// Small line above the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Small line below everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
    /// Named values; at most [`crate::limits::FIELDS`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// The line above an embed's title.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Author {
    /// At most [`crate::limits::AUTHOR`] code points.
    pub name: String,
    /// Link of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The line below an embed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Footer {
    /// At most [`crate::limits::FOOTER`] code points.
    pub text: String,
}

/// A named value of an embed. Discord refuses one whose name or value is blank.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Field {
    /// At most [`crate::limits::FIELD_NAME`] code points.
    pub name: String,
    /// At most [`crate::limits::FIELD_VALUE`] code points.
    pub value: String,
    /// Whether it may stand beside others in one row.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
}

/// A file shown below a message's embeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// File name with extension; Discord shows `.txt`, `.diff` and the like as text.
    pub name: String,
    /// At most [`crate::limits::FILE_BYTES`] bytes.
    pub content: Bytes,
    /// Alternative text; at most [`crate::limits::FILE_DESCRIPTION`] code points.
    pub description: Option<String>,
}
