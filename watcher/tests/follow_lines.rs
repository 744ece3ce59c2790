//! Whole lines, in order, once; unfinished ones held; restarts go on where they were acknowledged.

mod follow_bench;

use follow_bench::Bench;

#[test]
fn what_was_written_before_the_start_is_read_from_the_head() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":2}\n");
    bench.start();
    assert_eq!(bench.settle(), ["{\"n\":1}", "{\"n\":2}"]);
    bench.append("a.jsonl", "{\"n\":3}\n");
    assert_eq!(bench.settle(), ["{\"n\":3}"]);
    assert_eq!(bench.settle(), [""; 0]);
}

#[test]
fn a_restart_replays_what_was_acknowledged_and_posts_only_the_rest() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    bench.start();
    let lines = bench.lines();
    assert_eq!(lines.len(), 3);
    bench.acknowledge(&lines[..2]);
    bench.save();
    bench.start();
    let lines = bench.lines();
    let flags: Vec<(bool, &[u8])> = lines
        .iter()
        .map(|line| (line.replay, &*line.bytes))
        .collect();
    assert_eq!(
        flags,
        [
            (true, &b"{\"n\":1}"[..]),
            (true, b"{\"n\":2}"),
            (false, b"{\"n\":3}")
        ]
    );
}
