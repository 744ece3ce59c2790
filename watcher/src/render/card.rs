//! One post in the making: what goes in is washed, and what does not fit is attached.

use super::style::Style;
use super::wash::{Clean, Washer, fenced, neutral, unticked};
use super::{Post, PostKind};
use crate::events::Event;
use crate::record::LEFT_OUT;
use bytes::Bytes;
use discord::limits;
use discord::{Author, Embed, Field, File, Footer};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Code points of a footer of ours: details, not a story.
const FOOTER: usize = 512;
/// A few words.
const SAY: Room = Room {
    chars: 1000,
    lines: usize::MAX,
    part: Part::Head,
};
/// With less room than this a part of a text says nothing.
const LEAST: usize = 40;
/// Bytes of an attached text.
const FILE: usize = 1 << 20;
/// The same in parity mode; a request holds 25 MiB and several files.
const FILE_PARITY: usize = 8 << 20;
/// Files of one post.
const FILES: usize = 4;

/// Where to look first in a long text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its beginning.
    Head,
    /// Both ends: how a command began and what it said at last.
    Ends,
}

/// How much of a text is shown in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Code points.
    pub(super) chars: usize,
    /// Lines.
    pub(super) lines: usize,
    /// Which part.
    pub(super) part: Part,
}

/// A post in the making.
pub(super) struct Card<'w> {
    washer: &'w Washer,
    embed: Embed,
    body: String,
    details: Vec<String>,
    files: Vec<File>,
}

impl<'w> Card<'w> {
    /// A card with the event's time and who did it.
    pub(super) fn new(washer: &'w Washer, event: &Event) -> Self {
        let mut card = Self::empty(washer);
        card.embed.timestamp = event.at.map(|at| at.to_string());
        if let Some(agent) = &event.agent {
            let name = card.line(agent, limits::AUTHOR);
            card.embed.author =
                Some(Author { name, url: None }).filter(|author| limits::length(&author.name) > 0);
        }
        card
    }

    /// A card of nothing.
    pub(super) fn empty(washer: &'w Washer) -> Self {
        Self {
            washer,
            embed: Embed::default(),
            body: String::new(),
            details: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Whether texts are shortened only by Discord's own limits.
    pub(super) fn parity(&self) -> bool {
        self.washer.parity
    }

    /// Washes a text for [`Self::code`] and the like.
    pub(super) fn clean(&self, text: &str) -> Clean {
        self.washer.clean(text)
    }

    /// Colour and title.
    pub(super) fn title(&mut self, style: Style, text: &str) {
        let room = limits::TITLE - 8;
        self.embed.color = Some(style.color);
        self.embed.title = Some(
            format!("{} {}", style.icon, self.line(text, room))
                .trim()
                .to_owned(),
        );
    }

    /// Another colour than the style's.
    pub(super) fn color(&mut self, color: u32) {
        self.embed.color = Some(color);
    }

    /// A detail of the footer; blank ones are left out.
    pub(super) fn detail(&mut self, text: &str) {
        let line = self.line(text, 256);
        if !line.trim().is_empty() {
            self.details.push(line);
        }
    }

    /// A short field; blank ones are left out.
    pub(super) fn field(&mut self, name: &str, value: &str, inline: bool) {
        let clean = self.washer.clean(value);
        let value = limits::cut(&neutral(clean.as_str()), 256).into_owned();
        if !value.trim().is_empty() && self.embed.fields.len() < limits::FIELDS {
            self.embed.fields.push(Field {
                name: name.to_owned(),
                value,
                inline,
            });
        }
    }

    /// A few words of ours with texts of the transcript in them.
    pub(super) fn say(&mut self, text: &str) {
        let clean = self.washer.clean(text);
        let room = self.room(SAY, 0);
        if room.chars >= LEAST {
            let safe = neutral(clean.as_str());
            self.push(&limits::cut(&unticked(&safe), room.chars));
        }
    }

    /// A text that is Markdown by nature. What does not fit follows as a file `name`.
    pub(super) fn prose(&mut self, text: &str, room: Room, name: &str) {
        let clean = self.washer.clean(text);
        if clean.is_blank() {
            return;
        }
        let room = self.room(room, 0);
        if room.chars < LEAST {
            return self.attach(name, &clean);
        }
        let safe = neutral(clean.as_str().trim());
        let (mut shown, cut) = shorten(&safe, room);
        // A block left open, by a cut or by its author, would swallow what follows.
        if shown.matches("```").count() % 2 == 1 {
            shown = Cow::Owned(format!("{shown}\n```"));
        }
        self.push(&shown);
        if cut {
            self.attach(name, &clean);
        }
    }

    /// A code block; `true` when it shows the whole text. What does not fit follows as a file `name`.
    pub(super) fn code(&mut self, language: &str, text: &Clean, room: Room, name: &str) -> bool {
        if text.is_blank() {
            return true;
        }
        let room = self.room(room, language.len() + 8);
        if room.chars < LEAST {
            self.attach(name, text);
            return false;
        }
        let whole = text.as_str().trim_matches('\n');
        let safe = fenced(whole);
        let (shown, cut) = shorten(&safe, room);
        let block = format!("```{language}\n{shown}\n```");
        self.push(&block);
        if cut {
            self.attach(name, text);
        }
        !cut
    }

    /// Attaches a whole text.
    pub(super) fn attach(&mut self, name: &str, text: &Clean) {
        if self.files.len() >= FILES {
            return;
        }
        let most = if self.washer.parity {
            FILE_PARITY
        } else {
            FILE
        };
        let whole = text.as_str();
        let mut end = whole.len().min(most);
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        let mut content = whole.get(..end).unwrap_or_default().to_owned();
        if end < whole.len() {
            // Of what was too long before nobody knows how much more there was.
            let least = if whole.contains(LEFT_OUT) {
                "at least "
            } else {
                ""
            };
            let more = whole.len() - end;
            let _ = writeln!(content, "\n… {least}{more} more bytes left out");
        }
        self.files.push(File {
            name: name.to_owned(),
            content: Bytes::from(content),
            description: None,
        });
    }

    /// The finished post.
    pub(super) fn finish(mut self, kind: PostKind) -> Post {
        let body = limits::cut(self.body.trim(), limits::DESCRIPTION);
        self.embed.description = Some(body.into_owned()).filter(|text| limits::length(text) > 0);
        let footer = self.details.join(" · ");
        let footer = limits::cut(footer.trim(), FOOTER).into_owned();
        self.embed.footer =
            Some(Footer { text: footer }).filter(|footer| limits::length(&footer.text) > 0);
        Post {
            embeds: vec![self.embed],
            files: self.files,
            kind,
        }
    }

    /// `text` as one line of at most `max` code points.
    pub(super) fn line(&self, text: &str, max: usize) -> String {
        let clean = self.washer.clean(text);
        let one = clean
            .as_str()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        limits::cut(&neutral(&one), max).into_owned()
    }

    /// Room that is left for a block of which `overhead` code points are markup.
    fn room(&self, asked: Room, overhead: usize) -> Room {
        let used = self.body.chars().count() + 2;
        let left = limits::DESCRIPTION.saturating_sub(used + overhead + 8);
        let (chars, lines) = if self.washer.parity {
            (left, usize::MAX)
        } else {
            (asked.chars.min(left), asked.lines)
        };
        Room {
            chars,
            lines,
            part: asked.part,
        }
    }

    fn push(&mut self, text: &str) {
        if !self.body.is_empty() {
            self.body.push('\n');
        }
        self.body.push_str(text);
    }
}

/// `text` within `room`, and whether anything was left out.
fn shorten(text: &str, room: Room) -> (Cow<'_, str>, bool) {
    let fits = text.len() <= room.chars || text.chars().count() <= room.chars;
    if fits && (room.lines == usize::MAX || count_lines(text) <= room.lines) {
        return (text.into(), false);
    }
    let mark = "\n… left out …\n";
    let room_chars = room.chars.saturating_sub(mark.chars().count());
    match room.part {
        Part::Head => {
            let head = take_head(text, room_chars, room.lines);
            (format!("{head}\n…").into(), true)
        }
        Part::Ends => {
            let head = take_head(text, room_chars / 3, (room.lines / 3).max(1));
            let rest = text.get(head.len()..).unwrap_or_default();
            let tail = take_tail(
                rest,
                room_chars - room_chars / 3,
                room.lines - room.lines / 3,
            );
            (
                format!("{}{mark}{}", head.trim_end(), tail.trim_start_matches('\n')).into(),
                true,
            )
        }
    }
}

/// As many as [`str::lines`] would give.
fn count_lines(text: &str) -> usize {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    ends + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// The longest beginning within `chars` and `lines`, up to a line's end where one is near.
fn take_head(text: &str, chars: usize, lines: usize) -> &str {
    let by_chars = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at);
    let by_lines = text
        .match_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(text.len(), |(at, _)| at);
    let end = by_chars.min(by_lines);
    let head = text.get(..end).unwrap_or_default();
    match head.rfind('\n') {
        Some(at) if end < by_lines && head.len() - at < head.len() / 4 => {
            head.get(..at).unwrap_or(head)
        }
        _ => head,
    }
}

/// The longest end within `chars` and `lines`, from a line's beginning where one is near.
fn take_tail(text: &str, chars: usize, lines: usize) -> &str {
    let by_chars = text
        .char_indices()
        .rev()
        .nth(chars.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    let by_lines = text
        .rmatch_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    let tail = text.get(by_chars.max(by_lines)..).unwrap_or_default();
    match tail.find('\n') {
        Some(at) if by_chars > by_lines && at < tail.len() / 4 => {
            tail.get(at + 1..).unwrap_or(tail)
        }
        _ => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::count_lines;

    #[test]
    fn lines_are_counted_as_they_are_split() {
        for text in ["", "a", "a\n", "a\nb", "\n", "a\r\n\n", "\n\nb\n"] {
            assert_eq!(count_lines(text), text.lines().count(), "{text:?}");
        }
    }
}
