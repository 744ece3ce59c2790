//! The double against Discord's own OpenAPI document, where it stands beside the project: what the double takes,
//! the schema takes too, and each limit that the schema knows the double knows as well.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use tests::double::draft::{self, Kind};

/// The schema of a request body by its name; `None`, said aloud, where the document is not there.
fn schema(name: &str) -> Option<Validator> {
    let mut document = tests::oracle::wanted()?.clone();
    document["$ref"] = json!(format!("#/components/schemas/{name}"));
    Some(jsonschema::draft202012::options().build(&document).unwrap())
}

fn taken(body: &Value) -> bool {
    draft::check(Kind::Execute, body, &[]).0.is_ok()
}

/// Texts around a limit, of characters of one to four bytes.
fn text(max: usize) -> impl Strategy<Value = String> {
    let length = prop_oneof![3 => 1..8_usize, 1 => max.saturating_sub(2)..max + 3];
    (length, prop_oneof!["x", "ä", "€", "🦀"]).prop_map(|(n, one)| one.repeat(n))
}

prop_compose! {
    fn embed()(
        title in text(256), description in text(4096), color in -2_i64..0x100_0002,
        fields in prop::collection::vec((text(256), text(1024)), 0..27), footer in text(2048), author in text(256),
        parts in 0_u8..32,
    ) -> Value {
        let mut embed = json!({"title": title});
        let fields: Vec<Value> =
            fields.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let all = [
            ("description", json!(description)), ("color", json!(color)), ("fields", json!(fields)),
            ("footer", json!({"text": footer})), ("author", json!({"name": author})),
        ];
        for (n, (key, value)) in all.into_iter().enumerate() {
            if parts & (1 << n) != 0 {
                embed[key] = value;
            }
        }
        embed
    }
}

/// The one rule that the schema cannot say.
fn total(embeds: &[Value]) -> usize {
    let count = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    embeds
        .iter()
        .map(|embed| {
            let fields = embed["fields"].as_array().cloned().unwrap_or_default();
            let fields: usize = fields
                .iter()
                .map(|field| count(&field["name"]) + count(&field["value"]))
                .sum();
            count(&embed["title"])
                + count(&embed["description"])
                + count(&embed["footer"]["text"])
                + count(&embed["author"]["name"])
                + fields
        })
        .sum()
}

#[test]
fn the_double_takes_exactly_what_the_schema_and_the_sum_of_six_thousand_take() {
    let Some(schema) = schema("IncomingWebhookRequestPartial") else {
        return;
    };
    // Most of the long ones are refused: short ones as well, so that enough are taken.
    let few = prop::collection::vec(embed(), 0..2);
    let embeds = prop_oneof![few, prop::collection::vec(embed(), 0..12)];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    });
    let (mut yes, mut no) = (0_u32, 0_u32);
    let seen = std::cell::RefCell::new((&mut yes, &mut no));
    runner
        .run(&(text(2000), embeds), |(content, embeds)| {
            let body =
                json!({"content": content, "embeds": embeds, "allowed_mentions": {"parse": []}});
            let want = schema.is_valid(&body) && total(&embeds) <= 6000;
            prop_assert_eq!(taken(&body), want, "{}", body);
            let mut seen = seen.borrow_mut();
            if want {
                *seen.0 += 1;
            } else {
                *seen.1 += 1;
            }
            Ok(())
        })
        .unwrap();
    assert!(
        yes > 20 && no > 20,
        "the cases must reach both sides: {yes} taken, {no} refused"
    );
}

#[test]
fn the_fields_the_double_knows_are_the_schemas_fields() {
    let Some(document) = tests::oracle::wanted() else {
        return;
    };
    let known = |name: &str| -> Vec<String> {
        let properties = document["components"]["schemas"][name]["properties"].as_object();
        properties.unwrap().keys().cloned().collect()
    };
    // A field that the schema has and the double does not would be reported as unknown to an honest sender.
    for (kind, name) in [
        (Kind::Execute, "IncomingWebhookRequestPartial"),
        (Kind::Edit, "IncomingWebhookUpdateRequestPartial"),
    ] {
        for key in known(name) {
            let (_, violations) = draft::check(kind, &json!({(key.as_str()): null}), &[]);
            assert!(
                !violations.iter().any(|what| what.contains("does not know")),
                "{name}.{key}"
            );
        }
    }
    for key in known("RichEmbed") {
        let body = json!({"embeds": [{(key.as_str()): null}]});
        let (_, violations) = draft::check(Kind::Execute, &body, &[]);
        assert!(
            !violations.iter().any(|what| what.contains("does not know")),
            "embed.{key}"
        );
    }
}

/// Answers of the bot's routes by the document's own schemas for them.
#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a list of routes reads best as one")]
async fn what_the_bots_routes_answer_is_what_the_document_promises() {
    if schema("RichEmbed").is_none() {
        return;
    }
    let options = tests::double::DoubleOptions::unlimited();
    let (guild, me) = (options.guild_id, options.bot.application_id);
    let double = tests::double::Double::start(options).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .user_agent("test")
        .build()
        .unwrap();
    let ask = async |method: &str, path: String, body: Value, name: &str| {
        let url = format!("{}/api/v10{path}", double.base_url());
        let request = client.request(method.parse().unwrap(), url);
        let request = request.header("authorization", "Bot double-bot-token");
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let got: Value = request.send().await.unwrap().json().await.unwrap();
        let list = got.as_array().cloned().unwrap_or_else(|| vec![got.clone()]);
        assert!(!list.is_empty(), "{path} answered nothing to check");
        let schema = schema(name).unwrap();
        for one in &list {
            let wrong: Vec<String> = schema
                .iter_errors(one)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{method} {path}: {wrong:?}");
        }
        got
    };
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let none = Value::Null;
    let say = json!({"content": "x", "allowed_mentions": {"parse": []}});
    ask("GET", "/users/@me".into(), none.clone(), "UserPIIResponse").await;
    ask(
        "GET",
        "/applications/@me".into(),
        none.clone(),
        "PrivateApplicationResponse",
    )
    .await;
    ask(
        "GET",
        format!("/guilds/{guild}"),
        none.clone(),
        "GuildWithCountsResponse",
    )
    .await;
    ask(
        "GET",
        format!("/guilds/{guild}/roles"),
        none.clone(),
        "GuildRoleResponse",
    )
    .await;
    ask(
        "GET",
        format!("/guilds/{guild}/members/{me}"),
        none.clone(),
        "GuildMemberResponse",
    )
    .await;
    let channels = format!("/guilds/{guild}/channels");
    let overwrite = json!({"id": guild.to_string(), "type": 0, "deny": "2048"});
    let body = json!({"name": "a", "topic": "t", "permission_overwrites": [overwrite]});
    let text = ask("POST", channels.clone(), body, "GuildChannelResponse").await;
    let text = format!("/channels/{}", id(&text));
    ask(
        "POST",
        channels.clone(),
        json!({"name": "c", "type": 4}),
        "GuildChannelResponse",
    )
    .await;
    ask(
        "GET",
        channels.clone(),
        none.clone(),
        "GuildChannelResponse",
    )
    .await;
    let forum = ask(
        "POST",
        channels,
        json!({"name": "f", "type": 15}),
        "GuildChannelResponse",
    )
    .await;
    let forum = format!("/channels/{}", id(&forum));
    let hook = "GuildIncomingWebhookResponse";
    ask(
        "POST",
        format!("{text}/webhooks"),
        json!({"name": "h"}),
        hook,
    )
    .await;
    ask("GET", format!("{text}/webhooks"), none.clone(), hook).await;
    ask(
        "GET",
        format!("/guilds/{guild}/webhooks"),
        none.clone(),
        hook,
    )
    .await;
    let thread = json!({"name": "t", "type": 11});
    ask(
        "POST",
        format!("{text}/threads"),
        thread,
        "CreatedThreadResponse",
    )
    .await;
    let post = json!({"name": "p", "message": say});
    let post = ask(
        "POST",
        format!("{forum}/threads"),
        post,
        "CreatedThreadResponse",
    )
    .await;
    let post = format!("/channels/{}", id(&post));
    ask("POST", format!("{post}/messages"), say, "MessageResponse").await;
    ask(
        "GET",
        format!("{post}/messages"),
        none.clone(),
        "MessageResponse",
    )
    .await;
    ask(
        "GET",
        format!("/guilds/{guild}/threads/active"),
        none.clone(),
        "ThreadsResponse",
    )
    .await;
    ask("PATCH", post, json!({"archived": true}), "ThreadResponse").await;
    ask(
        "GET",
        format!("{forum}/threads/archived/public"),
        none.clone(),
        "ThreadsResponse",
    )
    .await;
    let command = json!([{"name": "status", "description": "d", "options": [{"type": 3, "name": "run", "description": "d", "autocomplete": true}]}]);
    let commands = format!("/applications/{me}/guilds/{guild}/commands");
    ask(
        "PUT",
        commands.clone(),
        command,
        "ApplicationCommandResponse",
    )
    .await;
    ask("GET", commands, none, "ApplicationCommandResponse").await;
}
