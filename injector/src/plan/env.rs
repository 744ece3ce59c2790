//! What a container's environment says, as far as it stands in the Pod itself.
//!
//! `$(NAME)` is expanded as the kubelet does it: from earlier entries, `$$` is one dollar, an unknown name stays.

use crate::pod::{Container, Env};
use std::cell::Cell;

/// Most references followed for one variable; they can nest, and multiply.
const MOST: u32 = 64;
/// Longest text an expansion may make.
const LONGEST: usize = 4096;

/// A variable of the agent's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Its text, expanded.
    Literal(String),
    /// It comes from the Pod's own fields.
    Field(String),
    /// It is set, but its value stands elsewhere (a Secret, a ConfigMap, another variable we cannot see).
    Hidden,
    /// It is not set, or comes from `envFrom`.
    Absent,
}

/// The variable `name` of `container`.
pub(crate) fn variable(container: &Container<'_>, name: &str) -> Variable {
    let entries = container.env.items();
    let Some(at) = entries.iter().rposition(|entry| &*entry.name == name) else {
        return if container.env_from {
            Variable::Hidden
        } else {
            Variable::Absent
        };
    };
    let left = Cell::new(MOST);
    entries
        .get(at)
        .map_or(Variable::Absent, |entry| resolve(entries, at, entry, &left))
}

fn resolve(entries: &[Env<'_>], at: usize, entry: &Env<'_>, left: &Cell<u32>) -> Variable {
    if let Some(source) = entry.value_from {
        let source: serde_json::Value = serde_json::from_str(source.get()).unwrap_or_default();
        return match source.get("fieldRef") {
            Some(field) => Variable::Field(field.to_string()),
            None => Variable::Hidden,
        };
    }
    let text = entry.value.as_deref().unwrap_or_default();
    let earlier = entries.get(..at).unwrap_or_default();
    let mut hidden = false;
    let expanded = expand(text, |name| {
        let Some(fewer) = left.get().checked_sub(1) else {
            hidden = true;
            return None;
        };
        left.set(fewer);
        let found = earlier.iter().rposition(|other| &*other.name == name);
        let value = found.and_then(|at| Some((at, earlier.get(at)?)));
        match value.map(|(at, other)| resolve(entries, at, other, left)) {
            Some(Variable::Literal(text)) => Some(text),
            Some(_) => {
                hidden = true;
                None
            }
            None => None,
        }
    });
    match expanded {
        Some(text) if !hidden => Variable::Literal(text),
        _ => Variable::Hidden,
    }
}

/// Replaces each `$(NAME)` for which `value` knows a text. `None` when the result would be too long.
pub(crate) fn expand(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        if let Some(more) = after.strip_prefix('$') {
            out.push('$');
            rest = more;
        } else if let Some((name, more)) = after
            .strip_prefix('(')
            .and_then(|inner| inner.split_once(')'))
        {
            if let Some(text) = value(name) {
                out.push_str(&text);
            } else {
                out.push_str("$(");
                out.push_str(name);
                out.push(')');
            }
            rest = more;
        } else {
            out.push('$');
            rest = after;
        }
        if out.len() > LONGEST {
            return None;
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(env: &str) -> Container<'_> {
        serde_json::from_str(env).unwrap()
    }

    #[test]
    fn literals_are_expanded_from_earlier_entries() {
        let agent = container(
            r#"{"env":[{"name":"HOME","value":"/h"},{"name":"A","value":"$(HOME)/a/$$(HOME)/$(NO)"},
                {"name":"B","value":"$(C)"},{"name":"C","value":"c"}]}"#,
        );
        assert_eq!(
            variable(&agent, "A"),
            Variable::Literal("/h/a/$(HOME)/$(NO)".into())
        );
        assert_eq!(variable(&agent, "B"), Variable::Literal("$(C)".into()));
        assert_eq!(variable(&agent, "X"), Variable::Absent);
    }

    #[test]
    fn what_stands_elsewhere_is_hidden() {
        let agent = container(
            r#"{"env":[{"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},
                {"name":"A","value":"$(S)/x"},{"name":"P","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],
                "envFrom":[{"secretRef":{"name":"s"}}]}"#,
        );
        assert_eq!(variable(&agent, "S"), Variable::Hidden);
        assert_eq!(variable(&agent, "A"), Variable::Hidden);
        assert_eq!(variable(&agent, "HOME"), Variable::Hidden);
        assert_eq!(
            variable(&agent, "P"),
            Variable::Field(r#"{"fieldPath":"metadata.name"}"#.into())
        );
    }

    #[test]
    fn a_chain_of_doublings_stays_bounded() {
        let entries: Vec<String> = (0..30)
            .map(|n| format!(r#"{{"name":"V{}","value":"$(V{n})$(V{n})"}}"#, n + 1))
            .collect();
        let json = format!(
            r#"{{"env":[{{"name":"V0","value":"x"}},{}]}}"#,
            entries.join(",")
        );
        assert_eq!(variable(&container(&json), "V30"), Variable::Hidden);
    }
}
