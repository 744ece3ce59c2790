//! `watcher --health`: a plain blocking question, so that a probe costs a millisecond and no runtime.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest wait for each step of the question.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Most bytes of the answer that are read.
const MAX_ANSWER: u64 = 64 * 1024;

/// Asks the watcher behind `socket`; the answer's details, as an error when it is not ready or not there.
pub fn ask(socket: &Path) -> Result<String, String> {
    let answer = exchange(socket).map_err(|error| {
        format!(
            "the watcher does not answer on {}: {error}",
            socket.display()
        )
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("no status");
    if status == "200" {
        Ok(body.to_owned())
    } else {
        Err(format!("the watcher answers {status}: {body}"))
    }
}

fn exchange(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: watcher\r\nconnection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn answer(text: &'static str) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 256];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        });
        let result = ask(&path);
        server.join().unwrap();
        result
    }

    #[test]
    fn ready_is_ready_with_its_details() {
        let body = answer("HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"ready\":true}").unwrap();
        assert_eq!(body, "{\"ready\":true}");
    }

    #[test]
    fn anything_else_is_not() {
        assert!(
            answer("HTTP/1.1 503 X\r\n\r\nwhy")
                .unwrap_err()
                .contains("why")
        );
        assert!(answer("").is_err());
        assert!(
            ask(Path::new("/none/health.sock"))
                .unwrap_err()
                .contains("/none/health.sock")
        );
    }
}
