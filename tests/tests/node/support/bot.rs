//! The bot's own chart in a test's namespace, with the double as its Discord, and calls of its API as a caller makes them.

use super::cluster::{root, tool};
use super::double::NAME;
use super::wait::{eventually, seconds};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tests::double::DoubleOptions;

/// Name of the release and, with the chart's own, of its objects.
const RELEASE: &str = "bot-service";

/// A bot that is installed.
pub(crate) struct Bot {
    pub(crate) namespace: String,
}

impl Bot {
    /// Installs it. `callers` is the value `apiTokens.tokens`; `further` are arguments of helm's.
    pub(crate) fn install(
        namespace: &str,
        public_key: &str,
        callers: &Value,
        further: &[&str],
    ) -> Self {
        let double = DoubleOptions::default();
        let sets = [
            format!("discordApiUrl=http://{NAME}.{namespace}.svc:8080/api/v10"),
            format!("guildId={}", double.guild_id),
            format!("secrets.discordBotToken={}", double.bot.token),
            format!("secrets.publicKey={public_key}"),
        ];
        let callers = format!("apiTokens.tokens={callers}");
        let mut args = vec![
            "upgrade",
            "--install",
            RELEASE,
            "charts/bot-service",
            "--namespace",
            namespace,
            "--wait",
            "--timeout",
            "120s",
            "--set-json",
            &callers,
        ];
        for set in &sets {
            args.extend(["--set-string", set]);
        }
        args.extend_from_slice(further);
        tool("helm", &args);
        Self {
            namespace: namespace.to_owned(),
        }
    }

    /// Where watchers and Discord reach it.
    pub(crate) fn url(&self) -> String {
        format!("http://{RELEASE}.{}.svc:8080", self.namespace)
    }

    /// One call with this token, through a port-forward of its own: the API server's proxy keeps `Authorization` to itself.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (u16, Value) {
        eventually(
            &format!("the bot answers {method} {path}"),
            seconds(60),
            async || {
                let forward = PortForward::open(&self.namespace)?;
                forward.ask(method, path, token, body).await
            },
        )
        .await
    }

    /// GET /runs of this caller.
    pub(crate) async fn runs(&self, token: &str) -> Vec<Value> {
        let (status, body) = self.call("GET", "/runs", token, &Value::Null).await;
        assert_eq!(status, 200, "{body}");
        body["runs"].as_array().cloned().unwrap_or_default()
    }
}

struct PortForward {
    kubectl: Child,
    port: u16,
}

impl PortForward {
    fn open(namespace: &str) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let own = root().join(".tools/bin/kubectl");
        let kubectl = Command::new(if own.exists() { own } else { "kubectl".into() })
            .args(["port-forward", "--namespace", namespace])
            .args([format!("service/{RELEASE}"), format!("{port}:8080")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { kubectl, port })
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut last = anyhow::anyhow!("never asked");
        for _ in 0..50 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let mut request = client
                .request(method.parse()?, &url)
                .bearer_auth(token)
                .timeout(seconds(10));
            if !body.is_null() {
                request = request.json(body);
            }
            match request.send().await {
                Ok(answer) if answer.status() != 503 => {
                    let status = answer.status().as_u16();
                    return Ok((status, answer.json().await.unwrap_or(json!(null))));
                }
                Ok(answer) => last = anyhow::anyhow!("{}", answer.status()),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        let _ = self.kubectl.kill();
        let _ = self.kubectl.wait();
    }
}
