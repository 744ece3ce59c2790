//! What needs no cluster: processor time, latency, memory, start, sizes.

use crate::Served;
use crate::caller::{Door, Speaks};
use crate::load;
use crate::process::{Server, processor_time, resident};
use crate::review::Review;
use crate::table::{self, Row};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reviews a second of the latency's load.
const RATE: u32 = 500;
/// Open reviews of the long load, which only has to be over soon.
const LONG_OPEN: usize = 16;

/// A server, and the way to it.
struct Contender {
    name: String,
    door: Arc<Door>,
    pid: Option<u32>,
    _server: Option<Server>,
}

/// A port that nobody listens on now.
pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A certificate for `name` and its key, as files in `folder`; returned as PEM.
pub(crate) fn certificate(name: &str, folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

/// `injector serve` with the certificate in `folder`.
pub(crate) fn serve(injector: &Path, sidecar: &Path, folder: &Path, listen: SocketAddr) -> Command {
    let mut command = Command::new(injector);
    command.args(["serve", "--listen", &listen.to_string()]);
    command.arg("--tls-cert").arg(folder.join("tls.crt"));
    command.arg("--tls-key").arg(folder.join("tls.key"));
    command.arg("--sidecar").arg(sidecar);
    command
}

/// The bare server with the certificate in `folder`; it gives everybody the patch of this answer.
pub(crate) fn constant(floor: &Path, listen: SocketAddr, folder: &Path, answer: &[u8]) -> Command {
    let text = std::str::from_utf8(answer).unwrap();
    let (_, rest) = text.split_once(r#""patch":""#).unwrap();
    let patch = folder.join("patch");
    std::fs::write(&patch, rest.split('"').next().unwrap()).unwrap();
    let mut command = Command::new(floor);
    command.arg(listen.to_string());
    command.args(["tls.crt", "tls.key"].map(|name| folder.join(name)));
    command.arg(patch);
    command
}

/// Asks until there is a right answer; the answer.
pub(crate) async fn first_answer(door: &Door) -> bytes::Bytes {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = match door.connect(Speaks::Http2).await {
            Ok(connection) => door.ask(&connection, 0).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => return answer,
            Err(error) if Instant::now() > end => panic!("no answer: {error:#}"),
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn door(address: SocketAddr, trusted: &str) -> Door {
    Door {
        address,
        host: "localhost".to_owned(),
        path: "/inject".to_owned(),
        trusted: trusted.to_owned(),
        review: Review::ours(),
    }
}

/// Starts a server; its first right answer, and the milliseconds until then.
async fn start(name: &str, command: Command, door: Door) -> (Contender, bytes::Bytes, f64) {
    let begun = Instant::now();
    let server = Server::start(command);
    let answer = first_answer(&door).await;
    let contender = Contender {
        name: name.to_owned(),
        door: Arc::new(door),
        pid: Some(server.id()),
        _server: Some(server),
    };
    (contender, answer, begun.elapsed().as_secs_f64() * 1000.0)
}

fn peer(args: &Served) -> Option<Contender> {
    let url: http::Uri = args.peer_url.as_ref()?.parse().unwrap();
    let host = url.host().unwrap().to_owned();
    let port = url.port_u16().unwrap_or(443);
    let review = args.peer_body.as_ref().map_or_else(Review::ours, |path| {
        Review::of(&std::fs::read_to_string(path).unwrap())
    });
    let trusted = std::fs::read_to_string(args.peer_ca.as_ref().expect("--peer-ca")).unwrap();
    let path = url.path_and_query().map_or("/", |path| path.path());
    Some(Contender {
        name: "peer".to_owned(),
        door: Arc::new(Door {
            address: (host.as_str(), port).to_socket_addrs().unwrap().next()?,
            path: path.to_owned(),
            host,
            trusted,
            review,
        }),
        pid: args.peer_pid,
        _server: None,
    })
}

pub(crate) async fn run(args: &Served) {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate("localhost", folder.path());
    let ours = |listen| serve(&args.injector, &args.sidecar, folder.path(), listen);
    let at = free_address();
    let (injector, answer, _) = start("injector", ours(at), door(at, &trusted)).await;
    let floor = |listen| constant(&args.floor, listen, folder.path(), &answer);
    let at = free_address();
    let (below, ..) = start("floor", floor(at), door(at, &trusted)).await;
    let contenders: Vec<Contender> = [Some(below), Some(injector), peer(args)]
        .into_iter()
        .flatten()
        .collect();
    println!(
        "a review of {} bytes, an answer of {}; {} rounds by turns, median (lowest..highest)",
        Review::ours().body(0).0.len(),
        answer.len(),
        args.rounds
    );

    let multiplexed = args.open.iter().map(|&open| (Speaks::Http2, open));
    for (speaks, open) in multiplexed.chain([(Speaks::Http1, 1)]) {
        let mut row = Row::new();
        for _ in 0..args.rounds {
            for one in &contenders {
                if let Some(pid) = one.pid {
                    let cost = load::cost(&one.door, speaks, pid, args.reviews, open).await;
                    table::add(&mut row, &one.name, cost);
                }
            }
        }
        let figure = match speaks {
            Speaks::Http1 => "CPU per 1000 reviews, HTTP/1.1, ms".to_owned(),
            Speaks::Http2 => format!("CPU per 1000 reviews, {open} open, ms"),
        };
        table::print(&figure, &row);
        table::judge_beside(&figure, &row, 2.0);
    }

    let (mut half, mut most) = (Row::new(), Row::new());
    for _ in 0..args.rounds {
        for one in &contenders {
            let times = load::latency(&one.door, RATE, args.seconds).await;
            table::add(&mut half, &one.name, load::part(&times, 500));
            table::add(&mut most, &one.name, load::part(&times, 990));
        }
    }
    table::print("50 % at 500 a second, us", &half);
    table::print("99 % at 500 a second, us", &most);
    table::judge_beside("99 % at 500 a second", &most, 2.0);
    drop(contenders);

    let mut row = Row::new();
    for _ in 0..args.starts {
        let at = free_address();
        let (one, _, time) = start("floor", floor(at), door(at, &trusted)).await;
        table::add(&mut row, &one.name, time);
        let at = free_address();
        let (one, _, time) = start("injector", ours(at), door(at, &trusted)).await;
        table::add(&mut row, &one.name, time);
    }
    table::print("start to first answer, ms", &row);
    table::judge("start to first answer, ms", "15", table::ours(&row), 15.0);

    let at = free_address();
    memory(ours(at), door(at, &trusted), args.soak).await;
    size("binary", &args.injector, 8.0);
    if let Some(image) = &args.image {
        size("image, unpacked", image, 9.0);
    }
}

/// Memory of a server of its own: before its first review, and on the way through many.
async fn memory(command: Command, door: Door, reviews: usize) {
    let server = Server::start(command);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = resident(server.id(), "VmRSS:");
    table::alone("resident idle, MiB", &format!("{idle:.1}"));
    table::judge("resident idle, MiB", "8", idle, 8.0);
    let mut told = Vec::new();
    let before = processor_time(server.id());
    let mut sent = 0;
    for hundredths in [1, 10, 25, 50, 75, 100] {
        let upto = reviews * hundredths / 100;
        load::send(&door, Speaks::Http2, upto - sent, LONG_OPEN).await;
        sent = upto;
        told.push(resident(server.id(), "VmRSS:"));
    }
    let (half, last) = (told[3], told[5]);
    table::judge(
        &format!("resident after {reviews} reviews, MiB"),
        "10",
        last,
        10.0,
    );
    table::judge(
        "the same beside half of them, MiB more",
        "0.5",
        last - half,
        0.5,
    );
    let told: Vec<String> = told.iter().map(|mib| format!("{mib:.1}")).collect();
    let most = resident(server.id(), "VmHWM:");
    let time = (processor_time(server.id()) - before) / 1000.0;
    table::alone(
        "resident under load, MiB",
        &format!(
            "{} after 1, 10, 25, 50, 75, 100 % of {reviews} reviews, {LONG_OPEN} open; {most:.1} at most; {time:.1} s of a core",
            told.join(" ")
        ),
    );
}

fn size(what: &str, file: &Path, goal: f64) {
    let bytes = std::fs::metadata(file).unwrap().len();
    #[allow(clippy::cast_precision_loss, reason = "some megabytes")]
    let megabytes = bytes as f64 / 1e6;
    let figure = format!("{what}, MB");
    table::alone(&figure, &format!("{megabytes:.2}"));
    table::judge(&figure, &format!("{goal:.0}"), megabytes, goal);
}
