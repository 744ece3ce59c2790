//! The guild's commands of the application: read, and overwritten as a whole.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::bot::{self, call};
use super::checker::{self, Checker, Text, at};
use super::error::ApiError;
use super::gate::App;
use super::state::Core;

/// The routes.
pub(super) fn routes() -> Router<App> {
    let route = "/applications/{application}/guilds/{guild}/commands";
    Router::new().route(route, get(list).put(replace))
}

fn own(core: &Core, application: &str, guild: &str) -> Result<(), ApiError> {
    let id = bot::snowflake("application_id", application)?;
    if id != core.options.bot.application_id {
        return Err(ApiError::missing_access());
    }
    bot::in_guild(core, guild).map_err(|_| ApiError::missing_access())
}

async fn list(
    State(app): State<App>,
    Path((application, guild)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "GET guild commands", &guild, request, |core, _| {
        own(core, &application, &guild)?;
        Ok(bot::ok(Value::Array(core.commands.clone())))
    })
    .await
}

async fn replace(
    State(app): State<App>,
    Path((application, guild)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "PUT guild commands", &guild, request, |core, ask| {
        own(core, &application, &guild)?;
        let mut checker = Checker::default();
        let list = ask.form.json.as_array().cloned();
        let list = list.ok_or_else(|| {
            ApiError::form(
                &[],
                "LIST_TYPE_CONVERT",
                "Only iterables may be used in a ListType",
            )
        })?;
        if list.len() > 100 {
            checker.error(
                &Vec::new(),
                "BASE_TYPE_MAX_LENGTH",
                "Must be 100 or fewer in length.",
            );
        }
        for (n, one) in list.iter().enumerate() {
            command(&mut checker, one, &at(&checker::Path::new(), n));
            let twin = list
                .iter()
                .take(n)
                .any(|other| other.get("name") == one.get("name"));
            if twin {
                checker.error(
                    &at(&Vec::new(), n),
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique",
                );
            }
        }
        let (error, violations) = checker.finish();
        for what in violations {
            core.violation(format!("commands: {what}"));
        }
        error.map_or(Ok(()), Err)?;
        let stored = store(core, &list)?;
        core.commands.clone_from(&stored);
        Ok(bot::ok(Value::Array(stored)))
    })
    .await
}

/// Known names keep their ids; new ones count against the day.
fn store(core: &mut Core, list: &[Value]) -> Result<Vec<Value>, ApiError> {
    let old = |core: &Core, name: Option<&Value>| {
        core.commands
            .iter()
            .find(|one| one.get("name") == name)
            .cloned()
    };
    let new = list
        .iter()
        .filter(|one| old(core, one.get("name")).is_none())
        .count();
    let (now, day) = (core.clock().now(), std::time::Duration::from_hours(24));
    core.commands_made.retain(|at| *at + day > now);
    if core.commands_made.len() + new > core.options.caps.daily_commands {
        let message = "Maximum number of daily application command creates has been reached";
        return Err(ApiError::bad(30034, message));
    }
    core.commands_made.extend(std::iter::repeat_n(now, new));
    let mut out = Vec::new();
    for one in list {
        let id = old(core, one.get("name")).and_then(|one| one.get("id").cloned());
        let id = id.unwrap_or_else(|| json!(core.next_id().to_string()));
        let mut body = json!({
            "application_id": core.options.bot.application_id.to_string(), "type": 1, "description": "",
            "guild_id": core.options.guild_id.to_string(), "default_member_permissions": null, "nsfw": false,
        });
        if let (Some(body), Some(sent)) = (body.as_object_mut(), one.as_object()) {
            body.extend(sent.clone());
            body.insert("id".to_owned(), id);
            body.insert("version".to_owned(), json!(core.next_id().to_string()));
        }
        out.push(body);
    }
    Ok(out)
}

/// Lower-case letters, digits, dashes and underscores of every script (application-commands.mdx).
fn name(checker: &mut Checker, map: &serde_json::Map<String, Value>, path: &checker::Path) {
    let Some(name) = checker.text(map, path, "name", Text::required(32)) else {
        return;
    };
    let fits = |c: char| (c.is_alphanumeric() || "-_'".contains(c)) && c.to_lowercase().eq([c]);
    if !name.chars().all(fits) {
        checker.error(
            &at(path, "name"),
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        );
    }
}

fn command(checker: &mut Checker, one: &Value, path: &checker::Path) {
    let known = [
        "name",
        "name_localizations",
        "description",
        "description_localizations",
        "options",
        "default_member_permissions",
        "dm_permission",
        "contexts",
        "integration_types",
        "handler",
        "type",
        "id",
        "nsfw",
    ];
    let Some(map) = checker.object(one, path, &known) else {
        return;
    };
    let kind = checker.integer(map, path, "type", 1, 4).unwrap_or(1);
    if kind == 1 {
        name(checker, map, path);
        checker.text(map, path, "description", Text::required(100));
    } else {
        checker.text(map, path, "name", Text::required(32));
    }
    if map
        .get("default_member_permissions")
        .is_some_and(|bits| !bits.is_null() && super::permission::bits(bits).is_none())
    {
        checker.error(
            &at(path, "default_member_permissions"),
            "NUMBER_TYPE_COERCE",
            "Not a set of permissions.",
        );
    }
    options(checker, map, path);
}

fn options(checker: &mut Checker, map: &serde_json::Map<String, Value>, path: &checker::Path) {
    let list = checker
        .list(map, path, "options", 25)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let path = at(path, "options");
    let mut optional = false;
    for (n, one) in list.iter().enumerate() {
        let path = at(&path, n);
        let known = [
            "type",
            "name",
            "name_localizations",
            "description",
            "description_localizations",
            "required",
            "choices",
            "options",
            "channel_types",
            "min_value",
            "max_value",
            "min_length",
            "max_length",
            "autocomplete",
        ];
        let Some(map) = checker.object(one, &path, &known) else {
            continue;
        };
        name(checker, map, &path);
        checker.text(map, &path, "description", Text::required(100));
        if checker.integer(map, &path, "type", 1, 11).is_none() {
            checker.error(
                &at(&path, "type"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            );
        }
        checker.integer(map, &path, "min_length", 0, 6000);
        checker.integer(map, &path, "max_length", 1, 6000);
        let required = checker.boolean(map, &path, "required").unwrap_or(false);
        if required && optional {
            let message = "Required options must be placed before non-required options";
            checker.error(
                &path,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                message,
            );
        }
        optional |= !required;
        let choices = checker
            .list(map, &path, "choices", 25)
            .is_some_and(|list| !list.is_empty());
        if choices && checker.boolean(map, &path, "autocomplete") == Some(true) {
            let message = "autocomplete cannot be true if choices are present";
            checker.error(&path, "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", message);
        }
    }
}
