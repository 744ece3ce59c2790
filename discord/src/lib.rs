//! Discord's REST API, as watcher and bot need it.
//!
//! Promises: what is sent keeps Discord's documented limits or is refused before it leaves; every answer is classified
//! into what may be retried, when, and what is final; rate limits are obeyed by the server's own figures; no error, log
//! or `Debug` of this crate holds a token. Refuses to know: transcripts, Kubernetes, where a URL came from, and when to
//! give up: retrying for ever or not is the caller's decision.

mod answer;
mod attachment;
mod backoff;
pub mod bot;
mod client;
mod embed;
mod error;
mod limiter;
pub mod limits;
mod message;
mod tls;
mod webhook;
mod webhook_url;

pub use attachment::AttachmentError;
pub use backoff::Backoff;
pub use bot::{ApiError, Bot};
pub use client::{Client, ClientOptions};
pub use embed::{Author, Embed, Field, File, Footer};
pub use error::{Error, Scope};
pub use limiter::Buckets;
pub use message::Message;
pub use tls::{SetupError, config as tls_config};
pub use webhook::MessageId;
pub use webhook_url::{WebhookUrl, WebhookUrlError};
