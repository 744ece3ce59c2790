//! Log lines that follow the work: they wait a few milliseconds for each other, and go out together.
//!
//! A write wakes whoever reads the log; one after each answer costs a webhook as much as a third of its patch. A warning
//! goes out at once and takes along what waits, and so does a panic; only a kill loses lines, those of that time.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// As much waits at most, in bytes.
const MOST: usize = 64 * 1024;
/// As long a line waits at most.
const LONGEST: Duration = Duration::from_millis(5);

/// Where lines go.
type Out = dyn Fn(&[u8]) + Send + Sync;

/// Lines that wait, and where they go.
struct Lines {
    waiting: Mutex<Vec<u8>>,
    came: Notify,
    /// Nobody fetches them any more, or yet: each goes out at once.
    alone: AtomicBool,
    out: Box<Out>,
}

impl Lines {
    fn add(&self, line: &[u8], at_once: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        if at_once || waiting.len() > MOST || self.alone.load(Ordering::Relaxed) {
            self.send(&mut waiting);
        } else if first {
            self.came.notify_one();
        }
    }

    /// Sends under the lock, or lines could overtake each other.
    fn send(&self, waiting: &mut Vec<u8>) {
        if !waiting.is_empty() {
            (self.out)(waiting);
            waiting.clear();
        }
    }

    fn flush(&self) {
        self.send(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What a panic would lose; nothing when the panic is ours.
    fn save(&self) {
        match self.waiting.try_lock() {
            Ok(mut waiting) => self.send(&mut waiting),
            Err(TryLockError::Poisoned(waiting)) => self.send(&mut waiting.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Sends the lines that wait. Until it runs, and when it is dropped, each line goes out at once.
pub struct Behind(Arc<Lines>);

impl Behind {
    /// The writer of the log, and who sends what it collects.
    pub(super) fn stderr() -> (Writer, Self) {
        let (writer, behind) = Self::new(|bytes| {
            // Nobody is left to tell of a log that cannot be written.
            let _ = io::stderr().lock().write_all(bytes);
        });
        let (lines, earlier) = (Arc::clone(&behind.0), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            lines.save();
            earlier(panic);
        }));
        (writer, behind)
    }

    fn new(out: impl Fn(&[u8]) + Send + Sync + 'static) -> (Writer, Self) {
        let lines = Arc::new(Lines {
            waiting: Mutex::default(),
            came: Notify::new(),
            alone: AtomicBool::new(true),
            out: Box::new(out),
        });
        (Writer(Arc::clone(&lines)), Self(lines))
    }

    /// Sends until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        self.0.alone.store(false, Ordering::Relaxed);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.0.came.notified() => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LONGEST) => self.0.flush(),
            }
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.0.alone.store(true, Ordering::Relaxed);
        self.0.flush();
    }
}

/// Writer of the log's lines.
pub(super) struct Writer(Arc<Lines>);

/// One line's.
pub(super) struct Line<'a> {
    lines: &'a Lines,
    at_once: bool,
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            lines: &self.0,
            at_once: true,
        }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Line<'a> {
        Line {
            lines: &self.0,
            at_once: *meta.level() <= tracing::Level::WARN,
        }
    }
}

impl io::Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.at_once);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sent = Arc<Mutex<Vec<String>>>;

    fn collected() -> (Writer, Behind, Sent) {
        let sent = Sent::default();
        let into = Arc::clone(&sent);
        let (writer, behind) = Behind::new(move |bytes| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            into.lock().unwrap().push(text);
        });
        (writer, behind, sent)
    }

    #[tokio::test(start_paused = true)]
    async fn lines_of_one_go_leave_together_in_their_order_and_all_of_them() {
        let (writer, behind, sent) = collected();
        writer.0.add(b"before\n", false);
        assert_eq!(*sent.lock().unwrap(), ["before\n"]);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(behind.run(shutdown.clone()));
        tokio::task::yield_now().await;
        for line in ["1\n", "2\n", "3\n"] {
            writer.0.add(line.as_bytes(), false);
        }
        assert_eq!(sent.lock().unwrap().len(), 1, "they wait for each other");
        tokio::time::sleep(LONGEST * 2).await;
        assert_eq!(sent.lock().unwrap().last().unwrap(), "1\n2\n3\n");
        writer.0.add(b"last\n", false);
        shutdown.cancel();
        running.await.unwrap();
        writer.0.add(b"after\n", false);
        assert_eq!(
            sent.lock().unwrap().concat(),
            "before\n1\n2\n3\nlast\nafter\n"
        );
    }

    #[tokio::test]
    async fn a_warning_takes_along_what_waits_and_no_more_than_the_bound_waits() {
        let (writer, behind, sent) = collected();
        let running = tokio::spawn(behind.run(CancellationToken::new()));
        tokio::task::yield_now().await;
        writer.0.add(b"1\n", false);
        writer.0.add(b"warning\n", true);
        assert_eq!(*sent.lock().unwrap(), ["1\nwarning\n"]);
        writer.0.add(&vec![b'x'; MOST], false);
        assert_eq!(sent.lock().unwrap().len(), 1);
        writer.0.add(b"x", false);
        assert_eq!(sent.lock().unwrap().len(), 2);
        running.abort();
    }
}
