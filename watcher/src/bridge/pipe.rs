//! The FIFO and what waits for it.
//!
//! An input is taken when somebody reads the FIFO, and then written as the reader makes room. A reader that goes away in
//! the middle of a line has lost what it had; the next one gets that line whole.

use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::unix::pipe::{OpenOptions, Sender};
use tokio::sync::{Notify, oneshot};

/// Bytes that may wait for a slow agent.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Names of written lines that are remembered; a caller asks again for one or a few at a time.
const REMEMBERED: usize = 64;
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

/// A line that waits.
#[derive(Debug)]
struct Waiting {
    line: Vec<u8>,
    /// What its sender calls it.
    name: Option<String>,
    /// Who is told when it is in the FIFO: whoever asked last.
    written: Option<oneshot::Sender<()>>,
}

/// Inputs that wait, oldest first.
#[derive(Debug)]
pub(super) struct Pipe {
    path: PathBuf,
    /// Whether an empty line means nothing to the reader, and so can end what a killed bridge has left.
    resync: bool,
    waiting: RefCell<VecDeque<Waiting>>,
    /// Names of what was written last.
    written: RefCell<VecDeque<String>>,
    news: Notify,
}

impl Pipe {
    pub(super) fn new(path: PathBuf, resync: bool) -> Rc<Self> {
        Rc::new(Self {
            path,
            resync,
            waiting: RefCell::default(),
            written: RefCell::default(),
            news: Notify::new(),
        })
    }

    /// Takes a line, once by its name; what comes back fires when all of it is in the FIFO. An open FIFO is asked for each
    /// time: only so is it known whether somebody reads now.
    pub(super) fn take(
        &self,
        line: Vec<u8>,
        name: Option<String>,
    ) -> Result<oneshot::Receiver<()>, PipeError> {
        let (done, written) = oneshot::channel();
        if name.is_some() {
            if self
                .written
                .borrow()
                .iter()
                .any(|one| Some(one) == name.as_ref())
            {
                // Nobody can have stopped to listen yet.
                let _ = done.send(());
                return Ok(written);
            }
            let mut waiting = self.waiting.borrow_mut();
            if let Some(known) = waiting.iter_mut().find(|one| one.name == name) {
                known.written = Some(done);
                return Ok(written);
            }
        }
        let bytes = self.bytes();
        if bytes + line.len() > MAX_BYTES {
            return Err(PipeError::Full(bytes));
        }
        self.open()?;
        self.waiting.borrow_mut().push_back(Waiting {
            line,
            name,
            written: Some(done),
        });
        self.news.notify_one();
        Ok(written)
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        let waiting = self.waiting.borrow();
        waiting.iter().map(|one| one.line.len()).sum()
    }

    /// The oldest line is in the FIFO, whole.
    fn wrote(&self) {
        let Some(one) = self.waiting.borrow_mut().pop_front() else {
            return;
        };
        if let Some(name) = one.name {
            let mut written = self.written.borrow_mut();
            written.truncate(REMEMBERED - 1);
            written.push_front(name);
        }
        if let Some(done) = one.written {
            // Its sender may not wait any more.
            let _ = done.send(());
        }
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
            let front = self.waiting.borrow().front().map(|one| one.line.clone());
            let Some(line) = front else {
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
                    self.wrote();
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
