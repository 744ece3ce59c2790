//! What cannot be read, as long as that lasts: each trouble goes when that which failed succeeds, and not before, so that
//! health neither keeps what is over nor flaps.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::status::Unreadable;

/// Troubles that are kept.
const MOST: usize = 64;

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// A walk: a directory, or a file that is not followed.
    Listing,
    /// Asking for a followed file's size.
    Looking,
    /// Opening a followed file.
    Opening,
    /// Reading it.
    Reading,
}

/// All of them, by path.
#[derive(Default)]
pub(super) struct Troubles(BTreeMap<PathBuf, (Doing, Unreadable)>);

impl Troubles {
    /// Notes that something failed.
    pub(super) fn note(&mut self, path: &Path, doing: Doing, error: &io::Error) {
        if self.0.len() >= MOST && !self.0.contains_key(path) {
            return;
        }
        let owner = fs::metadata(path).ok().map(|metadata| metadata.uid());
        let trouble = Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
            owner,
        };
        self.0.insert(path.to_owned(), (doing, trouble));
    }

    /// Notes that something succeeded: what failed there with it is over. A handle may be read whose path is gone.
    pub(super) fn over(&mut self, path: &Path, done: Doing) {
        let failed = match done {
            Doing::Listing | Doing::Looking => [Doing::Listing, Doing::Looking],
            Doing::Opening => [Doing::Opening; 2],
            Doing::Reading => [Doing::Opening, Doing::Reading],
        };
        if self
            .0
            .get(path)
            .is_some_and(|(doing, _)| failed.contains(doing))
        {
            self.0.remove(path);
        }
    }

    /// Forgets what a walk of everything tells anew, and files that are followed no longer.
    pub(super) fn walked_all(&mut self, is_followed: impl Fn(&Path) -> bool) {
        self.0
            .retain(|path, (doing, _)| *doing != Doing::Listing && is_followed(path));
    }

    /// The same of a walk that met only some.
    pub(super) fn walked(&mut self, was_met: impl Fn(&Path) -> bool) {
        self.0
            .retain(|path, (doing, _)| *doing != Doing::Listing || !was_met(path));
    }

    /// For the status.
    pub(super) fn all(&self) -> Vec<Unreadable> {
        self.0
            .values()
            .map(|(_, trouble)| trouble.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_ends_when_what_failed_succeeds_and_not_before() {
        let (mut troubles, path) = (Troubles::default(), Path::new("/p/a.jsonl"));
        let error = io::Error::from_raw_os_error(5);
        troubles.note(path, Doing::Reading, &error);
        troubles.over(path, Doing::Looking);
        troubles.over(path, Doing::Opening);
        assert_eq!(troubles.all().len(), 1);
        troubles.over(path, Doing::Reading);
        assert!(troubles.all().is_empty());
        troubles.note(path, Doing::Looking, &error);
        troubles.over(path, Doing::Reading);
        assert_eq!(troubles.all().len(), 1);
        troubles.over(path, Doing::Looking);
        assert!(troubles.all().is_empty());
        troubles.note(path, Doing::Listing, &error);
        troubles.walked(|met| met != path);
        assert_eq!(troubles.all().len(), 1);
        troubles.walked(|met| met == path);
        assert!(troubles.all().is_empty());
    }
}
