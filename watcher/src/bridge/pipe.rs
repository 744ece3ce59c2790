//! The FIFO and what waits for it.
//!
//! An input is taken when somebody reads the FIFO, and then written as the reader makes room. A reader that goes away in
//! the middle of a line has lost what it had; the next one gets that line whole.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::unix::pipe::{OpenOptions, Sender};
use tokio::sync::Notify;

/// Bytes that may wait for a slow agent.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Pause between two tries to find a reader for what already waits.
const PAUSE: Duration = Duration::from_millis(200);

/// Why an input is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum PipeError {
    /// The agent has not opened its standard input, or is gone.
    #[error("nobody reads {0}; start the agent with <>\"$AGENT_STDIN\"")]
    NobodyReads(String),
    /// Too much waits already.
    #[error("the agent does not read: {0} bytes wait already; try again later")]
    Full(usize),
    /// The FIFO cannot be made or opened.
    #[error("{path} cannot be used: {reason}")]
    Unusable { path: String, reason: String },
}

/// Inputs that wait, oldest first.
#[derive(Debug)]
pub(super) struct Pipe {
    path: PathBuf,
    /// Whether an empty line means nothing to the reader, and so can end what a killed bridge has left.
    resync: bool,
    waiting: std::cell::RefCell<VecDeque<Vec<u8>>>,
    news: Notify,
}

impl Pipe {
    pub(super) fn new(path: PathBuf, resync: bool) -> Rc<Self> {
        Rc::new(Self {
            path,
            resync,
            waiting: VecDeque::new().into(),
            news: Notify::new(),
        })
    }

    /// Takes a line. An open FIFO is asked for each time: only so is it known whether somebody reads now.
    pub(super) fn take(&self, line: Vec<u8>) -> Result<(), PipeError> {
        let bytes: usize = self.waiting.borrow().iter().map(Vec::len).sum();
        if bytes + line.len() > MAX_BYTES {
            return Err(PipeError::Full(bytes));
        }
        self.open()?;
        self.waiting.borrow_mut().push_back(line);
        self.news.notify_one();
        Ok(())
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.borrow().iter().map(Vec::len).sum()
    }

    /// Makes the FIFO when it is not there, so that an agent that starts later finds it.
    pub(super) fn make(&self) -> Result<(), PipeError> {
        match mknodat(CWD, &self.path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(self.unusable(&error.to_string())),
        }
    }

    fn unusable(&self, reason: &str) -> PipeError {
        PipeError::Unusable {
            path: self.path.display().to_string(),
            reason: reason.to_owned(),
        }
    }

    fn open(&self) -> Result<Sender, PipeError> {
        self.make()?;
        open(&self.path).map_err(|error| match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
                PipeError::NobodyReads(self.path.display().to_string())
            }
            _ => self.unusable(&error.to_string()),
        })
    }

    /// Writes what waits, for ever. Not to be started twice: what it has written of a line only it knows.
    ///
    /// The write end stays open between lines, for a reader that opened the FIFO read-only
    /// would take its closing for the end of all input.
    pub(super) async fn write(&self) {
        let mut sender: Option<Sender> = None;
        // A bridge killed in the middle of a line left its head in the FIFO: the first line must not grow onto it.
        let mut fresh = self.resync;
        loop {
            let Some(line) = self.waiting.borrow().front().cloned() else {
                self.news.notified().await;
                continue;
            };
            let Some(open) = sender.take().or_else(|| self.open().ok()) else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let text: &[u8] = if fresh { b"\n" } else { b"" };
            let done = match write_all(&open, text).await {
                Ok(()) => write_all(&open, &line).await,
                error => error,
            };
            match done {
                Ok(()) => {
                    fresh = false;
                    self.waiting.borrow_mut().pop_front();
                    sender = Some(open);
                }
                Err(error) => {
                    tracing::warn!(%error, "the agent's reader went away; the line waits for the next one");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn open(path: &Path) -> std::io::Result<Sender> {
    OpenOptions::new().open_sender(path)
}

async fn write_all(sender: &Sender, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        sender.writable().await?;
        match sender.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
