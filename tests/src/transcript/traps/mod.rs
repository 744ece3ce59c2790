//! Everything that makes real transcripts hard to read. Each episode is a few records; all of them occur once, in an
//! order that follows from the seed, before any occurs again.

mod bytes;
mod copies;
mod kinds;
mod rare_results;
mod rare_tools;
mod subagents;
mod texts;
mod tokens;

use super::call::Call;
use super::json::Json;
use super::message::text;
use super::scribe::Scribe;
use super::turn::Manner;
use rand::Rng;
use rand::seq::SliceRandom;

/// What may happen between two turns.
#[derive(Clone, Copy)]
enum Episode {
    /// Some records.
    Do(fn(&mut Scribe)),
    /// A message with this call.
    Call(fn(&mut Scribe) -> Call),
}

const EPISODES: &[fn(&mut Scribe)] = &[
    bytes::glued,
    bytes::glued_answers,
    bytes::cut_and_glued,
    bytes::cut,
    bytes::nuls,
    bytes::nul_line,
    bytes::crlf,
    bytes::empty,
    bytes::invalid_utf8,
    bytes::numeric_keys,
    bytes::strange,
    copies::fork,
    copies::repeated,
    copies::replay,
    copies::orphan,
    copies::result_elsewhere,
    copies::other_session,
    copies::back_in_time,
    tokens::update,
    tokens::update,
    tokens::update,
    tokens::switch_model,
    tokens::switch_model,
    tokens::many_lines,
    tokens::fallback,
    tokens::smaller_at_last,
    tokens::no_request,
    tokens::no_split,
    tokens::both_caches,
    tokens::extras,
    tokens::nulls,
    tokens::synthetic,
    tokens::api_error,
    tokens::compaction,
    tokens::microcompaction,
    texts::nasty,
    texts::nasty_command,
    texts::secrets,
    texts::persisted,
    kinds::systems,
    kinds::progress,
    kinds::bare,
    kinds::queue,
    kinds::attachments,
    kinds::injected,
    kinds::prompts,
    kinds::interrupted,
    kinds::elsewhere,
    kinds::blocks,
    subagents::below,
    subagents::newer,
    subagents::beside,
    subagents::inline,
    subagents::nowhere,
    subagents::in_background,
    subagents::siblings,
    subagents::results_together,
    subagents::unanswered,
];

/// The largest lines, which occur rarely after the first time.
const HUGE: &[fn(&mut Scribe)] = &[texts::huge_image, texts::huge_file, texts::huge_output];

/// The order of the episodes of a session.
pub(crate) struct Traps {
    left: Vec<Episode>,
    first: bool,
}

impl Traps {
    /// Begins a session: its first bytes are a trap already.
    pub(crate) fn begin(scribe: &mut Scribe) -> Self {
        scribe.keep = copies::KEPT;
        bytes::byte_order_mark(scribe);
        scribe.turn(Manner::NOISY);
        let mut traps = Self {
            left: Vec::new(),
            first: true,
        };
        traps.deal(scribe);
        traps
    }

    fn deal(&mut self, scribe: &mut Scribe) {
        self.left.extend(EPISODES.iter().copied().map(Episode::Do));
        self.left.extend(
            rare_tools::ALL
                .iter()
                .chain(rare_results::ALL)
                .copied()
                .map(Episode::Call),
        );
        let huge = if self.first {
            HUGE.len()
        } else {
            usize::from(scribe.chance(300))
        };
        let skip = if self.first {
            0
        } else {
            scribe.rng.random_range(0..HUGE.len())
        };
        self.left
            .extend(HUGE.iter().skip(skip).take(huge).copied().map(Episode::Do));
        self.left.shuffle(&mut scribe.rng);
        self.first = false;
    }

    /// The next episode, and now and then an ordinary turn.
    pub(crate) fn step(&mut self, scribe: &mut Scribe) {
        if scribe.chance(250) {
            scribe.turn(Manner::NOISY);
        }
        match self.left.pop() {
            Some(Episode::Do(episode)) => episode(scribe),
            Some(Episode::Call(call)) => {
                let call = call(scribe);
                one_call(scribe, call);
            }
            None => self.deal(scribe),
        }
    }

    /// Ends a session: its last newline is missing.
    pub(crate) fn end(scribe: &mut Scribe) {
        scribe.turn(Manner::PLAIN);
        bytes::no_newline(scribe);
    }
}

/// An answer of one line.
fn answer(scribe: &mut Scribe, said: impl Into<Json>) {
    let output = scribe.rng.random_range(11..400);
    let mut message = scribe.begin(output, "end_turn");
    scribe.line(&mut message, text(said), true);
    scribe.end(message);
}

/// A message of one call, and its result.
fn one_call(scribe: &mut Scribe, call: Call) {
    let mut message = scribe.begin(90, "tool_use");
    let open = scribe.call(&mut message, call, true);
    scribe.end(message);
    scribe.result(open);
}
