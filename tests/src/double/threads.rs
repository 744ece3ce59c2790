//! Threads of text channels and posts of forums: opened, listed, archived and locked.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::{Map, Value, json};

use super::bot::{self, Answer, Ask, call, channel};
use super::checker::{self, Checker, Text};
use super::clock::iso;
use super::error::ApiError;
use super::form::Form;
use super::gate::App;
use super::permission as p;
use super::posts;
use super::state::{Channel, Core, DISCORD_EPOCH_MS, FORUM, TEXT, THREAD};

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/channels/{channel}/threads", post(open))
        .route(
            "/channels/{channel}/messages/{message}/threads",
            post(open_on_message),
        )
        .route("/guilds/{guild}/threads/active", get(active))
        .route("/channels/{channel}/threads/archived/public", get(archived))
}

/// A thread as Discord shows it.
pub(super) fn wire(core: &Core, thread: &Channel) -> Value {
    let posts = core
        .messages
        .values()
        .filter(|one| one.channel_id == thread.id)
        .count();
    json!({
        "id": thread.id.to_string(), "type": thread.kind, "flags": 0, "guild_id": thread.guild_id.to_string(),
        "name": thread.name, "parent_id": thread.parent_id.map(|id| id.to_string()),
        "owner_id": core.options.bot.application_id.to_string(), "rate_limit_per_user": 0,
        "thread_metadata": {
            "archived": thread.archived, "locked": thread.locked, "archive_timestamp": iso(thread.archived_ms),
            "auto_archive_duration": thread.auto_archive_minutes, "create_timestamp": iso((thread.id >> 22) + DISCORD_EPOCH_MS),
        },
        "message_count": posts, "member_count": 1, "total_message_sent": posts,
    })
}

/// Opens a thread, or a forum's post, in a channel.
pub(super) fn open_thread(core: &mut Core, parent: u64, name: &str) -> u64 {
    let id = core.next_id();
    let guild_id = core.options.guild_id;
    core.add_channel(Channel {
        id,
        parent_id: Some(parent),
        ..Channel::new(guild_id, THREAD, name)
    })
}

const DURATIONS: [i64; 4] = [60, 1440, 4320, 10080];

fn duration(checker: &mut Checker, map: &Map<String, Value>) -> Option<u32> {
    let root = checker::Path::new();
    let minutes = checker.integer(map, &root, "auto_archive_duration", 60, 10080)?;
    if !DURATIONS.contains(&minutes) {
        let path = checker::at(&root, "auto_archive_duration");
        checker.error(
            &path,
            "BASE_TYPE_CHOICES",
            "Value must be one of (60, 1440, 4320, 10080).",
        );
    }
    u32::try_from(minutes).ok()
}

fn done(core: &mut Core, checker: Checker) -> Result<(), ApiError> {
    let (error, violations) = checker.finish();
    for what in violations {
        core.violation(format!("thread: {what}"));
    }
    error.map_or(Ok(()), Err)
}

/// The thread that a body asks for under `parent`.
fn asked(
    core: &mut Core,
    ask: &Ask,
    parent: &Channel,
    known: &[&str],
) -> Result<Channel, ApiError> {
    let (mut checker, root) = (Checker::default(), checker::Path::new());
    let empty = Map::new();
    let map = checker
        .object(&ask.form.json, &root, known)
        .unwrap_or(&empty);
    let name = checker
        .text(map, &root, "name", Text::required(100))
        .unwrap_or_default();
    let minutes = duration(&mut checker, map);
    done(core, checker)?;
    let cap = core.options.caps.active_threads;
    let live = core
        .channels
        .values()
        .filter(|one| one.is_thread() && !one.archived);
    if live.count() >= cap {
        let message = format!("Maximum number of active threads reached ({cap})");
        return Err(ApiError::bad(160_006, &message));
    }
    Ok(Channel {
        parent_id: Some(parent.id),
        auto_archive_minutes: minutes.unwrap_or(4320),
        archived_ms: core.clock().wall_ms(),
        ..Channel::new(parent.guild_id, THREAD, &name)
    })
}

async fn open(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "POST channel thread", &id, request, |core, ask| {
        let parent = channel(core, &id, 0)?;
        match parent.kind {
            FORUM => open_post(core, ask, &parent),
            TEXT => {
                p::need(core, &parent, p::CREATE_PUBLIC_THREADS)?;
                let known = [
                    "name",
                    "auto_archive_duration",
                    "rate_limit_per_user",
                    "type",
                    "invitable",
                ];
                let mut thread = asked(core, ask, &parent, &known)?;
                if ask.form.json.get("type").and_then(Value::as_u64) != Some(u64::from(THREAD)) {
                    // Discord's default here is a private thread, which a webhook's readers would not see.
                    core.violation(
                        "thread: type is not 11: Discord would make a private thread".to_owned(),
                    );
                }
                thread.id = core.next_id();
                let body = wire(core, &thread);
                core.add_channel(thread);
                Ok(bot::created(body))
            }
            _ => Err(ApiError::wrong_channel_type()),
        }
    })
    .await
}

fn open_post(core: &mut Core, ask: &Ask, parent: &Channel) -> Answer {
    p::need(core, parent, p::SEND_MESSAGES)?;
    let known = [
        "name",
        "auto_archive_duration",
        "rate_limit_per_user",
        "applied_tags",
        "message",
    ];
    let mut thread = asked(core, ask, parent, &known)?;
    let first = ask.form.json.get("message").filter(|one| one.is_object());
    let first = first.ok_or_else(|| {
        ApiError::form(&["message"], "BASE_TYPE_REQUIRED", "This field is required")
    })?;
    let form = Form {
        json: first.clone(),
        files: ask.form.files.clone(),
        violations: Vec::new(),
    };
    thread.id = core.next_id();
    // The first message of a post has the post's own id.
    let message = posts::say(core, ask, &form, &thread, Some(thread.id))?;
    let mut body = wire(core, &thread);
    if let Some(map) = body.as_object_mut() {
        map.insert("message".to_owned(), message);
    }
    core.add_channel(thread);
    Ok(bot::created(body))
}

async fn open_on_message(
    State(app): State<App>,
    Path((id, which)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "POST message thread", &id, request, |core, ask| {
        let parent = channel(core, &id, p::CREATE_PUBLIC_THREADS)?;
        if parent.kind != TEXT {
            return Err(ApiError::wrong_channel_type());
        }
        let message = posts::message_in(core, &parent, &which)?;
        if core.channels.contains_key(&message) {
            return Err(ApiError::bad(
                160_004,
                "A thread has already been created for this message",
            ));
        }
        let known = ["name", "auto_archive_duration", "rate_limit_per_user"];
        let mut thread = asked(core, ask, &parent, &known)?;
        thread.id = message;
        let body = wire(core, &thread);
        core.add_channel(thread);
        Ok(bot::created(body))
    })
    .await
}

/// PATCH of a thread: what needs `MANAGE_THREADS`, and what its maker (here always the bot) may do without.
pub(super) fn change(core: &mut Core, ask: &Ask, old: &Channel) -> Answer {
    let (mut checker, root) = (Checker::default(), checker::Path::new());
    let known = [
        "name",
        "archived",
        "locked",
        "invitable",
        "auto_archive_duration",
        "rate_limit_per_user",
        "flags",
        "applied_tags",
    ];
    let empty = Map::new();
    let map = checker
        .object(&ask.form.json, &root, &known)
        .unwrap_or(&empty);
    let mut new = old.clone();
    if map.contains_key("name") {
        new.name = checker
            .text(map, &root, "name", Text::required(100))
            .unwrap_or_default();
    }
    new.archived = checker
        .boolean(map, &root, "archived")
        .unwrap_or(old.archived);
    new.locked = checker.boolean(map, &root, "locked").unwrap_or(old.locked);
    new.auto_archive_minutes = duration(&mut checker, map).unwrap_or(old.auto_archive_minutes);
    done(core, checker)?;
    // A locked thread is its managers' alone; locking one is too. Of an archived one only that state can change.
    if old.locked || new.locked != old.locked {
        p::need(core, old, p::MANAGE_THREADS)?;
    } else {
        p::need(core, old, p::SEND_MESSAGES_IN_THREADS)?;
    }
    if old.archived
        && new.archived
        && (new.name != old.name || new.auto_archive_minutes != old.auto_archive_minutes)
    {
        return Err(ApiError::bad(50083, "Thread is archived"));
    }
    if new.archived != old.archived {
        new.archived_ms = core.clock().wall_ms();
    }
    let body = wire(core, &new);
    core.add_channel(new);
    Ok(bot::ok(body))
}

fn listed(core: &Core, limit: usize, keep: impl Fn(&Channel) -> bool) -> Value {
    let mut all: Vec<&Channel> = core
        .channels
        .values()
        .filter(|one| one.is_thread() && keep(one))
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.archived_ms, one.id)));
    let more = all.len() > limit;
    let threads: Vec<Value> = all
        .into_iter()
        .take(limit)
        .map(|one| wire(core, one))
        .collect();
    json!({"threads": threads, "members": [], "has_more": more})
}

async fn active(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET active threads", &id, request, |core, _| {
        bot::in_guild(core, &id)?;
        Ok(bot::ok(listed(core, usize::MAX, |one| !one.archived)))
    })
    .await
}

async fn archived(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET archived threads", &id, request, |core, ask| {
        let parent = channel(core, &id, p::READ_MESSAGE_HISTORY)?;
        let limit = ask
            .query("limit")
            .and_then(|text| text.parse().ok())
            .unwrap_or(50);
        let before = ask
            .query("before")
            .map(|at| at.replace("%3A", ":").replace("%2B", "+"));
        Ok(bot::ok(listed(core, limit, |one| {
            let early = before
                .as_deref()
                .is_none_or(|at| iso(one.archived_ms).as_str() < at);
            one.archived && one.parent_id == Some(parent.id) && early
        })))
    })
    .await
}
