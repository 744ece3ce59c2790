//! Clusters whose Pods reach Discord only through a proxy.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::time::Duration;
use support::discord::{Discord, TOKEN};
use support::watcher::Pod;
use support::{eventually, lines};

#[test]
fn https_proxy_is_asked_for_a_tunnel_and_sees_no_token() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut pod = Pod::without_webhook();
    pod.set(
        "DISCORD_WEBHOOK_URL",
        &format!("https://discord.invalid/api/webhooks/1/{TOKEN}"),
    );
    pod.set(
        "HTTPS_PROXY",
        &format!("http://{}", proxy.local_addr().unwrap()),
    );
    pod.append(&lines(0..5));
    let _watcher = pod.start();
    let (stream, _) = proxy.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let head: Vec<String> = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    assert_eq!(head[0], "CONNECT discord.invalid:443 HTTP/1.1");
    assert!(!head.concat().contains(TOKEN), "{head:?}");
}

#[test]
fn no_proxy_wins_over_the_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let discord = Discord::start();
    let mut pod = Pod::new(&discord);
    let address = format!("http://{}", proxy.local_addr().unwrap());
    pod.set("HTTP_PROXY", &address)
        .set("HTTPS_PROXY", &address)
        .set("NO_PROXY", "127.0.0.1,.svc");
    pod.append(&lines(0..5));
    let _watcher = pod.start();
    eventually("all events", || (discord.events().len() >= 5).then_some(()));
    assert!(proxy.accept().is_err(), "the proxy was asked all the same");
}
