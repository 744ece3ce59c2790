//! From a checked draft to a stored message, and its edits.

use serde_json::{Value, json};

use super::draft::{self, Draft, Listed};
use super::error::ApiError;
use super::form::Upload;
use super::state::{Attachment, Core, Edit, Message};

/// A message of this draft, not stored yet; refused when there is nothing in it.
pub(super) fn build(core: &mut Core, draft: &Draft, files: &[Upload]) -> Result<Message, ApiError> {
    let embeds = draft.embeds.clone().unwrap_or_default();
    hollow(core, &embeds);
    let attachments = uploads(core, draft.attachments.as_deref(), files);
    dangling(core, &embeds, &attachments);
    let message = bare(core, draft, embeds, attachments);
    if draft.poll.is_none() && empty(&message) {
        return Err(ApiError::empty_message());
    }
    Ok(message)
}

fn bare(
    core: &mut Core,
    draft: &Draft,
    embeds: Vec<Value>,
    attachments: Vec<Attachment>,
) -> Message {
    let at_ms = core.clock().wall_ms();
    Message {
        order: 0,
        id: core.next_id(),
        channel_id: 0,
        webhook_id: None,
        author_id: None,
        username: String::new(),
        avatar_url: None,
        content: draft.content.clone().unwrap_or_default(),
        embeds,
        attachments,
        components: draft.components.clone().unwrap_or_else(|| json!([])),
        flags: draft.flags,
        at_ms,
        edited_ms: None,
        edits: Vec::new(),
        deleted: false,
        request: 0,
        waited: true,
    }
}

/// A message that is still to be stored.
pub(super) type Built = Message;

/// The message of an answer that was put off.
pub(super) fn loading(core: &mut Core, flags: i64) -> Message {
    let draft = Draft {
        flags,
        ..Draft::default()
    };
    bare(core, &draft, Vec::new(), Vec::new())
}

/// Changes a stored message; refused when nothing would be left in it.
pub(super) fn edit(
    core: &mut Core,
    id: u64,
    draft: &Draft,
    files: &[Upload],
) -> Result<(), ApiError> {
    let at_ms = core.clock().wall_ms();
    let added = uploads(core, draft.attachments.as_deref(), files);
    let old = core.message_mut(id).ok_or_else(ApiError::unknown_message)?;
    let mut new = old.clone();
    if let Some(content) = &draft.content {
        new.content.clone_from(content);
    }
    if let Some(embeds) = &draft.embeds {
        new.embeds.clone_from(embeds);
    }
    if let Some(components) = &draft.components {
        new.components.clone_from(components);
    }
    if let Some(listed) = &draft.attachments {
        // `attachments` names what stays; what it does not name goes.
        new.attachments.retain(|file| {
            let id = file.id.to_string();
            listed.iter().any(|item| item.id == id)
        });
    }
    new.attachments.extend(added);
    if empty(&new) {
        return Err(ApiError::empty_message());
    }
    // The first edit of a deferred answer is the answer.
    new.flags &= !draft::LOADING;
    new.edited_ms = Some(at_ms);
    new.edits.push(Edit {
        at_ms,
        content: old.content.clone(),
        embeds: old.embeds.clone(),
    });
    let order = old.order;
    *old = new.clone();
    hollow(core, &new.embeds);
    dangling(core, &new.embeds, &new.attachments);
    core.counters.edits += 1;
    core.event("edit", order);
    Ok(())
}

/// Deletes a message; it stays in the double's own record, marked.
pub(super) fn delete(core: &mut Core, id: u64) {
    let Some(message) = core.message_mut(id) else {
        return;
    };
    message.deleted = true;
    let order = message.order;
    core.counters.deletes += 1;
    core.event("delete", order);
}

fn empty(message: &Message) -> bool {
    let components = message.components.as_array().is_none_or(Vec::is_empty);
    message.content.is_empty()
        && message.attachments.is_empty()
        && components
        && message.embeds.iter().all(is_hollow)
}

/// Nothing a reader could see.
fn is_hollow(embed: &Value) -> bool {
    let seen = [
        "title",
        "description",
        "fields",
        "author",
        "footer",
        "image",
        "thumbnail",
    ];
    seen.iter().all(|key| embed.get(key).is_none())
}

fn hollow(core: &mut Core, embeds: &[Value]) {
    if embeds.iter().any(is_hollow) {
        core.violation(
            "an embed shows nothing: no title, text, field, author, footer or image".to_owned(),
        );
    }
}

/// An image that names no file of the message is dropped by Discord in silence.
fn dangling(core: &mut Core, embeds: &[Value], files: &[Attachment]) {
    for embed in embeds {
        for place in [
            "/image/url",
            "/thumbnail/url",
            "/author/icon_url",
            "/footer/icon_url",
        ] {
            let url = embed
                .pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default();
            let Some(name) = url.strip_prefix("attachment://") else {
                continue;
            };
            let shows = [".jpg", ".jpeg", ".png", ".webp", ".gif"];
            let lower = name.to_lowercase();
            if !files.iter().any(|file| file.filename == name) {
                core.violation(format!("{place}: no file named {name} in the message"));
            } else if !shows.iter().any(|end| lower.ends_with(end)) {
                core.violation(format!("{place}: only jpg, png, webp and gif are shown"));
            }
        }
    }
}

fn uploads(core: &mut Core, listed: Option<&[Listed]>, files: &[Upload]) -> Vec<Attachment> {
    let mut kept = Vec::new();
    for file in files {
        let index = file.index.to_string();
        let listing = listed.into_iter().flatten().find(|item| item.id == index);
        let filename = listing
            .and_then(|item| item.filename.clone())
            .unwrap_or_else(|| file.filename.clone());
        let text = std::str::from_utf8(&file.bytes).ok().map(ToOwned::to_owned);
        kept.push(Attachment {
            id: core.next_id(),
            filename,
            description: listing.and_then(|item| item.description.clone()),
            content_type: file.content_type.clone(),
            size: file.bytes.len(),
            text,
            bytes: file.bytes.clone(),
        });
    }
    kept
}
