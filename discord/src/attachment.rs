//! Files that people attach, read from Discord's own hosts and nowhere else: the address comes with a message, and what
//! comes with a message could name any host, also one that only we can reach.

use crate::client::Client;
use reqwest::Url;
use std::time::Duration;

/// Hosts of attachments (reference.mdx, "CDN Formatting"; attachment objects name both).
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// The address is not of Discord's.
    #[error("the attachment does not stand on a host of Discord's")]
    Host,
    /// More bytes than asked for.
    #[error("the attachment is too large")]
    TooLarge,
    /// No answer, another answer than the file, or not in time.
    #[error("the attachment could not be read from Discord")]
    Unavailable,
}

impl Client {
    /// Reads a file of at most `max` bytes within `time`, once. `also` is a further base whose origin may hold files:
    /// that of a server that speaks Discord's API.
    pub async fn attachment(
        &self,
        address: &str,
        also: Option<&str>,
        max: usize,
        time: Duration,
    ) -> Result<Vec<u8>, AttachmentError> {
        let url = allowed(address, also).ok_or(AttachmentError::Host)?;
        tokio::time::timeout(time, self.read_file(url, max))
            .await
            .map_err(|_| AttachmentError::Unavailable)?
    }

    async fn read_file(&self, url: Url, max: usize) -> Result<Vec<u8>, AttachmentError> {
        let lost = |_| AttachmentError::Unavailable;
        let mut response = self.http.get(url).send().await.map_err(lost)?;
        if response.status() != http::StatusCode::OK {
            return Err(AttachmentError::Unavailable);
        }
        let mut content = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if chunk.len() > max - content.len() {
                return Err(AttachmentError::TooLarge);
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }
}

/// The address, when it stands on one of Discord's hosts over TLS or has the origin of `also`.
fn allowed(address: &str, also: Option<&str>) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let own = url.scheme() == "https"
        && url.port().is_none()
        && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    let other = also
        .and_then(|base| Url::parse(base).ok())
        .is_some_and(|base| {
            matches!(base.scheme(), "http" | "https") && base.origin() == url.origin()
        });
    (own || other).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_discords_hosts_and_the_configured_one_are_asked() {
        let base = Some("http://127.0.0.1:9/api/v10");
        for good in [
            "https://cdn.discordapp.com/attachments/1/2/a.txt?ex=1",
            "https://media.discordapp.net/attachments/1/2/a.txt",
            "https://CDN.discordapp.com:443/a",
            "http://127.0.0.1:9/attachments/1",
        ] {
            assert!(allowed(good, base).is_some(), "{good}");
        }
        for bad in [
            "http://cdn.discordapp.com/a",
            "https://cdn.discordapp.com:8443/a",
            "https://cdn.discordapp.com.example.org/a",
            "https://cdn.discordapp.com@example.org/a",
            "https://me@cdn.discordapp.com/a",
            "https://example.org/cdn.discordapp.com",
            "http://127.0.0.1:8/a",
            "https://127.0.0.1:9/a",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "cdn.discordapp.com/a",
            "",
        ] {
            assert!(allowed(bad, base).is_none(), "{bad}");
        }
        assert!(allowed("http://127.0.0.1:9/a", None).is_none());
    }
}
