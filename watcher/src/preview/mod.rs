//! `watcher preview`: what Discord would show, in the terminal or as one self-contained page.
//!
//! Promises: the same posts as a run would send, and a page that loads nothing and runs no script. Refuses to send
//! anything.

mod html;
mod markdown;
mod terminal;

use crate::events::{Event, InterpretOptions, Interpreter};
use crate::record::each_line;
use crate::render::{Post, Renderer, RunState};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest line that is read, as in a run.
const LINE: usize = 16 * 1024 * 1024;

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The transcript cannot be read.
    #[error("{path} cannot be read; name a transcript or a directory with transcripts in it")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing is there.
    #[error(
        "no transcript (*.jsonl) was found in {0}; name a file, or a directory such as ~/.claude/projects"
    )]
    Nothing(PathBuf),
    /// The page or the terminal cannot be written.
    #[error("the preview cannot be written; check the place for it")]
    Write(#[source] io::Error),
}

/// Where the posts go.
trait Show {
    fn begin(&mut self) -> io::Result<()>;
    fn post(&mut self, post: &Post) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

/// Shows the posts that `renderer` makes of the transcripts in `path`: as a page in the file `html`, else in the
/// terminal `out`, with colours when `color`.
pub fn run(
    path: &Path,
    renderer: Renderer,
    html: Option<&Path>,
    color: bool,
    out: &mut dyn Write,
) -> Result<(), PreviewError> {
    let unreadable = |source| PreviewError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let about = std::fs::metadata(path).map_err(unreadable)?;
    let files = if about.is_dir() {
        crate::stats::transcripts(path)
    } else {
        vec![path.to_owned()]
    };
    if files.is_empty() {
        return Err(PreviewError::Nothing(path.to_owned()));
    }
    match html {
        Some(page) => {
            let mut page = io::BufWriter::new(File::create(page).map_err(PreviewError::Write)?);
            show(&files, renderer, &mut html::Page::new(&mut page))?;
            page.flush().map_err(PreviewError::Write)
        }
        None => show(&files, renderer, &mut terminal::Terminal::new(out, color)),
    }
}

fn show(
    files: &[PathBuf],
    mut renderer: Renderer,
    place: &mut dyn Show,
) -> Result<(), PreviewError> {
    let mut interpreter = Interpreter::new(InterpretOptions::default());
    place.begin().map_err(PreviewError::Write)?;
    let mut events = Vec::new();
    for path in files {
        let file = File::open(path).map_err(|source| PreviewError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let (session, subagent) = crate::stats::origin(path);
        // A closure cannot return early: the first failure is kept and the rest of the file passed over.
        let mut written = Ok(());
        let read = each_line(file, LINE, |line| {
            interpreter.read(&session, subagent.as_deref(), line, &mut events);
            for event in events.drain(..) {
                if written.is_ok() {
                    written = send(&mut renderer, &event, place);
                }
            }
        });
        let too_long = read.map_err(|source| PreviewError::Unreadable {
            path: path.clone(),
            source,
        })?;
        interpreter.left_out(too_long);
        written.map_err(PreviewError::Write)?;
    }
    // What has no result by the end of a file never gets one.
    interpreter.tick(Instant::now() + Duration::from_hours(24), &mut events);
    for event in &events {
        send(&mut renderer, event, place).map_err(PreviewError::Write)?;
    }
    let state = match interpreter.activity().finished {
        Some(true) => RunState::Failed,
        _ => RunState::Finished,
    };
    let lasted = interpreter.activity().lasted().unwrap_or_default();
    let summary = renderer.summary(&interpreter, state, lasted);
    place
        .post(&summary)
        .and_then(|()| place.end())
        .map_err(PreviewError::Write)
}

fn send(renderer: &mut Renderer, event: &Event, place: &mut dyn Show) -> io::Result<()> {
    renderer
        .render(event)
        .map_or(Ok(()), |post| place.post(&post))
}
