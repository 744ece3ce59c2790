use super::*;

const OURS: &str =
    r#"{"limits":{"cpu":"100m","memory":"64Mi"},"requests":{"cpu":"10m","memory":"32Mi"}}"#;

fn asked(definition: &str) -> Asked<'_> {
    Asked {
        definition: Some(definition),
        own: Vec::new(),
    }
}

fn of(spec: &str) -> Quality {
    let json = format!(r#"{{"spec":{spec}}}"#);
    let pod = Pod::read(json.as_bytes()).unwrap();
    quality(&pod, |name| name == "ours", &[&asked(OURS)])
}

#[test]
fn equal_requests_and_limits_are_guaranteed() {
    let full =
        r#"{"limits":{"cpu":1,"memory":"1Gi"},"requests":{"cpu":"1000m","memory":"1024Mi"}}"#;
    let only_limits = r#"{"limits":{"cpu":"1","memory":"1Gi"}}"#;
    let less = r#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}}"#;
    let two =
        |a: &str, b: &str| format!(r#"{{"containers":[{{"resources":{a}}},{{"resources":{b}}}]}}"#);
    assert_eq!(of(&two(full, only_limits)), Quality::Guaranteed);
    assert_eq!(of(&two(full, less)), Quality::Other);
    assert_eq!(of(r#"{"containers":[{}]}"#), Quality::Other);
}

/// A Pod that takes this CPU and one GiB as a whole, with these further fields.
fn whole(cpu: &str, fields: &str) -> Quality {
    of(&format!(
        r#"{{"resources":{{"limits":{{"cpu":"{cpu}","memory":"1Gi"}},"requests":{{"cpu":"{cpu}","memory":"1Gi"}}}},{fields}}}"#
    ))
}

#[test]
fn ours_fit_into_what_the_pod_as_a_whole_takes_or_ask_for_nothing_or_stay_away() {
    let one = |cpu: &str, container: &str| {
        whole(
            cpu,
            &format!(r#""containers":[{{"resources":{container}}}]"#),
        )
    };
    let asks = r#"{"requests":{"cpu":"500m","memory":"512Mi"}}"#;
    assert_eq!(one("1", "{}"), Quality::Other, "there is room");
    assert_eq!(one("510m", asks), Quality::Other, "exactly enough");
    assert_eq!(
        one("509m", asks),
        Quality::NoRoom,
        "a LimitRange may want amounts of each container"
    );
    assert_eq!(
        one("99m", "{}"),
        Quality::WholePod,
        "our limit alone is above the Pod's"
    );
    assert_eq!(
        one("99m", r#"{"limits":{"cpu":"99m"}}"#),
        Quality::WholePod,
        "memory is nobody's own"
    );
}

#[test]
fn of_containers_that_run_one_after_the_other_the_largest_counts() {
    let pod = |cpu: &str, init: &str| {
        let asks = r#"{"requests":{"cpu":"500m","memory":"1Mi"}}"#;
        let init = init.replace("ASKS", &format!(r#""resources":{asks}"#));
        whole(
            cpu,
            &format!(r#""initContainers":[{init}],"containers":[{{"resources":{asks}}}]"#),
        )
    };
    let sidecar = r#"{"restartPolicy":"Always",ASKS}"#;
    let ours = r#"{"name":"ours","restartPolicy":"Always"}"#;
    assert_eq!(pod("510m", "{ASKS}"), Quality::Other);
    assert_eq!(pod("510m", "{ASKS},{ASKS}"), Quality::Other);
    assert_eq!(pod("509m", "{ASKS}"), Quality::NoRoom);
    assert_eq!(pod("1009m", sidecar), Quality::NoRoom);
    assert_eq!(pod("1010m", sidecar), Quality::Other);
    assert_eq!(pod("1010m", &format!("{sidecar},{{ASKS}}")), Quality::Other);
    // What another put behind ours runs beside it.
    assert_eq!(pod("510m", &format!("{ours},{{ASKS}}")), Quality::Other);
    let last = format!("{sidecar},{ours},{{ASKS}}");
    assert_eq!(pod("1009m", &last), Quality::NoRoom);
    assert_eq!(pod("1010m", &last), Quality::Other);
}

#[test]
fn a_pods_own_amounts_for_ours_count_towards_the_whole() {
    let json = r#"{"spec":{"resources":{"requests":{"cpu":"1"}},"containers":[{"resources":{"requests":{"cpu":"500m","memory":"1Mi"}}}]}}"#;
    let pod = Pod::read(json.as_bytes()).unwrap();
    let with = |amount: &str| {
        let own = vec![
            ("limits", "cpu", "2".to_owned()),
            ("requests", "cpu", amount.to_owned()),
        ];
        let asked = Asked {
            definition: Some(OURS),
            own,
        };
        quality(&pod, |_| false, &[&asked])
    };
    assert_eq!(with("500m"), Quality::Other);
    assert_eq!(with("501m"), Quality::NoRoom);
    // Without a request the limit is the request.
    assert_eq!(with(""), Quality::NoRoom);
}

#[test]
fn ours_follow_the_quality() {
    let ours = asked(r#"{"limits":{"cpu":"100m","memory":"1Mi"},"requests":{"cpu":"10m"}}"#);
    assert_eq!(fitted(&ours, Quality::Other), None);
    assert_eq!(
        fitted(&ours, Quality::Guaranteed).as_deref(),
        Some(
            r#"{"limits":{"cpu":"100m","memory":"1Mi"},"requests":{"cpu":"100m","memory":"1Mi"}}"#
        )
    );
    assert_eq!(fitted(&ours, Quality::WholePod).as_deref(), Some("{}"));
}

#[test]
fn a_definition_without_a_limit_gets_one_where_the_pod_is_guaranteed() {
    for (definition, cpu) in [
        (
            r#"{"limits":{"memory":"64Mi"},"requests":{"cpu":"20m"}}"#,
            "20m",
        ),
        (r#"{"limits":{"memory":"64Mi"}}"#, "100m"),
    ] {
        let text = fitted(&asked(definition), Quality::Guaranteed).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["limits"]["cpu"], cpu, "{definition}");
        assert_eq!(value["requests"], value["limits"], "{definition}");
    }
}

/// Fitted to any Pod, with one amount of the Pod's own.
fn with(kind: &'static str, amount: &str) -> String {
    let asked = Asked {
        definition: Some(r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"10m"}}"#),
        own: vec![(kind, "cpu", amount.to_owned())],
    };
    fitted(&asked, Quality::Other).unwrap()
}

#[test]
fn a_pods_own_amount_wins_and_an_empty_one_takes_away() {
    assert_eq!(
        with("limits", "1"),
        r#"{"limits":{"cpu":"1"},"requests":{"cpu":"10m"}}"#
    );
    assert_eq!(
        with("limits", ""),
        r#"{"limits":{},"requests":{"cpu":"10m"}}"#
    );
}

#[test]
fn a_request_never_exceeds_its_limit() {
    assert_eq!(
        with("requests", "2"),
        r#"{"limits":{"cpu":"100m"},"requests":{"cpu":"100m"}}"#
    );
}
