//! What routes and engine share. The store and Discord may both be away; neither keeps the process from serving.

use crate::callers::Callers;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::retention::Retention;
use crate::signer::Signer;
use crate::store::Store;
use discord::Bot;
use runtime::admin::Readiness;
use secrecy::SecretString;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_util::sync::CancellationToken;

/// Webhook tokens kept in memory, so that a registration again asks Discord for none.
const MAX_TOKENS: usize = 4096;

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
    /// Why Discord does not serve us at present.
    trouble: Mutex<Option<String>>,
    tokens: Mutex<HashMap<String, SecretString>>,
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

    /// Why Discord does not serve us, for answers and readiness.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Says how Discord stands with us; logged when it changes.
    pub(crate) fn set_trouble(&self, text: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *trouble == text {
            return;
        }
        if let Some(text) = &text {
            tracing::error!(trouble = %text, "runs get no channels at present");
        } else {
            tracing::info!("Discord serves us");
        }
        self.readiness.detail(
            "discord",
            text.as_ref().map(|text| format!("degraded: {text}")),
        );
        *trouble = text;
    }

    /// The token of a webhook, when it was seen since the start.
    pub(crate) fn webhook_token(&self, id: &str) -> Option<SecretString> {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// Keeps a webhook's token in memory.
    pub(crate) fn keep_token(&self, id: &str, token: SecretString) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            // Each costs one question to Discord, when it is wanted again.
            tokens.clear();
        }
        tokens.insert(id.to_owned(), token);
    }

    /// Forgets a webhook's token.
    pub(crate) fn forget_token(&self, id: &str) {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
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
