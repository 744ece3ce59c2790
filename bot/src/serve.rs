//! Puts the parts together: routes first, then the store, then the engine.

use crate::app::{App, Hook};
use crate::args::ServeArgs;
use crate::config::{Config, ConfigError};
use crate::interaction::{self, Again, Keys};
use crate::metrics::Metrics;
use crate::store::Store;
use crate::{api, engine};
use axum::Router;
use discord::{Bot, Client, ClientOptions};
use prometheus_client::registry::Registry;
use runtime::admin::{self, Readiness};
use runtime::serve::{Listener, ServeOptions};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Pause between two tries to open the store.
const OPEN_AGAIN: Duration = Duration::from_secs(2);
/// Connections at one time: a long poll for each of a thousand runs, and room.
const MAX_CONNECTIONS: usize = 4096;
/// Longest request: a long poll, or a registration that waits for its channel.
const REQUEST: Duration = Duration::from_secs(45);
/// How long open requests may take after SIGTERM.
const DRAIN: Duration = Duration::from_secs(5);
/// How often readiness looks at what nothing tells it.
const LOOK: Duration = Duration::from_secs(2);

/// Why the bot could not serve.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// A setting cannot be meant.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}; choose another with --listen, LISTEN or ADMIN_LISTEN")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The signal handlers could not be installed.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
    /// The client for Discord cannot be set up.
    #[error(transparent)]
    Client(#[from] discord::SetupError),
    /// `DISCORD_API_URL` is no address.
    #[error("DISCORD_API_URL: {0}")]
    Base(#[from] discord::bot::BaseError),
}

/// Where to serve.
#[derive(Debug)]
pub struct Listeners {
    /// The routes.
    pub http: TcpListener,
    /// Health and metrics; beside the routes when there is none.
    pub admin: Option<TcpListener>,
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: ServeArgs) -> Result<(), BotError> {
    let (listen, admin_listen) = (args.listen, args.admin_listen);
    let config = Config::load(args)?;
    let shutdown = runtime::shutdown::on_signal().map_err(BotError::Signals)?;
    let http = bind(listen).await?;
    // With port 0 the system chooses, and nothing else says which.
    let listen = http.local_addr().unwrap_or(listen);
    let listeners = Listeners {
        http,
        admin: match admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        },
    };
    tracing::info!(%listen, "serving");
    serve(config, listeners, None, shutdown).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, BotError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BotError::Listen { address, source })
}

/// Serves on these listeners until the shutdown. `hook` is a test's.
pub async fn serve(
    config: Config,
    listeners: Listeners,
    hook: Option<Hook>,
    shutdown: CancellationToken,
) -> Result<(), BotError> {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let readiness = Readiness::default();
    let told: Arc<OnceLock<Arc<App>>> = Arc::default();
    let discord = connect(&config, &told)?;
    if let Some(bot) = &discord {
        Metrics::buckets(&mut registry, Arc::clone(bot));
    }
    let app = Arc::new(App::new(
        config,
        discord,
        metrics,
        readiness.clone(),
        hook,
        shutdown.clone(),
    ));
    let _ = told.set(Arc::clone(&app));
    // Ready while it lives: what is missing is said in the details, and every answer says it too.
    readiness.set(true);
    let parts = tokio::spawn(work(Arc::clone(&app), shutdown.clone()));

    let admin = admin::router(readiness, Arc::new(registry));
    let routes = api::router(Arc::clone(&app)).merge(interaction::router(interactions(&app)));
    let options = ServeOptions {
        max_connections: MAX_CONNECTIONS,
        request_timeout: REQUEST,
        drain: DRAIN,
        ..ServeOptions::default()
    };
    let listen = |listener, router: Router, options| {
        runtime::serve::serve(Listener::Tcp(listener), router, options, shutdown.clone())
    };
    match listeners.admin {
        Some(listener) => {
            tokio::join!(
                listen(listeners.http, routes, options),
                listen(listener, admin, ServeOptions::default())
            );
        }
        None => listen(listeners.http, routes.merge(admin), options).await,
    }
    if parts.await.is_err() {
        tracing::error!("the engine broke");
    }
    if let Some(store) = app.store() {
        store.close().await;
    }
    Ok(())
}

/// What the interactions need. Without a key that is one, each is refused, and readiness says why.
fn interactions(app: &Arc<App>) -> interaction::Options {
    let keys = match app.config.public_key.as_deref().map(Keys::parse) {
        Some(Ok(keys)) => keys,
        other => {
            let why = match other {
                Some(Err(error)) => {
                    tracing::error!(%error, "interactions are refused");
                    error.to_string()
                }
                _ => "PUBLIC_KEY is not set; commands in Discord do not work".to_owned(),
            };
            app.readiness.detail("interactions", Some(why));
            Keys::default()
        }
    };
    let told = Arc::clone(app);
    interaction::Options {
        keys,
        guild_id: only(app.config.guilds()),
        allowed_users: app.config.allowed_users.clone(),
        allowed_roles: app.config.allowed_roles.clone(),
        discord: app.discord.clone(),
        api_url: app.config.discord_api_url.clone(),
        desk: Arc::clone(app) as Arc<dyn crate::desk::Desk>,
        observer: Some(Arc::new(move |handled| told.metrics.interaction(handled))),
    }
}

/// The one guild there is; with several the desk tells whose a run is.
fn only<'a>(mut guilds: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = guilds.next()?;
    guilds.next().is_none().then(|| first.to_owned())
}

/// Tells Discord our commands, where there is somebody to serve them, until it has them; readiness says so meanwhile.
async fn commands(app: &App) {
    let served = app.config.public_key.as_deref();
    if let Some(bot) = &app.discord
        && served.is_some_and(|key| Keys::parse(key).is_ok())
    {
        let guilds = app.config.guilds().map(ToOwned::to_owned).collect();
        let tell = |words| app.readiness.detail("commands", words);
        interaction::keep_registering(bot, guilds, Again::default(), tell).await;
    }
    std::future::pending::<()>().await;
}

/// The client for Discord; none without a token.
fn connect(config: &Config, told: &Arc<OnceLock<Arc<App>>>) -> Result<Option<Arc<Bot>>, BotError> {
    let Some(token) = &config.bot_token else {
        return Ok(None);
    };
    let client = Client::new(&ClientOptions {
        extra_ca_pem: config.extra_ca_pem.clone(),
        idle_connections: 8,
        ..ClientOptions::default()
    })?;
    let told = Arc::clone(told);
    let observer = Arc::new(move |report| {
        if let Some(app) = told.get() {
            app.metrics.call(report);
        }
    });
    let bot = Bot::new(
        client,
        &config.discord_api_url,
        token.clone(),
        Some(observer),
    )?;
    Ok(Some(Arc::new(bot)))
}

/// Opens the store, then runs the engine; tells readiness what is missing meanwhile.
async fn work(app: Arc<App>, shutdown: CancellationToken) {
    if app.discord.is_none() {
        let why = "DISCORD_BOT_TOKEN is not set; put the application's bot token there";
        app.set_trouble(None, Some(why.to_owned()));
    } else if app.config.guild_id.is_none() {
        let why = if app.config.guild_ids.is_empty() {
            "GUILD_ID is not set: no run gets a channel"
        } else {
            "GUILD_ID is not set; every registration must name its guildId, one of GUILD_IDS"
        };
        app.readiness.detail("guild", Some(why.to_owned()));
    }
    let watch = async {
        loop {
            app.readiness.detail("callers", app.callers.problem());
            tokio::time::sleep(LOOK).await;
        }
    };
    let engine = async {
        let store = loop {
            match Store::open(&app.config.database_url).await {
                Ok(store) => break store,
                Err(error) => {
                    tracing::error!(%error, "the store does not open; trying again");
                    let text = format!("degraded: {error}");
                    app.readiness.detail("store", Some(text));
                    tokio::time::sleep(OPEN_AGAIN).await;
                }
            }
        };
        app.readiness.detail("store", None);
        app.set_store(store.clone());
        engine::run(Arc::clone(&app), store, shutdown.clone()).await;
        shutdown.cancelled().await;
    };
    tokio::select! {
        () = engine => {}
        () = watch => {}
        () = commands(&app) => {}
        () = async {
            shutdown.cancelled().await;
            // The engine ends its steps by itself; without a store there is none, and nothing to wait for.
            if app.store().is_some() {
                tokio::time::sleep(DRAIN).await;
            }
        } => {}
    }
}
