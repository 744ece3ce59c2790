//! The bot service's chart.

use crate::support::{objects, one, sidecar, try_template, values_file};
use serde_json::{Value, json};

fn pod(values: &Value) -> Value {
    one(&objects("bot-service", values), "Deployment")["spec"]["template"].clone()
}

fn container(values: &Value) -> Value {
    pod(values)["spec"]["containers"][0].clone()
}

fn env(values: &Value, name: &str) -> Option<Value> {
    let env = container(values)["env"].as_array().unwrap().clone();
    let mut found: Vec<_> = env.into_iter().filter(|env| env["name"] == name).collect();
    assert!(found.len() < 2, "{name} stands twice");
    found.pop()
}

fn refused(values: &Value, because: &str) {
    let file = values_file(values);
    let outcome = try_template("bot-service", &["--values", file.path().to_str().unwrap()]);
    assert!(
        !outcome.ok && outcome.stderr.contains(because),
        "{values}: {}",
        outcome.stderr
    );
}

#[test]
fn discord_reaches_interactions_and_nothing_else() {
    let values = json!({"ingress": {"enabled": true, "hosts": [{"host": "bot.example.com"}]}});
    let objects = objects("bot-service", &values);
    let paths = one(&objects, "Ingress")["spec"]["rules"][0]["http"]["paths"].clone();
    assert_eq!(paths.as_array().unwrap().len(), 1);
    assert_eq!(paths[0]["path"], "/interactions");
    assert_eq!(paths[0]["pathType"], "Exact");
    // One Service for both routes: callers inside the cluster reach /runs on it.
    let backend = &paths[0]["backend"]["service"];
    let service = one(&objects, "Service");
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);
    assert_eq!(service["spec"]["ports"].as_array().unwrap().len(), 1);
}

#[test]
fn an_ingress_carries_class_tls_and_the_allow_list_of_its_controller() {
    for annotation in [
        "nginx.ingress.kubernetes.io/whitelist-source-range",
        "traefik.ingress.kubernetes.io/router.middlewares",
        "alb.ingress.kubernetes.io/inbound-cidrs",
    ] {
        let values = json!({"ingress": {
            "enabled": true, "className": "some", "annotations": {annotation: "192.0.2.0/24"},
            "hosts": [{"host": "bot.example.com"}], "tls": [{"secretName": "tls", "hosts": ["bot.example.com"]}]}});
        let objects = objects("bot-service", &values);
        let ingress = one(&objects, "Ingress");
        assert_eq!(
            ingress["metadata"]["annotations"],
            json!({annotation: "192.0.2.0/24"})
        );
        assert_eq!(ingress["spec"]["ingressClassName"], "some");
        assert_eq!(ingress["spec"]["tls"][0]["secretName"], "tls");
        // The words a person copies from are the ones tested here.
        let shown =
            std::fs::read_to_string(crate::support::chart("bot-service").join("values.yaml"));
        assert!(shown.unwrap().contains(annotation), "{annotation}");
    }
}

#[test]
fn an_ingress_without_a_host_is_refused() {
    refused(&json!({"ingress": {"enabled": true}}), "set ingress.hosts");
}

#[test]
fn credentials_come_from_the_given_secret_else_from_the_values() {
    let from = |values: &Value| {
        let token = env(values, "DISCORD_BOT_TOKEN").unwrap();
        let key = env(values, "PUBLIC_KEY").unwrap();
        assert_eq!(
            token["valueFrom"]["secretKeyRef"]["name"],
            key["valueFrom"]["secretKeyRef"]["name"]
        );
        assert_eq!(
            token["valueFrom"]["secretKeyRef"]["key"],
            "DISCORD_BOT_TOKEN"
        );
        assert_eq!(key["valueFrom"]["secretKeyRef"]["key"], "PUBLIC_KEY");
        token["valueFrom"]["secretKeyRef"].clone()
    };
    let given = json!({"secrets": {"existingSecret": "mine", "discordBotToken": "inline"}});
    assert_eq!(from(&given)["name"], "mine");
    let rendered = objects("bot-service", &given);
    assert!(rendered.iter().all(|object| object["kind"] != "Secret"));
    assert!(
        !rendered
            .iter()
            .any(|object| object.to_string().contains("inline"))
    );

    let given = json!({"secrets": {"discordBotToken": "t", "publicKey": "00ff"}});
    let inline = objects("bot-service", &given);
    let secret = one(&inline, "Secret");
    assert_eq!(
        secret["stringData"],
        json!({"DISCORD_BOT_TOKEN": "t", "PUBLIC_KEY": "00ff"})
    );
    assert_eq!(from(&given)["name"], secret["metadata"]["name"]);
}

#[test]
fn no_secret_stands_in_the_pod() {
    let values = json!({
        "secrets": {"discordBotToken": "s3cret-bot", "publicKey": "00ff"},
        "apiTokens": {"tokens": [{"name": "a", "token": "s3cret-0123456789", "namespaces": ["*"]}]},
        "database": {"url": "postgres://bot:s3cret@db/bot"}});
    let rendered = objects("bot-service", &values);
    for object in &rendered {
        assert!(
            object["kind"] == "Secret" || !object.to_string().contains("s3cret"),
            "{object}"
        );
    }
    let secrets = rendered
        .iter()
        .filter(|object| object["kind"] == "Secret")
        .count();
    assert_eq!(
        secrets, 2,
        "callers' tokens apart from the bot's credentials"
    );
}

#[test]
fn callers_tokens_are_mounted_as_a_directory_so_that_they_rotate() {
    for (values, secret, key) in [
        (json!({}), "dm-bot-service-api-tokens", "tokens.json"),
        (
            json!({"apiTokens": {"existingSecret": "callers", "key": "c.json"}}),
            "callers",
            "c.json",
        ),
    ] {
        let pod = pod(&values)["spec"].clone();
        let volume = pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|volume| volume["name"] == "api-tokens")
            .unwrap()
            .clone();
        assert_eq!(volume["secret"]["secretName"], secret);
        assert_eq!(volume["secret"]["optional"], true);
        let mount = pod["containers"][0]["volumeMounts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|mount| mount["name"] == "api-tokens")
            .unwrap()
            .clone();
        assert!(mount.get("subPath").is_none(), "a subPath sees no change");
        let file = format!("{}/{key}", mount["mountPath"].as_str().unwrap());
        assert_eq!(env(&values, "API_TOKENS_FILE").unwrap()["value"], file);
    }
}

#[test]
fn callers_given_as_values_become_the_file_the_bot_reads_and_restart_nothing() {
    let values = |token: &str| {
        json!({"apiTokens": {"tokens": [
            {"name": "agents", "token": token, "namespaces": ["agents", "nightly"]},
            {"name": "ci", "token": "fedcba9876543210", "namespaces": ["*"]}]}})
    };
    let rendered = objects("bot-service", &values("0123456789abcdef"));
    let text = one(&rendered, "Secret")["stringData"]["tokens.json"].clone();
    let callers: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    assert_eq!(
        callers,
        json!({"agents": {"token": "0123456789abcdef", "namespaces": ["agents", "nightly"]},
               "ci": {"token": "fedcba9876543210", "namespaces": ["*"]}})
    );
    assert_eq!(
        pod(&values("0123456789abcdef")),
        pod(&values("another-0123456789"))
    );
    refused(
        &json!({"apiTokens": {"tokens": [
            {"name": "ci", "token": "0123456789abcdef", "namespaces": ["*"]},
            {"name": "ci", "token": "fedcba9876543210", "namespaces": ["*"]}]}}),
        "apiTokens.tokens names ci twice",
    );
}

#[test]
fn a_changed_inline_secret_renews_the_pod() {
    let with = |token: &str| pod(&json!({"secrets": {"discordBotToken": token}}));
    assert_ne!(with("a"), with("b"));
    assert_eq!(with("a"), with("a"));
    let with = |url: &str| pod(&json!({"database": {"url": url}}));
    assert_ne!(with("postgres://a/b"), with("postgres://a/c"));
}

#[test]
fn one_file_store_never_has_two_writers() {
    let of = |values: Value| {
        one(&objects("bot-service", &values), "Deployment")["spec"]["strategy"].clone()
    };
    assert_eq!(of(json!({})), json!({"type": "Recreate"}));
    assert_eq!(
        of(json!({"replicaCount": 3, "database": {"existingSecret": "db"}}))["type"],
        "RollingUpdate"
    );
    // One replica with PostgreSQL may overlap with its successor.
    assert_eq!(
        of(json!({"database": {"url": "postgres://a/b"}}))["rollingUpdate"],
        json!({"maxSurge": 1, "maxUnavailable": 0})
    );
    refused(
        &json!({"replicaCount": 2}),
        "set database.existingSecret (or database.url) to a PostgreSQL, or replicaCount to 1",
    );
    refused(
        &json!({"database": {"url": "mysql://a/b"}}),
        "database.url is not a PostgreSQL address",
    );
}

#[test]
fn runs_are_kept_in_postgresql_by_secret_or_in_a_file_on_the_volume() {
    let given = json!({"database": {"existingSecret": "db", "key": "url"}});
    assert_eq!(
        env(&given, "DATABASE_URL").unwrap()["valueFrom"]["secretKeyRef"],
        json!({"name": "db", "key": "url"})
    );
    for (values, volume) in [
        (json!({}), json!({"emptyDir": {}})),
        (
            json!({"persistence": {"enabled": true}}),
            json!({"persistentVolumeClaim": {"claimName": "dm-bot-service"}}),
        ),
        (
            json!({"persistence": {"enabled": true, "existingClaim": "mine"}}),
            json!({"persistentVolumeClaim": {"claimName": "mine"}}),
        ),
    ] {
        let pod = pod(&values)["spec"].clone();
        let mut state = pod["volumes"][0].clone();
        assert_eq!(state["name"], "state");
        state.as_object_mut().unwrap().remove("name");
        assert_eq!(state, volume);
        let path = env(&values, "DATABASE_URL").unwrap()["value"].clone();
        let folder = pod["containers"][0]["volumeMounts"][0]["mountPath"].clone();
        assert_eq!(
            path,
            format!("sqlite://{}/bot.db", folder.as_str().unwrap())
        );
        let claims = objects("bot-service", &values)
            .iter()
            .filter(|object| object["kind"] == "PersistentVolumeClaim")
            .count();
        assert_eq!(
            claims == 1,
            values["persistence"] == json!({"enabled": true})
        );
    }
}

#[test]
fn values_arrive_under_the_names_the_bot_reads() {
    let values = json!({
        "guildId": "12", "guildIds": ["13", "14"], "discordApiUrl": "http://double/api/v10",
        "runs": {"mode": "threads", "category": "C", "onEnd": "delete", "archiveCategory": "A",
                 "threadsChannelId": "34", "leaseSeconds": 60},
        "input": {"allowedUsers": ["5", "6"], "allowedRoles": ["7"], "ttlSeconds": 8}, "extraCA": {"configMap": "ca"},
        "logging": {"level": "warn", "format": "text"}});
    for (name, value) in [
        ("GUILD_ID", "12"),
        ("GUILD_IDS", "13,14"),
        ("DISCORD_API_URL", "http://double/api/v10"),
        ("RUNS_MODE", "threads"),
        ("CATEGORY", "C"),
        ("ON_END", "delete"),
        ("ARCHIVE_CATEGORY", "A"),
        ("THREADS_CHANNEL_ID", "34"),
        ("LEASE_SECONDS", "60"),
        ("ALLOWED_USERS", "5,6"),
        ("ALLOWED_ROLES", "7"),
        ("INPUT_TTL_SECONDS", "8"),
        ("EXTRA_CA_FILE", "/etc/discord-monitoring/ca/ca.crt"),
        ("LOG_LEVEL", "warn"),
        ("LOG_FORMAT", "text"),
    ] {
        assert_eq!(
            env(&values, name).unwrap_or_else(|| panic!("no {name}"))["value"],
            value,
            "{name}"
        );
    }
    // What is not said is left to the bot.
    for name in ["GUILD_ID", "GUILD_IDS", "DISCORD_API_URL", "ALLOWED_USERS"] {
        assert!(env(&json!({}), name).is_none(), "{name}");
    }
    let own = json!({"extraEnv": [{"name": "LOG_LEVEL", "value": "trace"}]});
    assert_eq!(env(&own, "LOG_LEVEL").unwrap()["value"], "trace");
}

#[test]
fn every_name_in_the_bots_environment_is_one_it_reads() {
    let source = crate::support::repository().join("bot/src/args.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let all = crate::support::yaml("charts/bot-service/ci/everything-values.yaml");
    let container = container(&all);
    let ours = container["env"].as_array().unwrap();
    assert!(ours.len() > 18, "{ours:?}");
    for env in ours {
        let name = env["name"].as_str().unwrap();
        let reads = source.contains(&format!("env = \"{name}\""));
        assert!(reads || name == "TZ", "the bot does not read {name}");
    }
}

#[test]
fn its_own_retention_wins_over_the_umbrellas() {
    let retention = |hours: Value| {
        env(
            &json!({"retention": {"channelHours": hours}}),
            "RETENTION_HOURS",
        )
        .unwrap()
    };
    assert_eq!(retention(json!(0))["value"], "0");
    assert!(retention(Value::Null)["valueFrom"]["configMapKeyRef"]["optional"] == true);
    // By itself the chart has no such ConfigMap: neither the variable nor the file holds the Pod.
    let volumes = pod(&json!({}))["spec"]["volumes"].clone();
    let volume = volumes
        .as_array()
        .unwrap()
        .iter()
        .find(|volume| volume["name"] == "retention");
    assert_eq!(volume.unwrap()["configMap"]["optional"], true);
    let own = json!({"retention": {"channelHours": 5}});
    assert!(
        env(&own, "RETENTION_HOURS_FILE").is_none(),
        "a file would win"
    );
}

#[test]
fn the_longest_retention_is_a_value() {
    assert!(env(&json!({}), "MAX_RETENTION_HOURS").is_none());
    let bounded = json!({"retention": {"maxHours": 720}});
    assert_eq!(
        env(&bounded, "MAX_RETENTION_HOURS").unwrap()["value"],
        "720"
    );
    refused(
        &json!({"retention": {"maxHours": 0}}),
        "/retention/maxHours",
    );
}

#[test]
fn an_annotation_of_a_persons_own_never_stands_twice() {
    let values =
        json!({"podAnnotations": {"kubectl.kubernetes.io/default-container": "mesh", "a": "b"}});
    let text = try_template(
        "bot-service",
        &["--values", values_file(&values).path().to_str().unwrap()],
    );
    assert!(text.ok, "{}", text.stderr);
    assert_eq!(
        text.stdout
            .matches("kubectl.kubernetes.io/default-container")
            .count(),
        1
    );
    let annotations = pod(&values)["metadata"]["annotations"].clone();
    assert_eq!(
        annotations["kubectl.kubernetes.io/default-container"],
        "mesh"
    );
    assert_eq!(annotations["a"], "b");
    assert!(annotations["checksum/secrets"].is_string());
}

#[test]
fn a_claim_without_a_size_is_refused_with_the_value_to_set() {
    for size in [json!(null), json!("")] {
        refused(
            &json!({"persistence": {"enabled": true, "size": size}}),
            "persistence",
        );
    }
}

#[test]
fn openshift_takes_the_users_out_through_the_umbrella_as_its_page_says() {
    let page =
        std::fs::read_to_string(crate::support::repository().join("docs/openshift.md")).unwrap();
    let (_, block) = page.split_once("```yaml\n").unwrap();
    let mut values: Value = serde_saphyr::from_str(block.split_once("```").unwrap().0).unwrap();
    values["bot-service"]["enabled"] = json!(true);
    let rendered = objects("discord-monitoring", &values);
    let mut seen = 0;
    for object in rendered
        .iter()
        .filter(|object| object["kind"] == "Deployment")
    {
        let context = &object["spec"]["template"]["spec"]["securityContext"];
        assert_eq!(context["runAsNonRoot"], true);
        for key in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert!(context.get(key).is_none(), "{object}");
        }
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn probes_and_metrics_have_a_port_that_no_service_shows_to_callers() {
    let values = json!({"serviceMonitor": {"enabled": true},
        "probes": {"liveness": {"initialDelaySeconds": 7}}});
    let container = container(&values);
    let ports = container["ports"].as_array().unwrap();
    let admin = ports.iter().find(|port| port["name"] == "admin").unwrap();
    assert_eq!(admin["containerPort"], 8081);
    for (probe, path) in [("livenessProbe", "/live"), ("readinessProbe", "/ready")] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": path, "port": "admin", "scheme": "HTTP"})
        );
    }
    assert_eq!(container["livenessProbe"]["initialDelaySeconds"], 7);
    let rendered = objects("bot-service", &values);
    let services: Vec<_> = rendered
        .iter()
        .filter(|object| object["kind"] == "Service")
        .collect();
    assert_eq!(services.len(), 2);
    let monitor = &one(&rendered, "ServiceMonitor")["spec"];
    for service in services {
        let shows = service["spec"]["ports"][0]["name"] == "admin";
        let labels = &service["metadata"]["labels"];
        let wanted = monitor["selector"]["matchLabels"].as_object().unwrap();
        let selected = wanted.iter().all(|(key, value)| labels[key] == *value);
        assert_eq!(shows, selected, "{service}");
    }
}

#[test]
fn a_networkpolicy_stands_at_both_doors() {
    let values = json!({"networkPolicy": {"enabled": true,
        "from": [{"podSelector": {"a": "callers"}}], "metricsFrom": [{"podSelector": {"a": "prometheus"}}],
        "discord": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
        "to": [{"ports": [{"port": 5432}]}]}});
    let rendered = objects("bot-service", &values);
    let policy = &one(&rendered, "NetworkPolicy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let given = &values["networkPolicy"];
    for (rule, port, from) in [(0, "http", "from"), (1, "admin", "metricsFrom")] {
        assert_eq!(policy["ingress"][rule]["ports"][0]["port"], port);
        assert_eq!(policy["ingress"][rule]["from"], given[from]);
    }
    assert_eq!(policy["ingress"].as_array().unwrap().len(), 2);
    assert_eq!(policy["egress"][0]["ports"][0]["port"], 53);
    assert_eq!(policy["egress"][1]["ports"][0]["port"], 443);
    assert_eq!(policy["egress"][1]["to"], given["discord"]);
    let proxy = json!({"networkPolicy": {"enabled": true, "discordPorts": [443, 3128]}});
    let rendered = objects("bot-service", &proxy);
    let ports = one(&rendered, "NetworkPolicy")["spec"]["egress"][1]["ports"].clone();
    assert_eq!(
        (&ports[0]["port"], &ports[1]["port"]),
        (&json!(443), &json!(3128))
    );
    let policy = &one(&rendered, "NetworkPolicy")["spec"];
    assert!(
        policy["egress"][1].get("to").is_none(),
        "to everywhere, unless told"
    );
    let rendered = objects("bot-service", &values);
    let policy = &one(&rendered, "NetworkPolicy")["spec"];
    assert_eq!(policy["egress"][2], given["to"][0]);
}

#[test]
fn a_large_user_stays_a_whole_number() {
    let values = json!({"podSecurityContext": {"runAsUser": 1_000_660_000, "runAsGroup": null}});
    let context = pod(&values)["spec"]["securityContext"].clone();
    assert_eq!(context["runAsUser"], 1_000_660_000);
    assert!(context["runAsUser"].is_i64(), "{context}");
    assert!(context.get("runAsGroup").is_none());
}

#[test]
fn beside_the_injector_the_watchers_are_told_its_address() {
    let watcher = |values: Value| {
        let rendered = objects("discord-monitoring", &values);
        let told = sidecar(&rendered);
        let env = told["watcher"]["env"].as_array().unwrap().clone();
        let url = env.into_iter().find(|env| env["name"] == "BOT_URL");
        assert_eq!(
            url.as_ref().map(|url| url["value"].clone()),
            told["settings"]["bot"].get("url").cloned()
        );
        (
            url.map(|url| url["value"].clone()),
            told["volumes"].clone(),
            rendered,
        )
    };
    assert_eq!(watcher(json!({})).0, None);
    let port = json!({"bot-service": {"enabled": true, "fullnameOverride": "b", "service": {"ports": {"http": 81}}}});
    let (url, volumes, rendered) = watcher(port);
    assert_eq!(url.unwrap(), "http://b.monitoring.svc:81");
    let service = rendered
        .iter()
        .find(|object| object["kind"] == "Service" && object["metadata"]["name"] == "b")
        .expect("the Service of that address");
    assert_eq!(service["spec"]["ports"][0]["port"], 81);
    let token = volumes
        .as_array()
        .unwrap()
        .iter()
        .find(|volume| volume["name"] == "discord-bot")
        .unwrap();
    assert_eq!(token["secret"]["secretName"], "discord-bot");
    assert_eq!(token["secret"]["items"][0]["key"], "token");
    assert_eq!(
        token["secret"]["optional"], true,
        "an agents' namespace without it holds no Pod"
    );
    let own = json!({"bot-service": {"enabled": true}, "discord": {"monitoring": {"bot": {"url": "http://mine"}}}});
    assert_eq!(watcher(own).0.unwrap(), "http://mine");
}
