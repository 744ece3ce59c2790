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

/// Kills `--reap-times` processes called `name` of `--reap-namespace` or with `--reap-env` (and of `--reap-pod`), about `--reap-every` seconds apart, and says which.
pub fn reap(args: &Args, name: &str, out: &mut dyn Write) {
    let mut rng = SmallRng::seed_from_u64(args.seed);
    let namespace = format!("POD_NAMESPACE={}", args.reap_namespace);
    let mut wanted = vec![args.reap_env.clone().unwrap_or(namespace)];
    wanted.extend(args.reap_pod.iter().map(|pod| format!("POD_NAME={pod}")));
    for _ in 0..args.reap_times {
        let pause = args.reap_every * rng.random_range(0.5..1.5);
        sleep(Duration::try_from_secs_f64(pause).unwrap_or_default());
        let found = processes(name, &wanted);
        let killed = found.choose(&mut rng).filter(|pid| {
            if args.reap_frozen > 0.0 && kill_process(**pid, Signal::STOP).is_ok() {
                sleep(Duration::try_from_secs_f64(args.reap_frozen).unwrap_or_default());
            }
            kill_process(**pid, Signal::KILL).is_ok()
        });
        let _ = match killed {
            Some(pid) => writeln!(out, "killed {} of {}", pid.as_raw_pid(), found.len()),
            None => writeln!(out, "nobody to kill"),
        };
    }
}

/// Processes of this name whose environment has all of `wanted`.
fn processes(name: &str, wanted: &[String]) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let is_named = read("comm").trim_ascii() == name.as_bytes();
            let environ = read("environ");
            let pairs = environ.split(|byte| *byte == 0);
            is_named
                && wanted
                    .iter()
                    .all(|one| pairs.clone().any(|pair| pair == one.as_bytes()))
        })
        .filter_map(Pid::from_raw)
        .collect()
}
