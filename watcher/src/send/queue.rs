//! What was read and waits for Discord, in the order it was read.
//!
//! The queue is short on purpose: when it is full, nothing more is read, and the file keeps the rest.

use crate::follow::FileKey;
use discord::{Embed, File};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

/// Entries after which nothing more is read.
const MAX_ENTRIES: usize = 256;
/// Bytes of text and files after which nothing more is read. One entry may be larger.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How far a file is done with, once all before it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Which file.
    pub file: FileKey,
    /// End of the line, in bytes from the file's head.
    pub end: u64,
}

/// Something read: a post, or only the news that a position was reached.
#[derive(Debug)]
enum Entry {
    Post(Rc<Waiting>),
    Mark(Position),
}

/// A post that waits.
#[derive(Debug)]
pub struct Waiting {
    /// Embeds that belong together.
    pub embeds: Vec<Embed>,
    /// Their files.
    pub files: Vec<File>,
    /// When its line was written, as far as its file's time tells.
    pub written: Instant,
    /// What Discord's answer acknowledges, when this is the last post of its line.
    pub position: Option<Position>,
    /// The mark of the call that this post tells as running.
    pub told: Option<u64>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        let files: usize = self.files.iter().map(|file| file.content.len()).sum();
        let texts: usize = self.embeds.iter().map(discord::limits::size).sum();
        files + texts
    }
}

/// The posts that wait, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    posts: usize,
    bytes: usize,
}

impl Queue {
    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        self.entries.len() < MAX_ENTRIES && self.bytes < MAX_BYTES
    }

    /// Posts that wait.
    pub fn posts(&self) -> usize {
        self.posts
    }

    /// Whether nothing waits at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The posts from the oldest on.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<Waiting>> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Post(post) => Some(post),
            Entry::Mark(_) => None,
        })
    }

    /// Adds a post.
    pub fn push(&mut self, post: Waiting) {
        self.posts += 1;
        self.bytes += post.bytes();
        self.entries.push_back(Entry::Post(Rc::new(post)));
    }

    /// Notes that a position was reached without a post; it counts once all posts before it are acknowledged.
    pub fn mark(&mut self, position: Position) {
        match self.entries.back_mut() {
            Some(Entry::Mark(last)) if last.file == position.file => *last = position,
            _ => self.entries.push_back(Entry::Mark(position)),
        }
    }

    /// Takes the oldest `count` posts away, and the marks before and right after them.
    ///
    /// Returns the posts, and the positions that are reached when they are taken care of.
    pub fn take(&mut self, count: usize) -> (Vec<Rc<Waiting>>, Vec<Position>) {
        let mut posts = Vec::with_capacity(count);
        let mut reached = Vec::new();
        while let Some(entry) = self.entries.front() {
            if matches!(entry, Entry::Post(_)) && posts.len() == count {
                break;
            }
            match self.entries.pop_front() {
                Some(Entry::Mark(position)) => reached.push(position),
                Some(Entry::Post(post)) => {
                    self.posts -= 1;
                    self.bytes = self.bytes.saturating_sub(post.bytes());
                    reached.extend(post.position);
                    posts.push(post);
                }
                None => break,
            }
        }
        (posts, reached)
    }
}
