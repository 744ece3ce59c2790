//! Posts in a terminal as they arrive: time, coloured bar, title, first lines, fields.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Lines of a description that are shown.
const LINES: usize = 8;
/// Columns of one line that are shown.
const COLUMNS: usize = 110;

/// Follows the double at `url` until it ends; `channel` keeps only posts of the channel with that name.
pub async fn run(url: &str, channel: Option<&str>, all: bool) -> Result<()> {
    // A second caller in one process finds it installed already: that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = url.trim_end_matches('/');
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent("discord-double")
        .build()?;
    let after = if all || channel.is_some() {
        "?after=0"
    } else {
        ""
    };
    let mut response = client
        .get(format!("{base}/_double/events{after}"))
        .send()
        .await
        .with_context(|| format!("no double answers at {base}"))?;
    ensure!(
        response.status().is_success(),
        "{base} answered {}",
        response.status()
    );
    let mut printer = Printer {
        colour: std::io::stdout().is_terminal(),
        channel: channel.map(ToOwned::to_owned),
        wanted: None,
    };
    let mut pending = Vec::new();
    while let Some(chunk) = response.chunk().await.context("the double went away")? {
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event);
            if let Some(shown) = printer.event(&text) {
                let mut out = std::io::stdout().lock();
                if out
                    .write_all(shown.as_bytes())
                    .and_then(|()| out.flush())
                    .is_err()
                {
                    // Whoever read us has gone: nothing is left to do.
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Turns events into lines.
#[derive(Debug, Default)]
pub struct Printer {
    /// Whether to write ANSI colours.
    pub colour: bool,
    channel: Option<String>,
    /// Id of the wanted channel, once it is known.
    wanted: Option<String>,
}

impl Printer {
    /// One server-sent event as lines to show, or nothing.
    pub fn event(&mut self, event: &str) -> Option<String> {
        let field = |name: &str| {
            let mut lines = event.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let kind = field("event:")?;
        let data: Value = serde_json::from_str(field("data:")?).ok()?;
        match kind {
            "channel" => {
                if self.channel.is_some() && self.channel.as_deref() == text(&data, "/name") {
                    self.wanted = text(&data, "/id").map(ToOwned::to_owned);
                }
                None
            }
            "violation" => Some(format!(
                "{}\n",
                self.paint(
                    "31",
                    &format!("! {}", text(&data, "/text").unwrap_or_default())
                )
            )),
            "message" | "edit" if self.shows(&data) => Some(self.message(&data, kind == "edit")),
            _ => None,
        }
    }

    fn shows(&self, message: &Value) -> bool {
        self.channel.is_none() || text(message, "/channelId") == self.wanted.as_deref()
    }

    fn message(&self, message: &Value, edited: bool) -> String {
        let mut out = String::new();
        let ms = message
            .get("atMs")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let time = jiff::Timestamp::from_millisecond(ms)
            .map(|at| at.strftime("%H:%M:%S").to_string())
            .unwrap_or_default();
        let who = plain(text(message, "/username").unwrap_or_default());
        let mark = if edited { " (edited)" } else { "" };
        let _ = writeln!(
            out,
            "{} {}",
            self.paint("2", &time),
            self.paint("2", &format!("{who}{mark}"))
        );
        for line in lines(text(message, "/content").unwrap_or_default()) {
            let _ = writeln!(out, "  {line}");
        }
        for embed in message
            .get("embeds")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.embed(&mut out, embed);
        }
        for file in message
            .get("attachments")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = plain(text(file, "/filename").unwrap_or_default());
            let _ = writeln!(
                out,
                "  [{name}, {} bytes]",
                file.get("size").and_then(Value::as_u64).unwrap_or_default()
            );
        }
        out
    }

    fn embed(&self, out: &mut String, embed: &Value) {
        let bar = self.bar(embed.get("color").and_then(Value::as_u64));
        if let Some(author) = text(embed, "/author/name") {
            let _ = writeln!(out, "  {bar} {}", self.paint("2", &plain(author)));
        }
        if let Some(title) = text(embed, "/title") {
            let _ = writeln!(out, "  {bar} {}", self.paint("1", &plain(title)));
        }
        for line in lines(text(embed, "/description").unwrap_or_default()) {
            let _ = writeln!(out, "  {bar} {line}");
        }
        for field in embed
            .get("fields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = plain(text(field, "/name").unwrap_or_default());
            let value = lines(text(field, "/value").unwrap_or_default()).join(" ");
            let _ = writeln!(
                out,
                "  {bar} {} {value}",
                self.paint("2", &format!("{name}:"))
            );
        }
        if let Some(footer) = text(embed, "/footer/text") {
            let _ = writeln!(out, "  {bar} {}", self.paint("2", &plain(footer)));
        }
    }

    fn bar(&self, colour: Option<u64>) -> String {
        let colour = colour.unwrap_or(0x4E_50_58);
        let (red, green, blue) = (colour >> 16 & 255, colour >> 8 & 255, colour & 255);
        self.paint(&format!("38;2;{red};{green};{blue}"), "▌")
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The string at a JSON pointer.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// The first lines of a text, cut to the terminal and without fences.
fn lines(text: &str) -> Vec<String> {
    let mut all = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("```"));
    let mut kept: Vec<String> = all
        .by_ref()
        .take(LINES)
        .map(|line| {
            let mut short: String = plain(line).chars().take(COLUMNS).collect();
            if line.chars().count() > COLUMNS {
                short.push('…');
            }
            short
        })
        .collect();
    let more = all.count();
    if more > 0 {
        kept.push(format!("… {more} more lines"));
    }
    kept
}

/// Text without control characters: a post must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, data: &Value) -> String {
        format!("event: {kind}\ndata: {data}\n\n")
    }

    #[test]
    fn a_post_is_lines_of_plain_text_without_a_terminal() {
        let post = json!({
            "username": "Agent", "atMs": 0, "content": "",
            "embeds": [{"title": "Bash", "color": 255, "description": "```sh\nls\u{1b}[31m\n```",
                        "fields": [{"name": "exit", "value": "0"}]}],
            "attachments": [{"filename": "out.txt", "size": 3}],
        });
        let shown = Printer::default().event(&event("message", &post)).unwrap();
        let want = "00:00:00 Agent\n  ▌ Bash\n  ▌ ls[31m\n  ▌ exit: 0\n  [out.txt, 3 bytes]\n";
        assert_eq!(shown, want);
    }

    #[test]
    fn only_the_wanted_channel_is_shown() {
        let mut printer = Printer {
            channel: Some("run".to_owned()),
            ..Printer::default()
        };
        let channel = json!({"id": "7", "name": "run"});
        assert_eq!(printer.event(&event("channel", &channel)), None);
        let mut post = json!({"channelId": "8", "username": "a", "content": "x"});
        assert_eq!(printer.event(&event("message", &post)), None);
        post["channelId"] = json!("7");
        assert!(printer.event(&event("message", &post)).is_some());
    }
}
