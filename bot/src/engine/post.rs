//! Messages of ours in a run's channel, by the run's own webhook, so that they stand beside the watcher's.

use super::halt::Halt;
use super::{Engine, cards};
use crate::store::Run;
use discord::{Embed, WebhookUrl};

/// Messages looked at to find one of ours.
const LOOK_BACK: u8 = 50;

impl Engine {
    /// The address of the run's webhook; `None` when it has none any more.
    pub(super) async fn webhook_url(&self, run: &Run) -> Result<Option<WebhookUrl>, Halt> {
        let Some(id) = &run.webhook_id else {
            return Ok(None);
        };
        let token = match self.app.webhook_token(id) {
            Some(token) => token,
            None => match self.bot().webhook(id).await {
                Ok(webhook) => {
                    let Some(token) = webhook.token else {
                        return Ok(None);
                    };
                    self.app.keep_token(id, token.clone());
                    token
                }
                Err(error) if error.is_gone() => return Ok(None),
                Err(error) => return Err(error.into()),
            },
        };
        let thread = run
            .is_thread()
            .then_some(run.channel_id.as_deref())
            .flatten();
        // An id and a token of Discord's always make one.
        Ok(self.bot().webhook_url(id, &token, thread).ok())
    }

    /// Posts an embed; `None` when there is no webhook to post by.
    pub(super) async fn post(&self, run: &Run, embed: Embed) -> Result<Option<String>, Halt> {
        let Some(url) = self.webhook_url(run).await? else {
            return Ok(None);
        };
        let message = cards::message(embed);
        match self.bot().client().execute_webhook(&url, message).await {
            Ok(id) => Ok(Some(id.unwrap_or_default())),
            Err(error) if error.is_final() => {
                self.app.forget_token(url.id());
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes an embed of ours; `false` when there is nothing to change any more.
    pub(super) async fn repost(&self, run: &Run, id: &str, embed: Embed) -> Result<bool, Halt> {
        let Some(url) = self.webhook_url(run).await? else {
            return Ok(false);
        };
        let message = cards::message(embed);
        let client = self.bot().client();
        match client.edit_webhook_message(&url, id, message).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_final() => Ok(false),
            Err(discord::Error::MessageGone) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A message of ours that a former try may have posted, by the end of its footer. Not being allowed to read is not
    /// having found: a header twice hurts less than none.
    pub(super) async fn find_message(&self, run: &Run, mark: &str) -> Result<Option<String>, Halt> {
        let Some(channel) = &run.channel_id else {
            return Ok(None);
        };
        let messages = match self.bot().messages(channel, LOOK_BACK, None).await {
            Ok(messages) => messages,
            Err(discord::ApiError::Forbidden { .. } | discord::ApiError::NotFound { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let ours = |message: &discord::bot::ChannelMessage| {
            message.webhook_id == run.webhook_id
                && message
                    .embeds
                    .iter()
                    .filter_map(|embed| embed.footer.as_ref())
                    .any(|footer| footer.text.ends_with(mark))
        };
        Ok(messages.into_iter().find(ours).map(|message| message.id))
    }
}
