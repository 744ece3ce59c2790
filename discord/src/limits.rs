//! Discord's limits and how it counts: Unicode code points after trimming, inclusive
//! (developers/resources/message.mdx; discord-api-docs #1315 for the unit).

use crate::embed::{Embed, File};
use std::borrow::Cow;

/// Code points of an embed's title.
pub const TITLE: usize = 256;
/// Code points of an embed's description.
pub const DESCRIPTION: usize = 4096;
/// Fields of one embed.
pub const FIELDS: usize = 25;
/// Code points of a field's name.
pub const FIELD_NAME: usize = 256;
/// Code points of a field's value.
pub const FIELD_VALUE: usize = 1024;
/// Code points of a footer.
pub const FOOTER: usize = 2048;
/// Code points of an author's name.
pub const AUTHOR: usize = 256;
/// Code points of a URL.
pub const URL: usize = 2048;
/// Embeds of one message.
pub const EMBEDS: usize = 10;
/// Code points of all embeds of one message together; `content` does not count.
pub const TOTAL: usize = 6000;
/// Code points of a message's plain text.
pub const CONTENT: usize = 2000;
/// Files of one message.
pub const FILES: usize = 10;
/// Bytes of one file, in a guild without boosts (changed 2025-01-16).
pub const FILE_BYTES: usize = 10 * 1024 * 1024;
/// Bytes of one request, all its files together.
pub const REQUEST_BYTES: usize = 25 * 1024 * 1024;
/// Code points of a file's description.
pub const FILE_DESCRIPTION: usize = 1024;

/// Code points of `text` as Discord counts them.
pub fn length(text: &str) -> usize {
    text.trim().chars().count()
}

/// `text` with at most `max` code points; what is cut ends in `…`, which is counted.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    // Bytes bound code points, so most texts are passed without being walked.
    if text.len() <= max || text.chars().count() <= max {
        return Cow::Borrowed(text);
    }
    let Some(keep) = max.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let end = text
        .char_indices()
        .nth(keep)
        .map_or(text.len(), |(at, _)| at);
    let head = text.get(..end).unwrap_or_default();
    Cow::Owned(format!("{head}…"))
}

/// Code points of one embed that count towards [`TOTAL`].
pub fn size(embed: &Embed) -> usize {
    let text = |text: &Option<String>| text.as_deref().map_or(0, length);
    text(&embed.title)
        + text(&embed.description)
        + embed
            .author
            .as_ref()
            .map_or(0, |author| length(&author.name))
        + embed
            .footer
            .as_ref()
            .map_or(0, |footer| length(&footer.text))
        + embed
            .fields
            .iter()
            .map(|field| length(&field.name) + length(&field.value))
            .sum::<usize>()
}

/// What makes Discord refuse this embed, as the path of the part and the rule; `None` when it is legal.
pub fn fault(embed: &Embed) -> Option<String> {
    let over = |part: &str, text: &str, max: usize| {
        let found = length(text);
        (found > max).then(|| format!("{part}: {found} code points, {max} are allowed"))
    };
    let optional = |part: &str, text: &Option<String>, max| {
        text.as_deref().and_then(|text| over(part, text, max))
    };
    let required = |part: &str, text: &str, max| {
        if length(text) == 0 {
            return Some(format!("{part}: blank"));
        }
        over(part, text, max)
    };
    optional("title", &embed.title, TITLE)
        .or_else(|| optional("description", &embed.description, DESCRIPTION))
        .or_else(|| optional("url", &embed.url, URL))
        .or_else(|| {
            let author = embed.author.as_ref()?;
            required("author.name", &author.name, AUTHOR)
        })
        .or_else(|| {
            let footer = embed.footer.as_ref()?;
            required("footer.text", &footer.text, FOOTER)
        })
        .or_else(|| {
            let found = embed.fields.len();
            (found > FIELDS).then(|| format!("fields: {found}, {FIELDS} are allowed"))
        })
        .or_else(|| {
            embed.fields.iter().enumerate().find_map(|(at, field)| {
                required(&format!("fields.{at}.name"), &field.name, FIELD_NAME)
                    .or_else(|| required(&format!("fields.{at}.value"), &field.value, FIELD_VALUE))
            })
        })
        .or_else(|| {
            let color = embed.color?;
            (color > 0x00FF_FFFF).then(|| format!("color: {color} is above 16777215"))
        })
        .or_else(|| {
            let found = size(embed);
            (found > TOTAL).then(|| format!("embed: {found} code points, {TOTAL} are allowed"))
        })
        .or_else(|| (size(embed) == 0).then(|| "embed: nothing to show".to_owned()))
}

/// Bytes a file adds to a request, with room for its part's headers and its entry in `attachments`.
pub fn request_bytes(file: &File) -> usize {
    file.content.len()
        + 2 * file.name.len()
        + file.description.as_ref().map_or(0, String::len)
        + 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Author, Field, Footer};
    use proptest::prelude::*;

    #[test]
    fn the_unit_is_the_code_point_after_trimming() {
        assert_eq!(length("  äö😀 \n"), 3);
    }

    #[test]
    fn a_limit_is_inclusive() {
        let exact = Embed {
            title: Some("😀".repeat(TITLE)),
            ..Embed::default()
        };
        assert_eq!(fault(&exact), None);
        let over = Embed {
            title: Some("😀".repeat(TITLE + 1)),
            ..Embed::default()
        };
        assert!(fault(&over).unwrap().starts_with("title: 257"));
    }

    #[test]
    fn blanks_count_as_nothing_and_are_refused_where_text_is_required() {
        let blank = Embed {
            title: Some("t".into()),
            fields: vec![Field {
                name: "stdout".into(),
                value: " \n ".into(),
                inline: false,
            }],
            ..Embed::default()
        };
        assert_eq!(fault(&blank).unwrap(), "fields.0.value: blank");
    }

    #[test]
    fn every_counted_part_counts() {
        let embed = Embed {
            title: Some("a".into()),
            description: Some("bb".into()),
            author: Some(Author {
                name: "ccc".into(),
                url: Some("https://not.counted".into()),
            }),
            footer: Some(Footer {
                text: "dddd".into(),
            }),
            fields: vec![Field {
                name: "e".repeat(5),
                value: "f".repeat(6),
                inline: true,
            }],
            ..Embed::default()
        };
        assert_eq!(size(&embed), 21);
        assert_eq!(fault(&embed), None);
    }

    proptest! {
        #[test]
        fn a_cut_text_fits_and_keeps_its_head(text in "\\PC{0,80}", max in 0_usize..60) {
            let short = cut(&text, max);
            prop_assert!(short.chars().count() <= max);
            if text.chars().count() <= max {
                prop_assert_eq!(short.as_ref(), text.as_str());
            } else if max > 0 {
                prop_assert_eq!(short.chars().count(), max);
                prop_assert!(text.starts_with(short.strip_suffix('…').unwrap()));
            }
        }
    }
}
