//! Who gets in, and what the others hear.

use super::{GUILD, Scene, form, hex, interaction, key, now};
use super::{command, desk::view};
use axum::body::Body;
use bot::interaction::Keys;
use ed25519_dalek::Signer as _;
use serde_json::json;

const PING: &[u8] = br#"{"type":1,"id":"1","application_id":"400","token":"t","version":1}"#;

#[tokio::test]
async fn a_signed_ping_is_answered() {
    let scene = Scene::new();
    let answer = scene.signed(PING).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body),
        (200, json!({"type": 1}))
    );
    assert!(
        answer.kind.starts_with("application/json"),
        "{}",
        answer.kind
    );
    assert_eq!(scene.last(), ("ping", "ok"));
}

#[tokio::test]
async fn whatever_is_not_signed_by_a_known_key_now_is_refused_with_401() {
    let scene = Scene::new();
    let time = now().to_string();
    let good = hex(&key(1).sign(&[time.as_bytes(), PING].concat()).to_bytes());
    let long = format!("{good}00");
    let cases: [(&str, Vec<(&str, &str)>); 9] = [
        ("no headers", vec![]),
        ("no signature", vec![("x-signature-timestamp", &time)]),
        ("no timestamp", vec![("x-signature-ed25519", &good)]),
        (
            "short",
            vec![
                ("x-signature-ed25519", &good[2..]),
                ("x-signature-timestamp", &time),
            ],
        ),
        (
            "long",
            vec![
                ("x-signature-ed25519", &long),
                ("x-signature-timestamp", &time),
            ],
        ),
        (
            "no hex",
            vec![
                ("x-signature-ed25519", "zz"),
                ("x-signature-timestamp", &time),
            ],
        ),
        (
            "another time",
            vec![
                ("x-signature-ed25519", &good),
                ("x-signature-timestamp", "1"),
            ],
        ),
        (
            "no time",
            vec![
                ("x-signature-ed25519", &good),
                ("x-signature-timestamp", "soon"),
            ],
        ),
        (
            "two signatures",
            vec![
                ("x-signature-ed25519", &good),
                ("x-signature-ed25519", &good),
                ("x-signature-timestamp", &time),
            ],
        ),
    ];
    for (what, headers) in cases {
        let answer = scene.send(&headers, PING).await;
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(answer.kind, "application/problem+json");
        assert_eq!(scene.last(), ("none", "unauthorized"), "{what}");
    }
    let headers = [
        ("x-signature-ed25519", good.as_str()),
        ("x-signature-timestamp", time.as_str()),
    ];
    assert_eq!(
        scene.send(&headers, &br#"{"type":1 }"#[..]).await.status,
        401
    );
    assert_eq!(scene.signed_by(&key(2), now(), PING).await.status, 401);
    // The same request with nothing wrong gets in.
    assert_eq!(scene.send(&headers, PING).await.status, 200);
}

#[tokio::test]
async fn a_time_outside_of_five_minutes_is_refused_however_well_it_is_signed() {
    let scene = Scene::new();
    for (time, status) in [
        (now() - 290, 200),
        (now() + 290, 200),
        (now() - 310, 401),
        (now() + 310, 401),
    ] {
        let ping = interaction(1, json!(null)).to_string();
        assert_eq!(
            scene.signed_by(&key(1), time, ping.as_bytes()).await.status,
            status
        );
    }
}

#[tokio::test]
async fn a_request_sent_again_is_refused_and_queues_nothing_twice() {
    let scene = Scene::new();
    let input = command("input", &[("text", "hello")]);
    assert_eq!(scene.ask(&input).await.status, 200);
    assert_eq!(scene.ask(&input).await.status, 401);
    assert_eq!(scene.last(), ("none", "repeated"));
    assert_eq!(scene.desk.inputs().len(), 1);
}

#[tokio::test]
async fn without_a_key_everything_is_refused() {
    let scene = Scene::with(|options| options.keys = Keys::default());
    assert_eq!(scene.signed(PING).await.status, 401);
}

#[tokio::test]
async fn while_keys_are_exchanged_both_hold() {
    let keys = [1, 2]
        .map(|seed| hex(key(seed).verifying_key().as_bytes()))
        .join(",");
    let scene = Scene::with(|options| options.keys = Keys::parse(&keys).unwrap());
    for (seed, status) in [(1, 200), (2, 200), (3, 401)] {
        let ping = interaction(1, json!(null)).to_string();
        assert_eq!(
            scene
                .signed_by(&key(seed), now(), ping.as_bytes())
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn a_signed_body_that_is_no_interaction_is_a_bad_request() {
    let scene = Scene::new();
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"type\":2}",
        "\u{0}",
        "{\"type\":2,\"id\":\"99999999999999999999\",\"token\":\"t\"}",
    ] {
        let answer = scene.signed(body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(
            (answer.kind.as_str(), &answer.body["status"]),
            ("application/problem+json", &json!(400))
        );
    }
    assert_eq!(scene.last(), ("none", "malformed"));
}

#[tokio::test]
async fn a_body_above_the_bound_is_not_read() {
    let scene = Scene::new();
    assert_eq!(scene.signed(&vec![b' '; 256 * 1024 + 1]).await.status, 413);
    let mut ping = PING.to_vec();
    ping.resize(256 * 1024, b' ');
    assert_eq!(scene.signed(&ping).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let scene = Scene::new();
    let time = now().to_string();
    let headers = [
        ("x-signature-ed25519", "00"),
        ("x-signature-timestamp", time.as_str()),
    ];
    let never = Body::from_stream(futures_util::stream::pending::<
        Result<Vec<u8>, std::io::Error>,
    >());
    assert_eq!(scene.send(&headers, never).await.status, 408);
}

#[tokio::test]
async fn another_guild_and_a_private_chat_are_refused_politely() {
    let scene = Scene::new();
    let mut other = command("input", &[("text", "hello")]);
    other["guild_id"] = json!("999");
    assert!(scene.ask(&other).await.text().contains("another server"));
    assert_eq!(scene.last(), ("input", "other_guild"));
    let mut private = command("stop", &[]);
    private.as_object_mut().unwrap().remove("guild_id");
    private["user"] = private["member"]["user"].clone();
    private.as_object_mut().unwrap().remove("member");
    assert!(scene.ask(&private).await.text().contains("server"));
    assert_eq!(scene.last(), ("stop", "no_guild"));
    assert!(scene.desk.inputs().is_empty());
}

#[tokio::test]
async fn a_list_of_users_or_roles_admits_those_on_it_alone() {
    let cases = [
        (vec![], vec![], true),
        (vec!["300"], vec![], true),
        (vec!["1"], vec!["301"], true),
        (vec!["1"], vec!["2"], false),
        (vec![], vec!["2"], false),
        (vec!["301"], vec!["300"], false),
    ];
    for (users, roles, admitted) in cases {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let scene = Scene::with(|options| {
            options.allowed_users = list(&users);
            options.allowed_roles = list(&roles);
        });
        for ask in [
            command("input", &[("text", "x")]),
            command("status", &[]),
            form("input:200", "x"),
        ] {
            let answer = scene.ask(&ask).await;
            assert_eq!(
                answer.text().contains("not on the list"),
                !admitted,
                "{users:?} {roles:?}"
            );
            assert_eq!(scene.last().1 == "not_allowed", !admitted);
        }
        let typed = interaction(
            4,
            json!({"name": "input", "options": [{"name": "run", "value": "", "focused": true}]}),
        );
        let choices = scene.ask(&typed).await.body["data"]["choices"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(choices, usize::from(admitted));
        assert_eq!(scene.desk.inputs().len(), if admitted { 2 } else { 0 });
    }
}

#[tokio::test]
async fn without_a_guild_of_its_own_the_desk_decides() {
    let scene = Scene::with(|options| options.guild_id = None);
    scene
        .desk
        .runs
        .lock()
        .unwrap()
        .push(view("201", "other", "1"));
    let mut ask = command("status", &[]);
    ask["guild_id"] = json!(GUILD);
    assert!(scene.ask(&ask).await.text().contains("build-1-abcd1234"));
}
