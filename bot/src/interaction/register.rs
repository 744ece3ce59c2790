//! Tells Discord our commands, when it has others. A few tries, and long pauses after a refusal: each counts towards a ban.

use super::commands;
use discord::bot::Call;
use discord::{ApiError, Bot};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// Tries of one call, with pauses that double.
const TRIES: u32 = 8;
/// The first pause.
const PAUSE: Duration = Duration::from_secs(2);

/// Pauses between registrations that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// After Discord did not answer, for all the tries of one.
    pub later: Duration,
    /// After it refused.
    pub refused: Duration,
}

impl Default for Again {
    fn default() -> Self {
        Self {
            later: Duration::from_mins(1),
            refused: Duration::from_mins(10),
        }
    }
}

/// What a registration came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// Discord had them already.
    Same,
    /// Discord took them.
    Written,
    /// Not now, or not at all.
    Failed(ApiError),
}

/// Registers the commands of this guild; ends after a bounded number of tries.
pub async fn register(bot: &Bot, guild: &str) -> Registration {
    let mut pause = PAUSE;
    let mut tried = 0;
    loop {
        let error = match once(bot, guild).await {
            Ok(written) => {
                tracing::info!(guild, written, "Discord has the commands");
                return if written {
                    Registration::Written
                } else {
                    Registration::Same
                };
            }
            Err(error) => error,
        };
        tried += 1;
        if tried >= TRIES || !matches!(error, ApiError::Later(_)) {
            tracing::error!(guild, %error, "the commands are not registered");
            return Registration::Failed(error);
        }
        tracing::warn!(guild, %error, "the commands are not registered yet; trying again");
        sleep(pause).await;
        pause *= 2;
    }
}

/// Registers the commands of all these guilds, however long it takes; `tell` hears after each round what is missing, and at
/// the end that nothing is.
pub async fn keep_registering(
    bot: &Bot,
    mut guilds: Vec<String>,
    again: Again,
    tell: impl Fn(Option<String>),
) {
    loop {
        let mut failed: Vec<(String, ApiError)> = Vec::new();
        for guild in guilds {
            if let Registration::Failed(error) = register(bot, &guild).await {
                failed.push((guild, error));
            }
        }
        let words: Vec<String> = failed
            .iter()
            .map(|(guild, error)| format!("not registered in the guild {guild}: {error}"))
            .collect();
        tell((!words.is_empty()).then(|| words.join("; ")));
        let is_refusal = |error: &ApiError| !matches!(error, ApiError::Later(_));
        let pause = if failed.iter().any(|(_, error)| is_refusal(error)) {
            again.refused
        } else {
            again.later
        };
        guilds = failed.into_iter().map(|(guild, _)| guild).collect();
        if guilds.is_empty() {
            return;
        }
        sleep(pause).await;
    }
}

async fn once(bot: &Bot, guild: &str) -> Result<bool, ApiError> {
    const READ: &str = "GET /applications/{application}/guilds/{guild}/commands";
    const WRITE: &str = "PUT /applications/{application}/guilds/{guild}/commands";
    let application = bot.application().await?.id;
    let path = [
        "applications",
        application.as_str(),
        "guilds",
        guild,
        "commands",
    ];
    let call = |method, route, body| Call {
        method,
        route,
        major: &application,
        path: &path,
        query: &[],
        body,
        reason: None,
    };
    let theirs: Value = bot.call(call(Method::GET, READ, None)).await?;
    if !commands::differ(&theirs) {
        return Ok(false);
    }
    let ours = json!(commands::all());
    bot.call(call(Method::PUT, WRITE, Some(&ours))).await?;
    Ok(true)
}
