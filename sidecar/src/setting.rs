//! What one row of the table of settings says.

/// The type and the legal range of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within a closed range.
    Integer {
        /// Smallest legal value.
        min: i64,
        /// Largest legal value.
        max: i64,
    },
    /// Any text.
    Text,
    /// A path that starts with `/`.
    Path,
    /// A list of texts: a JSON array, or a bare word for a list of one.
    List,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A JSON object (or, for maps such as resources, whatever Kubernetes takes there).
    Object,
}

/// One setting: the path is the Helm value below `discord.monitoring` and the annotation below the prefix.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Dotted path, for example `polling.intervalMs`.
    pub path: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Default as the JSON text of values.yaml; `None` when there is none to name.
    pub default: Option<&'static str>,
    /// Environment variable of the watcher that carries it.
    pub env: Option<&'static str>,
    /// Key inside the JSON object that `env` holds, for `FILTERS` and `STATS`.
    pub env_key: Option<&'static str>,
    /// Whether a Pod's annotation may set it. Secrets and what concerns the whole installation may not.
    pub per_pod: bool,
    /// One sentence for people.
    pub doc: &'static str,
}

impl Setting {
    /// Says the legal values in words, for an error message or a reference page.
    pub fn range(&self) -> String {
        match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Text => "a text".to_owned(),
            Kind::Path => "an absolute path".to_owned(),
            Kind::List => "a JSON array of texts, or one bare word".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::Object => "a JSON object".to_owned(),
        }
    }
}
