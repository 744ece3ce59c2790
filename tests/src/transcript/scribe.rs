//! Writes records: the envelope every record has, the files they go to, and the truth about them.

use super::clock::Clock;
use super::expected::{Bash, Expected, step};
use super::ids;
use super::json::{Fields, Json, obj};
use super::options::Options;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes to append to a file of the session: one record with its line end, or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The file, relative to the project's folder `projects/<slug>`: `<sessionId>.jsonl`,
    /// `<sessionId>/subagents/agent-<id>.jsonl`, ...
    pub path: Arc<str>,
    /// What to append.
    pub bytes: Vec<u8>,
}

/// A file that is being written and who writes it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) path: Arc<str>,
    pub(crate) session: String,
    pub(crate) agent: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) side: bool,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A transcript.
    Transcript,
    /// stream-json.
    Stream,
}

/// The writer of a session.
pub(crate) struct Scribe {
    pub(crate) rng: SmallRng,
    pub(crate) clock: Clock,
    pub(crate) expected: Expected,
    pub(crate) place: Place,
    pub(crate) dialect: Dialect,
    pub(crate) version: &'static str,
    pub(crate) model: &'static str,
    pub(crate) cwd: String,
    pub(crate) branch: String,
    /// The session's nickname; old clients have none.
    pub(crate) slug: Option<&'static str>,
    /// The prompt tokens that the cache holds by now.
    pub(crate) context: u64,
    /// The first records, kept for the copies that a fork makes.
    pub(crate) kept: Vec<Json>,
    pub(crate) keep: usize,
    /// Bytes of the content of the largest lines.
    pub(crate) huge: usize,
    out: VecDeque<Chunk>,
    serial: u32,
}

impl Scribe {
    pub(crate) fn new(options: &Options) -> Self {
        let mut rng = SmallRng::seed_from_u64(options.seed);
        let session = ids::uuid(&mut rng);
        Self {
            place: Place {
                path: format!("{session}.jsonl").into(),
                session,
                agent: None,
                parent: None,
                side: false,
            },
            dialect: Dialect::Transcript,
            clock: Clock::new(options.clock),
            expected: Expected::default(),
            version: "2.1.231",
            model: "claude-opus-5",
            cwd: options.cwd.clone(),
            branch: "main".to_owned(),
            slug: None,
            context: 14_200,
            kept: Vec::new(),
            keep: 0,
            huge: options.huge,
            out: VecDeque::new(),
            serial: 0,
            rng,
        }
    }

    /// The next chunk that waits to be written.
    pub(crate) fn take(&mut self) -> Option<Chunk> {
        self.out.pop_front()
    }

    /// Writes to another file until the place that is returned is put back.
    pub(crate) fn enter(&mut self, place: Place) -> Place {
        std::mem::replace(&mut self.place, place)
    }

    /// Notes that a shape occurs.
    pub(crate) fn mark(&mut self, shape: &str) {
        if !self.expected.shapes.contains(shape) {
            self.expected.shapes.insert(shape.to_owned());
        }
    }

    /// Whether a thing of that chance (in a thousand) happens.
    pub(crate) fn chance(&mut self, of_thousand: u32) -> bool {
        self.rng.random_ratio(of_thousand.min(1000), 1000)
    }

    /// A number for the next Bash command.
    pub(crate) fn next_serial(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }

    /// Notes a tool call that has been written.
    pub(crate) fn note_call(&mut self, name: &str, command: Option<(u32, &str)>) {
        let tools = if self.place.side {
            &mut self.expected.side_tools
        } else {
            &mut self.expected.tools
        };
        if let Some(count) = tools.get_mut(name) {
            *count += 1;
        } else {
            tools.insert(name.to_owned(), 1);
            self.expected.shapes.insert(format!("tool/{name}"));
        }
        if let Some((serial, command)) = command {
            debug_assert!(
                command.contains(&step(serial)),
                "a command carries its serial: {command}"
            );
            let command = command.to_owned();
            self.expected.bash.push(Bash {
                serial,
                command,
                side: self.place.side,
            });
        }
    }

    /// A record with the envelope: `fields` stand before its uuid and timestamp, `tail` after them.
    /// It becomes the parent of the next.
    pub(crate) fn record(&mut self, fields: Json, tail: Json) -> Json {
        let uuid = ids::uuid(&mut self.rng);
        if self.dialect == Dialect::Stream {
            return self.streamed(fields, tail, uuid);
        }
        let parent = self.place.parent.replace(uuid.clone());
        let mut all: Fields = Vec::with_capacity(24);
        all.extend(obj! {"parentUuid": parent, "isSidechain": self.place.side}.fields());
        all.extend(
            obj! {
                "userType": "external", "cwd": self.cwd.clone(), "sessionId": self.place.session.clone(),
                "version": self.version, "gitBranch": self.branch.clone(),
            }
            .fields(),
        );
        if let Some(agent) = &self.place.agent {
            all.push(("agentId".into(), agent.clone().into()));
        }
        if let Some(slug) = self.slug {
            all.push(("slug".into(), slug.into()));
        }
        all.extend(fields.fields());
        all.extend(obj! {"uuid": uuid, "timestamp": self.clock.text()}.fields());
        all.extend(tail.fields());
        Json::Map(all)
    }

    /// The same record in the other dialect.
    fn streamed(&self, fields: Json, tail: Json, uuid: String) -> Json {
        let parent = self.place.agent.clone().filter(|_| self.place.side);
        let (mut all, rest): (Fields, Fields) = fields
            .fields()
            .into_iter()
            .partition(|(key, _)| key == "type");
        all.extend(rest.into_iter().filter(|(key, _)| key != "requestId"));
        all.extend(
            obj! {"parent_tool_use_id": parent, "session_id": self.place.session.clone(), "uuid": uuid}.fields(),
        );
        let result = tail
            .fields()
            .into_iter()
            .find(|(key, _)| key == "toolUseResult");
        all.extend(result.map(|(_, value)| ("tool_use_result".into(), value)));
        Json::Map(all)
    }

    /// The uuid of the last record written here.
    pub(crate) fn last_uuid(&self) -> Option<String> {
        self.place.parent.clone()
    }

    /// Writes a record that has an envelope, and counts it.
    pub(crate) fn put(&mut self, record: &Json) {
        self.expected.uuids += 1;
        self.put_plain(record);
    }

    /// Writes a record without a uuid, or a copy of one.
    pub(crate) fn put_plain(&mut self, record: &Json) {
        if self.kept.len() < self.keep && !self.place.side {
            self.kept.push(record.clone());
        }
        let mut bytes = record.bytes();
        bytes.push(b'\n');
        self.put_bytes(bytes, 1);
    }

    /// Writes bytes as they are; `records` says how many they stand for.
    pub(crate) fn put_bytes(&mut self, bytes: Vec<u8>, records: u64) {
        self.expected.records += records;
        self.push(self.place.path.clone(), bytes);
    }

    /// Writes to a file of the session that is no transcript.
    pub(crate) fn put_aside(&mut self, path: String, text: String) {
        self.push(path.into(), text.into_bytes());
    }

    fn push(&mut self, path: Arc<str>, bytes: Vec<u8>) {
        let length = bytes.len() as u64;
        self.expected.bytes += length;
        self.expected.longest = self.expected.longest.max(length);
        if !self.expected.files.contains(&*path) {
            self.expected.files.insert(path.to_string());
        }
        self.out.push_back(Chunk { path, bytes });
    }

    /// Lets a time between the two bounds pass.
    pub(crate) fn pause(&mut self, from: i64, to: i64) {
        let passed = self.rng.random_range(from..=to);
        self.clock.pass(passed);
    }
}
