//! What the bridge's environment asks for.

use super::Format;
use secrecy::SecretString;
use sidecar::names;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Port when nothing is set; the default of `bridge.port`.
const PORT: u16 = 7777;

/// How the bridge works.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The FIFO that the agent reads.
    pub fifo: PathBuf,
    /// What one input becomes.
    pub format: Format,
    /// The key of the signatures that every input must carry, if any.
    pub secret: Option<SecretString>,
}

/// Why the bridge does not start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// Asked to listen where others than this Pod could speak to the agent.
    #[error("the bridge does not listen on {0}: it is for this Pod alone; use 127.0.0.1")]
    Address(SocketAddr),
}

impl Settings {
    /// Refuses any address but 127.0.0.1.
    pub fn check(&self) -> Result<(), BridgeError> {
        if self.listen.ip() == Ipv4Addr::LOCALHOST {
            Ok(())
        } else {
            Err(BridgeError::Address(self.listen))
        }
    }
}

/// Reads `AGENT_STDIN`, `BRIDGE_PORT`, `BRIDGE_FORMAT`, `BRIDGE_SECRET` and `BRIDGE_SECRET_FILE`; the problems are
/// sentences for the log.
pub fn settings(
    lookup: &dyn Fn(&str) -> Option<String>,
    listen: Option<SocketAddr>,
) -> (Settings, Vec<String>) {
    let text = |name: &str| lookup(name).filter(|text| !text.trim().is_empty());
    let mut problems = Vec::new();
    let port = text("BRIDGE_PORT").map_or(PORT, |port| {
        port.trim().parse().unwrap_or_else(|_| {
            problems.push(format!(
                "BRIDGE_PORT is not a port from 1024 to 65535; {PORT} is used"
            ));
            PORT
        })
    });
    let format = text("BRIDGE_FORMAT").map_or(Format::StreamJson, |format| {
        format.trim().parse().unwrap_or_else(|error| {
            problems.push(format!("BRIDGE_FORMAT: {error}; stream-json is used"));
            Format::StreamJson
        })
    });
    let from_file = text("BRIDGE_SECRET_FILE").and_then(|path| {
        std::fs::read_to_string(&path)
            .map_err(|error| {
                problems.push(format!(
                    "BRIDGE_SECRET_FILE: {path}: {error}; no input is taken"
                ));
            })
            .or(Err(()))
            // A secret that was asked for and is missing must not mean that none is needed: nothing can match this one.
            .or_else(|()| unguessable())
            .ok()
    });
    let secret = from_file
        .or_else(|| text("BRIDGE_SECRET"))
        .map(|secret| secret.trim().to_owned().into());
    let settings = Settings {
        listen: listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        fifo: text("AGENT_STDIN")
            .unwrap_or_else(|| names::AGENT_STDIN.to_owned())
            .into(),
        format,
        secret,
    };
    (settings, problems)
}

/// A key that nobody knows.
fn unguessable() -> Result<String, ()> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0_u8; 32];
    SystemRandom::new().fill(&mut bytes).map_err(drop)?;
    Ok(base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        bytes,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        settings(
            &|name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            None,
        )
    }

    #[test]
    fn the_defaults_are_the_charts() {
        let (settings, problems) = read(&[]);
        assert!(problems.is_empty() && settings.secret.is_none());
        assert_eq!(settings.listen.to_string(), "127.0.0.1:7777");
        assert_eq!(
            settings.fifo.to_str(),
            Some("/run/discord-monitoring/stdin")
        );
    }

    #[test]
    fn any_other_address_is_refused() {
        for address in [
            "0.0.0.0:7777",
            "127.0.0.2:7777",
            "10.0.0.1:1",
            "[::]:7777",
            "[::1]:7777",
        ] {
            let (settings, _) = settings(&|_| None, address.parse().ok());
            let message = settings.check().unwrap_err().to_string();
            assert!(
                message.contains(address) && message.contains("127.0.0.1"),
                "{message}"
            );
        }
        assert!(read(&[]).0.check().is_ok());
    }

    #[test]
    fn a_secret_that_cannot_be_read_does_not_mean_that_none_is_needed() {
        let (settings, problems) = read(&[("BRIDGE_SECRET_FILE", "/none"), ("BRIDGE_PORT", "x")]);
        assert!(settings.secret.is_some());
        assert_eq!(problems.len(), 2);
    }
}
