//! What needs an API server, which calls us on this machine by address. Nothing is kept: two namespaces and one webhook
//! configuration are made and deleted, and Pods are created with dry-run, through admission and not into the store.

use crate::caller::Door;
use crate::load::part;
use crate::process::Server;
use crate::review::Review;
use crate::served::{certificate, constant, first_answer, free_address, serve};
use crate::table::{self, Row};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::process::Command;
use std::time::{Duration, Instant};

const WITH: &str = "dm-bench-with";
const WITHOUT: &str = "dm-bench-without";
/// Where a bare server answers, a constant patch as long as ours: what a call costs, whoever is called.
const BELOW: &str = "dm-bench-floor";
const WEBHOOKS: &str = "dm-bench";
const SECRET: &str = "dm-bench-tls";
const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// One call of the API server, its answer as text.
async fn call(client: &Client, method: &str, path: &str, body: &Value) -> anyhow::Result<String> {
    let body = match body {
        Value::Null => Vec::new(),
        body => serde_json::to_vec(body)?,
    };
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    Ok(client.request_text(request.body(body)?).await?)
}

async fn delete_all(client: &Client) {
    let secret = format!("/api/v1/namespaces/{WITH}/secrets/{SECRET}");
    let configurations = [WEBHOOKS, BELOW].map(|name| format!("{CONFIGURATIONS}/{name}"));
    let namespaces = [WITH, WITHOUT, BELOW].map(|name| format!("/api/v1/namespaces/{name}"));
    for path in configurations.into_iter().chain([secret]).chain(namespaces) {
        // What is not there need not go.
        let _ = call(client, "DELETE", &path, &Value::Null).await;
    }
}

/// The webhook's one entry: a Pod of this namespace, as the chart has it for namespaces that ask by label. An installed
/// chart asks nobody about these Pods.
fn configuration(name: &str, namespace: &str, client_config: &Value, failure: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "pods.bench.discord-monitoring.io",
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": failure,
            "timeoutSeconds": 5, "reinvocationPolicy": "IfNeeded", "matchPolicy": "Equivalent",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                "scope": "Namespaced"}],
            "clientConfig": client_config,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "matchConditions": [{"name": "not-refused", "expression":
                "object.metadata.?annotations['discord-monitoring.io/inject'].orValue('') != 'false'"}],
        }],
    })
}

pub(crate) async fn run(args: &crate::Cluster) {
    let config = kube::Config::infer().await.expect("KUBECONFIG");
    let host = own_address(&config);
    let client = Client::try_from(config).unwrap();
    delete_all(&client).await;
    starts(args, &client).await;
    creations(args, &client, host).await;
    delete_all(&client).await;
}

/// Our address as the API server sees it.
fn own_address(config: &kube::Config) -> IpAddr {
    let url = &config.cluster_url;
    let server = (url.host().unwrap(), url.port_u16().unwrap_or(443));
    let server = server.to_socket_addrs().unwrap().next().unwrap();
    let stream = TcpStream::connect(server).unwrap();
    stream.local_addr().unwrap().ip()
}

/// From a process' start, no certificate made yet, to its first answer that the published bundle verifies.
async fn starts(args: &crate::Cluster, client: &Client) {
    // Nobody calls it: the Service is not there.
    let service = json!({"service": {"name": "bench", "namespace": WITH, "path": "/inject"}});
    namespace(client, WITH).await;
    let mut row = Row::new();
    for _ in 0..args.starts {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}});
        let secrets = format!("/api/v1/namespaces/{WITH}/secrets");
        call(client, "POST", &secrets, &secret).await.unwrap();
        let entry = configuration(WEBHOOKS, WITH, &service, "Ignore");
        call(client, "POST", CONFIGURATIONS, &entry).await.unwrap();

        let listen = free_address();
        let mut command = Command::new(&args.injector);
        command.args(["serve", "--listen", &listen.to_string()]);
        command.args(["--secret-name", SECRET, "--namespace", WITH]);
        command.args(["--webhook-configuration", WEBHOOKS]);
        command.args(["--service-name", "bench", "--sidecar"]);
        command.arg(&args.sidecar);
        let begun = Instant::now();
        let server = Server::start(command);
        let mut door = Door {
            address: listen,
            host: format!("bench.{WITH}.svc"),
            path: "/inject".to_owned(),
            trusted: String::new(),
            review: Review::ours(),
        };
        let path = format!("{CONFIGURATIONS}/{WEBHOOKS}");
        while door.trusted.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no caBundle");
            let found = call(client, "GET", &path, &Value::Null).await.unwrap();
            let found: Value = serde_json::from_str(&found).unwrap();
            if let Some(bundle) = found["webhooks"][0]["clientConfig"]["caBundle"].as_str() {
                door.trusted = String::from_utf8(STANDARD.decode(bundle).unwrap()).unwrap();
            }
        }
        first_answer(&door).await;
        table::add(&mut row, "injector", begun.elapsed().as_secs_f64() * 1000.0);
        drop(server);
        for path in [path, format!("{secrets}/{SECRET}")] {
            call(client, "DELETE", &path, &Value::Null).await.unwrap();
        }
    }
    table::print("start, self-managed, ms", &row);
    table::judge("start, self-managed, ms", "500", table::ours(&row), 500.0);
}

/// A namespace in which Pods can be created: its service account is there.
async fn namespace(client: &Client, name: &str) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        // One that is still being deleted goes first.
        let _ = call(client, "POST", "/api/v1/namespaces", &namespace).await;
        let found = call(client, "GET", &account, &Value::Null).await;
        let path = format!("/api/v1/namespaces/{name}");
        let state = call(client, "GET", &path, &Value::Null).await;
        if found.is_ok() && state.is_ok_and(|text| text.contains(r#""phase":"Active""#)) {
            return;
        }
        assert!(Instant::now() < end, "no namespace {name}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The same Pod with our webhook, without any, and with a bare server's, by turns.
async fn creations(args: &crate::Cluster, client: &Client, host: IpAddr) {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate(&host.to_string(), folder.path());
    let door = |port: u16| Door {
        address: SocketAddr::new(host, port),
        host: host.to_string(),
        path: "/inject/namespace".to_owned(),
        trusted: trusted.clone(),
        review: Review::ours(),
    };
    let ours = door(free_address().port());
    let _ours = Server::start(serve(
        &args.injector,
        &args.sidecar,
        folder.path(),
        ours.address,
    ));
    let answer = first_answer(&ours).await;
    let below = door(free_address().port());
    let command = constant(&args.floor, below.address, folder.path(), &answer);
    let _below = Server::start(command);
    first_answer(&below).await;
    for (name, namespace_of, door) in [(WEBHOOKS, WITH, &ours), (BELOW, BELOW, &below)] {
        let url = format!("https://{}{}", door.address, door.path);
        let url = json!({"url": url, "caBundle": STANDARD.encode(&trusted)});
        let entry = configuration(name, namespace_of, &url, "Fail");
        call(client, "POST", CONFIGURATIONS, &entry).await.unwrap();
    }
    let pod = pod();
    let places = [WITH, WITHOUT, BELOW];
    for place in places {
        namespace(client, place).await;
    }
    let mut times = places.map(|_| Vec::new());
    let begun = Instant::now();
    while times.iter().any(|times| times.len() < args.pods) {
        for (place, times) in places.iter().zip(&mut times) {
            let path = format!("/api/v1/namespaces/{place}/pods?dryRun=All");
            let asked = Instant::now();
            let made = call(client, "POST", &path, &pod).await.unwrap();
            let time = asked.elapsed();
            // The API server hears of new webhooks a moment later.
            if made.contains("discord-watcher") == (*place != WITHOUT) {
                times.push(time);
            } else {
                assert!(begun.elapsed() < Duration::from_secs(20), "{made}");
            }
        }
    }
    let [with, without, below] = times.map(|mut times| {
        times.sort_unstable();
        (part(&times, 500) / 1e3, part(&times, 990) / 1e3)
    });
    let more = with.0 - without.0;
    table::alone(
        "Pod creation (dry-run), ms",
        &format!(
            "median {:.2} with, {:.2} without, {:.2} with the floor's: {more:.2} and {:.2} more; 99 % {:.2}, {:.2}, {:.2}; {} \
             each by turns",
            with.0,
            without.0,
            below.0,
            below.0 - without.0,
            with.1,
            without.1,
            below.1,
            args.pods
        ),
    );
    table::judge("Pod creation, median, ms more", "2", more, 2.0);
}

/// The review's Pod as its creator sends it.
fn pod() -> Value {
    let (body, _) = Review::ours().body(0);
    let review: Value = serde_json::from_slice(&body).unwrap();
    let mut pod = review["request"]["object"].clone();
    for field in [
        "managedFields",
        "ownerReferences",
        "finalizers",
        "uid",
        "namespace",
    ] {
        pod["metadata"].as_object_mut().unwrap().remove(field);
    }
    for field in ["creationTimestamp", "generation"] {
        pod["metadata"].as_object_mut().unwrap().remove(field);
    }
    pod.as_object_mut().unwrap().remove("status");
    let annotations = pod["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove("discord-monitoring.io/inject");
    let spec = &mut pod["spec"];
    let admitted = |item: &Value| !item.to_string().contains("kube-api-access");
    for list in ["/volumes", "/containers/0/volumeMounts"] {
        let list = spec.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.retain(admitted);
    }
    pod
}
