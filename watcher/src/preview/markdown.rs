//! The part of Discord's Markdown that our posts use, as HTML. Everything is escaped first.

use std::fmt::Write as _;

/// `text` with nothing left that HTML would take for markup.
pub(super) fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len() + 16), |mut safe, c| {
            match c {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                c => safe.push(c),
            }
            safe
        })
}

/// `text` as HTML: code blocks, headings, bold, italics, code.
pub(super) fn markdown(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 1 {
            block(part, &mut html);
            continue;
        }
        // A block stands on lines of its own in any case.
        let part = part.trim_matches('\n');
        for line in part.split('\n').filter(|_| !part.is_empty()) {
            prose(line, &mut html);
        }
    }
    html
}

fn block(part: &str, html: &mut String) {
    let (language, code) = match part.split_once('\n') {
        Some((head, rest)) if head.len() < 16 && !head.contains(' ') => (head, rest),
        _ => ("", part),
    };
    html.push_str("<pre>");
    for line in code.trim_end_matches('\n').split('\n') {
        let class = match (language, line.chars().next()) {
            ("diff", Some('+')) => "add",
            ("diff", Some('-')) => "del",
            ("diff", Some('@')) => "at",
            _ => "",
        };
        if class.is_empty() {
            let _ = writeln!(html, "{}", escape(line));
        } else {
            let _ = writeln!(html, "<span class={class}>{}</span>", escape(line));
        }
    }
    html.push_str("</pre>");
}

fn prose(line: &str, html: &mut String) {
    for (mark, level) in [("### ", 5), ("## ", 4), ("# ", 3)] {
        if let Some(heading) = line.strip_prefix(mark) {
            let _ = write!(html, "<h{level}>{}</h{level}>", spans(heading));
            return;
        }
    }
    let bullet = line.strip_prefix("- ").map(|rest| format!("• {rest}"));
    let _ = writeln!(html, "{}", spans(bullet.as_deref().unwrap_or(line)));
}

/// Code first, since nothing is markup inside it.
fn spans(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    let last = parts.len().saturating_sub(1);
    let mut html = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 0 {
            html.push_str(&toggled(&toggled(&escape(part), "**", "b"), "*", "i"));
        } else if at == last {
            // A backtick without a partner is a backtick.
            html.push('`');
            html.push_str(&escape(part));
        } else {
            let _ = write!(html, "<code>{}</code>", escape(part));
        }
    }
    html
}

fn toggled(text: &str, mark: &str, tag: &str) -> String {
    let parts: Vec<&str> = text.split(mark).collect();
    if parts.len() < 3 || parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let mut html = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            let _ = write!(html, "<{}{tag}>", if at % 2 == 1 { "" } else { "/" });
        }
        html.push_str(part);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_ours_becomes_html_and_that_of_others_does_not() {
        assert_eq!(
            markdown("**b** *i* `c<d`"),
            "<b>b</b> <i>i</i> <code>c&lt;d</code>\n"
        );
        assert_eq!(
            markdown("<script>x</script>"),
            "&lt;script&gt;x&lt;/script&gt;\n"
        );
        assert_eq!(markdown("## Head"), "<h4>Head</h4>");
        assert_eq!(
            markdown("```diff\n+a\n b\n```"),
            "<pre><span class=add>+a</span>\n b\n</pre>"
        );
        assert_eq!(markdown("2 * 3 ` x"), "2 * 3 ` x\n");
    }
}
