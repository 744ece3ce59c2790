//! A double of Discord that is stricter than Discord.
//!
//! Promises: every limit, error code, header and rate limit that the product meets on the webhook and channel
//! routes, of a webhook and of a bot; faults on order; and a record of everything that came. What Discord would swallow in silence
//! (mentions let through, unknown fields, embeds hidden by a repeated url) is recorded as a violation.
//! Refuses to know: the gateway, voice, other members than the bot, and anything a run's channel does not touch.

mod bot;
mod channels;
pub mod checker;
pub mod clock;
mod commands;
mod control;
pub mod draft;
pub mod embed;
pub mod error;
mod events;
pub mod fault;
pub mod form;
pub mod gate;
mod guild;
mod handle;
mod hooks;
mod interact;
pub mod interaction;
mod message;
pub mod mutator;
mod name;
mod overwrites;
mod page;
pub mod permission;
mod posts;
pub mod rate;
mod reply;
pub mod sent;
mod serve;
pub mod settings;
mod signing;
pub mod state;
mod stored;
pub mod tail;
mod threads;
pub mod tls;
mod webhooks;

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use self::clock::Clock;
use self::error::ApiError;
use self::gate::App;
use self::rate::RateLimits;
use self::settings::{Bot, Caps};
use self::tls::Tls;

pub use self::handle::{Double, WaitError};

/// How a double behaves from its start.
#[derive(Clone, Debug)]
pub struct DoubleOptions {
    /// Where HTTP is served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where HTTPS is served, and with which certificate.
    pub tls: Option<(SocketAddr, Tls)>,
    /// Rate limits.
    pub limits: RateLimits,
    /// Any id and token is a webhook, made at its first use.
    pub auto_create: bool,
    /// Whether sends with wait=false are saved. Discord promises nothing about them.
    pub save_unwaited: bool,
    /// Messages kept; the oldest are forgotten first.
    pub keep_messages: usize,
    /// The one guild.
    pub guild_id: u64,
    /// The application and its bot user.
    pub bot: Bot,
    /// How full the guild may get.
    pub caps: Caps,
    /// The clock that rate limits and timestamps read.
    pub clock: Clock,
}

impl Default for DoubleOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            limits: RateLimits::default(),
            auto_create: false,
            save_unwaited: true,
            keep_messages: 100_000,
            guild_id: 81_384_788_765_712_384,
            bot: Bot::default(),
            caps: Caps::default(),
            clock: Clock::default(),
        }
    }
}

impl DoubleOptions {
    /// Discord without any rate limit.
    pub fn unlimited() -> Self {
        Self {
            limits: RateLimits::off(),
            ..Self::default()
        }
    }

    /// Adds HTTPS on a free port of the loopback, for the name localhost, by a CA of its own.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.tls = Some((at, Tls::OwnCa { names, dir: None }));
        self
    }
}

/// Everything the double serves.
fn router(app: App) -> Router {
    let api = webhooks::routes()
        .merge(bot::routes())
        .merge(interaction::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed);
    Router::new()
        .nest("/api/v10", api.clone())
        .nest("/api", api)
        .merge(control::routes())
        .merge(page::routes())
        .with_state(app)
}

async fn not_found() -> Response {
    ApiError::new(StatusCode::NOT_FOUND, 0, "404: Not Found").into_response()
}

async fn not_allowed() -> Response {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 0, "405: Method Not Allowed").into_response()
}
