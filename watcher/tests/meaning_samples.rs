//! Real transcripts become posts that Discord takes. Skipped, with a note, where the folder of samples is not there.

use std::path::PathBuf;
use watcher::events::{Event, InterpretOptions, Interpreter};
use watcher::filter::{FilterOptions, Filters};
use watcher::price::Prices;
use watcher::redact::{RedactOptions, Redactor};
use watcher::render::{Post, RenderOptions, Renderer, StatsOptions};

fn samples() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/transcripts");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    found.sort();
    found
}

fn renderer(parity: bool) -> Renderer {
    Renderer::new(RenderOptions {
        filters: Filters::new(&FilterOptions::default(), parity).unwrap(),
        parity,
        redactor: Redactor::new(RedactOptions::default()).unwrap(),
        stats: StatsOptions::default(),
        prices: Prices::built_in(),
    })
}

fn events(interpreter: &mut Interpreter, path: &PathBuf) -> Vec<Event> {
    let mut out = Vec::new();
    for line in std::fs::read(path).unwrap().split(|byte| *byte == b'\n') {
        interpreter.read("s", None, line, &mut out);
    }
    out
}

fn check(post: &Post) {
    for embed in &post.embeds {
        assert_eq!(discord::limits::fault(embed), None, "{embed:#?}");
        let json = serde_json::to_string(embed).unwrap();
        for mark in ["@everyone", "@here", "<@", "\\u001b", "data:image"] {
            assert!(!json.contains(mark), "{mark} in {json}");
        }
        let fences = embed
            .description
            .as_deref()
            .unwrap_or_default()
            .matches("```")
            .count();
        assert_eq!(fences % 2, 0, "{embed:#?}");
    }
    for file in &post.files {
        assert!(file.content.len() <= discord::limits::FILE_BYTES);
    }
}

#[test]
fn every_sample_becomes_posts_within_the_limits() {
    for path in samples() {
        for parity in [false, true] {
            let mut interpreter = Interpreter::new(InterpretOptions {
                thinking: parity,
                ..InterpretOptions::default()
            });
            let mut renderer = renderer(parity);
            let events = events(&mut interpreter, &path);
            let posts: Vec<_> = events
                .iter()
                .filter_map(|event| renderer.render(event))
                .collect();
            posts.iter().for_each(check);
            assert!(!posts.is_empty(), "{}", path.display());
            println!(
                "{} parity {parity}: {} events, {} posts, {:?}, {:?}",
                path.display(),
                events.len(),
                posts.len(),
                renderer.counts(),
                interpreter.losses(),
            );
            if std::env::var_os("SHOW").is_some() {
                for post in &posts {
                    let embed = &post.embeds[0];
                    println!(
                        "──────── {:?} {:06x}\n{}\n{}\n[{}] {:?}",
                        post.kind,
                        embed.color.unwrap_or_default(),
                        embed.title.as_deref().unwrap_or_default(),
                        embed.description.as_deref().unwrap_or_default(),
                        embed.footer.as_ref().map_or("", |footer| &footer.text),
                        post.files
                            .iter()
                            .map(|file| (&file.name, file.content.len()))
                            .collect::<Vec<_>>(),
                    );
                }
            }
        }
    }
}
