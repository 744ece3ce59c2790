//! What an operator wants to know of an installation: whether the webhook works, which Pods went without it, and what
//! would refuse the next one.
//!
//! Promises: nothing is written; every list is read in pages and ends; what could not be looked at is said and never
//! counted as fine. Refuses to know: how the answer is shown.

mod api;
mod certificate;
mod cluster;
mod installation;
mod limits;
mod manifests;
mod security;
mod walk;
mod webhook;

pub(crate) use api::Api;
pub(crate) use cluster::cluster;
pub(crate) use manifests::manifests;

use serde::Serialize;
use std::time::Duration;

/// Most findings that are listed; a cluster with more has one cause for most of them.
const MOST_FINDINGS: usize = 1_000;

/// What is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `webhook`, `certificate`, `endpoints`, `bare`, `stale`, `misplaced`, `annotation`, `quota`, `limit-range` or
    /// `pod-security`.
    pub(crate) check: &'static str,
    /// `Kind/name`, or `Kind/namespace/name`.
    pub(crate) object: String,
    pub(crate) problem: String,
    pub(crate) cure: String,
}

/// What could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct NotSeen {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// How much was looked at.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Looked {
    pub(crate) namespaces: usize,
    pub(crate) workloads: usize,
    pub(crate) pods: usize,
    /// Pods and Pod templates that ask for a watcher.
    pub(crate) asking: usize,
}

/// The answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub(crate) further_findings: usize,
    pub(crate) not_seen: Vec<NotSeen>,
    pub(crate) looked: Looked,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        check: &'static str,
        object: impl Into<String>,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) {
        if self.findings.len() >= MOST_FINDINGS {
            self.further_findings += 1;
            return;
        }
        self.findings.push(Finding {
            check,
            object: object.into(),
            problem: problem.into(),
            cure: cure.into(),
        });
    }

    pub(crate) fn not_seen(&mut self, what: impl Into<String>, why: &impl ToString) {
        let one = NotSeen {
            what: what.into(),
            why: why.to_string(),
        };
        if self.not_seen.len() < MOST_FINDINGS && !self.not_seen.contains(&one) {
            self.not_seen.push(one);
        }
    }
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Pods, workloads and limits of this namespace alone.
    pub(crate) namespace: Option<String>,
    /// A certificate that ends sooner than this is a finding.
    pub(crate) expires_within: Duration,
    /// Seconds since 1970.
    pub(crate) now: i64,
}
