//! Who may call: named tokens, each for its namespaces, from a file that is reread when it changes.
//!
//! Tokens are kept as SHA-256 only, and a presented one is compared with all of them in constant time, so that an answer's
//! time tells nothing. A file that does not read leaves the tokens as they were: a bad rotation locks nobody out.

use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tokio::time::Instant;

/// How often the file is looked at, at most.
const LOOK: Duration = Duration::from_secs(1);
/// Most bytes of the file.
const MAX_FILE: u64 = 1024 * 1024;
/// Most tokens.
const MAX_TOKENS: usize = 4096;
/// Name of the caller with `API_TOKEN`.
const DEFAULT: &str = "default";

/// A caller who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub name: String,
    /// None: every namespace.
    pub namespaces: Option<Vec<String>>,
}

impl Caller {
    /// Whether the caller may see and touch runs of this namespace.
    pub(crate) fn may(&self, namespace: &str) -> bool {
        self.namespaces
            .as_ref()
            .is_none_or(|all| all.iter().any(|one| one == namespace))
    }
}

/// One entry of the file: `{"NAME": {"token": "...", "namespaces": ["a", "b"]}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    token: Tokens,
    namespaces: Namespaces,
}

/// Several tokens of one caller are all valid: the old one and the new one while a Secret is rotated.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tokens {
    One(SecretString),
    Many(Vec<SecretString>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Namespaces {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone)]
struct Known {
    hash: [u8; 32],
    caller: Arc<Caller>,
}

#[derive(Default)]
struct State {
    known: Vec<Known>,
    content: Option<[u8; 32]>,
    looked: Option<Instant>,
    problem: Option<String>,
}

/// All callers.
pub(crate) struct Callers {
    file: Option<PathBuf>,
    fixed: Option<Known>,
    state: Mutex<State>,
}

impl Callers {
    pub(crate) fn new(token: Option<&SecretString>, file: Option<PathBuf>) -> Self {
        let fixed = token.map(|token| Known {
            hash: hash(token.expose_secret().as_bytes()),
            caller: Arc::new(Caller {
                name: DEFAULT.to_owned(),
                namespaces: None,
            }),
        });
        Self {
            file,
            fixed,
            state: Mutex::default(),
        }
    }

    /// The caller with this token.
    pub(crate) fn find(&self, token: &str) -> Option<Arc<Caller>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut state);
        let presented = hash(token.as_bytes());
        let (mut found, mut at) = (Choice::from(0), 0_u64);
        let all = || state.known.iter().chain(&self.fixed);
        for (index, known) in (0_u64..).zip(all()) {
            let same = known.hash.ct_eq(&presented);
            at = u64::conditional_select(&at, &index, same);
            found |= same;
        }
        bool::from(found)
            .then(|| all().nth(usize::try_from(at).unwrap_or(0)))
            .flatten()
            .map(|known| Arc::clone(&known.caller))
    }

    /// Why nobody, or not everybody, can call; for readiness.
    pub(crate) fn problem(&self) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut state);
        if state.problem.is_some() {
            return state.problem.clone();
        }
        (state.known.is_empty() && self.fixed.is_none())
            .then(|| "nobody can call: set API_TOKENS_FILE or API_TOKEN".to_owned())
    }

    fn look(&self, state: &mut State) {
        let Some(file) = &self.file else { return };
        if state.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return;
        }
        state.looked = Some(Instant::now());
        let problem = match read(file) {
            Ok(None) => {
                // Not there yet, or taken away: a Secret that was deleted takes its callers along.
                state.known.clear();
                state.content = None;
                None
            }
            Ok(Some(bytes)) => {
                let content = hash(&bytes);
                if state.content == Some(content) {
                    return;
                }
                match parse(&bytes, self.fixed.as_ref()) {
                    Ok(known) => {
                        tracing::info!(tokens = known.len(), "callers' tokens read");
                        state.known = known;
                        state.content = Some(content);
                        None
                    }
                    Err(problem) => Some(problem),
                }
            }
            Err(error) => Some(format!("it cannot be read ({error})")),
        };
        let problem = problem.map(|problem| {
            format!("API_TOKENS_FILE: {problem}; the tokens read before stay valid")
        });
        if let Some(problem) = problem.as_ref().filter(|_| problem != state.problem) {
            tracing::warn!("{problem}");
        }
        state.problem = problem;
    }
}

fn read(file: &std::path::Path) -> std::io::Result<Option<Vec<u8>>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    match std::fs::File::open(file) {
        Ok(file) => file.take(MAX_FILE).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(bytes))
}

/// Errors name the place, never the text: it holds tokens.
fn parse(bytes: &[u8], fixed: Option<&Known>) -> Result<Vec<Known>, String> {
    let entries: BTreeMap<String, Entry> = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "it is not the JSON expected, at line {} column {}: {{\"NAME\": {{\"token\": \"...\", \"namespaces\": [\"...\"]}}}}",
            error.line(),
            error.column()
        )
    })?;
    let mut known: Vec<Known> = Vec::new();
    for (name, entry) in entries {
        if !(1..=64).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a caller's name must have 1 to 64 printable ASCII characters".to_owned());
        }
        let namespaces = match entry.namespaces {
            Namespaces::One(one) => vec![one],
            Namespaces::Many(many) => many,
        };
        let caller = Arc::new(Caller {
            namespaces: (!namespaces.iter().any(|one| one == "*")).then_some(namespaces),
            name,
        });
        let tokens = match entry.token {
            Tokens::One(one) => vec![one],
            Tokens::Many(many) => many,
        };
        for token in tokens {
            let text = token.expose_secret().trim();
            if text.len() < 8 {
                return Err(format!(
                    "the token of {} is shorter than 8 characters",
                    caller.name
                ));
            }
            let hash = hash(text.as_bytes());
            // Who calls with it would be one of them at random, with rights that were meant for the other.
            if let Some(other) = known.iter().chain(fixed).find(|other| other.hash == hash)
                && !Arc::ptr_eq(&other.caller, &caller)
            {
                return Err(format!(
                    "{} and {} have the same token; give each its own",
                    other.caller.name, caller.name
                ));
            }
            known.push(Known {
                hash,
                caller: Arc::clone(&caller),
            });
        }
    }
    if known.len() > MAX_TOKENS {
        return Err(format!("it holds more than {MAX_TOKENS} tokens"));
    }
    Ok(known)
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"a": {"token": ["old-token", "new-token"], "namespaces": ["x", "y"]},
                          "all": {"token": "third-token", "namespaces": "*"}}"#;

    #[tokio::test(start_paused = true)]
    async fn tokens_follow_their_file_and_a_bad_file_locks_nobody_out() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens.json");
        let callers = Callers::new(None, Some(file.clone()));
        assert!(callers.problem().unwrap().contains("API_TOKENS_FILE"));
        let write = async |text: &str| {
            std::fs::write(&file, text).unwrap();
            tokio::time::sleep(2 * LOOK).await;
        };
        write(TWO).await;
        assert_eq!(callers.problem(), None);
        let caller = callers.find("new-token").unwrap();
        assert_eq!(caller, callers.find("old-token").unwrap());
        assert!(caller.may("x") && !caller.may("z"));
        assert!(callers.find("third-token").unwrap().may("z"));
        assert_eq!(callers.find("nobody's"), None);

        let twice = r#"{"a": {"token": "one-token", "namespaces": ["x"]}, "b": {"token": " one-token", "namespaces": "*"}}"#;
        write(twice).await;
        assert_eq!(callers.find("one-token"), None, "whose is it?");
        assert!(callers.find("third-token").is_some());
        let problem = callers.problem().unwrap();
        assert!(
            problem.contains("a and b have the same token") && !problem.contains("one-token"),
            "{problem}"
        );
        write(r#"{"a": {"token": ["same-token", "same-token"], "namespaces": "*"}}"#).await;
        assert_eq!(callers.problem(), None, "twice of one caller is no matter");
        write(TWO).await;
        assert!(callers.find("third-token").is_some());

        write("{\"a\": {\"token\": \"secret-in-a-broken-file").await;
        assert!(callers.find("third-token").is_some());
        let problem = callers.problem().unwrap();
        assert!(
            problem.contains("column") && !problem.contains("secret-in"),
            "{problem}"
        );

        write(r#"{"a": {"token": "new-token", "namespaces": ["x"]}}"#).await;
        assert_eq!(callers.find("old-token"), None);
        assert_eq!(callers.find("third-token"), None);
        std::fs::remove_file(&file).unwrap();
        tokio::time::sleep(2 * LOOK).await;
        assert_eq!(callers.find("new-token"), None, "its Secret was deleted");
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_for_everything_is_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens.json");
        std::fs::write(
            &file,
            r#"{"a": {"token": "for-everything", "namespaces": ["x"]}}"#,
        )
        .unwrap();
        let token = SecretString::from("for-everything");
        let callers = Callers::new(Some(&token), Some(file));
        let problem = callers.problem().unwrap();
        assert!(problem.contains("default and a have the same"), "{problem}");
    }
}
