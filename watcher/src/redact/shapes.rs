//! The shapes of secrets that services give out, as their documentation or scanners describe them.

/// One kind of secret.
pub(super) struct Shape {
    /// Name shown in its place and used to switch it off.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) doc: &'static str,
    /// Where it is; with a group, the group alone is taken out.
    pub(super) pattern: &'static str,
    /// A last look at what was found, where a pattern alone would take out ordinary text.
    pub(super) check: fn(&str) -> bool,
}

const fn shape(name: &'static str, doc: &'static str, pattern: &'static str) -> Shape {
    Shape {
        name,
        doc,
        pattern,
        check: always,
    }
}

const fn checked(
    name: &'static str,
    doc: &'static str,
    pattern: &'static str,
    check: fn(&str) -> bool,
) -> Shape {
    Shape {
        name,
        doc,
        pattern,
        check,
    }
}

/// In this order: a narrow shape names what a wider one would name less well. Without upper bounds on wide classes: each
/// repetition is a copy in memory, and what is longer is no less secret.
pub(super) static SHAPES: &[Shape] = &[
    shape(
        "private-key",
        "PEM private keys, whole",
        r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    shape(
        "discord-webhook",
        "tokens of webhook addresses",
        r"/webhooks/[0-9]{5,25}/([A-Za-z0-9_-]{16,})",
    ),
    checked(
        "discord-bot",
        "bot tokens",
        r"(?-u:\b)([A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45})(?-u:\b)",
        mixed,
    ),
    shape(
        "anthropic",
        "API keys of Anthropic",
        r"(?-u:\b)sk-ant-[A-Za-z0-9_-]{16,}",
    ),
    checked(
        "openai",
        "API keys that begin with sk-",
        r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}",
        mixed,
    ),
    shape(
        "github",
        "tokens of GitHub",
        r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    shape(
        "gitlab",
        "tokens of GitLab",
        r"(?-u:\b)gl(?:pat|ptt|oas|dt|rt|cbt|ft|agent|soat)-[A-Za-z0-9_.-]{16,}",
    ),
    shape(
        "aws",
        "access key ids of AWS",
        r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)",
    ),
    shape(
        "slack",
        "tokens and webhooks of Slack",
        r"(?-u:\b)(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/_-]{20,}",
    ),
    shape(
        "google",
        "API keys and access tokens of Google",
        r"(?-u:\b)(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    shape(
        "jwt",
        "JSON web tokens",
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    ),
    shape("npm", "tokens of npm", r"(?-u:\b)npm_[A-Za-z0-9]{30,}"),
    shape("pypi", "tokens of PyPI", r"(?-u:\b)pypi-[A-Za-z0-9_-]{40,}"),
    shape(
        "stripe",
        "secret keys of Stripe",
        r"(?-u:\b)(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{24,}",
    ),
    shape(
        "sendgrid",
        "API keys of SendGrid",
        r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    ),
    shape(
        "huggingface",
        "tokens of Hugging Face",
        r"(?-u:\b)hf_[A-Za-z0-9]{30,}",
    ),
    shape(
        "vault",
        "tokens of HashiCorp Vault and Terraform",
        r"(?-u:\b)(?:hv[sbr]\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,})",
    ),
    shape(
        "digitalocean",
        "tokens of DigitalOcean",
        r"(?-u:\b)do[opr]_v1_[a-f0-9]{40,}",
    ),
    shape(
        "age",
        "secret keys of age",
        r"(?-u:\b)AGE-SECRET-KEY-1[0-9A-Z]{40,}",
    ),
    checked(
        "authorization",
        "values of Authorization headers",
        r"(?i-u:\b(?:bearer|basic)) +([A-Za-z0-9._~+/=-]{16,})",
        mixed,
    ),
    checked(
        "url-password",
        "passwords in addresses",
        r"://[^\s:/@'\x22]*:([^\s:/@'\x22]{3,})@",
        no_placeholder,
    ),
    checked(
        "assignment",
        "values given to names such as password, secret, token, api_key",
        r"(?i-u:(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[A-Z0-9_]{0,24})[\x22']? {0,4}(?:=|:|=>) {0,4}[\x22']?([A-Za-z0-9+/=_.~!@%^&*-]{8,})",
        looks_random,
    ),
];

fn always(_: &str) -> bool {
    true
}

/// Letters and digits both: words joined by hyphens have only letters.
fn mixed(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn no_placeholder(text: &str) -> bool {
    !text.starts_with(['$', '{', '<', '[', '*', '%']) && !text.eq_ignore_ascii_case("password")
}

/// Values that were made up by a machine or by somebody who was asked for digits. `token = get_token()`,
/// `password: string` and `SECRET=changeme` are code and documentation, and reading them is the point of the feed.
fn looks_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let calls = text
        .bytes()
        .filter(|byte| matches!(byte, b'.' | b'/'))
        .count();
    digits >= 2 && letters >= 2 && calls * 6 <= text.len()
}
