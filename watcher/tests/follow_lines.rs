//! Whole lines, in order, once; unfinished ones held; giant ones bounded.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test may fail loudly

mod follow_bench;

use std::time::Duration;

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
    assert_eq!(bench.follower().status().bytes_behind, 0);
}

#[test]
fn an_append_is_seen_by_the_next_step_with_and_without_inotify() {
    for inotify in [false, true] {
        let mut bench = Bench::tree();
        bench.options.inotify = inotify;
        bench.append("p/a.jsonl", "{\"n\":1}\n");
        bench.start();
        bench.settle();
        bench.append("p/a.jsonl", "{\"n\":2}\n");
        assert_eq!(bench.step().len(), 1, "inotify {inotify}");
    }
}

#[test]
fn a_half_written_line_is_held_however_it_is_split() {
    let line = "{\"text\":\"caf\u{e9} \\uD83D\\uDE00 \u{1f600}\"}";
    let mut bench = Bench::file();
    bench.append("a.jsonl", "");
    bench.start();
    for byte in line.as_bytes().chunks(1) {
        bench.append("a.jsonl", byte);
        assert_eq!(bench.step().len(), 0);
    }
    bench.append("a.jsonl", "\n");
    assert_eq!(bench.settle(), [line]);
}

#[test]
fn a_last_line_without_newline_comes_once_it_rests_and_never_again() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":2}");
    bench.start();
    assert_eq!(bench.settle(), ["{\"n\":1}"]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.settle(), ["{\"n\":2}"]);
    bench.append("a.jsonl", "\n");
    assert_eq!(bench.settle(), [""; 0]);
    bench.append("a.jsonl", "{\"n\":3}\n");
    assert_eq!(bench.settle(), ["{\"n\":3}"]);
    assert_eq!(bench.follower().status().bytes_behind, 0);
}

#[test]
fn what_is_glued_to_a_last_line_that_went_out_is_a_line_of_its_own_also_after_a_restart() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":2}");
    bench.start();
    bench.settle();
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.settle(), ["{\"n\":2}"]);
    bench.save();
    bench.append("a.jsonl", "{\"n\":3}\n");
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

#[test]
fn an_unfinished_record_is_not_handed_out_however_long_it_rests() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":");
    bench.start();
    bench.settle();
    bench.pass(Duration::from_hours(1));
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.follower().status().bytes_unfinished, 5);
    bench.append("a.jsonl", "2}\n");
    assert_eq!(bench.settle(), ["{\"n\":2}"]);
}

#[test]
fn finishing_hands_out_a_whole_last_line_at_once_and_says_when_all_is_done() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "{\"n\":1}\n{\"n\":2}");
    bench.start();
    assert_eq!(bench.step().len(), 1);
    assert!(!bench.follower().finished());
    bench.follower().finish();
    let lines = bench.step();
    assert_eq!(lines.len(), 1);
    assert_eq!((&*lines[0].bytes, lines[0].end), (&b"{\"n\":2}"[..], 15));
    bench.step();
    assert!(bench.follower().finished());
}

#[test]
fn once_reads_everything_whatever_its_age_and_is_finished() {
    let mut bench = Bench::tree();
    bench.options.once = true;
    for n in 0..20 {
        // Every other one ends in a line that is not finished.
        let last = ["{\"last\":1}", "{\"cut\":"][n % 2];
        bench.append(&format!("p/{n}.jsonl"), format!("{{\"n\":{n}}}\n{last}"));
        bench.age(&format!("p/{n}.jsonl"), Duration::from_hours(24));
    }
    bench.start();
    let mut lines = Vec::new();
    while !bench.follower().finished() {
        lines.extend(bench.step());
    }
    assert_eq!(lines.len(), 30);
    assert_eq!(bench.follower().status().bytes_unfinished, 70);
    // An agent may be writing it: the next run gets it whole.
    bench.acknowledge(&lines);
    bench.save();
    bench.append("p/1.jsonl", "2}\n");
    bench.start();
    let mut lines = Vec::new();
    while !bench.follower().finished() {
        lines.extend(bench.step());
    }
    lines.retain(|line| !line.replay);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].bytes, "{\"cut\":2}");
}

#[test]
fn once_with_nothing_there_is_finished_too() {
    let mut bench = Bench::file();
    bench.options.once = true;
    bench.start();
    assert_eq!(bench.step().len(), 0);
    assert!(bench.follower().finished());
}

#[test]
fn lines_of_megabytes_in_pieces_come_whole_and_are_searched_once() {
    let mut bench = Bench::file();
    let piece = "x".repeat(64 << 10);
    bench.append("a.jsonl", "{\"t\":\"");
    bench.start();
    bench.step();
    for _ in 0..128 {
        bench.append("a.jsonl", &piece);
        assert_eq!(bench.step().len(), 0);
    }
    // Nothing of it was read twice: that is what would make it quadratic.
    assert_eq!(bench.follower().status().bytes_read, 6 + 128 * (64 << 10));
    bench.append("a.jsonl", "\"}\n");
    let lines = bench.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].bytes.len(), lines[0].excess),
        (8 + 128 * (64 << 10), 0)
    );
}

#[test]
fn a_line_above_the_limit_is_cut_and_its_excess_reported() {
    let mut bench = Bench::file();
    bench.options.max_line_bytes = 100;
    bench.append("a.jsonl", format!("{}\n{{\"n\":2}}\n", "y".repeat(300_000)));
    bench.start();
    let lines = bench.lines();
    assert_eq!(
        (lines[0].bytes.len(), lines[0].excess, lines[0].end),
        (100, 299_900, 300_001)
    );
    assert_eq!(&*lines[1].bytes, b"{\"n\":2}");
    let status = bench.follower().status();
    assert_eq!((status.cut_lines, status.cut_bytes), (1, 299_900));
}

#[test]
fn blank_lines_and_line_ends_of_other_systems_cost_nothing() {
    let mut bench = Bench::file();
    bench.append("a.jsonl", "\n\r\n{\"n\":1}\r\n\n  \n{\"n\":2}\n\n");
    bench.start();
    let lines = bench.settle();
    assert_eq!(lines, ["{\"n\":1}\r", "{\"n\":2}"]);
    assert_eq!(
        bench.follower().status().bytes_behind,
        0,
        "blank lines need no acknowledgement"
    );
}

#[test]
fn bytes_that_are_no_text_pass_untouched() {
    let mut bench = Bench::file();
    bench.append(
        "a.jsonl",
        b"\xef\xbb\xbf{\"n\":1}\n\xff\xfe\x00\x00\n\x00\x00{\"n\":2}\n",
    );
    bench.start();
    let lines: Vec<Vec<u8>> = bench
        .lines()
        .iter()
        .map(|line| line.bytes.to_vec())
        .collect();
    assert_eq!(
        lines,
        [
            &b"\xef\xbb\xbf{\"n\":1}"[..],
            b"\xff\xfe\x00\x00",
            b"\x00\x00{\"n\":2}"
        ]
    );
}

#[test]
fn a_call_hands_out_no_more_than_it_was_asked_for() {
    let mut bench = Bench::file();
    for n in 0..100 {
        bench.append("a.jsonl", format!("{{\"n\":{n}}}\n"));
    }
    bench.start();
    bench.pass(Duration::from_secs(1));
    let now = bench.now;
    assert_eq!(bench.follower().poll_once(now, 7, 1 << 20).len(), 7);
    assert_eq!(bench.follower().poll_once(now, 100, 21).len(), 3);
    assert_eq!(
        bench.follower().poll_once(now, 100, 1).len(),
        1,
        "one line always"
    );
}

#[test]
fn live_files_get_their_turn_beside_a_long_backlog() {
    let mut bench = Bench::tree();
    bench.append("p/long.jsonl", "{\"long\":true}\n".repeat(200_000));
    bench.append("p/short.jsonl", "{\"short\":true}\n");
    bench.start();
    let mut lines = Vec::new();
    for _ in 0..20 {
        lines.extend(bench.step());
    }
    assert!(lines.iter().any(|line| line.bytes.starts_with(b"{\"short")));
    assert!(lines.len() < 100_000, "the backlog is still being read");
}

#[test]
fn what_is_promised_of_lines_holds_on_a_real_overlayfs_and_a_real_tmpfs() {
    follow_bench::on_other_file_systems("overlayfs");
}
