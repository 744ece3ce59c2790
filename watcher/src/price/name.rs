//! One name for a model, however a provider or gateway spells it.

/// The plain name: `us.anthropic.claude-opus-4-5-20251101-v1:0`, `claude-opus-4-5@20251101`,
/// `openrouter/anthropic/claude-opus-4.5` and `claude-opus-4-5[1m]` are all `claude-opus-4-5`.
pub fn normalise(model: &str) -> String {
    let lower = model.trim().to_ascii_lowercase();
    let mut name = lower.as_str();
    name = name.rsplit('/').next().unwrap_or(name);
    name = name.split_once('[').map_or(name, |(head, _)| head);
    name = name.split_once('@').map_or(name, |(head, _)| head);
    // Bedrock: region and vendor before, version behind.
    if let Some(at) = name.find("claude") {
        name = name.get(at..).unwrap_or(name);
    }
    name = name.split_once(':').map_or(name, |(head, _)| head);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((head, version)) = name.rsplit_once("-v")
        && digits(version)
    {
        name = head;
    }
    if let Some((head, date)) = name.rsplit_once('-')
        && (date == "latest" || (date.len() == 8 && digits(date)))
    {
        name = head;
    }
    // Gateways write 4.5 where the vendor writes 4-5.
    name.replace('.', "-")
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn all_spellings_of_a_model_are_one() {
        for spelling in [
            "claude-opus-4-5",
            "claude-opus-4-5-20251101",
            "claude-opus-4-5[1m]",
            "us.anthropic.claude-opus-4-5-20251101-v1:0",
            "global.anthropic.claude-opus-4-5-v1",
            "claude-opus-4-5@20251101",
            "openrouter/anthropic/claude-opus-4.5",
            "anthropic/claude-opus-4-5-latest",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0",
        ] {
            assert_eq!(normalise(spelling), "claude-opus-4-5", "{spelling}");
        }
        assert_eq!(normalise("claude-3-5-sonnet-20241022"), "claude-3-5-sonnet");
        assert_eq!(normalise("gpt-5.2"), "gpt-5-2");
    }
}
