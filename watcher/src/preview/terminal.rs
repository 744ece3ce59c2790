//! Posts in a terminal: a coloured bar, bold titles, dim footers.

use super::Show;
use crate::render::Post;
use std::io::{self, Write};

/// A terminal, or what stands for one.
pub(super) struct Terminal<'a> {
    out: &'a mut dyn Write,
    color: bool,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(out: &'a mut dyn Write, color: bool) -> Self {
        Self { out, color }
    }

    fn line(&mut self, bar: u32, code: &str, text: &str) -> io::Result<()> {
        for line in text.lines() {
            if self.color {
                let [_, red, green, blue] = bar.to_be_bytes();
                writeln!(
                    self.out,
                    "\u{1b}[38;2;{red};{green};{blue}m▌\u{1b}[0m {code}{line}\u{1b}[0m"
                )?;
            } else {
                writeln!(self.out, "| {line}")?;
            }
        }
        Ok(())
    }
}

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "";

impl Show for Terminal<'_> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn post(&mut self, post: &Post) -> io::Result<()> {
        for embed in &post.embeds {
            let bar = embed.color.unwrap_or_default();
            if let Some(author) = &embed.author {
                self.line(bar, DIM, &author.name)?;
            }
            self.line(bar, BOLD, embed.title.as_deref().unwrap_or_default())?;
            self.line(bar, PLAIN, embed.description.as_deref().unwrap_or_default())?;
            for field in &embed.fields {
                self.line(bar, PLAIN, &format!("{}: {}", field.name, field.value))?;
            }
            let footer = embed.footer.iter().map(|footer| footer.text.as_str());
            let details: Vec<_> = footer.chain(embed.timestamp.as_deref()).collect();
            self.line(bar, DIM, &details.join(" · "))?;
            for file in &post.files {
                self.line(
                    bar,
                    DIM,
                    &format!("📎 {} ({} bytes)", file.name, file.content.len()),
                )?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
