//! Absolute paths as text: put into one form, and compared by whole components.

use std::borrow::Cow;

/// The path without doubled or trailing slashes, `.` and `..`; `None` unless it is absolute.
pub(crate) fn normal(path: &str) -> Option<Cow<'_, str>> {
    let parts = path.strip_prefix('/')?.split('/');
    if parts.clone().all(|part| !matches!(part, "" | "." | "..")) {
        return Some(path.into());
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    Some(format!("/{}", kept.join("/")).into())
}

/// Whether `path` is `parent` or lies below it; both in normal form.
pub(crate) fn within(path: &str, parent: &str) -> bool {
    parent == "/"
        || path
            .strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One directory up; `/` stays.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// `name` below `directory`.
pub(crate) fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for (given, expected) in [
            ("/a//b/", Some("/a/b")),
            ("/a/./b/../c", Some("/a/c")),
            ("/", Some("/")),
            ("/../..", Some("/")),
            ("a/b", None),
            ("", None),
        ] {
            assert_eq!(normal(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn components_count_and_not_letters() {
        assert!(within("/home/node", "/home"));
        assert!(within("/home", "/home"));
        assert!(within("/home", "/"));
        assert!(!within("/homes", "/home"));
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/a"), "/");
        assert_eq!(join("/", "x"), "/x");
    }
}
