//! Permission overwrites of a channel.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use http::StatusCode;
use serde_json::{Value, json};

use super::bot::{call, channel, snowflake};
use super::checker::{self, Checker};
use super::error::ApiError;
use super::gate::App;
use super::permission as p;
use super::state::Core;

/// The routes.
pub(super) fn routes() -> Router<App> {
    let route = "/channels/{channel}/permissions/{overwrite}";
    Router::new().route(route, put(write).delete(remove))
}

/// A list of overwrites in Discord's stored form.
pub(super) fn read_all(checker: &mut Checker, list: &[Value]) -> Value {
    let root = checker::at(&checker::Path::new(), "permission_overwrites");
    let mut out = Vec::new();
    for (n, item) in list.iter().enumerate() {
        let path = checker::at(&root, n);
        let known = ["id", "type", "allow", "deny"];
        let Some(map) = checker.object(item, &path, &known) else {
            continue;
        };
        let id = map
            .get("id")
            .and_then(Value::as_str)
            .and_then(|id| id.parse::<u64>().ok());
        let Some(id) = id else {
            checker.error(
                &checker::at(&path, "id"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            );
            continue;
        };
        let kind = checker.integer(map, &path, "type", 0, 1);
        if kind.is_none() {
            checker.error(
                &checker::at(&path, "type"),
                "BASE_TYPE_REQUIRED",
                "This field is required",
            );
        }
        let mut bits = |key: &str| {
            let value = map.get(key).filter(|value| !value.is_null())?;
            let bits = p::bits(value);
            if bits.is_none() {
                checker.error(
                    &checker::at(&path, key),
                    "NUMBER_TYPE_COERCE",
                    "Not a set of permissions.",
                );
            }
            bits
        };
        let (allow, deny) = (bits("allow").unwrap_or(0), bits("deny").unwrap_or(0));
        out.push(one(id, kind.unwrap_or(0), allow, deny));
    }
    Value::Array(out)
}

fn one(id: u64, kind: i64, allow: u64, deny: u64) -> Value {
    json!({"id": id.to_string(), "type": kind, "allow": allow.to_string(), "deny": deny.to_string()})
}

/// Only bits that the bot has itself can be given or taken (resources/channel.mdx); who is nobody's administrator
/// cannot hand on `MANAGE_ROLES`.
pub(super) fn may_write(core: &Core, list: &Value) -> Result<(), ApiError> {
    let mut own = p::of_guild(core);
    if own != u64::MAX {
        own &= !p::MANAGE_ROLES;
    }
    let touched = |one: &Value| {
        ["allow", "deny"]
            .iter()
            .filter_map(|key| p::bits(one.get(*key)?))
            .fold(0, |a, b| a | b)
    };
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.iter().all(|one| touched(one) & !own == 0) {
        Ok(())
    } else {
        Err(ApiError::missing_permissions())
    }
}

async fn write(
    State(app): State<App>,
    Path((id, whose)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "PUT channel permission", &id, request, |core, ask| {
        let mut found = channel(core, &id, p::MANAGE_ROLES)?;
        let whose = snowflake("overwrite_id", &whose)?;
        let mut body = ask.form.json.clone();
        if let Some(map) = body.as_object_mut() {
            map.insert("id".to_owned(), json!(whose.to_string()));
        }
        let mut checker = Checker::default();
        let new = read_all(&mut checker, &[body]);
        checker.finish().0.map_or(Ok(()), Err)?;
        may_write(core, &new)?;
        drop_one(&mut found.overwrites, whose);
        if let (Some(list), Value::Array(new)) = (found.overwrites.as_array_mut(), new) {
            list.extend(new);
        }
        core.add_channel(found);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

fn drop_one(list: &mut Value, id: u64) -> bool {
    let id = id.to_string();
    let Some(list) = list.as_array_mut() else {
        return false;
    };
    let before = list.len();
    list.retain(|one| one.get("id").and_then(Value::as_str) != Some(&id));
    list.len() < before
}

async fn remove(
    State(app): State<App>,
    Path((id, whose)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "DELETE channel permission", &id, request, |core, _| {
        let mut found = channel(core, &id, p::MANAGE_ROLES)?;
        if !drop_one(&mut found.overwrites, snowflake("overwrite_id", &whose)?) {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                10009,
                "Unknown Overwrite",
            ));
        }
        core.add_channel(found);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}
