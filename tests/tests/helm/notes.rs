//! What helm says after an install: the next steps of this very installation, and each choice a person should know about.

use crate::support::notes;
use serde_json::{Value, json};

fn said(values: &Value) -> String {
    notes("discord-monitoring", values)
}

#[test]
fn the_next_steps_are_those_of_this_installation() {
    let webhook = said(&json!({}));
    for words in [
        "rollout status deployment/dm-discord-monitoring-injector",
        "create secret generic discord-webhook",
        "--from-literal=url='https://discord.com/api/webhooks/ID/TOKEN'",
        "discord-monitoring.io/inject: \"true\"",
        "kubectl label namespace AGENTS discord-monitoring.io/inject=enabled",
        "below /home/node/.claude as user 65532",
        "helm test dm --namespace monitoring",
    ] {
        assert!(webhook.contains(words), "no {words} in {webhook}");
    }
    assert!(!webhook.contains("WARNING"), "{webhook}");
    let off = said(&json!({"discord": {"monitoring": {"enabled": false}}}));
    assert!(off.contains("nothing was installed"), "{off}");
    assert!(!off.contains("kubectl"), "{off}");
    let inline = said(
        &json!({"discord": {"monitoring": {"webhook": {"value": "https://d.example.com/api/webhooks/1/t0ken"}}}}),
    );
    assert!(inline.contains("nothing to store"), "{inline}");
    assert!(!inline.contains("t0ken"), "{inline}");
}

#[test]
fn with_a_bot_a_token_is_asked_for_and_no_webhook() {
    for values in [
        json!({"bot-service": {"enabled": true}}),
        json!({"discord": {"monitoring": {"bot": {"url": "http://bot.example.com"}}}}),
    ] {
        let said = said(&values);
        assert!(
            said.contains("create secret generic discord-bot --from-literal=token=TOKEN"),
            "{said}"
        );
        assert!(!said.contains("generic discord-webhook"), "{said}");
        let ours = values.get("bot-service").is_some();
        assert_eq!(
            said.contains("Secret\n   dm-bot-service-api-tokens"),
            ours,
            "{said}"
        );
    }
}

/// Each choice, and the words that warn of it.
#[test]
fn each_risky_choice_is_warned_of_and_no_other() {
    let monitoring = |values: Value| json!({"discord": {"monitoring": values}});
    let volume = |values: Value| monitoring(json!({"transcript": {"volume": values}}));
    for (values, warnings) in [
        (
            monitoring(json!({"webhook": {"value": "https://d.example.com/api/webhooks/1/t"}})),
            &["webhook.value stands in each watched Pod"][..],
        ),
        (
            json!({"injector": {"webhooks": {"failurePolicy": "Fail"}}}),
            &["failurePolicy is Fail"],
        ),
        (
            json!({"injector": {"webhooks": {"pods": {"enabled": false}, "namespaces": {"enabled": false}}}}),
            &[
                "both webhook entries are switched off",
                "`helm test` makes no Pod",
            ],
        ),
        (
            json!({"injector": {"replicaCount": 1}}),
            &["one injector only"],
        ),
        (
            json!({"injector": {"rbac": {"create": false}}}),
            &["injector.rbac.create is false"],
        ),
        (
            json!({"injector": {"serviceAccount": {"create": false}}}),
            &["the service account default"],
        ),
        (
            json!({"certs": {"mode": "existing", "existing": {"secret": "s"}}}),
            &["certs.existing.caBundle is empty"],
        ),
        (
            volume(json!({"hostPath": "/agents"})),
            &["made for root alone", "transcript.volume.perPod is false"],
        ),
        (
            volume(json!({"hostPath": "/agents", "perPod": true})),
            &["made for root alone"],
        ),
        (
            volume(json!({"existingClaim": "claim"})),
            &["transcript.volume.perPod is false"],
        ),
        (
            volume(json!({"existingClaim": "claim", "perPod": true})),
            &[],
        ),
        (
            monitoring(json!({"transcript": {"mount": "none", "volume": {"hostPath": "/x"}}})),
            &[],
        ),
        (
            monitoring(json!({"bridge": {"enabled": true}})),
            &["nothing hands input to the bridge"],
        ),
        (
            json!({"injector": {"hostNetwork": true, "ports": {"https": 9443}}}),
            &["ports 9443 and 8081 of the nodes"],
        ),
        (
            json!({"injector": {"namespaceSelector": {"matchLabels": {"team": "agents"}}}}),
            &["`helm test` makes no Pod: the webhooks may not see the namespace monitoring"],
        ),
        (
            json!({"injector": {"namespaceSelector": {"matchLabels": {"team": "agents"}}, "test": {"enabled": true}}}),
            &[],
        ),
        (
            json!({"prometheusRule": {"enabled": true}}),
            &["prometheusRule.enabled without injector.serviceMonitor.enabled"],
        ),
        (
            json!({"prometheusRule": {"enabled": true}, "injector": {"serviceMonitor": {"enabled": true}}}),
            &[],
        ),
    ] {
        warned("discord-monitoring", &values, warnings);
    }
}

#[test]
fn the_bots_warnings_are_seen_beside_the_injector_too() {
    let whole = json!({"guildId": "12", "secrets": {"existingSecret": "s"}, "apiTokens": {"existingSecret": "t"}});
    let with = |more: &Value| {
        let mut values = whole.clone();
        for (key, value) in more.as_object().unwrap() {
            values[key] = value.clone();
        }
        values
    };
    for (more, warnings) in [
        (json!({}), &[][..]),
        (json!({"guildId": ""}), &["no guildId"]),
        (json!({"secrets": {}}), &["no bot token"]),
        (json!({"apiTokens": {}}), &["nobody may call /runs yet"]),
        (
            json!({"secrets": {"discordBotToken": "x"}}),
            &["secrets stand in the release's values"],
        ),
        (
            json!({"ingress": {"enabled": true, "hosts": [{"host": "bot.example.com"}]}}),
            &["ingress.tls is empty"],
        ),
        (
            json!({"networkPolicy": {"enabled": true}, "database": {"existingSecret": "db"}}),
            &["networkPolicy.to is empty"],
        ),
        (
            json!({"prometheusRule": {"enabled": true}}),
            &["prometheusRule.enabled without serviceMonitor.enabled"],
        ),
    ] {
        let mut values = with(&more);
        warned("bot-service", &values, warnings);
        values["enabled"] = json!(true);
        warned(
            "discord-monitoring",
            &json!({"bot-service": values}),
            warnings,
        );
    }
    let said = said(&json!({"bot-service": {"enabled": true}}));
    assert!(
        said.contains("whose values stand below bot-service:"),
        "{said}"
    );
}

/// Holds the warnings of these values to exactly these, in this order.
fn warned(chart: &str, values: &Value, warnings: &[&str]) {
    let said = notes(chart, values);
    let found: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("WARNING: "))
        .collect();
    assert_eq!(found.len(), warnings.len(), "{chart} {values}: {said}");
    for (found, wanted) in found.iter().zip(warnings) {
        assert!(found.contains(wanted), "{chart} {values}: {found}");
    }
}
