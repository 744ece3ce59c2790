//! The bot service's chart.

use crate::support::{objects, one, try_template};
use serde_json::{Value, json};

fn pod(values: &Value) -> Value {
    one(&objects("bot-service", values), "Deployment")["spec"]["template"].clone()
}

#[test]
fn discord_reaches_interactions_and_nothing_else() {
    let values = json!({"ingress": {"enabled": true, "hosts": [{"host": "bot.example.com"}]}});
    let objects = objects("bot-service", &values);
    let paths = one(&objects, "Ingress")["spec"]["rules"][0]["http"]["paths"].clone();
    assert_eq!(paths.as_array().unwrap().len(), 1);
    assert_eq!(paths[0]["path"], "/interactions");
    assert_eq!(paths[0]["pathType"], "Exact");
}

#[test]
fn an_ingress_without_a_host_is_refused() {
    let outcome = try_template("bot-service", &["--set", "ingress.enabled=true"]);
    assert!(
        !outcome.ok && outcome.stderr.contains("set ingress.hosts"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn credentials_come_from_one_secret_the_given_one_first() {
    let from = |values: Value| {
        pod(&values)["spec"]["containers"][0]["envFrom"][0]["secretRef"]["name"].clone()
    };
    assert_eq!(from(json!({})), "dm-bot-service");
    let given = json!({"secrets": {"existingSecret": "mine", "discordBotToken": "inline"}});
    assert_eq!(from(given.clone()), "mine");
    let rendered = objects("bot-service", &given);
    assert!(rendered.iter().all(|object| object["kind"] != "Secret"));
    assert!(
        !rendered
            .iter()
            .any(|object| object.to_string().contains("inline"))
    );

    let inline = objects(
        "bot-service",
        &json!({"secrets": {"discordBotToken": "t", "guildId": "1"}}),
    );
    assert_eq!(
        one(&inline, "Secret")["stringData"],
        json!({"DISCORD_BOT_TOKEN": "t", "GUILD_ID": "1"})
    );
}

#[test]
fn a_changed_inline_secret_renews_the_pod() {
    let with = |token: &str| pod(&json!({"secrets": {"apiToken": token}}));
    assert_ne!(with("a"), with("b"));
    assert_eq!(with("a"), with("a"));
}

#[test]
fn one_file_store_never_has_two_writers() {
    let strategy = |replicas: u8| {
        let objects = objects("bot-service", &json!({"replicaCount": replicas}));
        one(&objects, "Deployment")["spec"]["strategy"]["type"].clone()
    };
    assert_eq!(strategy(1), "Recreate");
    assert_eq!(strategy(2), "RollingUpdate");
}

#[test]
fn its_own_retention_wins_over_the_umbrellas() {
    let retention = |hours: Value| {
        let pod = pod(&json!({"retention": {"channelHours": hours}}));
        let env = pod["spec"]["containers"][0]["env"]
            .as_array()
            .unwrap()
            .clone();
        env.into_iter()
            .find(|env| env["name"] == "RETENTION_HOURS")
            .unwrap()
    };
    assert_eq!(retention(json!(0))["value"], "0");
    assert!(retention(Value::Null)["valueFrom"]["configMapKeyRef"]["optional"] == true);
}
