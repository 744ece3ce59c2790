//! What a user text is: a person's prompt, or one of the many things clients write in a user's name.

use super::Kind;

/// The event that a user text is; `None` for what only the model is meant to read.
pub(super) fn classify(text: &str, images: usize) -> Option<Kind> {
    let trimmed = text.trim();
    if let Some(tail) = trimmed.strip_prefix("[Request interrupted by user") {
        return Some(Kind::Interrupted {
            tool: tail.contains("tool use"),
        });
    }
    if let Some(name) = tag(trimmed, "command-name") {
        let arguments = tag(trimmed, "command-args").unwrap_or_default().trim();
        let name = name.trim();
        let text = if arguments.is_empty() {
            name.to_owned()
        } else {
            format!("{name} {arguments}")
        };
        return Some(Kind::Command { text });
    }
    if let Some(command) = tag(trimmed, "bash-input") {
        return Some(Kind::Command {
            text: format!("! {}", command.trim()),
        });
    }
    for name in [
        "local-command-stdout",
        "local-command-stderr",
        "bash-stdout",
    ] {
        if let Some(output) = tag(trimmed, name) {
            let mut text = output.trim().to_owned();
            if let Some(errors) = tag(trimmed, "bash-stderr")
                .map(str::trim)
                .filter(|text| !text.is_empty())
            {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(errors);
            }
            return (!text.is_empty()).then_some(Kind::CommandOutput { text });
        }
    }
    if let Some(note) = tag(trimmed, "task-notification") {
        return Some(background(note));
    }
    if trimmed.starts_with("<local-command-caveat>")
        || trimmed.starts_with("Caveat: The messages below were generated")
    {
        return None;
    }
    let text = without_reminders(text);
    let text = text.trim();
    (!text.is_empty() || images > 0).then(|| Kind::Prompt {
        text: text.to_owned(),
        images,
        queued: false,
    })
}

fn background(note: &str) -> Kind {
    let part = |name| tag(note, name).unwrap_or_default().trim().to_owned();
    let summary = part("summary");
    let text = if summary.is_empty() {
        part("result")
    } else {
        summary
    };
    Kind::Background {
        id: part("task-id"),
        status: part("status"),
        text,
    }
}

/// What stands between `<name>` and `</name>`, or up to the end when it is not closed.
fn tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{name}>"))? + name.len() + 2;
    let rest = text.get(start..)?;
    let end = rest.find(&format!("</{name}>")).unwrap_or(rest.len());
    rest.get(..end)
}

/// `text` without the reminders that the client writes for the model alone.
pub(crate) fn without_reminders(text: &str) -> std::borrow::Cow<'_, str> {
    const OPEN: &str = "<system-reminder>";
    const CLOSE: &str = "</system-reminder>";
    if memchr::memmem::find(text.as_bytes(), OPEN.as_bytes()).is_none() {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        kept.push_str(before);
        // A reminder that never ends hides nothing: whoever prints the opening tag must not silence what follows.
        let Some((_, tail)) = after.split_once(CLOSE) else {
            kept.push_str(OPEN);
            rest = after;
            break;
        };
        rest = tail.strip_prefix('\n').unwrap_or(tail);
    }
    kept.push_str(rest);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_command_is_a_command_with_its_arguments() {
        let text = "<command-message>x</command-message>\n<command-name>/model</command-name>\n<command-args>opus</command-args>";
        assert!(matches!(classify(text, 0), Some(Kind::Command { text }) if text == "/model opus"));
    }

    #[test]
    fn an_interruption_is_no_prompt() {
        assert!(matches!(
            classify("[Request interrupted by user for tool use]", 0),
            Some(Kind::Interrupted { tool: true })
        ));
    }

    #[test]
    fn a_caveat_is_for_the_model_only() {
        assert!(
            classify(
                "<local-command-caveat>Caveat: ...</local-command-caveat>",
                0
            )
            .is_none()
        );
    }

    #[test]
    fn reminders_go_and_an_unclosed_one_hides_nothing() {
        assert_eq!(
            without_reminders("a<system-reminder>x</system-reminder>\nb"),
            "ab"
        );
        assert_eq!(
            without_reminders("a<system-reminder>rm -rf"),
            "a<system-reminder>rm -rf"
        );
    }
}
