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
            "verbs": ["get", "create", "patch", "update"],
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
