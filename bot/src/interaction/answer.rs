//! The first answer, within Discord's three seconds: what is done by then is said, the rest is deferred and said later.

use super::Inner;
use super::later::Ticket;
use super::parse::{Interaction, Kind};
use super::reply::{FIELD, MAX_CHOICES, Reply, form_channel};
use super::work::{self, Done, Task};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long the desk has before the answer is deferred: Discord's three seconds, less the body and the way back.
const PATIENCE: Duration = Duration::from_millis(800);
/// Code points by which runs are searched.
const MAX_PREFIX: usize = 100;

/// An answer, and words for log and metrics.
pub(super) struct Answer {
    pub reply: Reply,
    pub kind: &'static str,
    pub result: &'static str,
}

/// Answers one interaction.
pub(super) async fn answer(inner: &Arc<Inner>, interaction: Interaction) -> Answer {
    let kind = match interaction.kind {
        Kind::Ping => "ping",
        Kind::Autocomplete => "autocomplete",
        Kind::Component => "component",
        Kind::Modal => "modal",
        Kind::Other => "other",
        Kind::Command => match interaction.command() {
            "input" => "input",
            "status" => "status",
            "stop" => "stop",
            "cost" => "cost",
            _ => "command",
        },
    };
    let (result, reply) = reply(inner, interaction).await;
    Answer {
        reply,
        kind,
        result,
    }
}

async fn reply(inner: &Arc<Inner>, interaction: Interaction) -> (&'static str, Reply) {
    if interaction.kind == Kind::Ping {
        return ("ok", Reply::Pong);
    }
    if let Some((result, text)) = refusal(inner, &interaction) {
        // The list that is typed from has no place for a reason.
        let reply = if interaction.kind == Kind::Autocomplete {
            Reply::Choices(Vec::new())
        } else {
            Reply::Message(text.to_owned())
        };
        return (result, reply);
    }
    let named = interaction.option("run").map(str::to_owned);
    match interaction.kind {
        Kind::Autocomplete => choices(inner, &interaction).await,
        Kind::Command => match interaction.command() {
            "status" => perform(inner, interaction, Task::Status, named).await,
            "cost" => perform(inner, interaction, Task::Cost, named).await,
            "stop" => perform(inner, interaction, Task::Stop, named).await,
            "input" => {
                let text = interaction.option("text").unwrap_or_default().to_owned();
                let attachment = interaction.attachment("attachment");
                if interaction.option("attachment").is_some() && attachment.is_none() {
                    let text = "Discord did not say where that attachment is. Nothing was queued.";
                    return ("not_queued", Reply::Message(text.to_owned()));
                }
                if text.trim().is_empty() && attachment.is_none() {
                    return form(inner, &interaction, named.as_deref()).await;
                }
                perform(inner, interaction, Task::Input { text, attachment }, named).await
            }
            _ => unknown(),
        },
        Kind::Component => match form_channel(interaction.custom_id()) {
            Some(channel) => form(inner, &interaction, Some(channel)).await,
            None => unknown(),
        },
        Kind::Modal => match form_channel(interaction.custom_id()) {
            Some(channel) => {
                let channel = Some(channel.to_owned());
                let text = interaction.field(FIELD).unwrap_or_default().to_owned();
                let task = Task::Input {
                    text,
                    attachment: None,
                };
                perform(inner, interaction, task, channel).await
            }
            None => unknown(),
        },
        Kind::Ping | Kind::Other => unknown(),
    }
}

fn unknown() -> (&'static str, Reply) {
    let text =
        "This bot does not know that. Its commands are `/input`, `/status`, `/stop` and `/cost`.";
    ("unknown", Reply::Message(text.to_owned()))
}

/// Why this guild or user is not served.
fn refusal(inner: &Inner, interaction: &Interaction) -> Option<(&'static str, &'static str)> {
    match (&interaction.guild_id, &inner.guild) {
        (None, _) => {
            return Some((
                "no_guild",
                "This bot serves channels of its own server alone.",
            ));
        }
        (Some(found), Some(own)) if found != own => {
            return Some(("other_guild", "This bot serves another server."));
        }
        _ => {}
    }
    let author = &interaction.author;
    let open = inner.users.is_empty() && inner.roles.is_empty();
    let listed = inner.users.contains(&author.id)
        || author.roles.iter().any(|role| inner.roles.contains(role));
    (!open && !listed).then_some((
        "not_allowed",
        "You are not on the list of those who may talk to agents here. Ask whoever runs this bot.",
    ))
}

async fn choices(inner: &Inner, interaction: &Interaction) -> (&'static str, Reply) {
    if interaction.focused() != Some("run") {
        return ("unknown", Reply::Choices(Vec::new()));
    }
    let prefix = interaction.option("run").unwrap_or_default().trim();
    let prefix: String = prefix.chars().take(MAX_PREFIX).collect();
    let guild = interaction.guild_id.as_deref().unwrap_or_default();
    let (result, runs) = match timeout(PATIENCE, inner.desk.live(guild, &prefix, MAX_CHOICES)).await
    {
        Ok(Ok(runs)) => ("ok", runs),
        Ok(Err(_)) => ("unavailable", Vec::new()),
        Err(_) => ("late", Vec::new()),
    };
    let choice = |run: crate::desk::RunView| {
        let name = match &run.title {
            Some(title) => format!("{} · {title}", run.label()),
            None => run.label(),
        };
        (name, run.channel_id)
    };
    (
        result,
        Reply::Choices(runs.into_iter().map(choice).collect()),
    )
}

/// A form cannot be deferred: when the desk is slow it opens all the same, and its text is checked when it comes.
async fn form(
    inner: &Inner,
    interaction: &Interaction,
    named: Option<&str>,
) -> (&'static str, Reply) {
    let (channel, label) = match timeout(PATIENCE, work::target(inner, interaction, named)).await {
        Ok(Ok(run)) => (run.channel_id.clone(), run.label()),
        Ok(Err(done)) => return (done.result, Reply::Message(done.text)),
        Err(_) => {
            let named = named.filter(|name| crate::config::is_snowflake(name));
            let channel = named
                .or(interaction.channel_id.as_deref())
                .unwrap_or_default();
            (channel.to_owned(), "the agent".to_owned())
        }
    };
    ("form", Reply::Form { channel, label })
}

/// Does the task; what is not done in time is answered later.
async fn perform(
    inner: &Arc<Inner>,
    interaction: Interaction,
    task: Task,
    named: Option<String>,
) -> (&'static str, Reply) {
    // A file comes from elsewhere: nobody knows how long that takes.
    let at_once = matches!(
        &task,
        Task::Input {
            attachment: Some(_),
            ..
        }
    );
    let ticket = inner.later.ticket(&interaction);
    if at_once && ticket.is_none() {
        let text = "Attachments cannot be read at present. Nothing was queued; try again in a moment, or paste the text.";
        return ("busy", Reply::Message(text.to_owned()));
    }
    let mut work = {
        let inner = Arc::clone(inner);
        tokio::spawn(async move { work::run(&inner, &interaction, task, named.as_deref()).await })
    };
    let patience = if at_once { Duration::ZERO } else { PATIENCE };
    match timeout(patience, &mut work).await {
        Ok(Ok(done)) => {
            let (result, text) = (done.result, done.text.clone());
            if let (Some(ticket), Some(follow)) = (ticket, done.follow) {
                tokio::spawn(ticket.follow(Arc::clone(&inner.desk), follow));
            }
            (result, Reply::Message(text))
        }
        Ok(Err(_)) => ("failed", Reply::Message(FAILED.to_owned())),
        Err(_) => {
            let Some(ticket) = ticket else {
                let text = "That takes longer than Discord waits. The run's channel shows what becomes of it.";
                return ("late", Reply::Message(text.to_owned()));
            };
            tokio::spawn(finish(Arc::clone(inner), ticket, work));
            ("deferred", Reply::Deferred)
        }
    }
}

const FAILED: &str =
    "Something went wrong in the bot; its log has more. The run's channel shows what was queued.";

/// Says what came of a deferred task, and of its input.
async fn finish(inner: Arc<Inner>, ticket: Ticket, work: JoinHandle<Done>) {
    let Ok(done) = work.await else {
        ticket.say(FAILED).await;
        return;
    };
    ticket.say(&done.text).await;
    if let Some(follow) = done.follow {
        ticket.follow(Arc::clone(&inner.desk), follow).await;
    }
}
