//! Whether the API server trusts what the injector serves, and for how long.

use super::api::{Api, ApiError};
use super::installation::Installation;
use super::webhook::{ENTRIES, entry};
use super::{Report, Wanted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Where the rotation keeps its state, and where everybody else keeps a chain.
const STATE: &str = "state.json";
const CHAIN: &str = "tls.crt";
const RESTART: &str = "look at the injector's log; it mends both by itself when it may write them";

/// What the Secret holds.
struct Served {
    chain: String,
    /// When a self-managed certificate should long have been renewed, in seconds before its end.
    renewed_before: Option<i64>,
}

/// Verifies the Secret's certificate against each entry's `caBundle`, and looks at the ends of both.
pub(super) async fn look(api: &Api, one: &Installation, wanted: &Wanted, report: &mut Report) {
    let served = served(api, one, report).await;
    let names = [format!("{}.{}.svc", one.service, one.namespace)];
    for name in ENTRIES {
        let Some(entry) = entry(one, name) else {
            continue;
        };
        let text = entry
            .pointer("/clientConfig/caBundle")
            .and_then(Value::as_str);
        let bundle = text
            .and_then(|text| STANDARD.decode(text).ok())
            .unwrap_or_default();
        if bundle.is_empty() {
            let problem = format!("the entry {name} has no caBundle: the API server trusts nobody");
            report.add("certificate", one.object(), problem, RESTART);
            continue;
        }
        let authorities = certs::certificates(&bundle);
        let ends: Vec<_> = authorities.iter().filter_map(certs::expires).collect();
        // Over a rotation older ones stand beside the newest; only when all end there is trouble.
        if let Some(end) = ends.iter().max() {
            let within = served.as_ref().and_then(|served| served.renewed_before);
            ending(
                *end,
                within,
                wanted,
                &format!("the caBundle of {name}"),
                &one.object(),
                report,
            );
        }
        let Some(served) = &served else { continue };
        let chain = certs::certificates(served.chain.as_bytes());
        if let Err(error) = certs::verify_chain(&chain, &bundle, &names, wanted.now) {
            let problem = format!("the entry {name} refuses the Secret's certificate: {error}");
            report.add("certificate", one.object(), problem, RESTART);
        }
    }
    let (Some(served), Some(secret)) = (served, &one.secret) else {
        return;
    };
    let object = format!("Secret/{}/{secret}", one.namespace);
    let leaf = certs::certificates(served.chain.as_bytes());
    match leaf.first().and_then(certs::expires) {
        Some(end) => ending(
            end,
            served.renewed_before,
            wanted,
            "the certificate",
            &object,
            report,
        ),
        None => report.add(
            "certificate",
            object,
            "it holds no certificate that can be read",
            RESTART,
        ),
    }
}

async fn served(api: &Api, one: &Installation, report: &mut Report) -> Option<Served> {
    let name = one.secret.as_ref()?;
    let path = format!("/api/v1/namespaces/{}/secrets/{name}", one.namespace);
    let secret = match api.get(&path).await {
        Ok(secret) => secret,
        Err(ApiError::Missing(_)) => {
            let object = format!("Secret/{}/{name}", one.namespace);
            report.add(
                "certificate",
                object,
                "it is not there",
                "run helm upgrade, which makes it again",
            );
            return None;
        }
        Err(error) => {
            report.not_seen("the Secret with the certificate", &error);
            return None;
        }
    };
    let data = |key: &str| {
        let text = secret.get("data")?.get(key)?.as_str()?;
        STANDARD.decode(text).ok()
    };
    if let Some(state) = data(STATE).as_deref().and_then(certs::State::read) {
        let leaf = state.leaf;
        return Some(Served {
            chain: leaf.certificate,
            // It renews after two thirds; with a sixth left something is wrong.
            renewed_before: Some((leaf.not_after - leaf.made) / 6),
        });
    }
    let chain = data(CHAIN).unwrap_or_default();
    Some(Served {
        chain: String::from_utf8_lossy(&chain).into_owned(),
        renewed_before: None,
    })
}

fn ending(
    end: i64,
    renewed_before: Option<i64>,
    wanted: &Wanted,
    what: &str,
    object: &str,
    report: &mut Report,
) {
    let within = i64::try_from(wanted.expires_within.as_secs()).unwrap_or(i64::MAX);
    let within = renewed_before.map_or(within, |before| before.min(within));
    let left = end.saturating_sub(wanted.now);
    let cure = "renew it; self-managed ones renew by themselves, so look at the injector's log";
    if left <= 0 {
        report.add(
            "certificate",
            object,
            format!("{what} ended {} ago", span(-left)),
            cure,
        );
    } else if left < within {
        report.add(
            "certificate",
            object,
            format!("{what} ends in {}", span(left)),
            cure,
        );
    }
}

/// A time span in its largest unit.
fn span(seconds: i64) -> String {
    match seconds {
        s if s >= 2 * 86_400 => format!("{} days", s / 86_400),
        s if s >= 2 * 3_600 => format!("{} hours", s / 3_600),
        s if s >= 120 => format!("{} minutes", s / 60),
        s => format!("{s} s"),
    }
}
