//! How long a channel stays after its run's end, where the run does not say: a value for life, or a file that is read again,
//! so that a changed ConfigMap needs no restart.

use crate::config::milliseconds;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Most bytes of the file that are looked at; a number of hours is shorter.
const MOST: u64 = 64;

/// The bot's own retention.
pub(crate) struct Retention {
    /// Milliseconds, without a file or until one is there; 0 keeps.
    fixed: i64,
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of the last file that could be read.
    good: Option<i64>,
    /// What was said last, so that it is said once.
    said: Option<String>,
}

impl Retention {
    pub(crate) fn new(fixed: i64, file: Option<PathBuf>) -> Self {
        Self {
            fixed,
            file,
            state: Mutex::default(),
        }
    }

    /// Milliseconds as they count now. A file that says no number of hours leaves them as they were.
    pub(crate) fn current(&self) -> i64 {
        let Some(path) = &self.file else {
            return self.fixed;
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match read(path) {
            Ok(found) => {
                if state.good != found {
                    let hours = found.map(|time| time / 3_600_000);
                    tracing::info!(hours, "the retention's file was read");
                }
                (state.good, state.said) = (found, None);
            }
            Err(problem) => {
                if state.said.as_ref() != Some(&problem) {
                    tracing::warn!(problem, "the retention stays as it was");
                }
                state.said = Some(problem);
            }
        }
        state.good.unwrap_or(self.fixed)
    }
}

/// The file's milliseconds; none where there is no file.
fn read(path: &Path) -> Result<Option<i64>, String> {
    let name = || path.display().to_string();
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", name())),
    };
    let mut text = String::new();
    file.take(MOST)
        .read_to_string(&mut text)
        .map_err(|error| format!("{}: {error}", name()))?;
    let hours = text.trim().parse().ok().and_then(milliseconds);
    hours
        .map(Some)
        .ok_or_else(|| format!("{} holds no number of hours, 0 (keep) or more", name()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn without_a_file_it_is_the_value() {
        assert_eq!(Retention::new(5, None).current(), 5);
        let missing = Retention::new(5, Some("/no/such/file".into()));
        assert_eq!(missing.current(), 5);
    }

    #[test]
    fn a_changed_file_counts_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channelHours");
        let retention = Retention::new(5, Some(path.clone()));
        for (text, hours) in [("72", 72), ("48\n", 48), ("0", 0)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(retention.current(), hours * HOUR, "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(retention.current(), 5);
    }

    #[test]
    fn a_file_that_says_no_hours_leaves_them_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channelHours");
        let retention = Retention::new(5, Some(path.clone()));
        std::fs::write(&path, "soon").unwrap();
        assert_eq!(retention.current(), 5);
        std::fs::write(&path, "72").unwrap();
        assert_eq!(retention.current(), 72 * HOUR);
        for text in ["", "-1", "NaN", "1e99", "7\u{0}", &"9".repeat(1000)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(retention.current(), 72 * HOUR, "{text:?}");
        }
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert_eq!(retention.current(), 72 * HOUR);
    }
}
