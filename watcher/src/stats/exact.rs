//! What a client's own result records say a session cost, by model. Where messages came after the last of them it is
//! not the whole cost, and none is said.

use crate::price::normalise;
use crate::usage::SessionTotals;
use std::collections::BTreeMap;

/// US dollars by the name that the session's messages have for a model: a result record may name the same one
/// differently (`[1m]`). A model that no message names keeps the record's name; clients use small ones unseen.
pub(super) fn by_model(session: &SessionTotals) -> BTreeMap<&str, f64> {
    let mut sums = BTreeMap::new();
    for (said, dollars) in &session.exact_models {
        *sums.entry(own_name(session, said)).or_insert(0.0) += dollars;
    }
    for more in session
        .since_exact
        .iter()
        .filter(|one| one.tally.messages > 0)
    {
        sums.remove(more.model.as_str());
    }
    sums
}

fn own_name<'a>(session: &'a SessionTotals, said: &'a str) -> &'a str {
    let names = || {
        let used = session.models.iter().filter(|one| one.tally.messages > 0);
        used.map(|one| one.model.as_str())
    };
    if names().any(|name| name == said) {
        return said;
    }
    let plain = normalise(said);
    let mut alike = names().filter(|name| normalise(name) == plain);
    match (alike.next(), alike.next()) {
        (Some(name), None) => name,
        _ => said,
    }
}

/// US dollars of `model` over all sessions; none when one of those that used it does not say it.
pub(super) fn of_model(sessions: &[SessionTotals], model: &str) -> Option<f64> {
    let mut sum = None;
    for session in sessions {
        let used = session
            .models
            .iter()
            .any(|one| one.model == model && one.tally.messages > 0);
        match by_model(session).get(model) {
            Some(dollars) => *sum.get_or_insert(0.0) += dollars,
            None if used => return None,
            None => {}
        }
    }
    sum
}

/// US dollars of one session.
pub(super) fn of_session(session: &SessionTotals) -> Option<f64> {
    session.exact_cost.filter(|_| session.is_exact())
}

/// US dollars of all sessions; none when one of those that cost something does not say it.
pub(super) fn of_all(sessions: &[SessionTotals]) -> Option<f64> {
    let mut sum = None;
    for session in sessions {
        let used = session.models.iter().any(|one| one.tally.messages > 0);
        match of_session(session) {
            Some(dollars) => *sum.get_or_insert(0.0) += dollars,
            None if used => return None,
            None => {}
        }
    }
    sum
}

/// The names of all models that result records name.
pub(super) fn named(sessions: &[SessionTotals]) -> impl Iterator<Item = &str> {
    sessions
        .iter()
        .flat_map(|session| by_model(session).into_keys())
}
