//! Kills processes at random, as a node that lacks memory does: the container restarts, its Pod stays.

use super::args::Args;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

/// Kills `--reap-times` processes called `name` of `--reap-namespace` or with `--reap-env`, about `--reap-every` seconds apart, and says which.
pub fn reap(args: &Args, name: &str, out: &mut dyn Write) {
    let mut rng = SmallRng::seed_from_u64(args.seed);
    let namespace = format!("POD_NAMESPACE={}", args.reap_namespace);
    let wanted = args.reap_env.as_deref().unwrap_or(&namespace);
    for _ in 0..args.reap_times {
        let pause = args.reap_every * rng.random_range(0.5..1.5);
        sleep(Duration::try_from_secs_f64(pause).unwrap_or_default());
        let found = processes(name, wanted);
        let killed = found
            .choose(&mut rng)
            .filter(|pid| kill_process(**pid, Signal::KILL).is_ok());
        let _ = match killed {
            Some(pid) => writeln!(out, "killed {} of {}", pid.as_raw_pid(), found.len()),
            None => writeln!(out, "nobody to kill"),
        };
    }
}

fn processes(name: &str, wanted: &str) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let is_named = read("comm").trim_ascii() == name.as_bytes();
            is_named
                && read("environ")
                    .split(|byte| *byte == 0)
                    .any(|pair| pair == wanted.as_bytes())
        })
        .filter_map(Pid::from_raw)
        .collect()
}
