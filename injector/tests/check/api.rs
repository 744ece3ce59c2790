//! An API server for `injector check`: answers GETs from a table, lists in small pages, and remembers all else.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Items of a page, however many are asked for.
const PAGE: usize = 2;

/// What the API server knows.
#[derive(Default)]
pub(crate) struct Cluster {
    /// Objects by path.
    pub(crate) objects: BTreeMap<String, Value>,
    /// Lists by path.
    pub(crate) lists: BTreeMap<String, Vec<Value>>,
    /// Paths that answer 403.
    pub(crate) forbidden: BTreeSet<String>,
    /// Paths that answer a bare status code.
    pub(crate) codes: BTreeMap<String, u16>,
    /// Requests that were not GETs.
    pub(crate) writes: Mutex<Vec<String>>,
    /// Pages handed out.
    pub(crate) pages: Mutex<usize>,
}

/// Serves a cluster; the folder holds its kubeconfig.
pub(crate) struct Server {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) kubeconfig: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(cluster: Cluster) -> Self {
        let cluster = Arc::new(cluster);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::clone(&cluster);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router = Router::new().fallback(answer).with_state(state);
                axum::serve(listener, router).await.unwrap();
            });
        });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}]});
        std::fs::write(&kubeconfig, text.to_string()).unwrap();
        Self {
            cluster,
            kubeconfig,
            _folder: folder,
        }
    }
}

async fn answer(State(cluster): State<Arc<Cluster>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if request.method() != "GET" {
        let line = format!("{} {path}", request.method());
        cluster.writes.lock().unwrap().push(line);
    }
    if cluster.forbidden.contains(&path) {
        return status(StatusCode::FORBIDDEN, &format!("you may not read {path}"));
    }
    if let Some(code) = cluster.codes.get(&path) {
        return StatusCode::from_u16(*code).unwrap().into_response();
    }
    if let Some(object) = cluster.objects.get(&path) {
        return axum::Json(object).into_response();
    }
    let Some(items) = cluster.lists.get(&path) else {
        return status(StatusCode::NOT_FOUND, "nothing there");
    };
    *cluster.pages.lock().unwrap() += 1;
    let query = request.uri().query().unwrap_or_default();
    let value = |key: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_owned())
    };
    assert!(value("limit").is_some(), "a list without a limit: {query}");
    let from: usize = value("continue").map_or(0, |token| {
        token.strip_prefix("from%3A").unwrap().parse().unwrap()
    });
    let page: Vec<_> = items.iter().skip(from).take(PAGE).collect();
    let next = from + page.len();
    let token = if next < items.len() {
        format!("from:{next}")
    } else {
        String::new()
    };
    axum::Json(json!({"metadata": {"continue": token}, "items": page})).into_response()
}

fn status(code: StatusCode, message: &str) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
        "reason": "None", "code": code.as_u16()});
    (code, axum::Json(body)).into_response()
}
