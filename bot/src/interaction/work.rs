//! What the commands do. Each reads or writes the desk; an attachment is read before its input is queued.

use super::Inner;
use super::later::Follow;
use super::parse::{Attachment, Interaction};
use super::words;
use crate::desk::{InputKind, MAX_INPUT_BYTES, NewInput, Queued, RunView};
use discord::AttachmentError;
use std::time::Duration;

/// Longest read of an attachment.
const FETCH: Duration = Duration::from_secs(20);

/// What is to be done.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// Show a run.
    Status,
    /// Show what it cost.
    Cost,
    /// Queue an interrupt.
    Stop,
    /// Queue a text.
    Input {
        /// As it was typed.
        text: String,
        /// Appended to it.
        attachment: Option<Attachment>,
    },
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub text: String,
    /// For the metrics.
    pub result: &'static str,
    pub follow: Option<Follow>,
}

impl Done {
    fn new(result: &'static str, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            result,
            follow: None,
        }
    }
}

/// A run that was asked for, or what to say instead.
pub(super) async fn target(
    inner: &Inner,
    interaction: &Interaction,
    named: Option<&str>,
) -> Result<RunView, Done> {
    let unavailable = |error| Done::new("unavailable", words::trouble(&error));
    let guild = interaction.guild_id.as_deref().unwrap_or_default();
    let named = named.map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = named else {
        let channel = interaction.channel_id.as_deref().unwrap_or_default();
        let run = inner.desk.run(guild, channel).await.map_err(unavailable)?;
        return run.ok_or_else(|| Done::new("unknown", words::NO_RUN));
    };
    if crate::config::is_snowflake(name)
        && let Some(run) = inner.desk.run(guild, name).await.map_err(unavailable)?
    {
        return Ok(run);
    }
    // Typed by hand instead of chosen.
    let mut found = inner.desk.live(guild, name, 2).await.map_err(unavailable)?;
    let exact = found.iter().position(|run| run.label() == name);
    match (exact, found.len()) {
        (Some(at), _) => Ok(found.swap_remove(at)),
        (None, 1) => Ok(found.swap_remove(0)),
        (None, 0) => Err(Done::new(
            "unknown",
            format!("No live run is called {}.", words::code(name)),
        )),
        _ => Err(Done::new(
            "unknown",
            format!(
                "Several live runs start with {}; choose one from the list.",
                words::code(name)
            ),
        )),
    }
}

/// Does it.
pub(super) async fn run(
    inner: &Inner,
    interaction: &Interaction,
    task: Task,
    named: Option<&str>,
) -> Done {
    let run = match target(inner, interaction, named).await {
        Ok(run) => run,
        Err(done) => return done,
    };
    match task {
        Task::Status => Done::new("ok", words::status(&run)),
        Task::Cost => Done::new("ok", words::cost(&run)),
        Task::Stop => {
            queue(
                inner,
                interaction,
                &run,
                InputKind::Interrupt,
                String::new(),
            )
            .await
        }
        Task::Input { text, attachment } => {
            let text = match attachment {
                None => text,
                Some(attachment) => match with_file(inner, text, &attachment).await {
                    Ok(text) => text,
                    Err(done) => return done,
                },
            };
            if text.trim().is_empty() {
                return Done::new("empty", "There is no text in that; nothing was queued.");
            }
            queue(inner, interaction, &run, InputKind::Text, text).await
        }
    }
}

async fn queue(
    inner: &Inner,
    interaction: &Interaction,
    run: &RunView,
    kind: InputKind,
    text: String,
) -> Done {
    let input = NewInput {
        kind,
        text,
        author: interaction.author.name.clone(),
        source: interaction.id.clone(),
    };
    let guild = interaction.guild_id.as_deref().unwrap_or_default();
    let (label, channel) = (run.label(), run.channel_id.clone());
    match inner.desk.queue(guild, &channel, input).await {
        Err(error) => Done::new("unavailable", words::trouble(&error)),
        Ok(queued) => {
            let text = words::queued(queued, &label, kind == InputKind::Interrupt);
            match queued {
                Queued::Queued { seq } => Done {
                    follow: Some(Follow {
                        channel,
                        label,
                        seq,
                    }),
                    ..Done::new("queued", text)
                },
                _ => Done::new("not_queued", text),
            }
        }
    }
}

/// The text and the file's, one after the other.
async fn with_file(inner: &Inner, text: String, file: &Attachment) -> Result<String, Done> {
    let name = words::line(&file.name, 100);
    let shown = words::code(&name);
    let too_large = || words::queued(Queued::TooLong, "", false);
    if file.size > MAX_INPUT_BYTES as u64 {
        return Err(Done::new("not_queued", too_large()));
    }
    let not_text = || {
        Done::new(
            "not_queued",
            format!("{shown} is not UTF-8 text. Nothing was queued."),
        )
    };
    if ["image/", "video/", "audio/"]
        .iter()
        .any(|kind| file.content_type.starts_with(kind))
    {
        return Err(not_text());
    }
    let Some(bot) = inner.later.discord() else {
        return Err(Done::new(
            "unavailable",
            "The bot has no token, so it reads no attachments. Nothing was queued.",
        ));
    };
    let base = Some(inner.api.as_str());
    let content = bot
        .client()
        .attachment(&file.url, base, MAX_INPUT_BYTES, FETCH)
        .await
        .map_err(|error| match error {
            AttachmentError::TooLarge => Done::new("not_queued", too_large()),
            AttachmentError::Host | AttachmentError::Unavailable => Done::new(
                "unavailable",
                format!("{shown}: {error}. Nothing was queued; try again, or paste the text with `/input` alone."),
            ),
        })?;
    let content = String::from_utf8(content).map_err(|_| not_text())?;
    if content.contains('\0') {
        return Err(not_text());
    }
    let text = text.trim_end();
    Ok(if text.is_empty() {
        format!("Attachment {name}:\n{content}")
    } else {
        format!("{text}\n\nAttachment {name}:\n{content}")
    })
}
