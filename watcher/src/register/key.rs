//! What a run is called at the bot.

use super::wire::Key;
use crate::config::Run;

/// Longest task id the bot takes, in bytes.
const TASK_BYTES: usize = 128;
/// Hex digits of the Pod's uid that tell attempts apart.
const SHORT: usize = 8;

/// The run's key: what a person called it, else its owner, else its Pod; and the Pod's uid, by which the bot numbers
/// attempts and knows a restarted watcher again.
pub(super) fn key(run: &Run, retention_hours: Option<u32>, input: bool) -> Key {
    let owner = run
        .owner
        .as_deref()
        .and_then(|owner| owner.split('/').next_back());
    let task_id = [
        run.task_id.as_deref(),
        run.job.as_deref(),
        owner,
        run.pod_name.as_deref(),
    ]
    .into_iter()
    .flatten()
    .find(|name| !name.trim().is_empty())
    .map_or_else(|| "run".to_owned(), |name| fit(name.trim()));
    let uid: String = run
        .pod_uid
        .as_deref()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(SHORT)
        .collect();
    let short_id = if uid.is_empty() {
        // Outside a Pod: the same machine and task are the same run.
        "local".to_owned()
    } else {
        uid
    };
    Key {
        task_id,
        short_id,
        namespace: run.namespace.clone(),
        retention_hours,
        input,
    }
}

/// At most [`TASK_BYTES`] bytes, none of them a control character.
fn fit(name: &str) -> String {
    let mut fitted = String::new();
    for letter in name.chars().filter(|letter| !letter.is_control()) {
        if fitted.len() + letter.len_utf8() > TASK_BYTES {
            break;
        }
        fitted.push(letter);
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_as_people_know_it() {
        let mut run = Run {
            pod_name: Some("fix-bug-x7x2v".into()),
            pod_uid: Some("0f3c2a1b-1111-2222-3333-444455556666".into()),
            namespace: Some("agents".into()),
            ..Run::default()
        };
        let first = key(&run, Some(2), true);
        assert_eq!(first.task_id, "fix-bug-x7x2v");
        assert_eq!(first.short_id, "0f3c2a1b");
        run.owner = Some("Job/fix-bug".into());
        assert_eq!(key(&run, None, false).task_id, "fix-bug");
        run.task_id = Some("BUG-17".into());
        assert_eq!(key(&run, None, false).task_id, "BUG-17");
    }

    #[test]
    fn nothing_known_is_still_a_key_the_bot_takes() {
        let key = key(&Run::default(), None, false);
        assert_eq!(
            (key.task_id.as_str(), key.short_id.as_str()),
            ("run", "local")
        );
    }

    #[test]
    fn a_name_beyond_the_bots_limit_is_cut_at_a_letter() {
        let run = Run {
            task_id: Some("ü".repeat(100)),
            ..Run::default()
        };
        assert_eq!(key(&run, None, false).task_id, "ü".repeat(64));
    }
}
