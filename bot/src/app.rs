//! What routes and engine share. The store and Discord may both be away; neither keeps the process from serving.

use crate::callers::Callers;
use crate::clock::now;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::retention::Retention;
use crate::signer::Signer;
use crate::store::{Store, StoreError};
use discord::Bot;
use runtime::admin::Readiness;
use secrecy::SecretString;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Webhook tokens kept in memory, so that a registration again asks Discord for none.
const MAX_TOKENS: usize = 4096;
/// How long a token that many share is not asked for again.
const FRESH_TOKEN: Duration = Duration::from_secs(10);
/// What concerns all guilds stands under no guild's name.
const ALL: &str = "";

/// Called at each point of the engine's [`crate::STEPS`]; a test's way to stop it there. Never set outside tests.
pub type Hook = Arc<dyn Fn(&'static str) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Shared by all tasks.
pub(crate) struct App {
    pub config: Config,
    pub callers: Callers,
    /// How long a channel stays where its run does not say.
    pub default_retention: Retention,
    pub signer: Option<Signer>,
    pub discord: Option<Arc<Bot>>,
    pub metrics: Metrics,
    pub readiness: Readiness,
    pub hook: Option<Hook>,
    shutdown: CancellationToken,
    store: OnceLock<Store>,
    /// Why Discord does not serve us at present: by guild, and of all under no name.
    trouble: Mutex<BTreeMap<String, String>>,
    /// What would help in a guild.
    lacks: Mutex<BTreeMap<String, String>>,
    /// Guilds whose runs all stand in the store.
    rebuilt: Mutex<HashSet<String>>,
    /// When the store last failed a caller, in milliseconds since 1970.
    store_failed: AtomicI64,
    tokens: Mutex<HashMap<String, Token>>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        discord: Option<Arc<Bot>>,
        metrics: Metrics,
        readiness: Readiness,
        hook: Option<Hook>,
        shutdown: CancellationToken,
    ) -> Self {
        let secret = config.signing_key.as_ref().or(config.bot_token.as_ref());
        Self {
            callers: Callers::new(config.api_token.as_ref(), config.api_tokens_file.clone()),
            default_retention: Retention::new(config.retention_ms, config.retention_file.clone()),
            signer: secret.map(Signer::new),
            discord,
            metrics,
            readiness,
            hook,
            shutdown,
            store: OnceLock::new(),
            trouble: Mutex::default(),
            lacks: Mutex::default(),
            rebuilt: Mutex::default(),
            store_failed: AtomicI64::new(0),
            tokens: Mutex::default(),
            config,
        }
    }

    /// Whether the process is about to end: long polls end first.
    pub(crate) fn ending(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Resolves when the process is about to end.
    pub(crate) async fn ended(&self) {
        self.shutdown.cancelled().await;
    }

    /// The store, once it is open.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.get()
    }

    pub(crate) fn set_store(&self, store: Store) {
        if self.store.set(store).is_err() {
            tracing::error!("the store was opened twice");
        }
    }

    /// Why Discord does not serve us in this guild, for answers and readiness.
    pub(crate) fn trouble(&self, guild: &str) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get(ALL).or_else(|| trouble.get(guild)).cloned()
    }

    /// Says how Discord stands with us, in one guild or in general; logged when it changes.
    pub(crate) fn set_trouble(&self, guild: Option<&str>, text: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let key = guild.unwrap_or(ALL);
        if trouble.get(key) == text.as_ref() {
            return;
        }
        if let Some(text) = &text {
            tracing::error!(guild, trouble = %text, "runs get no channels at present");
        } else {
            tracing::info!(guild, "Discord serves us");
        }
        self.readiness.detail(
            "discord",
            joined(&mut trouble, key, text).map(|text| format!("degraded: {text}")),
        );
    }

    /// Says what would help in a guild.
    pub(crate) fn set_lack(&self, guild: &str, text: Option<String>) {
        let mut lacks = self.lacks.lock().unwrap_or_else(PoisonError::into_inner);
        self.readiness
            .detail("permissions", joined(&mut lacks, guild, text));
    }

    /// Whether all that Discord shows of this guild stands in the store. Before that, what the store does not know may
    /// be there all the same.
    pub(crate) async fn is_rebuilt(&self, guild: &str) -> Result<bool, StoreError> {
        let known = || {
            let rebuilt = self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner);
            rebuilt.contains(guild)
        };
        if known() {
            return Ok(true);
        }
        let Some(store) = self.store() else {
            return Ok(false);
        };
        if !store.was_compared(guild).await? {
            return Ok(false);
        }
        let mut rebuilt = self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner);
        rebuilt.insert(guild.to_owned());
        Ok(true)
    }

    /// The same of all guilds that the settings name.
    pub(crate) async fn are_rebuilt(&self) -> Result<bool, StoreError> {
        for guild in self.config.guilds() {
            if !self.is_rebuilt(guild).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The store failed a caller, who may be a watcher that wanted to be heard.
    pub(crate) fn store_failed(&self) {
        self.store_failed.store(now(), Ordering::Relaxed);
    }

    /// When it last did, in milliseconds since 1970.
    pub(crate) fn store_failed_at(&self) -> i64 {
        self.store_failed.load(Ordering::Relaxed)
    }

    /// The token of a webhook, when it was seen since the start.
    pub(crate) fn webhook_token(&self, id: &str) -> Option<SecretString> {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .map(|token| token.text.clone())
    }

    /// Keeps a webhook's token in memory.
    pub(crate) fn keep_token(&self, id: &str, text: SecretString) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            // Each costs one question to Discord, when it is wanted again.
            tokens.clear();
        }
        let seen = Instant::now();
        tokens.insert(id.to_owned(), Token { text, seen });
    }

    /// Forgets a webhook's token.
    pub(crate) fn forget_token(&self, id: &str) {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
    }

    /// Forgets it unless it was seen just now: many runs may share one, and ask for it at one time.
    pub(crate) fn forget_old_token(&self, id: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens
            .get(id)
            .is_some_and(|token| token.seen.elapsed() > FRESH_TOKEN)
        {
            tokens.remove(id);
        }
    }

    /// A point of the engine's steps.
    pub(crate) async fn step(&self, name: &'static str) {
        if let Some(hook) = &self.hook {
            hook(name).await;
        }
    }

    /// A retention as it counts: the run's own, else the bot's, and at most what the bot allows; none keeps.
    pub(crate) fn retention(&self, own: Option<i64>) -> Option<i64> {
        let asked = own.unwrap_or_else(|| self.default_retention.current());
        let most = self.config.max_retention_ms;
        match (Some(asked).filter(|time| *time > 0), most) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        }
    }
}

/// A webhook's token, and when Discord told it.
struct Token {
    text: SecretString,
    seen: Instant,
}

/// Changes one entry; all of them as one text.
fn joined(texts: &mut BTreeMap<String, String>, key: &str, text: Option<String>) -> Option<String> {
    match text {
        Some(text) => texts.insert(key.to_owned(), text),
        None => texts.remove(key),
    };
    let all: Vec<&str> = texts.values().map(String::as_str).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
