//! The stream of what happens, as server-sent events, for the page and the terminal.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::control::message_json;
use super::gate::App;
use super::state;

struct Reader {
    app: App,
    changes: watch::Receiver<u64>,
    next: u64,
    ready: VecDeque<(String, Value)>,
}

/// GET /_double/events: `?after=0` begins with everything that is still known, no query with what comes now.
pub(super) async fn stream(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let from = query
        .as_deref()
        .and_then(|query| query.strip_prefix("after="));
    let next = match from.and_then(|from| from.parse().ok()) {
        Some(from) => from,
        None => app.shared.lock().events_since(0).1,
    };
    let reader = Reader {
        changes: app.shared.subscribe(),
        app,
        next,
        ready: VecDeque::new(),
    };
    let stream = futures_util::stream::unfold(reader, |mut reader| async move {
        loop {
            if let Some((kind, data)) = reader.ready.pop_front() {
                let event = Event::default().event(kind).data(data.to_string());
                return Some((Ok(event), reader));
            }
            reader.changes.borrow_and_update();
            reader.fill();
            if reader.ready.is_empty() {
                tokio::select! {
                    () = reader.app.stop.cancelled() => return None,
                    changed = reader.changes.changed() => changed.ok()?,
                }
            }
        }
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

impl Reader {
    fn fill(&mut self) {
        let core = self.app.shared.lock();
        let (events, next) = core.events_since(self.next);
        self.next = next;
        for event in events {
            if let Some(data) = data(&core, &event) {
                self.ready.push_back((event.kind.to_owned(), data));
            }
        }
    }
}

fn data(core: &state::Core, event: &state::Event) -> Option<Value> {
    match event.kind {
        "message" | "edit" | "delete" => {
            let mut value = message_json(core.messages.get(&event.subject)?);
            let map = value.as_object_mut()?;
            // The story of edits is for tests; a live summary's would grow with each edit.
            map.remove("edits");
            Some(value)
        }
        "channel" => {
            let channel = core.channels.get(&event.subject)?;
            Some(json!({
                "id": channel.id.to_string(), "name": channel.name, "kind": channel.kind,
                "topic": channel.topic, "parentId": channel.parent_id.map(|id| id.to_string()),
                "archived": channel.archived, "locked": channel.locked,
            }))
        }
        "gone" => Some(json!({"id": event.subject.to_string()})),
        "violation" => {
            let index = usize::try_from(event.subject).ok()?;
            Some(json!({"text": core.violations.get(index)?}))
        }
        _ => Some(json!({})),
    }
}
