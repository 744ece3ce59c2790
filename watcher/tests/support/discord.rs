//! A Discord that does what each test says, over plain HTTP, one thread a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The token in every webhook URL; it must never be seen in any output.
pub const TOKEN: &str = "s3cr3t-T0ken_never-to-be-seen";

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Saved, with its id.
    Save,
    /// Saved, and the connection breaks before the answer.
    SaveAndReset,
    /// Status, headers and body.
    Say(u16, &'static str, String),
    /// No answer for this long, then the connection breaks.
    Hang(Duration),
}

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    pub method: String,
    pub path: String,
    pub body: String,
    pub saved: bool,
}

impl Request {
    /// Whether it is a message and not the live or final summary.
    pub fn is_feed(&self) -> bool {
        self.method == "POST" && !self.body.contains("Tool calls")
    }
}

type Script = dyn FnMut(&Request, usize) -> Answer + Send;

/// The server and what it received.
pub struct Discord {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    script: Arc<Mutex<Box<Script>>>,
    open: Arc<AtomicUsize>,
}

impl Discord {
    /// A server that saves everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Mutex<Box<Script>>> = Arc::new(Mutex::new(Box::new(|_, _| Answer::Save)));
        let open = Arc::new(AtomicUsize::new(0));
        let shared = (
            Arc::clone(&requests),
            Arc::clone(&script),
            Arc::clone(&open),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, script, open) = shared.clone();
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    serve(stream, &requests, &script);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            requests,
            script,
            open,
        }
    }

    /// What answers from now on; it gets the request and how many came before.
    pub fn script(&self, script: impl FnMut(&Request, usize) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// The address of a webhook of this server.
    pub fn webhook(&self, id: u32) -> String {
        format!("http://127.0.0.1:{}/api/webhooks/{id}/{TOKEN}", self.port)
    }

    /// Connections that are not over. At none, whatever a killed watcher had sent has been dealt with.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The events of all saved messages, in the order they were saved.
    pub fn events(&self) -> Vec<usize> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|request| request.saved && request.is_feed())
            .flat_map(|request| super::events_in(&request.body))
            .collect()
    }
}

fn serve(stream: TcpStream, requests: &Mutex<Vec<Request>>, script: &Mutex<Box<Script>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    stream.set_nodelay(true).unwrap();
    while let Some(mut request) = read(&mut reader) {
        let answer = {
            // One lock over script and list: the order of the list is the order of the answers.
            let mut requests = requests.lock().unwrap();
            let answer = (script.lock().unwrap())(&request, requests.len());
            request.saved = matches!(answer, Answer::Save | Answer::SaveAndReset);
            requests.push(request);
            (answer, requests.len())
        };
        let (status, headers, body) = match answer {
            (Answer::Save, id) => (200, "", format!("{{\"id\":\"{id}\"}}")),
            (Answer::Say(status, headers, body), _) => (status, headers, body),
            (Answer::SaveAndReset, _) => return,
            (Answer::Hang(time), _) => return std::thread::sleep(time),
        };
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.first()?.split(' ');
    Some(Request {
        at: Instant::now(),
        method: words.next()?.to_uppercase(),
        path: words.next()?.to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        saved: false,
    })
}
