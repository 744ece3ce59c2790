//! Absolute paths as text: put into one form, and compared by whole components.

/// The path without doubled or trailing slashes, `.` and `..`; `None` unless it is absolute.
pub(crate) fn normal(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
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
