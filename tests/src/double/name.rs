//! A text channel's name as Discord keeps it.

/// Lower case, blanks as dashes, most punctuation dropped, no two dashes in a row and none at the ends.
///
/// The first two are documented; the rest is what guilds show, and the product is told to trust the answer alone.
pub(super) fn normal(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        let c = if c.is_whitespace() { '-' } else { c };
        if c.is_control() || (c.is_ascii_punctuation() && !"-_".contains(c)) {
            continue;
        }
        if c == '-' && (out.is_empty() || out.ends_with('-')) {
            continue;
        }
        out.extend(c.to_lowercase());
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_name_is_lowered_dashed_and_stripped_but_keeps_letters_of_every_script() {
        for (sent, kept) in [
            ("run-A-1", "run-a-1"),
            ("Agent  Runs", "agent-runs"),
            ("-a.b/c!-", "abc"),
            ("Ärger_日本", "ärger_日本"),
            ("!!!", ""),
        ] {
            assert_eq!(normal(sent), kept, "{sent}");
        }
    }
}
