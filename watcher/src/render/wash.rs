//! Makes texts of a transcript safe to show. The only way from a transcript into a post.

use crate::redact::Redactor;
use memchr::{memchr2, memchr3, memmem};
use secrecy::SecretString;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Write as _;
use std::str::Chars;

/// Zero width, so that nothing is seen of it and what it stands in is no longer markup.
const BREAK: char = '\u{200B}';

/// A text without control characters and secrets: safe as the content of a file, or inside a code block once fenced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Clean(String);

impl Clean {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// Washes texts and counts the secrets it took out.
#[derive(Debug)]
pub(super) struct Washer {
    redactor: Redactor,
    /// Whether texts are shortened only by Discord's own limits.
    pub(super) parity: bool,
    redacted: Cell<u64>,
}

impl Washer {
    pub(super) fn new(redactor: Redactor, parity: bool) -> Self {
        Self {
            redactor,
            parity,
            redacted: Cell::new(0),
        }
    }

    /// See [`Redactor::learn`].
    pub(super) fn learn(&mut self, secret: &SecretString) {
        self.redactor.learn(secret);
    }

    pub(super) fn redacted(&self) -> u64 {
        self.redacted.get()
    }

    /// `text` without control characters, reminders and secrets. Before any cut: half a secret has no shape.
    pub(super) fn clean(&self, text: &str) -> Clean {
        let text = crate::events::without_reminders(text);
        let text = strip(&text);
        let text = without_data_urls(&text);
        let (text, count) = self.redactor.redact(&text);
        self.redacted.set(self.redacted.get() + count);
        Clean(text.into_owned())
    }
}

/// `text` where nothing mentions anybody and no link hides where it leads.
pub(super) fn neutral(text: &str) -> Cow<'_, str> {
    broken(text, true)
}

/// `text` as it may stand inside a code block: it cannot end the block, and mentions nobody should the block fail.
pub(super) fn fenced(text: &str) -> Cow<'_, str> {
    match unticked(text) {
        Cow::Borrowed(text) => broken(text, false),
        Cow::Owned(text) => broken(&text, false).into_owned().into(),
    }
}

/// `text` without two backticks in a row, so without the beginning or end of a code block.
pub(super) fn unticked(text: &str) -> Cow<'_, str> {
    if memmem::find(text.as_bytes(), b"``").is_none() {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len() + 16);
    let mut after_tick = false;
    for c in text.chars() {
        if c == '`' && after_tick {
            kept.push(BREAK);
        }
        after_tick = c == '`';
        kept.push(c);
    }
    kept.into()
}

fn broken(text: &str, links: bool) -> Cow<'_, str> {
    let find = |text: &str| {
        if links {
            memchr3(b'@', b'<', b']', text.as_bytes())
        } else {
            memchr2(b'@', b'<', text.as_bytes())
        }
    };
    if find(text).is_none() {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = find(rest) {
        let (before, tail) = rest.split_at(at);
        kept.push_str(before);
        let mut chars = tail.chars();
        let Some(first) = chars.next() else { break };
        kept.push(first);
        rest = chars.as_str();
        let breaks = match first {
            '@' => rest.starts_with("everyone") || rest.starts_with("here"),
            '<' => is_markup(rest),
            _ => rest.starts_with('('),
        };
        if breaks {
            kept.push(BREAK);
        }
    }
    kept.push_str(rest);
    kept.into()
}

/// Whether what follows a `<` is something Discord would draw: a mention, a channel, a command, an emoji, a time.
fn is_markup(tail: &str) -> bool {
    let mut chars = tail.chars();
    match chars.next() {
        Some('@') => chars
            .next()
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '!' | '&')),
        Some('#') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        Some(':') => true,
        Some('/') => chars
            .find(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | ' '))
            .is_some_and(|c| c == ':'),
        _ => ["a:", "id:", "t:"]
            .iter()
            .any(|head| tail.starts_with(head)),
    }
}

/// `text` without escape sequences, control and direction characters; a carriage return overwrites its line as in a
/// terminal, so that of a progress bar only its end is kept.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    let Some((mut before, mut rest)) = at_suspicious(text) else {
        return text.into();
    };
    let mut kept = String::with_capacity(text.len());
    loop {
        kept.push_str(before);
        let mut chars = rest.chars();
        match chars.next() {
            Some('\r') if matches!(chars.clone().next(), None | Some('\n' | '\r')) => {}
            Some('\r') => {
                let line = memchr::memrchr(b'\n', kept.as_bytes()).map_or(0, |at| at + 1);
                kept.truncate(line);
            }
            Some('\u{1B}') => skip_escape(&mut chars),
            Some('\u{9B}') => skip_until_final(&mut chars),
            Some(c) if c.is_control() || is_direction(c) => {}
            Some(c) => kept.push(c),
            None => {}
        }
        let tail = chars.as_str();
        let Some(parts) = at_suspicious(tail) else {
            kept.push_str(tail);
            return kept.into();
        };
        (before, rest) = parts;
    }
}

/// `text` in two before its first suspicious byte, where there is one.
fn at_suspicious(text: &str) -> Option<(&str, &str)> {
    // By blocks without a way out in the middle, so that the compiler compares many bytes at once.
    const BLOCK: usize = 64;
    let any = |block: &[u8]| {
        block
            .iter()
            .fold(false, |any, &byte| any | is_suspicious(byte))
    };
    let mut blocks = text.as_bytes().chunks(BLOCK);
    let block = BLOCK * blocks.position(any)?;
    let inside = text
        .as_bytes()
        .get(block..)?
        .iter()
        .position(|byte| is_suspicious(*byte))?;
    text.split_at_checked(block + inside)
}

/// First bytes of everything [`strip`] takes out; some ordinary characters share them.
fn is_suspicious(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\n' && byte != b'\t')
        || byte == 0x7F
        || matches!(byte, 0xC2 | 0xD8 | 0xE2 | 0xEF)
}

/// Characters that turn the direction of what follows, or hide it.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Takes the next character if it is one that `wanted` says.
fn next_if(chars: &mut Chars<'_>, wanted: impl FnOnce(char) -> bool) -> Option<char> {
    let next = chars.clone().next().filter(|c| wanted(*c))?;
    chars.next();
    Some(next)
}

fn skip_escape(chars: &mut Chars<'_>) {
    match chars.clone().next() {
        Some('[') => {
            chars.next();
            skip_until_final(chars);
        }
        // Operating system commands (titles, links) and other strings end with BEL or ESC \.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            // One that never ends must not swallow the rest of the text.
            for _ in 0..4096 {
                match chars.next() {
                    None | Some('\u{7}' | '\u{9C}') => return,
                    Some('\u{1B}') => {
                        next_if(chars, |c| c == '\\');
                        return;
                    }
                    Some(_) => {}
                }
            }
        }
        Some('(' | ')' | '#' | '%') => {
            chars.next();
            next_if(chars, |c| c != '\n');
        }
        Some(c) if !c.is_control() => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_until_final(chars: &mut Chars<'_>) {
    while let Some(c) = next_if(chars, |c| matches!(c, ' '..='~')) {
        if matches!(c, '@'..='~') {
            return;
        }
    }
}

/// Shortest run of base64 after `;base64,` that is taken for a file.
const DATA: usize = 64;

/// `text` with every data URL replaced by its type and size.
fn without_data_urls(text: &str) -> Cow<'_, str> {
    const MARK: &str = ";base64,";
    if memmem::find(text.as_bytes(), MARK.as_bytes()).is_none() {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len().min(64 * 1024));
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        let length = after
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | '-' | '_'))
            .unwrap_or(after.len());
        let start = before
            .rfind("data:")
            .filter(|at| before.len() - at < 128 && length >= DATA);
        if let Some(start) = start {
            let (head, kind) = before.split_at(start);
            kept.push_str(head);
            let kind = kind.strip_prefix("data:").unwrap_or(kind);
            let _ = write!(kept, "[{kind}, {} bytes]", length / 4 * 3);
        } else {
            kept.push_str(before);
            kept.push_str(MARK);
            kept.push_str(after.get(..length).unwrap_or_default());
        }
        rest = after.get(length..).unwrap_or_default();
    }
    kept.push_str(rest);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_go_and_the_text_stays() {
        assert_eq!(
            strip("\u{1b}[1mbold\u{1b}[22m \u{1b}]0;title\u{7}x\u{1b}(By"),
            "bold xy"
        );
        assert_eq!(strip("10%\r50%\r100%\ndone\r\n"), "100%\ndone\n");
        assert_eq!(strip("a\u{202e}b\u{0}c\u{9b}31md – ok"), "abcd – ok");
    }

    /// What [`strip`] promises, a character at a time.
    fn stripped(text: &str) -> String {
        let mut kept = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' | '\t' => kept.push(c),
                '\r' if matches!(chars.as_str().chars().next(), None | Some('\n' | '\r')) => {}
                '\r' => kept.truncate(kept.rfind('\n').map_or(0, |at| at + 1)),
                '\u{1B}' => skip_escape(&mut chars),
                '\u{9B}' => skip_until_final(&mut chars),
                c if c.is_control() || is_direction(c) => {}
                c => kept.push(c),
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn looking_at_blocks_strips_what_looking_at_characters_does(
            parts in proptest::collection::vec(
                prop_oneof![
                    "[a-z ]{0,90}",
                    "[\r\n\t\u{1b}\u{9b}\u{202e}\u{feff}\u{7f}\u{0}\u{85}\u{a0}–…é\\[m;\\]\\\\]{0,6}",
                ],
                0..12,
            ),
        ) {
            let text = parts.concat();
            prop_assert_eq!(strip(&text).into_owned(), stripped(&text));
        }
    }

    #[test]
    fn nobody_is_mentioned_and_no_link_is_masked() {
        assert_eq!(
            neutral("@everyone @here me@here.org"),
            "@\u{200b}everyone @\u{200b}here me@\u{200b}here.org"
        );
        assert_eq!(
            neutral("<@1> <#2> <a:x:1> </run:5> if a<b </p> List<@NotNull>"),
            "<\u{200b}@1> <\u{200b}#2> <\u{200b}a:x:1> <\u{200b}/run:5> if a<b </p> List<@NotNull>"
        );
        assert_eq!(
            neutral("[safe](https://evil)"),
            "[safe]\u{200b}(https://evil)"
        );
    }

    #[test]
    fn a_fence_cannot_be_closed_from_inside() {
        for text in ["```", "````", "`````\n", "x``", "``\u{200b}`"] {
            assert!(
                !fenced(text).contains("```"),
                "{text:?} -> {:?}",
                fenced(text)
            );
        }
    }

    #[test]
    fn a_data_url_is_named_not_printed() {
        let text = format!("see data:image/png;base64,{} end", "A".repeat(400));
        assert_eq!(without_data_urls(&text), "see [image/png, 300 bytes] end");
        assert_eq!(without_data_urls("a;base64,b"), "a;base64,b");
    }
}
