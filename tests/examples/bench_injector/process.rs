//! Servers as processes of their own on a core of their own, and what the kernel counts of them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// The core of every server, and ours.
pub(crate) const SERVER_CORE: usize = 0;
pub(crate) const OWN_CORE: usize = 1;

/// A server, killed when it is dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps this thread, and whatever it starts, on one core. Where there is only one, everything shares it.
pub(crate) fn keep_to(core: usize) {
    let link = std::fs::read_link("/proc/thread-self").unwrap();
    let thread = link.file_name().unwrap();
    let status = Command::new("taskset")
        .args(["--cpu-list", "--pid", &core.to_string()])
        .arg(thread)
        .stdout(Stdio::null())
        .status()
        .expect("taskset of util-linux");
    if !status.success() {
        eprintln!("no core {core} to keep to: the figures are of shared cores");
    }
}

impl Server {
    /// Starts `command` on the servers' core. What it logs is read and thrown away, as a container's runtime would read it.
    pub(crate) fn start(mut command: Command) -> Self {
        let start = move || {
            keep_to(SERVER_CORE);
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}"))
        };
        let mut child = std::thread::spawn(start).join().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let show = std::env::var_os("SHOW_LOG").is_some();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if show {
                    eprintln!("{line}");
                }
            }
        });
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// Processor time of a process so far in milliseconds, its own and the kernel's for it, in steps of 10.
pub(crate) fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may hold anything: fields 14 and 15, in hundredths of a second.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: f64 = [11, 12]
        .map(|at: usize| fields[at].parse::<f64>().unwrap())
        .iter()
        .sum();
    ticks * 10.0
}

/// Resident memory of a process in MiB: `VmRSS:` now, `VmHWM:` at most.
pub(crate) fn resident(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}
