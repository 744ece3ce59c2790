//! The reading side: lines become posts that wait, answers become acknowledgements.

use super::memo::Memo;
use crate::events::{Event, InterpretOptions, Interpreter, Journal, Kind, Memory, Outcome, hash};
use crate::follow::{Follower, Line};
use crate::metrics::Metrics;
use crate::render::{Post, Renderer};
use crate::send::{Position, Queue, Waiting};
use std::path::Path;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

/// Lines taken from the follower at a time.
const LINES: usize = 64;
/// Bytes taken from the follower at a time.
const BYTES: usize = 1024 * 1024;
/// Calls remembered as told; more are not open at a time.
const TOLD: usize = 4096;

/// Everything between the file and the queue.
pub(super) struct Feed {
    pub(super) follower: Follower,
    pub(super) interpreter: Interpreter,
    pub(super) renderer: Renderer,
    pub(super) queue: Queue,
    pub(super) memo: Memo,
    /// When the last line came that is not a replay.
    pub(super) last_line: Option<Instant>,
    /// Whether something happened that the summary may show.
    pub(super) changed: bool,
    /// Whether anything is known of the run, be it from lines that an earlier process dealt with.
    pub(super) happened: bool,
    /// Whether what an earlier process dealt with was read again: before that, figures are too low.
    pub(super) caught_up: bool,
    told: Memory,
    /// What the last process had seen; learnt once all replayed lines are read, for before they would seem copies.
    seen_before: Option<String>,
    journal: Journal,
    events: Vec<Event>,
    metrics: Rc<Metrics>,
}

impl Feed {
    pub(super) fn new(
        follower: Follower,
        renderer: Renderer,
        memo: Memo,
        state_dir: &Path,
        metrics: Rc<Metrics>,
    ) -> Self {
        let options = InterpretOptions::default();
        let mut interpreter = Interpreter::new(options);
        let mut told = Memory::new(TOLD);
        // A replayed call asks whether it was told before.
        interpreter.import(&memo.told);
        told.import(&memo.told);
        Self {
            follower,
            interpreter,
            renderer,
            queue: Queue::default(),
            seen_before: Some(memo.seen.clone()),
            journal: Journal::new(state_dir, options.memory),
            memo,
            last_line: None,
            changed: false,
            happened: false,
            caught_up: false,
            told,
            events: Vec::new(),
            metrics,
        }
    }

    /// The next lines; cancel-safe.
    pub(super) async fn next(&mut self) -> Vec<Line> {
        self.follower.next(LINES, BYTES).await
    }

    /// Reads lines: their posts wait from now on. Each is let go before anything is made of it, for it may be large.
    pub(super) fn take(&mut self, lines: Vec<Line>) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        // Lines to replay come before all others, and before the follower has nothing to say.
        self.caught_up |= lines.last().is_none_or(|line| !line.replay);
        for line in lines {
            self.metrics.lines.inc();
            // A clock that was set back makes no line come from the future.
            let age = wall.duration_since(line.written).unwrap_or_default();
            let written = now.checked_sub(age).unwrap_or(now);
            if !line.replay
                && let Some(seen) = self.seen_before.take()
            {
                self.interpreter.import(&seen);
                self.interpreter.learn(&self.journal);
            }
            let mut events = std::mem::take(&mut self.events);
            if let Some(source) = self.follower.source(line.file) {
                let subagent = source.subagent.as_deref();
                self.interpreter
                    .read(&source.session, subagent, &line.bytes, &mut events);
            }
            drop(line.bytes);
            self.changed = true;
            self.happened |= !events.is_empty();
            if line.replay {
                events.clear();
            } else {
                self.last_line = Some(now);
                let position = Position {
                    file: line.file,
                    end: line.end,
                };
                self.push(&events, Some(position), written);
                events.clear();
            }
            self.events = events;
        }
        self.settle();
    }

    /// Tells calls that have been waiting for their result for long.
    pub(super) fn tick(&mut self, now: Instant) {
        let mut events = Vec::new();
        self.interpreter.tick(now, &mut events);
        if !events.is_empty() {
            self.changed = true;
            self.happened = true;
            self.push(&events, None, Instant::now());
        }
    }

    /// Adds a post of the watcher's own.
    pub(super) fn say(&mut self, post: Post) {
        self.push_post(post, None, None, Instant::now());
    }

    fn push(&mut self, events: &[Event], position: Option<Position>, written: Instant) {
        self.metrics.events.inc_by(events.len() as u64);
        // New lines have figures that the last final summary did not, whatever the filters hold back.
        self.memo.ended &= events.is_empty() || position.is_none();
        let filtered = self.renderer.counts().filtered;
        let mut posts: Vec<(Post, Option<u64>)> = events
            .iter()
            .filter_map(|event| Some((self.renderer.render(event)?, told(event))))
            .collect();
        let counts = self.renderer.counts();
        self.metrics
            .filtered
            .inc_by(counts.filtered.saturating_sub(filtered));
        self.metrics
            .redacted
            .inc_by(counts.redacted.saturating_sub(self.metrics.redacted.get()));
        let last = posts.pop();
        for (post, told) in posts {
            self.push_post(post, told, None, written);
        }
        match (last, position) {
            (Some((post, told)), position) => self.push_post(post, told, position, written),
            (None, Some(position)) => self.queue.mark(position),
            (None, None) => {}
        }
    }

    /// Embeds of one post may stand in two messages: each alone keeps the limits, all together may not.
    fn push_post(
        &mut self,
        post: Post,
        told: Option<u64>,
        position: Option<Position>,
        written: Instant,
    ) {
        self.memo.ended = false;
        let mut embeds = post.embeds;
        let last = embeds.pop();
        for embed in embeds {
            let (files, position, told) = (Vec::new(), None, None);
            self.queue.push(Waiting {
                embeds: vec![embed],
                files,
                written,
                position,
                told,
            });
        }
        let embeds = last.into_iter().collect();
        self.queue.push(Waiting {
            embeds,
            files: post.files,
            written,
            position,
            told,
        });
    }

    /// Acknowledges the oldest `count` posts, of which those at `lost` are in no message.
    pub(super) fn acknowledge(&mut self, count: usize, lost: &[usize]) {
        let now = Instant::now();
        let (posts, reached) = self.queue.take(count);
        for (at, post) in posts.iter().enumerate() {
            if !lost.contains(&at) {
                self.metrics.posted.inc();
                self.metrics
                    .latency
                    .observe(now.duration_since(post.written).as_secs_f64());
            }
            if let Some(told) = post.told {
                self.told.insert(told);
            }
        }
        self.reach(&reached);
    }

    /// Acknowledges what needs no posting and waits behind no post.
    fn settle(&mut self) {
        let (_, reached) = self.queue.take(0);
        self.reach(&reached);
    }

    fn reach(&mut self, positions: &[Position]) {
        for position in positions {
            self.follower.acknowledge(position.file, position.end);
        }
    }

    /// Writes the checkpoint.
    pub(super) fn save(&mut self) {
        self.memo.told = self.told.export();
        // What is remembered while something waits for Discord would be skipped after a crash, and so lost.
        if self.queue.is_empty() && self.seen_before.is_none() {
            match self.interpreter.keep(&mut self.journal) {
                Ok(()) => self.memo.seen.clear(),
                Err(error) => {
                    tracing::debug!(%error, "the memory of what was seen was not written; it is tried again");
                }
            }
        }
        if let Err(error) = self.follower.save(&self.memo.to_value()) {
            tracing::warn!(%error, "the checkpoint was not written; after a restart some posts may stand twice");
        }
    }
}

/// What marks a call as told, when this event tells it as running.
fn told(event: &Event) -> Option<u64> {
    match &event.kind {
        Kind::Tool(tool) if matches!(tool.outcome, Outcome::Running) => {
            Some(hash(&[b"told", tool.id.as_bytes()]))
        }
        _ => None,
    }
}
