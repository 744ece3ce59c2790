//! The bot-token routes: who may, what fits, and what goes along.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod double_support;

use double_support::{client, quiet};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::double::clock::Clock;
use tests::double::fault::Fault;
use tests::double::permission as p;
use tests::double::settings::Caps;
use tests::double::{Double, DoubleOptions};

struct Bot {
    double: Double,
    client: Client,
    guild: u64,
    application: u64,
}

impl Bot {
    fn new() -> Self {
        Self::with(DoubleOptions::unlimited())
    }

    fn with(options: DoubleOptions) -> Self {
        let (guild, application) = (options.guild_id, options.bot.application_id);
        Self {
            double: Double::start(options).unwrap(),
            client: client(),
            guild,
            application,
        }
    }

    fn capped(caps: Caps) -> Self {
        Self::with(DoubleOptions {
            caps,
            ..DoubleOptions::unlimited()
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/api/v10{path}", self.double.base_url());
        let request = self.client.request(method, url);
        let request = request.header("authorization", "Bot double-bot-token");
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, Value::Null).await
    }

    async fn make(&self, body: Value) -> (u16, Value) {
        let path = format!("/guilds/{}/channels", self.guild);
        self.ask(Method::POST, &path, body).await
    }

    async fn channel(&self, body: Value) -> String {
        let (status, made) = self.make(body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, body).await
    }

    fn allow(&self, bits: u64) {
        self.double.with(|core| core.options.bot.permissions = bits);
    }
}

fn code(answer: &(u16, Value)) -> (u16, i64) {
    (answer.0, answer.1["code"].as_i64().unwrap_or(-1))
}

#[tokio::test]
async fn a_run_has_its_channel_webhook_and_messages_and_all_go_with_the_channel() {
    let bot = Bot::new();
    let category = bot.channel(json!({"name": "Agent Runs", "type": 4})).await;
    let (status, made) = bot
        .make(json!({"name": "run A.1", "type": 0, "topic": "key", "parent_id": category}))
        .await;
    assert_eq!((status, &made["name"]), (201, &json!("run-a1")));
    let id = made["id"].as_str().unwrap();
    let hooks = format!("/channels/{id}/webhooks");
    let (status, hook) = bot.post(&hooks, json!({"name": "Agent Run 1"})).await;
    assert_eq!(status, 200, "{hook}");
    let url = format!(
        "{}/api/webhooks/{}/{}",
        bot.double.base_url(),
        hook["id"].as_str().unwrap(),
        hook["token"].as_str().unwrap()
    );
    let sent = bot.client.post(&url).json(&quiet(json!({"content": "hi"})));
    assert_eq!(sent.send().await.unwrap().status(), 204);
    let messages = format!("/channels/{id}/messages");
    let (status, own) = bot.post(&messages, quiet(json!({"content": "a"}))).await;
    assert_eq!(
        (status, &own["author"]["id"]),
        (200, &json!(bot.application.to_string()))
    );
    let one = format!("{messages}/{}", own["id"].as_str().unwrap());
    let edited = bot.ask(Method::PATCH, &one, quiet(json!({"content": "b"})));
    assert_eq!(edited.await.1["content"], "b");
    let (_, list) = bot.get(&format!("{messages}?limit=2")).await;
    assert_eq!(
        (&list[0]["content"], &list[1]["content"]),
        (&json!("b"), &json!("hi"))
    );
    let path = format!("/channels/{category}");
    let gone = bot.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.0, 200);
    let (_, orphan) = bot.get(&format!("/channels/{id}")).await;
    assert_eq!(orphan["parent_id"], Value::Null);
    let path = format!("/channels/{id}");
    let gone = bot.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.0, 200);
    let dead: Value = bot
        .client
        .get(&url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(dead["code"], 10015);
    assert_eq!(code(&bot.get(&messages).await), (404, 10003));
    assert_eq!(bot.double.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn without_the_token_every_route_is_401_and_counts_towards_the_ban() {
    let bot = Bot::new();
    for token in ["", "Bot wrong", "double-bot-token"] {
        let url = format!("{}/api/v10/users/@me", bot.double.base_url());
        let got = bot.client.get(url).header("authorization", token).send();
        let got = got.await.unwrap();
        assert_eq!(got.status(), 401);
        assert_eq!(got.json::<Value>().await.unwrap()["code"], 0);
    }
    assert_eq!(bot.double.counters().invalid, 3);
    assert_eq!(bot.get("/users/@me").await.0, 200);
    assert_eq!(bot.get("/guilds/1").await.1["code"], 10004);
    let member = |who: &str| format!("/guilds/{}/members/{who}", bot.guild);
    assert_eq!(bot.get(&member(&bot.application.to_string())).await.0, 200);
    assert_eq!(code(&bot.get(&member("@me")).await), (400, 50035));
}

#[tokio::test]
async fn each_cap_refuses_with_its_own_code_and_threads_do_not_count() {
    let bot = Bot::capped(Caps {
        guild_channels: 3,
        category_channels: 1,
        channel_webhooks: 2,
        guild_webhooks: 3,
        active_threads: 1,
        daily_commands: 1,
    });
    let category = bot.channel(json!({"name": "c", "type": 4})).await;
    let inside = json!({"name": "a", "parent_id": category});
    let first = bot.channel(inside.clone()).await;
    let full = bot.make(inside).await;
    assert_eq!(code(&full), (400, 50035));
    assert_eq!(
        full.1["errors"]["parent_id"]["_errors"][0]["code"],
        "CHANNEL_PARENT_MAX_CHANNELS"
    );
    let second = bot.channel(json!({"name": "b"})).await;
    assert_eq!(code(&bot.make(json!({"name": "d"})).await), (400, 30013));
    let hooks = |id: &str| format!("/channels/{id}/webhooks");
    let mut seen = Vec::new();
    for place in [&first, &first, &first, &second, &second] {
        seen.push(code(&bot.post(&hooks(place), json!({"name": "h"})).await));
    }
    let fits = (200, -1);
    assert_eq!(seen, [fits, fits, (400, 30007), fits, (400, 30058)]);
    let threads = format!("/channels/{first}/threads");
    let thread = json!({"name": "t", "type": 11});
    assert_eq!(bot.post(&threads, thread.clone()).await.0, 201);
    assert_eq!(code(&bot.post(&threads, thread).await), (400, 160_006));
    let commands = format!(
        "/applications/{}/guilds/{}/commands",
        bot.application, bot.guild
    );
    let one = json!({"name": "a", "description": "x"});
    let put = bot.ask(Method::PUT, &commands, json!([one])).await;
    assert_eq!(put.0, 200, "{}", put.1);
    let again = bot.ask(Method::PUT, &commands, json!([one])).await;
    assert_eq!(again.1[0]["id"], put.1[0]["id"]);
    let more = json!([one, {"name": "b", "description": "x"}]);
    assert_eq!(
        code(&bot.ask(Method::PUT, &commands, more).await),
        (400, 30034)
    );
    assert_eq!(bot.get(&commands).await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_missing_bit_is_50013_and_an_unseen_channel_is_50001() {
    let bot = Bot::new();
    let id = bot.channel(json!({"name": "a"})).await;
    let role = bot.application + 1;
    let say = quiet(json!({"content": "x"}));
    for (bit, method, path, body) in [
        (
            p::MANAGE_CHANNELS,
            Method::PATCH,
            format!("/channels/{id}"),
            json!({"topic": "x"}),
        ),
        (
            p::MANAGE_WEBHOOKS,
            Method::POST,
            format!("/channels/{id}/webhooks"),
            json!({"name": "x"}),
        ),
        (
            p::SEND_MESSAGES,
            Method::POST,
            format!("/channels/{id}/messages"),
            say.clone(),
        ),
        (
            p::CREATE_PUBLIC_THREADS,
            Method::POST,
            format!("/channels/{id}/threads"),
            json!({"name": "x", "type": 11}),
        ),
        (
            p::MANAGE_ROLES,
            Method::PUT,
            format!("/channels/{id}/permissions/{role}"),
            json!({"type": 0, "deny": "2048"}),
        ),
    ] {
        bot.allow(p::ALL & !bit);
        assert_eq!(
            code(&bot.ask(method.clone(), &path, body.clone()).await),
            (403, 50013),
            "{path}"
        );
        bot.allow(p::ALL & !p::VIEW_CHANNEL);
        assert_eq!(
            code(&bot.ask(method, &path, body).await),
            (403, 50001),
            "{path}"
        );
    }
    bot.allow(p::ALL);
    let overwrite = format!("/channels/{id}/permissions/{}", bot.guild);
    let deny = json!({"type": 0, "deny": p::SEND_MESSAGES.to_string()});
    assert_eq!(bot.ask(Method::PUT, &overwrite, deny).await.0, 204);
    let posts = format!("/channels/{id}/messages");
    assert_eq!(code(&bot.post(&posts, say.clone()).await), (403, 50013));
    let allow = json!({"type": 1, "allow": p::SEND_MESSAGES.to_string()});
    let own = format!("/channels/{id}/permissions/{}", bot.application);
    assert_eq!(bot.ask(Method::PUT, &own, allow).await.0, 204);
    assert_eq!(
        bot.post(&posts, say).await.0,
        200,
        "the member's overwrite comes last"
    );
    let foreign = json!({"type": 0, "allow": "8"});
    assert_eq!(
        code(&bot.ask(Method::PUT, &own, foreign).await),
        (403, 50013),
        "a bit the bot lacks"
    );
}

#[tokio::test]
async fn a_post_wakes_an_archived_thread_and_a_locked_one_is_its_managers() {
    let bot = Bot::new();
    let forum = bot.channel(json!({"name": "f", "type": 15})).await;
    let body = json!({"name": "post", "message": quiet(json!({"content": "first"}))});
    let (status, post) = bot.post(&format!("/channels/{forum}/threads"), body).await;
    assert_eq!(status, 201, "{post}");
    assert_eq!(post["id"], post["message"]["id"]);
    let path = format!("/channels/{}", post["id"].as_str().unwrap());
    let shut = json!({"archived": true, "locked": true});
    let shut = bot.ask(Method::PATCH, &path, shut).await;
    assert_eq!(shut.1["thread_metadata"]["locked"], true);
    let active = format!("/guilds/{}/threads/active", bot.guild);
    assert_eq!(bot.get(&active).await.1["threads"], json!([]));
    let archived = format!("/channels/{forum}/threads/archived/public");
    assert_eq!(bot.get(&archived).await.1["threads"][0]["id"], post["id"]);
    bot.allow(p::ALL & !p::MANAGE_THREADS);
    let say = quiet(json!({"content": "x"}));
    let messages = format!("{path}/messages");
    assert_eq!(code(&bot.post(&messages, say.clone()).await), (403, 50013));
    let open = json!({"locked": false});
    assert_eq!(
        code(&bot.ask(Method::PATCH, &path, open).await),
        (403, 50013)
    );
    bot.allow(p::ALL);
    assert_eq!(bot.post(&messages, say).await.0, 200);
    let (_, now) = bot.get(&path).await;
    assert_eq!(now["thread_metadata"]["archived"], false);
}

#[tokio::test]
async fn the_third_rename_waits_although_headers_show_requests_left_and_faults_apply() {
    let clock = Clock::manual();
    let bot = Bot::with(DoubleOptions {
        clock: clock.clone(),
        ..DoubleOptions::default()
    });
    let id = bot.channel(json!({"name": "a"})).await;
    let path = format!("/channels/{id}");
    let mut seen = Vec::new();
    for topic in ["1", "2", "3"] {
        seen.push(
            bot.ask(Method::PATCH, &path, json!({"topic": topic}))
                .await
                .0,
        );
    }
    assert_eq!(seen, [200, 200, 429]);
    let counters = bot.double.counters();
    assert_eq!((counters.hidden_limited, counters.invalid), (1, 1));
    let moved = bot.ask(Method::PATCH, &path, json!({"parent_id": null}));
    assert_eq!(moved.await.0, 200, "only name and topic count");
    clock.advance(std::time::Duration::from_mins(10));
    let third = bot.ask(Method::PATCH, &path, json!({"topic": "3"}));
    assert_eq!(third.await.0, 200);
    bot.double.fault(Fault::status(503).times(1));
    assert_eq!(bot.get(&path).await.0, 503);
}
