//! Texts for people. What came from elsewhere is quoted, on one line and short: it can neither ring nor format.

use crate::desk::{Activity, DeskError, Outcome, Queued, Report, RunState, RunView};
use discord::limits::cut;

/// One line without control characters, never empty, at most `max` code points.
pub(super) fn line(text: &str, max: usize) -> String {
    let flat: String = text
        .chars()
        .take(2 * max)
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect();
    let flat = flat.trim();
    cut(if flat.is_empty() { "-" } else { flat }, max).into_owned()
}

/// Foreign text as code, in which Discord reads no markup.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", line(&text.replace('`', "'"), 100))
}

/// What became of an input at the desk.
pub(super) fn queued(queued: Queued, label: &str, stop: bool) -> String {
    let label = code(label);
    match queued {
        Queued::Queued { seq } if stop => format!("⏳ Asked {label} to stop (#{seq})."),
        Queued::Queued { seq } => format!("⏳ Queued for {label} (#{seq})."),
        Queued::Unknown => NO_RUN.to_owned(),
        Queued::NoBridge => format!(
            "{label} takes no input: its Pod has no bridge. Annotate it with `discord-monitoring.io/bridge.enabled: \"true\"`."
        ),
        Queued::Finished => format!("{label} has ended; nothing more reaches it."),
        Queued::QueueFull => {
            format!(
                "Too much waits for {label} already; try again when it has been read. Nothing was queued."
            )
        }
        Queued::TooLong => format!(
            "That is too long: {} KiB are the most, attachment included. Nothing was queued.",
            crate::desk::MAX_INPUT_BYTES / 1024
        ),
    }
}

/// What became of a queued input.
pub(super) fn outcome(outcome: Outcome, label: &str, seq: i64) -> String {
    let label = code(label);
    match outcome {
        Outcome::Delivered => format!("✅ Delivered to {label} (#{seq})."),
        Outcome::Refused => {
            format!(
                "❌ Not delivered: the agent of {label} does not take input of this kind (#{seq})."
            )
        }
        Outcome::Expired => format!(
            "⌛ Not delivered: nobody fetched #{seq} for {label} in time. Send it again if it still matters."
        ),
        Outcome::Dropped => format!("❌ Not delivered: {label} ended before it read #{seq}."),
    }
}

/// What a channel without a run says.
pub(super) const NO_RUN: &str = "No run belongs to this channel. Use the command in a run's channel, or choose a run with the option `run`.";

/// Why the desk could not answer.
pub(super) fn trouble(error: &DeskError) -> String {
    match error {
        DeskError::Unavailable => {
            "The bot's store does not answer; nothing was changed. Try again in a moment."
                .to_owned()
        }
    }
}

/// `/status`.
pub(super) fn status(run: &RunView) -> String {
    let state = match (run.state, run.finished_at) {
        (RunState::Creating, _) => "is being set up".to_owned(),
        (RunState::Live, _) => "is live".to_owned(),
        (_, Some(at)) => format!("ended {}", relative(at)),
        (_, None) => "has ended".to_owned(),
    };
    let mut lines = vec![format!(
        "{} {state}, started {}.",
        code(&run.label()),
        relative(run.created_at)
    )];
    if let Some(title) = &run.title {
        lines.push(format!("Title: {}", code(title)));
    }
    let Some(report) = &run.report else {
        lines.push("Its watcher has reported no figures yet.".to_owned());
        return lines.join("\n");
    };
    if run.state == RunState::Live {
        lines.extend(report.state.map(|state| match state {
            Activity::Working => "The agent is working.".to_owned(),
            Activity::Waiting => "The agent waits for a person.".to_owned(),
            Activity::Idle => "The agent is idle.".to_owned(),
        }));
    }
    lines.extend(
        report
            .tool
            .as_deref()
            .map(|tool| format!("Last tool: {}", code(tool))),
    );
    if let Some(tools) = report.tools {
        lines.push(format!(
            "Tool calls: {tools}, errors: {}",
            report.errors.unwrap_or(0)
        ));
    }
    lines.extend(
        report
            .duration_seconds
            .and_then(duration)
            .map(|time| format!("Duration: {time}")),
    );
    lines.push(if run.input {
        "Input: yes, with `/input`".to_owned()
    } else {
        "Input: no, it has no bridge".to_owned()
    });
    lines.extend(
        run.report_at
            .map(|at| format!("Figures from {}", relative(at))),
    );
    lines.join("\n")
}

/// `/cost`.
pub(super) fn cost(run: &RunView) -> String {
    let Some(report) = &run.report else {
        return format!(
            "Nothing is known of the cost of {} yet.",
            code(&run.label())
        );
    };
    let mut lines = vec![format!("{}: {}", code(&run.label()), price(report))];
    if let Some(tokens) = report.tokens {
        lines.push(format!(
            "Tokens: {} read, {} written, {} read from the cache, {} written to it",
            tokens.input, tokens.output, tokens.cache_read, tokens.cache_write
        ));
    }
    lines.extend(
        run.report_at
            .map(|at| format!("Figures from {}", relative(at))),
    );
    lines.join("\n")
}

fn price(report: &Report) -> String {
    match (
        report.cost_usd.filter(|cost| cost.is_finite()),
        report.cost_is_lower_bound,
    ) {
        (Some(cost), Some(true)) => {
            format!("at least ${cost:.2}; the price of some model is not known")
        }
        (Some(cost), _) => format!("${cost:.2}"),
        (None, _) => "the price of its models is not known".to_owned(),
    }
}

fn relative(milliseconds: i64) -> String {
    format!("<t:{}:R>", milliseconds / 1000)
}

fn duration(seconds: f64) -> Option<String> {
    let whole = std::time::Duration::try_from_secs_f64(seconds)
        .ok()?
        .as_secs();
    Some(match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_text_never_leaves_its_quotes(text in "\\PC{0,300}|[`\\n@<>*_]{0,200}") {
            let quoted = code(&text);
            prop_assert!(quoted.chars().count() <= 102 && quoted.chars().count() >= 3);
            let inner = &quoted[1..quoted.len() - 1];
            prop_assert!(!inner.contains('`') && !inner.chars().any(char::is_control));
        }
    }

    #[test]
    fn durations_are_short_and_odd_ones_are_left_out() {
        assert_eq!(duration(59.9).as_deref(), Some("59 s"));
        assert_eq!(duration(61.0).as_deref(), Some("1 min 1 s"));
        assert_eq!(duration(7260.0).as_deref(), Some("2 h 1 min"));
        for odd in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(duration(odd), None);
        }
    }
}
