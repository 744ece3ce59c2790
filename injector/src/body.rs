//! Request bodies, each bounded and all of them together: whoever sends many large ones at once is refused, and memory
//! stays what it is.
//!
//! A byte is charged when it arrives, not when it is announced: a peer that promises much and sends nothing takes
//! nothing from the others.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The API server takes objects up to 3 MiB; a review carries one, and a few hundred bytes besides.
const LARGEST: usize = 4 * 1024 * 1024;
/// All bodies at one time: four of the largest, or thousands of the usual 5 KiB.
const TOGETHER: usize = 4 * LARGEST;

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No review is so long.
    #[error("the body is longer than 4 MiB; no AdmissionReview is")]
    TooLong,
    /// Too much is being read already.
    #[error("too many large bodies at once; try again")]
    Busy,
    /// It ended early.
    #[error("the body did not arrive whole; send it again")]
    Broken,
}

impl Refusal {
    /// One word for metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::TooLong => "body",
            Self::Busy => "busy",
            Self::Broken => "broken_body",
        }
    }
}

/// Room for bodies.
#[derive(Debug)]
pub(crate) struct Bodies {
    room: Arc<Semaphore>,
}

/// A whole body; its room is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Whole {
    text: Text,
    _room: Option<OwnedSemaphorePermit>,
}

/// Most bodies come in one piece, which is then not copied.
#[derive(Debug)]
enum Text {
    One(Bytes),
    Many(Vec<u8>),
}

impl Whole {
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.text {
            Text::One(bytes) => bytes,
            Text::Many(bytes) => bytes,
        }
    }
}

impl Default for Bodies {
    fn default() -> Self {
        Self::with_room(TOGETHER)
    }
}

impl Bodies {
    fn with_room(bytes: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(bytes)),
        }
    }

    /// Reads `body` to its end. How long that may take is the server's to bound.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Whole, Refusal> {
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > LARGEST) {
            return Err(Refusal::TooLong);
        }
        let mut body = body;
        let mut text = Text::One(Bytes::new());
        let mut room: Option<OwnedSemaphorePermit> = None;
        let mut length = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Refusal::Broken)?.into_data() else {
                continue;
            };
            length = length.saturating_add(piece.len());
            if length > LARGEST {
                return Err(Refusal::TooLong);
            }
            let size = u32::try_from(piece.len()).map_err(|_| Refusal::TooLong)?;
            let more = Arc::clone(&self.room)
                .try_acquire_many_owned(size)
                .map_err(|_| Refusal::Busy)?;
            match &mut room {
                None => room = Some(more),
                Some(room) => room.merge(more),
            }
            text = match text {
                Text::One(first) if first.is_empty() => Text::One(piece),
                Text::One(first) => {
                    let mut whole = Vec::with_capacity(announced.unwrap_or(length).max(length));
                    whole.extend_from_slice(&first);
                    whole.extend_from_slice(&piece);
                    Text::Many(whole)
                }
                Text::Many(mut whole) => {
                    whole.extend_from_slice(&piece);
                    Text::Many(whole)
                }
            };
        }
        Ok(Whole { text, _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    async fn read(bodies: &Bodies, size: usize, pieces: usize) -> Result<Whole, Refusal> {
        let piece = Bytes::from(vec![b'x'; size / pieces]);
        let all = vec![Ok::<_, Infallible>(piece); pieces];
        let body = Body::from_stream(stream::iter(all));
        bodies.read(&HeaderMap::new(), body).await
    }

    #[tokio::test]
    async fn a_body_comes_out_whole_in_however_many_pieces_it_came() {
        let bodies = Bodies::default();
        for pieces in [1, 2, 7] {
            let whole = read(&bodies, 4_200, pieces).await.unwrap();
            assert_eq!(whole.bytes().len(), 4_200, "{pieces} pieces");
        }
        assert_eq!(bodies.room.available_permits(), TOGETHER);
    }

    #[tokio::test]
    async fn many_bodies_at_once_are_refused_and_their_room_comes_back() {
        let bodies = Bodies::with_room(100);
        let held = read(&bodies, 80, 2).await.unwrap();
        assert_eq!(read(&bodies, 80, 4).await.unwrap_err(), Refusal::Busy);
        assert_eq!(
            bodies.room.available_permits(),
            20,
            "what a refused one held is free"
        );
        drop(held);
        assert!(read(&bodies, 80, 4).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_too_long_is_refused_when_announced_and_when_not() {
        let bodies = Bodies::default();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, (LARGEST + 1).into());
        let announced = bodies.read(&headers, Body::empty()).await;
        assert_eq!(announced.unwrap_err(), Refusal::TooLong);
        assert_eq!(
            read(&bodies, LARGEST + 2, 2).await.unwrap_err(),
            Refusal::TooLong
        );
        // The largest there may be, announced or not.
        assert!(read(&bodies, LARGEST, 2).await.is_ok());
    }
}
