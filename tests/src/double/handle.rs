//! A running double in the test's own process.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::gate::App;
use super::serve::serve;
use super::state::{Core, Counters, Message, Shared};
use super::{DoubleOptions, router};

/// A double that serves until it is dropped.
///
/// It lives on a thread of its own: a test that blocks, or whose clock stands still, does not stop it.
#[derive(Debug)]
pub struct Double {
    shared: Shared,
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    ca_pem: Option<String>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What a wait gave up on.
#[derive(Debug, thiserror::Error)]
#[error("after {waited:?} still not {what}; the double has {messages} messages, {counters:?}")]
pub struct WaitError {
    what: String,
    waited: Duration,
    messages: usize,
    counters: Box<Counters>,
}

impl Double {
    /// Binds, then serves on a thread of its own.
    pub fn start(options: DoubleOptions) -> Result<Self> {
        let listen = options.listen;
        let listener = std::net::TcpListener::bind(listen)
            .with_context(|| format!("the double cannot listen on {listen}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut secure = None;
        let mut ca_pem = None;
        if let Some((at, tls)) = &options.tls {
            let ready = tls.ready()?;
            let listener = std::net::TcpListener::bind(at)
                .with_context(|| format!("the double cannot listen on {at}"))?;
            listener.set_nonblocking(true)?;
            ca_pem.clone_from(&ready.ca_pem);
            secure = Some((listener, ready.config));
        }
        let tls_address = match &secure {
            Some((listener, _)) => Some(listener.local_addr()?),
            None => None,
        };
        let shared = Shared::new(options);
        let stop = CancellationToken::new();
        let app = App {
            shared: shared.clone(),
            base: format!("http://{address}"),
            stop: stop.clone(),
            ca_pem: ca_pem.clone(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let token = stop.clone();
        let thread = std::thread::Builder::new()
            .name("discord-double".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let router = router(app);
                    if let Some((listener, config)) = secure
                        && let Ok(listener) = TcpListener::from_std(listener)
                    {
                        let (router, token) = (router.clone(), token.clone());
                        tokio::spawn(serve(listener, Some(config), router, token));
                    }
                    if let Ok(listener) = TcpListener::from_std(listener) {
                        serve(listener, None, router, token).await;
                    }
                });
            })?;
        Ok(Self {
            shared,
            address,
            tls_address,
            ca_pem,
            stop,
            thread: Some(thread),
        })
    }

    /// Where HTTP is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `https://localhost:PORT`, when HTTPS is on.
    pub fn tls_base_url(&self) -> Option<String> {
        let port = self.tls_address?.port();
        Some(format!("https://localhost:{port}"))
    }

    /// PEM of the double's own CA, when it has one.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The URL of the webhook of the channel `name`; both are made when they are not there.
    pub fn webhook_url(&self, name: &str) -> String {
        let webhook = self.shared.change(|core| core.webhook(name));
        format!(
            "{}/api/webhooks/{}/{}",
            self.base_url(),
            webhook.id,
            webhook.token
        )
    }

    /// The same over HTTPS.
    pub fn tls_webhook_url(&self, name: &str) -> Option<String> {
        let webhook = self.shared.change(|core| core.webhook(name));
        let base = self.tls_base_url()?;
        Some(format!(
            "{base}/api/webhooks/{}/{}",
            webhook.id, webhook.token
        ))
    }

    /// All messages in order of arrival, deleted ones marked.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.lock().messages.values().cloned().collect()
    }

    /// Counts since the start or the last reset.
    pub fn counters(&self) -> Counters {
        self.shared.lock().counters.clone()
    }

    /// Breaches that real Discord would have let pass.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.change(|core| {
            let now = core.clock().now();
            core.faults.add(fault, now);
        });
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.change(|core| core.faults.clear());
    }

    /// Reads or changes the state directly.
    pub fn with<T>(&self, act: impl FnOnce(&mut Core) -> T) -> T {
        self.shared.change(act)
    }

    /// Forgets messages, counts, violations, faults and buckets; channels and webhooks stay.
    pub fn reset(&self) {
        self.shared.change(Core::reset);
    }

    /// Waits until `count` messages have come, at most `limit`.
    pub async fn wait_messages(
        &self,
        count: usize,
        limit: Duration,
    ) -> Result<Vec<Message>, WaitError> {
        let what = format!("{count} messages");
        self.wait_for(&what, limit, |core| core.messages.len() >= count)
            .await?;
        Ok(self.messages())
    }

    /// Waits until some message's text holds `word`, at most `limit`.
    pub async fn wait_text(&self, word: &str, limit: Duration) -> Result<Message, WaitError> {
        let what = format!("a message with {word:?}");
        let mut found = None;
        self.wait_for(&what, limit, |core| {
            let mut messages = core.messages.values();
            found = messages
                .find(|message| message.text().contains(word))
                .cloned();
            found.is_some()
        })
        .await?;
        found.ok_or_else(|| self.gave_up(&what, limit))
    }

    /// Waits until `done` says so, at most `limit`. It is asked again at each change of the state.
    pub async fn wait_for(
        &self,
        what: &str,
        limit: Duration,
        mut done: impl FnMut(&Core) -> bool,
    ) -> Result<(), WaitError> {
        let mut changes = self.shared.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if done(&self.shared.lock()) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        };
        tokio::time::timeout(limit, waiting)
            .await
            .map_err(|_| self.gave_up(what, limit))
    }

    /// Serves until `stop` is cancelled; for the binary.
    pub async fn run(self, stop: CancellationToken) {
        stop.cancelled().await;
    }

    fn gave_up(&self, what: &str, waited: Duration) -> WaitError {
        let core = self.shared.lock();
        WaitError {
            what: what.to_owned(),
            waited,
            messages: core.messages.len(),
            counters: Box::new(core.counters.clone()),
        }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
