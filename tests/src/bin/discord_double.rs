//! The double of Discord as a process: `serve` runs it, `tail` shows its posts in a terminal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use tests::double::rate::RateLimits;
use tests::double::settings::Bot;
use tests::double::tls::Tls;
use tests::double::{Double, DoubleOptions, tail};
use tokio::signal::unix::{SignalKind, signal};

/// A strict double of Discord's webhook and channel routes.
#[derive(Debug, Parser)]
#[command(name = "discord-double")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves Discord's API, a page at / and a control API under /_double.
    Serve(Serve),
    /// Shows a running double's posts as they arrive.
    Tail {
        /// Where the double is, like `http://127.0.0.1:8080`.
        #[arg(long)]
        url: String,
        /// Only posts of this channel's name.
        #[arg(long)]
        channel: Option<String>,
        /// Begins with what is there already.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Where HTTP is served.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where HTTPS is served.
    #[arg(long, env = "TLS_LISTEN")]
    tls_listen: Option<SocketAddr>,
    /// Certificate chain for HTTPS, PEM.
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key for HTTPS, PEM.
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Makes a CA and a certificate of its own and writes the CA's to DIR/ca.crt. It is also at /_double/ca.crt.
    #[arg(long, value_name = "DIR", conflicts_with = "tls_cert")]
    tls_self: Option<PathBuf>,
    /// Names and addresses for the certificate of its own.
    #[arg(long, value_delimiter = ',', default_value = "localhost,127.0.0.1")]
    tls_san: Vec<String>,
    /// Takes any webhook id and token, as if the webhook had been made before.
    #[arg(long, env = "AUTO_CREATE")]
    auto_create: bool,
    /// Switches the rate limits off.
    #[arg(long, env = "NO_RATE_LIMITS")]
    no_rate_limits: bool,
    /// Drops messages sent with wait=false, as Discord may.
    #[arg(long)]
    drop_unwaited: bool,
    /// The guild's id.
    #[arg(long, env = "GUILD_ID")]
    guild_id: Option<u64>,
    /// The application's id, which is the bot user's too.
    #[arg(long, env = "APPLICATION_ID")]
    application_id: Option<u64>,
    /// The token bots must send.
    #[arg(long, env = "BOT_TOKEN", hide_env_values = true)]
    bot_token: Option<String>,
    /// Bits of the bot's role.
    #[arg(long, env = "BOT_PERMISSIONS")]
    bot_permissions: Option<u64>,
    /// Messages kept in memory.
    #[arg(long, default_value_t = 100_000)]
    keep_messages: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve(args).await,
        Command::Tail { url, channel, all } => tail::run(&url, channel.as_deref(), all).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("discord-double: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Serve) -> Result<()> {
    let tls = match (args.tls_listen, args.tls_cert, args.tls_key, args.tls_self) {
        (None, None, None, None) => None,
        (Some(at), Some(cert), Some(key), None) => Some((at, Tls::Files { cert, key })),
        (Some(at), None, None, dir) => {
            let names = args.tls_san;
            Some((at, Tls::OwnCa { names, dir }))
        }
        _ => bail!("--tls-listen ADDR goes with --tls-cert and --tls-key, or with --tls-self DIR"),
    };
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut bot = Bot::default();
    bot.application_id = args.application_id.unwrap_or(bot.application_id);
    bot.permissions = args.bot_permissions.unwrap_or(bot.permissions);
    if let Some(token) = args.bot_token {
        bot.token = token;
    }
    let defaults = DoubleOptions::default();
    let double = Double::start(DoubleOptions {
        listen: args.listen,
        tls,
        limits: if args.no_rate_limits {
            RateLimits::off()
        } else {
            RateLimits::default()
        },
        auto_create: args.auto_create,
        save_unwaited: !args.drop_unwaited,
        keep_messages: args.keep_messages,
        guild_id: args.guild_id.unwrap_or(defaults.guild_id),
        bot,
        ..defaults
    })?;
    println!("discord-double: page and API on {}/", double.base_url());
    if let Some(url) = double.tls_base_url() {
        println!("discord-double: HTTPS on {url}/");
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
