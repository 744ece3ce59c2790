//! The injector's objects: its rights, its webhooks, its Pods.

use crate::support::{self, objects, one, scenarios, template, try_template};
use serde_json::{Value, json};

const NAME: &str = "dm-discord-monitoring-injector";

#[test]
fn its_rights_are_exactly_these() {
    let objects = objects("discord-monitoring", &json!({}));
    assert_eq!(
        one(&objects, "ClusterRole")["rules"],
        json!([{
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["mutatingwebhookconfigurations"],
            "resourceNames": [NAME],
            "verbs": ["get", "patch"],
        }])
    );
    assert_eq!(
        one(&objects, "Role")["rules"],
        json!([{
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["dm-discord-monitoring-injector-tls"],
            "verbs": ["get", "create", "patch"],
        }])
    );
    for binding in ["ClusterRoleBinding", "RoleBinding"] {
        let binding = one(&objects, binding);
        assert_eq!(
            binding["subjects"],
            json!([{"kind": "ServiceAccount", "name": NAME, "namespace": "monitoring"}])
        );
        assert_eq!(binding["roleRef"]["name"], NAME);
    }
    // The names the rights are for are the names the flags carry.
    let args = one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]
        .to_string();
    for flag in [
        "--secret-name=dm-discord-monitoring-injector-tls",
        "--webhook-configuration=dm-discord-monitoring-injector",
        "--service-name=dm-discord-monitoring-injector",
    ] {
        assert!(args.contains(flag), "{flag} in {args}");
    }
    assert_eq!(
        one(&objects, "MutatingWebhookConfiguration")["metadata"]["name"],
        NAME
    );
    assert_eq!(
        one(&objects, "Secret")["metadata"]["name"],
        "dm-discord-monitoring-injector-tls"
    );
    assert_eq!(one(&objects, "Service")["metadata"]["name"], NAME);
}

#[test]
fn with_a_certificate_of_others_it_has_no_right_and_no_token() {
    for certs in [
        json!({"mode": "cert-manager"}),
        json!({"mode": "existing", "existing": {"secret": "s"}}),
    ] {
        let objects = objects("discord-monitoring", &json!({"certs": certs}));
        for kind in [
            "Role",
            "RoleBinding",
            "ClusterRole",
            "ClusterRoleBinding",
            "Secret",
        ] {
            assert!(
                objects.iter().all(|object| object["kind"] != kind),
                "{kind} with {certs}"
            );
        }
        let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false, "{certs}");
    }
}

#[test]
fn both_webhook_entries_stand_in_every_scenario() {
    for (scenario, path) in scenarios("discord-monitoring") {
        if scenario == "disabled" {
            continue;
        }
        let objects = crate::support::documents(&template(
            "discord-monitoring",
            &["--values", path.to_str().unwrap()],
        ));
        let webhooks = one(&objects, "MutatingWebhookConfiguration")["webhooks"]
            .as_array()
            .unwrap();
        let names: Vec<_> = webhooks
            .iter()
            .map(|webhook| webhook["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "pods.discord-monitoring.io",
                "namespaces.discord-monitoring.io"
            ],
            "{scenario}"
        );
        for webhook in webhooks {
            // A caBundle of the chart's would fight with the one who writes it. Only one that a person hands over
            // for a certificate of their own is rendered: then nobody else writes it.
            assert_eq!(
                webhook["clientConfig"].get("caBundle").is_some(),
                scenario == "existing-cert",
                "{scenario}"
            );
            assert_eq!(
                webhook["rules"],
                json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                        "resources": ["pods"], "scope": "Namespaced"}]),
                "{scenario}"
            );
            assert_eq!(webhook["sideEffects"], "None");
            assert_eq!(webhook["matchPolicy"], "Equivalent");
            assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
            assert_eq!(
                webhook["objectSelector"]["matchExpressions"],
                json!([{"key": "app.kubernetes.io/part-of", "operator": "NotIn",
                        "values": ["discord-monitoring"]}])
            );
            assert!(
                webhook["namespaceSelector"]["matchExpressions"]
                    .as_array()
                    .unwrap()
                    .contains(&json!({
                    "key": "kubernetes.io/metadata.name", "operator": "NotIn",
                    "values": ["kube-system", "kube-public", "kube-node-lease"]})),
                "{scenario}"
            );
        }
    }
}

/// The namespaceSelector's operator on the opt-in label, and the matchConditions by name.
fn asked(webhook: &Value) -> (String, Vec<(String, String)>) {
    let selector = webhook["namespaceSelector"]["matchExpressions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|expression| expression["key"] == sidecar::names::INJECT)
        .unwrap();
    assert_eq!(selector["values"], json!(["enabled"]));
    let conditions = webhook["matchConditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| {
            let text = |key: &str| condition[key].as_str().unwrap().to_owned();
            (text("name"), text("expression"))
        })
        .collect();
    (
        selector["operator"].as_str().unwrap().to_owned(),
        conditions,
    )
}

#[test]
fn a_pod_asks_by_annotation_or_its_namespace_by_label_never_both_entries() {
    let objects = objects("discord-monitoring", &json!({}));
    let webhooks = &one(&objects, "MutatingWebhookConfiguration")["webhooks"];
    let annotation = format!(
        "object.metadata.?annotations['{}'].orValue('')",
        sidecar::names::INJECT
    );

    let (operator, conditions) = asked(&webhooks[0]);
    assert_eq!(operator, "NotIn");
    assert_eq!(
        conditions[0],
        ("asked".to_owned(), format!("{annotation} == 'true'"))
    );

    let (operator, conditions) = asked(&webhooks[1]);
    assert_eq!(operator, "In");
    assert_eq!(
        conditions[0],
        ("not-refused".to_owned(), format!("{annotation} != 'false'"))
    );

    for webhook in [&webhooks[0], &webhooks[1]] {
        let names: Vec<_> = asked(webhook)
            .1
            .into_iter()
            .map(|(name, _)| name)
            .skip(1)
            .collect();
        assert_eq!(names, ["not-a-mirror-pod", "not-windows"]);
        assert_eq!(webhook["failurePolicy"], "Ignore");
        assert_eq!(webhook["timeoutSeconds"], 1);
        assert_eq!(webhook["reinvocationPolicy"], "IfNeeded");
    }
}

#[test]
fn an_entry_is_switched_off_by_a_condition_that_is_false() {
    for (index, key) in ["pods", "namespaces"].into_iter().enumerate() {
        let objects = objects(
            "discord-monitoring",
            &json!({"injector": {"webhooks": {key: {"enabled": false}}}}),
        );
        let webhooks = &one(&objects, "MutatingWebhookConfiguration")["webhooks"];
        let off = ("switched-off".to_owned(), "false".to_owned());
        assert!(asked(&webhooks[index]).1.contains(&off), "{key}");
        assert!(!asked(&webhooks[1 - index]).1.contains(&off), "{key}");
    }
}

#[test]
fn its_own_pods_never_reach_the_webhooks_and_pass_the_restricted_standard() {
    let values = json!({"commonLabels": {"app.kubernetes.io/part-of": "elsewhere"},
                        "injector": {"podLabels": {"app.kubernetes.io/part-of": "elsewhere"}},
                        "bot-service": {"enabled": true}});
    let objects = objects("discord-monitoring", &values);
    let deployments: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == "Deployment")
        .collect();
    assert_eq!(deployments.len(), 2);
    for deployment in deployments {
        let template = &deployment["spec"]["template"];
        assert_eq!(
            template["metadata"]["labels"]["app.kubernetes.io/part-of"],
            "discord-monitoring"
        );
        for (key, value) in deployment["spec"]["selector"]["matchLabels"]
            .as_object()
            .unwrap()
        {
            assert_eq!(
                &template["metadata"]["labels"][key], value,
                "selector {key}"
            );
        }
        let pod = &template["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"],
            "RuntimeDefault"
        );
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"], json!({"drop": ["ALL"]}));
            assert!(container["resources"]["requests"]["memory"].is_string());
        }
    }
}

#[test]
fn a_changed_setting_restarts_no_injector() {
    let pods =
        |values: Value| one(&objects("discord-monitoring", &values), "Deployment")["spec"].clone();
    assert_eq!(
        pods(json!({})),
        pods(json!({"discord": {"monitoring": {"polling": {"intervalMs": 500}}}}))
    );
}

#[test]
fn the_certificate_secret_is_rendered_without_data() {
    let objects = objects("discord-monitoring", &json!({}));
    let secret = one(&objects, "Secret");
    assert!(
        secret.get("data").is_none() && secret.get("stringData").is_none(),
        "{secret}"
    );
}

#[test]
fn a_mode_without_its_inputs_is_refused_by_name() {
    let outcome = try_template("discord-monitoring", &["--set", "certs.mode=existing"]);
    assert!(
        !outcome.ok && outcome.stderr.contains("certs.existing.secret"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn zero_replicas_stay_zero() {
    let objects = objects(
        "discord-monitoring",
        &json!({"injector": {"replicaCount": 0}}),
    );
    assert_eq!(one(&objects, "Deployment")["spec"]["replicas"], 0);
}

#[test]
fn the_injector_mounts_the_configmap_that_holds_the_sidecar() {
    let objects = objects("discord-monitoring", &json!({}));
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    let map = pod["volumes"][0]["configMap"]["name"].as_str().unwrap();
    assert_eq!(one(&objects, "ConfigMap")["metadata"]["name"], map);
    // A subPath would never see a change.
    assert!(
        pod["containers"][0]["volumeMounts"][0]
            .get("subPath")
            .is_none()
    );
    assert_eq!(sidecar_version(&objects), 1);
}

fn sidecar_version(objects: &[Value]) -> i64 {
    support::sidecar(objects)["version"].as_i64().unwrap()
}

#[test]
fn on_the_nodes_network_a_rollout_ends_and_the_ports_are_values() {
    let of = |values: Value| {
        let objects = objects("discord-monitoring", &values);
        let deployment = one(&objects, "Deployment")["spec"].clone();
        (
            deployment["strategy"]["rollingUpdate"].clone(),
            deployment["template"]["spec"].clone(),
        )
    };
    let (strategy, pod) = of(json!({}));
    assert_eq!(strategy, json!({"maxUnavailable": 0, "maxSurge": 1}));
    assert!(pod.get("hostNetwork").is_none());
    // There a new Pod waits for the old one's ports.
    let (strategy, pod) =
        of(json!({"injector": {"hostNetwork": true, "ports": {"https": 9443, "admin": 9081}}}));
    assert_eq!(strategy, json!({"maxUnavailable": 1, "maxSurge": 0}));
    assert_eq!(pod["hostNetwork"], true);
    let container = &pod["containers"][0];
    let args = container["args"].to_string();
    for (name, port, flag) in [
        ("https", 9443, "--listen=0.0.0.0:9443"),
        ("admin", 9081, "--admin-listen=0.0.0.0:9081"),
    ] {
        let ports = container["ports"].as_array().unwrap();
        let found = ports.iter().find(|found| found["name"] == name).unwrap();
        assert_eq!(found["containerPort"], port);
        assert!(args.contains(flag), "{args}");
    }
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "admin");
    }
}

#[test]
fn an_environment_or_annotation_of_a_persons_own_replaces_ours() {
    let values = json!({"injector": {
        "extraEnv": [{"name": "POD_NAMESPACE", "value": "elsewhere"}, {"name": "TZ", "value": "UTC"}],
        "podAnnotations": {"kubectl.kubernetes.io/default-container": "mesh"}}});
    let file = support::values_file(&values);
    let text = template(
        "discord-monitoring",
        &["--values", file.path().to_str().unwrap()],
    );
    let rendered = support::documents(&text);
    let template = &one(&rendered, "Deployment")["spec"]["template"];
    let env = template["spec"]["containers"][0]["env"].as_array().unwrap();
    let names: Vec<_> = env
        .iter()
        .map(|env| env["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["POD_NAME", "POD_NAMESPACE", "TZ"]);
    assert_eq!(env[1]["value"], "elsewhere");
    assert_eq!(
        text.matches("kubectl.kubernetes.io/default-container")
            .count(),
        1
    );
    assert_eq!(
        template["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"],
        "mesh"
    );
}

#[test]
fn its_networkpolicy_lets_it_reach_the_api_server_and_what_is_named() {
    let egress = |values: Value| {
        let objects = objects("discord-monitoring", &values);
        one(&objects, "NetworkPolicy")["spec"]["egress"].clone()
    };
    let dns = [
        json!({"port": 53, "protocol": "UDP"}),
        json!({"port": 53, "protocol": "TCP"}),
    ];
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    assert_eq!(
        egress(json!({"injector": {"networkPolicy": {"enabled": true}}})),
        json!([{"ports": [tcp(443), tcp(6443), dns[0], dns[1]]}])
    );
    let collector = json!({"to": [{"podSelector": {"matchLabels": {"app": "collector"}}}], "ports": [{"port": 4317}]});
    let named = json!({"enabled": true, "apiServerPorts": [16443], "to": [collector]});
    assert_eq!(
        egress(json!({"injector": {"networkPolicy": named}})),
        json!([{"ports": [tcp(16443), dns[0], dns[1]]}, collector])
    );
    let others = json!({"mode": "cert-manager"});
    assert_eq!(
        egress(json!({"certs": others, "injector": {"networkPolicy": named}})),
        json!([collector])
    );
    assert_eq!(
        egress(json!({"certs": others, "injector": {"networkPolicy": {"enabled": true}}})),
        json!([])
    );
}

#[test]
fn cert_managers_certificate_is_of_a_ca_that_keeps_its_key() {
    let rendered = objects(
        "discord-monitoring",
        &json!({"certs": {"mode": "cert-manager", "caValidity": "87600h"}}),
    );
    let of = |kind: &str, name: &str| {
        rendered
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("no {kind} {name}"))["spec"]
            .clone()
    };
    // The webhooks trust what is in the leaf's Secret as its CA.
    let webhook = one(&rendered, "MutatingWebhookConfiguration");
    assert_eq!(
        webhook["metadata"]["annotations"]["cert-manager.io/inject-ca-from"],
        format!("monitoring/{NAME}")
    );
    let leaf = of("Certificate", NAME);
    assert!(leaf.get("isCA").is_none());
    let issuer = of("Issuer", leaf["issuerRef"]["name"].as_str().unwrap());
    // Were the leaf its own CA, each renewal would change the CA at once, while our Pods still serve the old leaf.
    assert!(issuer.get("selfSigned").is_none(), "{issuer}");
    let ca = rendered
        .iter()
        .find(|object| object["spec"]["isCA"] == true)
        .expect("a CA")["spec"]
        .clone();
    assert_eq!(issuer["ca"]["secretName"], ca["secretName"]);
    assert_ne!(ca["secretName"], leaf["secretName"]);
    assert_eq!(ca["duration"], "87600h");
    // The same key, so that what the CA signed before its renewal is trusted after it.
    assert_eq!(ca["privateKey"]["rotationPolicy"], "Never");
    let root = of("Issuer", ca["issuerRef"]["name"].as_str().unwrap());
    assert_eq!(root, json!({"selfSigned": {}}));

    let given = json!({"mode": "cert-manager", "certManager": {"issuerRef": {"name": "company", "kind": "ClusterIssuer"}}});
    let rendered = objects("discord-monitoring", &json!({"certs": given}));
    assert!(rendered.iter().all(|object| object["kind"] != "Issuer"));
    assert_eq!(
        one(&rendered, "Certificate")["spec"]["issuerRef"],
        json!({"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "company"})
    );
}

#[test]
fn its_account_shows_its_token_to_other_pods_only_when_asked() {
    let of = |values: Value| {
        let rendered = objects("discord-monitoring", &values);
        let pod = &one(&rendered, "Deployment")["spec"]["template"]["spec"];
        (
            one(&rendered, "ServiceAccount")["automountServiceAccountToken"].clone(),
            pod["automountServiceAccountToken"].clone(),
        )
    };
    assert_eq!(of(json!({})), (json!(false), json!(true)));
    let shown = json!({"injector": {"serviceAccount": {"automount": true}}, "certs": {"mode": "cert-manager"}});
    assert_eq!(of(shown), (json!(true), json!(false)));
}
