//! How a server shuts down without failing anybody, whatever stands before it and learns late that it is leaving.
//!
//! From the shutdown on, each answer over HTTP/1 is its connection's last and says so: a peer that uses its connections
//! gives them up between two requests. To close one that is merely idle is a race with the next request, and a peer that
//! loses it sees a failed request, for it cannot know whether anybody took it: Go's client does not repeat a POST then, and
//! the API server, which speaks HTTP/1.1 to webhooks (`NextProtos` in k8s.io/apiserver's `pkg/util/webhook/client.go`),
//! admits the Pod without us. So idle ones are kept to the end, by when they have not been used for all of the withdrawal.
//!
//! After the withdrawal HTTP/2 peers get GOAWAY, which says what was taken and loses nothing. The listener stays until nobody
//! has come for a while: on a busy node kube-proxy may follow late, and until it has, whoever is refused here has no other
//! place to ask.

use crate::idle::Activity;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The latest end of the listener, in pauses without a newcomer.
const MOST_PAUSES: u32 = 10;
/// Longest withdrawal and pause, whatever was asked for: long before, somebody ends the process by force.
const LONGEST: Duration = Duration::from_hours(1);

/// When the listener closes.
pub(crate) struct Door {
    end: End,
    withdrawal: Duration,
    late: Duration,
    /// When the withdrawal is over; from the shutdown on.
    withdrawn: Option<Instant>,
}

impl Door {
    pub(crate) fn new(shutdown: CancellationToken, withdrawal: Duration, late: Duration) -> Self {
        let end = End {
            leaving: shutdown,
            withdrawn: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        Self {
            end,
            withdrawal: withdrawal.min(LONGEST),
            late: late.min(LONGEST),
            withdrawn: None,
        }
    }

    /// What connections hear of it.
    pub(crate) fn end(&self) -> End {
        self.end.clone()
    }

    /// Returns when it is time: the server shuts down, has withdrawn, and nobody has come since this was called.
    pub(crate) async fn closes(&mut self) {
        self.end.leaving.cancelled().await;
        let now = Instant::now();
        let withdrawn = *self.withdrawn.get_or_insert(now + self.withdrawal);
        tokio::time::sleep_until(withdrawn).await;
        self.end.withdrawn.cancel();
        let latest = withdrawn + self.late * MOST_PAUSES;
        tokio::time::sleep_until(latest.min(withdrawn.max(now) + self.late)).await;
    }

    /// The listener is closed.
    pub(crate) fn close(&self) {
        self.end.closed.cancel();
    }
}

/// What connections hear of the end.
#[derive(Clone)]
pub(crate) struct End {
    leaving: CancellationToken,
    withdrawn: CancellationToken,
    closed: CancellationToken,
}

impl End {
    /// Whether an answer that may say so is its connection's last.
    pub(crate) fn is_near(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Returns when a connection is to end.
    pub(crate) async fn comes_for(&self, activity: &Activity) {
        let goaway = async {
            self.withdrawn.cancelled().await;
            activity.asked_over_http2().await;
        };
        tokio::select! {
            () = goaway => {}
            () = self.closed() => {}
        }
    }

    /// Returns when there is no listener any more.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}
