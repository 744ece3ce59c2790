//! Asked to end, the bot finishes the step under way: the next start need not look for what it left.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use bot::Hook;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::discord::Discord;
use support::eventually;
use support::life::{Life, config, run};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_step_under_way_is_finished_before_the_process_ends() {
    let (discord, directory) = (Discord::start(), tempfile::tempdir().unwrap());
    let (reached, go_on) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let (told, wait) = (Arc::clone(&reached), go_on.clone());
    // The webhook is made and not written down: the one moment that a kill leaves uncertain.
    let hook: Hook = Arc::new(move |name| {
        let here = name == "webhook.made";
        if here {
            told.store(true, Ordering::SeqCst);
        }
        let wait = wait.clone();
        Box::pin(async move {
            if here {
                wait.cancelled().await;
            }
        })
    });
    let mut bot = Life::start_with(config(&discord, directory.path()), Some(hook));
    let asked = async {
        bot.register(run("t", "aaaa1111")).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = asked => {}
        () = eventually("the step", async || reached.load(Ordering::SeqCst).then_some(())) => {}
    }
    bot.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    go_on.cancel();
    bot.join();

    let before = discord.state();
    assert_eq!((before.webhooks.len(), before.runs().len()), (1, 1));
    let texts = before.texts(&before.runs()[0].0);
    assert_eq!(texts.len(), 1, "the header is posted");
    let bot = Life::start(config(&discord, directory.path()));
    let (status, answer) = bot.register(run("t", "aaaa1111")).await;
    assert_eq!(status, 200, "{answer}");
    let made = |state: &support::discord::State| {
        ["POST guild channel", "POST channel webhook", "POST webhook"]
            .map(|route| state.count(route, None))
    };
    let after = discord.state();
    assert_eq!(made(&after), made(&before), "nothing was left to make");
    assert_eq!(
        after.count("GET channel webhooks", None),
        before.count("GET channel webhooks", None),
        "nor to look for"
    );
}
