//! Real transcripts become posts that Discord takes. Skipped, with a note, where the folder of samples is not there.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod meaning_support;

use meaning_support::*;
use watcher::events::{InterpretOptions, Interpreter};

#[test]
fn every_sample_becomes_posts_within_the_limits() {
    for path in samples() {
        for parity in [false, true] {
            let mut interpreter = Interpreter::new(InterpretOptions {
                thinking: parity,
                ..InterpretOptions::default()
            });
            let mut renderer = renderer(parity);
            let events = read(&mut interpreter, &std::fs::read(&path).unwrap());
            let posts: Vec<_> = events
                .iter()
                .filter_map(|event| renderer.render(event))
                .collect();
            for post in &posts {
                check(post);
            }
            assert!(!posts.is_empty(), "{}", path.display());
            let counts = renderer.counts();
            assert_eq!(counts.rendered + counts.filtered, events.len() as u64);
            if parity {
                assert_eq!(counts.filtered, 0);
            }
            if std::env::var_os("SHOW").is_some() {
                println!(
                    "{} parity {parity}: {counts:?}, {:?}",
                    path.display(),
                    interpreter.losses()
                );
                for post in &posts {
                    println!("──── {:?} {}", post.kind, shown(post));
                }
            }
        }
    }
}
