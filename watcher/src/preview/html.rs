//! Posts as one page that looks like a channel. It loads nothing and holds no script.

use super::Show;
use super::markdown::{escape, markdown};
use crate::render::Post;
use std::io::{self, Write};

/// Bytes of an attachment shown in the page; the page is for looking, not for keeping.
const FILE: usize = 256 * 1024;

/// A page being written.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }
}

/// A time as precise as Discord shows it, in UTC.
fn minute(timestamp: &str) -> String {
    let whole = timestamp.get(..16).unwrap_or(timestamp);
    whole.replace('T', " ")
}

impl Show for Page<'_> {
    fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(include_bytes!("head.html"))
    }

    fn post(&mut self, post: &Post) -> io::Result<()> {
        writeln!(self.out, "<article>")?;
        for embed in &post.embeds {
            let bar = embed.color.unwrap_or_default();
            writeln!(self.out, "<section style=\"border-color:#{bar:06x}\">")?;
            if let Some(author) = &embed.author {
                writeln!(self.out, "<div class=author>{}</div>", escape(&author.name))?;
            }
            if let Some(title) = &embed.title {
                writeln!(self.out, "<h2>{}</h2>", escape(title))?;
            }
            if let Some(description) = &embed.description {
                writeln!(self.out, "<div class=text>{}</div>", markdown(description))?;
            }
            if !embed.fields.is_empty() {
                writeln!(self.out, "<dl>")?;
                for field in &embed.fields {
                    let wide = if field.inline { "" } else { " class=wide" };
                    let (name, value) = (escape(&field.name), markdown(&field.value));
                    writeln!(self.out, "<div{wide}><dt>{name}</dt><dd>{value}</dd></div>")?;
                }
                writeln!(self.out, "</dl>")?;
            }
            let footer = embed.footer.iter().map(|footer| footer.text.clone());
            let details: Vec<_> = footer
                .chain(embed.timestamp.as_deref().map(minute))
                .collect();
            if !details.is_empty() {
                writeln!(
                    self.out,
                    "<footer>{}</footer>",
                    escape(&details.join(" • "))
                )?;
            }
            writeln!(self.out, "</section>")?;
        }
        for file in &post.files {
            let shown = file
                .content
                .get(..file.content.len().min(FILE))
                .unwrap_or_default();
            let (name, size) = (escape(&file.name), file.content.len());
            let text = String::from_utf8_lossy(shown);
            writeln!(
                self.out,
                "<details><summary>📎 {name} <small>{size} bytes</small></summary>"
            )?;
            writeln!(self.out, "<pre>{}</pre></details>", escape(&text))?;
        }
        writeln!(self.out, "</article>")
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.write_all(b"</main>\n")
    }
}
