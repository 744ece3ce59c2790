//! The JSON bodies as they came, for whoever holds them against Discord's own schemas.

use std::collections::VecDeque;

use axum::body::Body;
use http::HeaderMap;
use serde_json::Value;

use super::error::ApiError;
use super::form::{self, Form};
use super::gate::App;

/// Bytes of bodies kept; the oldest are forgotten first.
const KEEP: usize = 4 * 1024 * 1024;

/// One body that came with a request, whatever was answered.
#[derive(Clone, Debug)]
pub struct Sent {
    /// POST, PUT or PATCH.
    pub method: String,
    /// The path below /api/v10, without a webhook's token.
    pub path: String,
    /// The body; of a form with files, its JSON part.
    pub json: Value,
}

/// The last bodies.
#[derive(Debug, Default)]
pub struct Bodies {
    list: VecDeque<(Sent, usize)>,
    bytes: usize,
}

impl Bodies {
    /// Keeps a body of this size.
    pub fn note(&mut self, sent: Sent, bytes: usize) {
        self.list.push_back((sent, bytes));
        self.bytes += bytes;
        while self.bytes > KEEP {
            let Some((_, gone)) = self.list.pop_front() else {
                return;
            };
            self.bytes -= gone;
        }
    }

    /// All that are kept, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Sent> {
        self.list.iter().map(|(sent, _)| sent)
    }
}

/// The body of a request, and its size. The path holds no secret.
pub(super) async fn take(
    app: &App,
    (method, path): (&str, &str),
    headers: &HeaderMap,
    body: Body,
) -> Result<(Form, usize), ApiError> {
    let bytes = app.body(body).await?;
    let size = bytes.len();
    let form = form::read(headers, bytes).await?;
    let sent = Sent {
        method: method.to_owned(),
        path: path.to_owned(),
        json: form.json.clone(),
    };
    app.shared.change(|core| core.bodies.note(sent, size));
    Ok((form, size))
}
