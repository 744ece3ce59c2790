//! How tailers are known to lose or repeat lines, and the tests that show that this one does not. Each name is looked for
//! among the tests: a row cannot outlive its test.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

/// A case, and the tests that show it.
type Case = (&'static str, &'static [&'static str]);

/// The sequences of actions that a model is held against; they hold cases 2 to 8, 10, 11 and 13 in every order.
const MODEL: [&str; 2] = [
    "nothing_is_lost_or_repeated_with_polling_alone",
    "nothing_is_lost_or_repeated_with_inotify",
];

const CASES: [Case; 19] = [
    (
        "files that begin alike",
        &["two_sessions_that_begin_alike_are_two"],
    ),
    (
        "an inode used again, an offset behind the end",
        &[
            "an_inode_used_again_while_we_were_away_is_a_new_file",
            "a_stored_offset_behind_the_end_starts_over",
        ],
    ),
    (
        "truncated and rewritten faster than the poll",
        &[
            "a_file_rewritten_longer_between_two_looks_is_read_from_its_head",
            "a_file_rewritten_with_the_same_head_and_another_rest_is_read_again",
            "a_truncated_file_starts_over_and_old_acknowledgements_do_not_count_for_it",
        ],
    ),
    (
        "copytruncate",
        &[
            "copytruncate_loses_nothing_and_repeats_nothing",
            "a_copy_that_grows_while_it_is_found_is_still_a_copy",
        ],
    ),
    (
        "rotation by rename, the writer keeps the old file",
        &[
            "after_a_rotation_by_rename_the_old_writer_is_still_heard",
            "unacknowledged_lines_of_a_rotated_file_survive_a_restart",
        ],
    ),
    (
        "replaced by a rename over it",
        &[
            "a_replacement_by_rename_goes_on_where_the_old_file_stopped",
            "a_replacement_while_we_were_away_goes_on_too",
        ],
    ),
    (
        "a partial last line, split anywhere; lines of megabytes in pieces",
        &[
            "a_half_written_line_is_held_however_it_is_split",
            "lines_of_megabytes_in_pieces_come_whole_and_are_searched_once",
        ],
    ),
    (
        "a last line without a newline",
        &[
            "a_last_line_without_newline_comes_once_it_rests_and_never_again",
            "what_is_glued_to_a_last_line_that_went_out_is_a_line_of_its_own_also_after_a_restart",
            "finishing_hands_out_a_whole_last_line_at_once_and_says_when_all_is_done",
            "once_beside_a_writing_agent_leaves_an_unfinished_line_for_later",
        ],
    ),
    (
        "glued, cut, NUL, CRLF, BOM, empty, not UTF-8, another shape",
        &[
            "glued_cut_and_blotted_lines_lose_only_what_is_broken",
            "blank_lines_and_line_ends_of_other_systems_cost_nothing",
            "bytes_that_are_no_text_pass_untouched",
            "a_message_of_another_shape_stops_nothing",
        ],
    ),
    (
        "killed between send and checkpoint; a corrupt or half-written checkpoint; a full disk",
        &[
            "killed_at_any_moment_it_loses_nothing_and_repeats_at_most_one_message_a_kill",
            "a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used",
            "a_damaged_checkpoint_repeats_no_post_and_is_reported",
            "with_nothing_but_damage_everything_starts_over",
            "a_half_written_temporary_file_is_of_no_account",
            "a_full_disk_under_the_checkpoint_stops_nothing_and_is_written_to_once_there_is_room",
        ],
    ),
    (
        "started after the agent wrote or ended; directories that come, go and come again",
        &[
            "what_was_written_before_the_start_is_read_from_the_head",
            "once_reads_everything_whatever_its_age_and_is_finished",
            "a_path_that_does_not_exist_yet_is_waited_for",
            "directories_removed_and_made_again_are_followed_again",
        ],
    ),
    (
        "new sessions in a running Pod, two at once, an old one touched",
        &[
            "a_session_that_appears_while_we_run_is_new_whatever_its_time_says",
            "two_live_sessions_and_their_subagents_are_told_apart",
            "a_thousand_old_sessions_are_neither_read_nor_opened_and_follow_when_they_grow",
        ],
    ),
    (
        "subagents two levels down, later",
        &["a_subagents_directory_that_comes_later_is_followed_in_the_same_step"],
    ),
    (
        "inotify absent, silent, overflown, out of watches; other file systems",
        &[
            "an_append_is_seen_by_the_next_step_with_and_without_inotify",
            "an_overflow_of_the_systems_queue_is_made_up_for_by_looking_at_everything",
            "more_directories_than_are_watched_are_polled_and_the_status_says_so",
            "what_is_promised_of_places_holds_on_a_real_overlayfs_and_a_real_tmpfs",
            "what_is_promised_of_lines_holds_on_a_real_overlayfs_and_a_real_tmpfs",
            "the_model_holds_on_a_real_overlayfs_and_a_real_tmpfs",
        ],
    ),
    (
        "coarse or backward times, the same size, gone while read, denied for a while, a linked directory",
        &[
            "a_file_rewritten_to_the_same_size_is_noticed",
            "a_clock_set_back_makes_no_session_old",
            "a_deleted_file_is_read_to_its_end_and_then_let_go",
            "what_cannot_be_read_is_reported_with_its_owner_and_read_once_it_can_be",
            "a_linked_projects_directory_is_followed",
        ],
    ),
    (
        "a thousand old sessions, hundreds of live ones",
        &[
            "a_thousand_old_sessions_are_neither_read_nor_opened_and_follow_when_they_grow",
            "hundreds_of_live_files_share_a_bounded_number_of_handles",
            "more_live_files_than_the_list_holds_are_followed_all_the_same",
        ],
    ),
    (
        "Discord down while megabytes are written",
        &[
            "fifty_megabytes_written_in_an_outage_wait_in_the_file_and_arrive_once_and_in_order",
            "an_outage_loses_nothing_and_keeps_the_order",
        ],
    ),
    (
        "the webhook deleted; asked to end",
        &[
            "a_deleted_webhook_is_never_used_again_and_a_new_one_gets_the_rest",
            "asked_to_end_it_sends_what_was_just_written_and_exits_with_0",
            "asked_to_end_in_an_outage_it_ends_in_time_and_tells_what_is_missing",
        ],
    ),
    (
        "no record twice, also after a restart and in copies",
        &[
            "a_copied_session_is_no_news_and_costs_nothing",
            "after_a_restart_what_was_told_is_not_told_again_but_counts",
            "a_fork_of_an_old_session_brings_its_own_records_alone_also_after_a_restart",
            "a_fork_of_yesterdays_session_posts_and_costs_what_is_its_own",
            "with_every_checkpoint_damaged_what_was_posted_is_remembered_all_the_same",
        ],
    ),
];

/// The names of all tests in the test files of a folder and of those below it.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            tests_in(&std::fs::read_to_string(&path).unwrap(), found);
        }
    }
}

/// A function is a test when nothing but comments and other attributes stand between it and the attribute that says so.
fn tests_in(text: &str, found: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        let bare = line.strip_prefix("async ").unwrap_or(line);
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((name, _)) = bare.strip_prefix("fn ").and_then(|it| it.split_once('(')) {
            if std::mem::take(&mut is_test) {
                found.insert(name.to_owned());
            }
        } else if line.starts_with("#[ignore") {
            is_test = false;
        } else {
            is_test &= line.is_empty() || line.starts_with("#[") || line.starts_with("//");
        }
    }
}

#[test]
fn only_tests_count_as_tests() {
    let mut found = BTreeSet::new();
    tests_in(
        "#[test]\nfn one() {}\nfn helper() {}\n#[tokio::test(flavor = \"x\")]\n#[allow(x)]\n/// Why.\nasync fn two() {}\n\
         #[test]\n#[ignore]\nfn never() {}\n// #[test]\nfn commented() {}",
        &mut found,
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn every_known_way_to_lose_or_repeat_a_line_has_its_tests() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    tests(&here.join("tests"), &mut found);
    tests(&here.join("../tests/tests/node"), &mut found);
    for (case, tests) in CASES
        .iter()
        .chain(&[("all of them in any order", &MODEL[..])])
    {
        assert!(!tests.is_empty(), "{case}");
        for test in *tests {
            assert!(found.contains(*test), "{case}: there is no test {test}");
        }
    }
}
