//! Changes to inputs: bytes as a bad wire would, words as a bad client would, values as a bad template would.

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// Longest input that is made.
const LONGEST: usize = 64 * 1024;

/// Words with a meaning to what is tested.
const WORDS: &[&str] = &[
    "discord-monitoring.io/",
    "inject",
    "true",
    "false",
    "null",
    "{}",
    "[]",
    "\"\"",
    "-1",
    "0",
    "1e999",
    "\\u0000",
    "\u{1f600}",
    "\\ud800",
    "kube-api-access-x",
    "discord-watcher",
    "discord-bridge",
    "discord-state",
    "discord-transcript",
    "/home/node/.claude/projects",
    "/var/run/secrets/kubernetes.io/serviceaccount",
    "$(HOME)",
    "$$",
    "..",
    "/",
    "~1",
    "~0",
    "Always",
    "Never",
    "native",
    "plain",
    "99999999999999999999",
    "&a",
    "*a",
    "!!str",
    "- ",
    ": ",
    "|\n",
    "---\n",
    "\t",
];

/// Where our view of a Pod looks.
const POINTERS: &[&str] = &[
    "",
    "/metadata",
    "/metadata/annotations",
    "/metadata/labels",
    "/metadata/ownerReferences",
    "/spec",
    "/spec/containers",
    "/spec/containers/0",
    "/spec/containers/0/env",
    "/spec/containers/0/volumeMounts",
    "/spec/containers/0/securityContext",
    "/spec/initContainers",
    "/spec/volumes",
    "/spec/securityContext",
    "/spec/imagePullSecrets",
    "/spec/restartPolicy",
    "/spec/os",
];

pub(super) struct Mutator {
    random: SmallRng,
}

impl Mutator {
    pub(super) fn new(start: u64) -> Self {
        Self {
            random: SmallRng::seed_from_u64(start),
        }
    }

    /// One of the seeds, changed a few times.
    pub(super) fn next(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.one(seeds).clone();
        for _ in 0..self.random.random_range(1..6) {
            match self.random.random_range(0..9) {
                0 => self.flip(&mut input),
                1 => self.cut(&mut input),
                2 => self.repeat(&mut input),
                3 => self.splice(&mut input, seeds),
                4 | 5 => self.word(&mut input),
                _ => self.value(&mut input),
            }
            input.truncate(LONGEST);
        }
        input
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.random.random_range(0..all.len())]
    }

    fn place(&mut self, input: &[u8]) -> usize {
        self.random.random_range(0..=input.len())
    }

    fn flip(&mut self, input: &mut [u8]) {
        if !input.is_empty() {
            let at = self.random.random_range(0..input.len());
            input[at] ^= 1 << self.random.random_range(0..8);
        }
    }

    fn cut(&mut self, input: &mut Vec<u8>) {
        let (a, b) = (self.place(input), self.place(input));
        if self.random.random() {
            input.truncate(a);
        } else {
            input.drain(a.min(b)..a.max(b));
        }
    }

    fn repeat(&mut self, input: &mut Vec<u8>) {
        let (a, b) = (self.place(input), self.place(input));
        let part = input[a.min(b)..a.max(b)].to_vec();
        let at = self.place(input);
        input.splice(at..at, part);
    }

    fn splice(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let other = self.one(seeds).clone();
        let (a, b) = (self.place(input), self.place(&other));
        input.truncate(a);
        input.extend_from_slice(&other[b..]);
    }

    fn word(&mut self, input: &mut Vec<u8>) {
        let word = *self.one(WORDS);
        let at = self.place(input);
        input.splice(at..at, word.bytes());
    }

    /// Puts another value somewhere in JSON; what is none gets a word.
    fn value(&mut self, input: &mut Vec<u8>) {
        let Ok(mut tree) = serde_json::from_slice::<Value>(input) else {
            return self.word(input);
        };
        let base = if tree.pointer("/request/object").is_some() {
            "/request/object"
        } else {
            ""
        };
        let pointer = format!("{base}{}", self.one(POINTERS));
        let any = self.any(0);
        let Some(place) = tree.pointer_mut(&pointer) else {
            return self.word(input);
        };
        match (place, self.random.random_range(0..3)) {
            (Value::Object(map), 0 | 1) if !map.is_empty() => {
                let at = self.random.random_range(0..map.len());
                let key = map.keys().nth(at).cloned().unwrap();
                map.insert(key, any);
            }
            (Value::Array(items), 0) => items.push(any),
            (Value::Array(items), 1) if !items.is_empty() => {
                let again = items[0].clone();
                items.push(again);
            }
            (place, _) => *place = any,
        }
        *input = tree.to_string().into_bytes();
    }

    fn any(&mut self, depth: usize) -> Value {
        match self.random.random_range(0..if depth > 2 { 6 } else { 9 }) {
            0 => Value::Null,
            1 => self.random.random::<bool>().into(),
            2 => self.random.random::<i64>().into(),
            3 => json!(-0.5),
            4 | 5 => (*self.one(WORDS)).into(),
            6 => (0..self.random.random_range(0..4))
                .map(|_| self.any(depth + 1))
                .collect(),
            _ => {
                let keys = [
                    "name",
                    "env",
                    "value",
                    "mountPath",
                    "annotations",
                    "items",
                    "containers",
                ];
                let pairs = (0..self.random.random_range(0..4))
                    .map(|_| ((*self.one(&keys)).to_owned(), self.any(depth + 1)));
                Value::Object(pairs.collect())
            }
        }
    }
}
