//! Request bodies, each bounded and all of them together: whoever sends many large ones at once is refused, and memory
//! stays what it is.
//!
//! A byte is charged when it arrives, not when it is announced: a peer that promises much and sends nothing takes
//! nothing from the others. The first part of each body has a room of its own, so that large bodies, however many are on
//! their way, keep no usual review from being read.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The API server takes objects up to 3 MiB; a review carries one, and a few hundred bytes besides.
const LARGEST: usize = 4 * 1024 * 1024;
/// So much of each body is charged to the room for first parts; nearly every review is shorter as a whole.
const FIRST: usize = 64 * 1024;
/// First parts at one time: 64 whole ones, or some 800 reviews of the usual 5 KiB.
const FIRSTS: usize = 4 * 1024 * 1024;
/// All that comes after first parts: about three of the largest bodies.
const FURTHER: usize = 3 * LARGEST;

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
    /// Bytes of a body that count as its first part.
    first: usize,
    firsts: Arc<Semaphore>,
    further: Arc<Semaphore>,
}

/// What one body has taken of both rooms.
#[derive(Debug, Default)]
struct Taken {
    first: Option<OwnedSemaphorePermit>,
    further: Option<OwnedSemaphorePermit>,
}

/// A whole body; its room is free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Whole {
    text: Text,
    _taken: Taken,
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
        Self::with_room(FIRST, FIRSTS, FURTHER)
    }
}

impl Bodies {
    fn with_room(first: usize, firsts: usize, further: usize) -> Self {
        Self {
            first,
            firsts: Arc::new(Semaphore::new(firsts)),
            further: Arc::new(Semaphore::new(further)),
        }
    }

    /// Charges a piece of `size` bytes that follows `before` bytes of its body.
    fn charge(&self, taken: &mut Taken, before: usize, size: usize) -> Result<(), Refusal> {
        let first = size.min(self.first.saturating_sub(before));
        take(&self.firsts, &mut taken.first, first)?;
        take(&self.further, &mut taken.further, size - first)
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
        let mut taken = Taken::default();
        let mut length = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(|_| Refusal::Broken)?.into_data() else {
                continue;
            };
            let before = length;
            length = length.saturating_add(piece.len());
            if length > LARGEST {
                return Err(Refusal::TooLong);
            }
            self.charge(&mut taken, before, piece.len())?;
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
        Ok(Whole {
            text,
            _taken: taken,
        })
    }
}

fn take(
    room: &Arc<Semaphore>,
    held: &mut Option<OwnedSemaphorePermit>,
    size: usize,
) -> Result<(), Refusal> {
    if size == 0 {
        return Ok(());
    }
    let size = u32::try_from(size).map_err(|_| Refusal::TooLong)?;
    let more = Arc::clone(room)
        .try_acquire_many_owned(size)
        .map_err(|_| Refusal::Busy)?;
    match held {
        None => *held = Some(more),
        Some(held) => held.merge(more),
    }
    Ok(())
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
        assert_eq!(bodies.firsts.available_permits(), FIRSTS);
    }

    #[tokio::test]
    async fn many_bodies_at_once_are_refused_and_their_room_comes_back() {
        let bodies = Bodies::with_room(10, 1_000, 100);
        let held = read(&bodies, 90, 2).await.unwrap();
        assert_eq!(read(&bodies, 80, 4).await.unwrap_err(), Refusal::Busy);
        let left = |room: &Semaphore| room.available_permits();
        assert_eq!(
            (left(&bodies.firsts), left(&bodies.further)),
            (990, 20),
            "what a refused one held is free"
        );
        drop(held);
        assert!(read(&bodies, 80, 4).await.is_ok());
        assert_eq!((left(&bodies.firsts), left(&bodies.further)), (1_000, 100));
    }

    #[tokio::test]
    async fn large_bodies_keep_no_usual_review_from_being_read() {
        let bodies = Bodies::default();
        let mut held = Vec::new();
        loop {
            match read(&bodies, LARGEST, 2).await {
                Ok(whole) => held.push(whole),
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::Busy);
                    break;
                }
            }
        }
        assert!(held.len() >= 3, "{}", held.len());
        for pieces in [1, 2] {
            assert!(read(&bodies, 50_000, pieces).await.is_ok());
        }
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
