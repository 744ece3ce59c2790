//! Ordinary turns: a person asks, the agent thinks, calls tools, and answers.

use super::json::obj;
use super::message::{text, thinking};
use super::scribe::Scribe;
use super::{tools, words};
use rand::Rng;
use rand::seq::SliceRandom;

/// What may happen in a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Of a thousand messages with several calls, so many whose results come back in another order.
    pub(crate) shuffled: u32,
    /// Of a thousand calls, so many that are followed by progress records.
    pub(crate) progress: u32,
}

impl Manner {
    /// A quiet session.
    pub(crate) const PLAIN: Self = Self {
        shuffled: 200,
        progress: 100,
    };
    /// A session as noisy as real ones are: a quarter of the lines is progress.
    pub(crate) const NOISY: Self = Self {
        shuffled: 700,
        progress: 400,
    };
}

impl Scribe {
    /// A turn from the prompt to the answer.
    pub(crate) fn turn(&mut self, manner: Manner) {
        let request = words::request(&mut self.rng);
        self.prompt(request);
        let messages = self.rng.random_range(1..=7);
        for _ in 0..messages {
            self.work(manner);
        }
        self.answer();
        let lasted = self.rng.random_range(9_000..240_000);
        self.turn_end(messages + 1, lasted);
        self.pause(5_000, 90_000);
    }

    /// One message with calls, and their results.
    pub(crate) fn work(&mut self, manner: Manner) {
        let calls = match self.rng.random_range(0..100) {
            0..70 => 1,
            70..90 => 2,
            90..98 => 3,
            _ => self.rng.random_range(4..=11),
        };
        let output = self.rng.random_range(40..1_400);
        let mut message = self.begin(output, "tool_use");
        if self.chance(350) {
            let thought = words::thought(&mut self.rng);
            let block = thinking(self, thought);
            self.line(&mut message, block, false);
        }
        if self.chance(550) {
            let remark = words::remark(&mut self.rng);
            self.line(&mut message, text(remark), false);
        }
        let mut open = Vec::new();
        for place in 1..=calls {
            let call = tools::usual(self);
            open.push(self.call(&mut message, call, place == calls));
        }
        self.end(message);
        if open.len() > 1 && self.chance(manner.shuffled) {
            open.shuffle(&mut self.rng);
        }
        for one in open {
            if self.chance(manner.progress) {
                self.noise(&one.id);
            }
            self.result(one);
        }
    }

    /// What a running tool reports.
    pub(crate) fn noise(&mut self, tool_use: &str) {
        for seconds in 2..=self.rng.random_range(2..=5_u64) {
            let output = words::log(&mut self.rng, 3);
            let data = obj! {
                "type": "bash_progress", "output": output.clone(), "fullOutput": output,
                "elapsedTimeSeconds": seconds, "totalLines": 3,
            };
            self.progress(data, tool_use);
            self.pause(900, 1_100);
        }
        let data = obj! {
            "type": "hook_progress", "hookEvent": "PostToolUse", "hookName": "PostToolUse:Bash",
            "command": "scripts/after-tool.sh",
        };
        self.progress(data, tool_use);
    }

    /// The answer that ends a turn.
    pub(crate) fn answer(&mut self) {
        let summary = words::summary(&mut self.rng);
        let output = self.rng.random_range(120..900);
        let mut message = self.begin(output, "end_turn");
        self.line(&mut message, text(summary), true);
        self.end(message);
    }
}
