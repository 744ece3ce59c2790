//! The run's key in its channel's topic, or in a thread's starter message: what Discord itself remembers for us.
//!
//! `TEXT FOR PEOPLE · dm1:PAYLOAD.SIGNATURE`. Members can edit topics; one that does not verify is nobody's.

use crate::signer::Signer;
use crate::store::{Final, Run, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use discord::limits::cut;
use serde::{Deserialize, Serialize};

/// What stands before the payload.
const MARK: &str = "dm1:";
/// Between the part for people and the signed one.
const BETWEEN: &str = " · ";
/// Code points of the part for people.
const MAX_TEXT: usize = 160;
/// Code points of a text channel's topic (resources/channel.mdx).
const MAX_TOPIC: usize = 1024;

/// What is signed; names are short because a topic is.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    n: String,
    t: String,
    a: i64,
    s: String,
    c: String,
    /// When it was registered.
    k: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    i: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    l: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<End>,
}

/// How and when it ended.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    f: Final,
    /// When.
    k: i64,
    /// When the channel goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<i64>,
    /// By its watcher's silence.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    l: bool,
}

/// The topic of a run as it is now.
pub(crate) fn write(signer: &Signer, run: &Run) -> String {
    let end = run.finished_at.map(|at| End {
        f: run.status.unwrap_or(Final::Unknown),
        k: at,
        d: run.delete_at,
        l: run.by_lease,
    });
    let people = match &end {
        None => format!("Run {} of {}", label(run), run.namespace),
        Some(end) => format!("Run {} of {}, {}", label(run), run.namespace, end.f.word()),
    };
    let marker = marker(signer, run, end);
    // What is signed comes first: it alone is read back.
    let room = MAX_TOPIC.saturating_sub(marker.chars().count() + BETWEEN.chars().count());
    let people = cut(&people, MAX_TEXT.min(room));
    if people.is_empty() {
        return marker;
    }
    format!("{people}{BETWEEN}{marker}")
}

/// The signed part alone, for a starter message.
pub(crate) fn key(signer: &Signer, run: &Run) -> String {
    marker(signer, run, None)
}

fn label(run: &Run) -> String {
    format!("{}-{}-{}", run.task_id, run.attempt, run.short_id)
}

fn marker(signer: &Signer, run: &Run, end: Option<End>) -> String {
    let payload = Payload {
        n: run.namespace.clone(),
        t: run.task_id.clone(),
        a: run.attempt,
        s: run.short_id.clone(),
        c: run.caller.clone(),
        k: run.created_at,
        i: run.input,
        l: run.leased,
        r: run.retention_ms,
        e: end,
    };
    let text = serde_json::to_vec(&payload).unwrap_or_default();
    let encoded = URL_SAFE_NO_PAD.encode(text);
    let signature = signer.topic(&encoded);
    format!("{MARK}{encoded}.{signature}")
}

/// The run a topic speaks of, when this bot wrote it. Its channel and guild are the caller's to fill in.
pub(crate) fn read(signer: &Signer, topic: &str, now: i64) -> Option<Run> {
    let (_, rest) = topic.rsplit_once(MARK)?;
    let rest = rest.split_whitespace().next()?;
    let (encoded, signature) = rest.split_once('.')?;
    if !signer.is_topic(encoded, signature) {
        return None;
    }
    let payload: Payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let id = signer.run_id((&payload.n, &payload.t, payload.a, &payload.s));
    let end = payload.e;
    Some(Run {
        id,
        guild_id: String::new(),
        namespace: payload.n,
        task_id: payload.t,
        attempt: payload.a,
        short_id: payload.s,
        caller: payload.c,
        title: None,
        links: Vec::new(),
        input: payload.i,
        leased: payload.l,
        retention_ms: payload.r,
        state: if end.is_some() {
            State::Finished
        } else {
            // The pipeline looks at each part and makes what is missing.
            State::Creating
        },
        step: String::new(),
        failures: 0,
        problem: None,
        channel_id: None,
        parent_id: None,
        webhook_id: None,
        header_id: None,
        final_id: None,
        status: end.as_ref().map(|end| end.f),
        by_lease: end.as_ref().is_some_and(|end| end.l),
        summary: None,
        report: None,
        report_at: None,
        created_at: payload.k,
        seen_at: now,
        finished_at: end.as_ref().map(|end| end.k),
        delete_at: end.as_ref().and_then(|end| end.d),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer() -> Signer {
        Signer::new(&"secret".to_owned().into())
    }

    /// The longest that a registration may be, but for these two.
    fn run(task: &str, short: &str, ended: bool) -> Run {
        let marker = Payload {
            n: "n".repeat(63),
            t: task.to_owned(),
            a: 1_000_000_000,
            s: short.to_owned(),
            c: "\"".repeat(64),
            k: 1_700_000_000_000,
            i: true,
            l: true,
            r: Some(315_360_000_000),
            e: ended.then_some(End {
                f: Final::Succeeded,
                k: 1_700_000_000_001,
                d: Some(1_700_000_000_002),
                l: true,
            }),
        };
        let encoded = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&marker).unwrap());
        let topic = format!("{MARK}{encoded}.{}", signer().topic(&encoded));
        read(&signer(), &topic, 5).unwrap()
    }

    proptest! {
        #[test]
        fn a_topic_fits_and_gives_the_run_back(
            task in prop_oneof!["[a-zA-Z0-9 ._äö-]{1,64}", "[\"\\\\]{1,128}"],
            short in prop_oneof!["[a-z0-9]{1,64}", "[\"\\\\]{1,64}"],
            ended in any::<bool>(),
        ) {
            let run = run(&task, &short, ended);
            let topic = write(&signer(), &run);
            prop_assert!(topic.chars().count() <= 1024, "{}", topic.chars().count());
            let again = read(&signer(), &topic, 5).unwrap();
            prop_assert_eq!(format!("{run:?}"), format!("{again:?}"));
        }

        #[test]
        fn an_edited_topic_is_nobodys(at in 0_usize..200, with in "[A-Za-z0-9]") {
            let topic = key(&signer(), &run("task", "short", false));
            let at = MARK.len() + at % (topic.len() - MARK.len());
            let edited = format!("{}{with}{}", &topic[..at], &topic[at + 1..]);
            prop_assert_eq!(read(&signer(), &edited, 5).is_some(), edited == topic);
        }
    }

    #[test]
    fn another_bots_topic_is_not_ours() {
        let topic = write(&signer(), &run("task", "short", true));
        let other = Signer::new(&"other".to_owned().into());
        assert!(read(&other, &topic, 5).is_none());
        assert!(read(&signer(), "just a topic", 5).is_none());
    }
}
