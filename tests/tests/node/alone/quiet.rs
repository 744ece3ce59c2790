//! Where nothing changes, the injector changes nothing: no fight with anybody over a field, and none among replicas.

use crate::support::cluster::{self, kubectl};
use crate::support::wait::seconds;
use crate::support::{eventually, injector};
use std::time::Duration;

/// Creations, changes and deletions of webhook configurations and Secrets that the API server has been asked for since its
/// start. It counts them itself: a patch that changes nothing leaves no trace in its object.
fn writes() -> f64 {
    let metrics = kubectl(&["get", "--raw", "/metrics"]);
    let has = |line: &str, label: &str, values: &[&str]| {
        values
            .iter()
            .any(|value| line.contains(&format!("{label}=\"{value}\"")))
    };
    let is_write = |line: &&str| {
        line.starts_with("apiserver_request_total{")
            && has(line, "verb", &["APPLY", "PATCH", "PUT", "POST", "DELETE"])
            && has(
                line,
                "resource",
                &["mutatingwebhookconfigurations", "secrets"],
            )
    };
    let counts = metrics.lines().filter(is_write);
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// How many writes there are within this time.
async fn writes_within(time: Duration) -> f64 {
    let before = writes();
    assert!(before > 0.0, "the API server counts what helm wrote");
    tokio::time::sleep(time).await;
    writes() - before
}

#[tokio::test]
async fn where_nothing_changes_no_replica_writes_anything() {
    let _guard = cluster::exclusive().await;
    let client = cluster::client().await;
    assert!(injector::pods(&client).await.len() >= 2);
    // Each replica looks at least every 10 s. What another test began settles first.
    eventually("nobody writes", seconds(240), async || {
        let more = writes_within(seconds(12)).await;
        anyhow::ensure!(more < 0.5, "{more} writes");
        Ok(())
    })
    .await;
    if std::env::var("FULL").is_ok_and(|full| full == "true") {
        let more = writes_within(Duration::from_mins(10)).await;
        assert!(more < 0.5, "{more} writes in ten minutes");
    }
}
