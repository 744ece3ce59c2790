//! Every kind of answer, later answer and registration against Discord's own OpenAPI document, where it stands beside
//! the project.

use super::outside::Outside;
use super::{GUILD, Scene, command, discord_at, eventually, form, interaction};
use axum::http::Method;
use bot::interaction::register;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The schema of one route's JSON body; `None`, said aloud, where the document is not there.
fn body(path: &str, method: &str) -> Option<Validator> {
    let mut document = tests::oracle::wanted()?.clone();
    let schema =
        document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
            .take();
    assert!(schema.is_object(), "{method} {path}");
    document
        .as_object_mut()
        .unwrap()
        .extend(schema.as_object().unwrap().clone());
    Some(jsonschema::draft202012::options().build(&document).unwrap())
}

fn hold(schema: &Validator, value: &Value) {
    let errors: Vec<String> = schema
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{value}: {errors:?}");
}

#[tokio::test]
async fn every_answer_is_one_that_discord_knows() {
    let Some(schema) = body(
        "/interactions/{interaction_id}/{interaction_token}/callback",
        "post",
    ) else {
        return;
    };
    assert!(
        !schema.is_valid(&json!({"type": 4, "data": {"content": "x".repeat(2001)}})),
        "the schema checks nothing"
    );
    let scene = Scene::new();
    let typed = interaction(
        4,
        json!({"name": "input", "options": [{"name": "run", "value": "", "focused": true}]}),
    );
    scene.desk.runs.lock().unwrap()[0].title = Some("é".repeat(300));
    let mut kinds = Vec::new();
    for ask in [
        interaction(1, Value::Null),
        command("input", &[("text", "x")]),
        command("input", &[]),
        command("status", &[]),
        command("cost", &[]),
        command("stop", &[]),
        command("other", &[("run", "x")]),
        command("stop", &[("run", &"é".repeat(3000))]),
        form("input:200", "x"),
        typed,
    ] {
        let answer = scene.ask(&ask).await;
        hold(&schema, &answer.body);
        kinds.push(answer.body["type"].as_u64().unwrap());
    }
    let outside = Outside::start().await;
    let scene = Scene::beside(&outside);
    let go = scene.desk.hold();
    let deferred = scene.ask(&command("status", &[])).await;
    go.cancel();
    hold(&schema, &deferred.body);
    kinds.push(deferred.body["type"].as_u64().unwrap());
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [1, 4, 5, 8, 9]);

    let route = "/webhooks/{webhook_id}/{webhook_token}/messages/@original";
    let edit = body(route, "patch").unwrap();
    let find = || {
        outside
            .calls()
            .into_iter()
            .find(|(method, _, _)| method == Method::PATCH)
    };
    hold(&edit, &eventually("the later answer", find).await.2);
}

#[tokio::test]
async fn the_commands_are_ones_that_discord_takes() {
    let Some(schema) = body(
        "/applications/{application_id}/guilds/{guild_id}/commands",
        "put",
    ) else {
        return;
    };
    let outside = Outside::start().await;
    register(&discord_at(&outside.base), GUILD).await;
    let written = outside
        .calls()
        .into_iter()
        .find(|(method, _, _)| method == Method::PUT)
        .unwrap()
        .2;
    hold(&schema, &written);
    assert_eq!(written.as_array().unwrap().len(), 4);
    assert!(
        !schema.is_valid(&json!([{"name": "x".repeat(33)}])),
        "the schema checks nothing"
    );
}
