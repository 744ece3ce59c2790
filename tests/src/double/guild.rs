//! The guild, its roles and members, and who the bot is.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::bot::{self, call};
use super::error::ApiError;
use super::gate::App;
use super::permission;
use super::state::Core;

/// The routes.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/users/@me", get(me))
        .route("/applications/@me", get(application))
        .route("/guilds/{guild}", get(guild))
        .route("/guilds/{guild}/roles", get(roles))
        .route("/guilds/{guild}/members/{user}", get(member))
}

/// Discord's user object for an id.
pub(super) fn user(id: u64, name: &str, is_bot: bool) -> Value {
    json!({
        "id": id.to_string(), "username": name, "avatar": null, "discriminator": "0000", "public_flags": 0,
        "flags": 0, "bot": is_bot, "global_name": null, "primary_guild": null,
    })
}

async fn me(State(app): State<App>, request: Request) -> Response {
    call(app, "GET me", "", request, |core, _| {
        let mut body = user(core.options.bot.application_id, "agent-runs", true);
        if let Some(map) = body.as_object_mut() {
            map.insert("mfa_enabled".to_owned(), json!(false));
            map.insert("locale".to_owned(), json!("en-US"));
        }
        Ok(bot::ok(body))
    })
    .await
}

async fn application(State(app): State<App>, request: Request) -> Response {
    call(app, "GET application", "", request, |core, _| {
        let id = core.options.bot.application_id;
        Ok(bot::ok(json!({
            "id": id.to_string(), "name": "agent-runs", "icon": null, "description": "", "type": null,
            "verify_key": super::signing::public_hex(core), "flags": 0, "flags_new": "0", "redirect_uris": [],
            "interactions_endpoint_url": null, "role_connections_verification_url": null,
            "owner": user(1, "owner", false), "approximate_guild_count": 1, "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0, "explicit_content_filter": 0, "team": null,
            "eligible_oauth2_scopes": [], "bot": user(id, "agent-runs", true), "bot_public": false,
            "bot_require_code_grant": false,
        })))
    })
    .await
}

fn role_list(core: &Core) -> Value {
    let role = |id: u64, name: &str, bits: u64, position: u32, managed: bool| {
        json!({
            "id": id.to_string(), "name": name, "permissions": bits.to_string(), "position": position, "color": 0,
            "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null}, "hoist": false,
            "managed": managed, "mentionable": false, "icon": null, "unicode_emoji": null, "flags": 0,
        })
    };
    let bits = core.options.bot.permissions;
    // All bits come from the bot's own role: what is taken from it is gone.
    json!([
        role(core.options.guild_id, "@everyone", 0, 0, false),
        role(permission::role_id(core), "agent-runs", bits, 1, true),
    ])
}

async fn guild(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET guild", &id, request, |core, _| {
        bot::in_guild(core, &id)?;
        Ok(bot::ok(json!({
            "id": id, "name": "Double", "icon": null, "description": null, "home_header": null, "splash": null,
            "discovery_splash": null, "features": [], "banner": null, "owner_id": "1", "application_id": null,
            "region": "us-east", "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null,
            "system_channel_flags": 0, "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
            "roles": role_list(core), "default_message_notifications": 0, "mfa_level": 0,
            "explicit_content_filter": 0, "max_presences": null, "max_members": 500_000,
            "max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": null,
            "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
            "rules_channel_id": null, "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [],
            "incidents_data": null,
        })))
    })
    .await
}

async fn roles(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    call(app, "GET guild roles", &id, request, |core, _| {
        bot::in_guild(core, &id)?;
        Ok(bot::ok(role_list(core)))
    })
    .await
}

/// `@me` is no id here: Discord has it for PATCH alone and refuses it as a snowflake.
async fn member(
    State(app): State<App>,
    Path((id, who)): Path<(String, String)>,
    request: Request,
) -> Response {
    call(app, "GET guild member", &id, request, |core, _| {
        bot::in_guild(core, &id)?;
        let who = bot::snowflake("user_id", &who)?;
        if who != core.options.bot.application_id {
            return Err(ApiError::unknown_member());
        }
        Ok(bot::ok(json!({
            "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
            "joined_at": super::clock::iso(1_600_000_000_000), "nick": null, "pending": false,
            "premium_since": null, "roles": [permission::role_id(core).to_string()],
            "user": user(who, "agent-runs", true), "mute": false, "deaf": false,
        })))
    })
    .await
}
