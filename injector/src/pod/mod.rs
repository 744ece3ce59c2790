//! The narrow view of a Pod: the few fields the injector reads, borrowed from the request's bytes.
//!
//! Every field not named here, known to Kubernetes or not, is skipped and survives, for patches only add to what
//! stands in the original.

mod object;
mod parts;
mod text;

pub(crate) use parts::{
    Amounts, Container, ContainerSecurity, Env, Mount, PodSecurity, Reference, Resources, Volume,
};
pub(crate) use text::{Annotations, Keys, Labels, MIRROR, Presence, SAFE_TO_EVICT, Seq, Text};

pub(crate) use object::Object;

use crate::json;
use object::{object, raw_object};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A Pod, or the template of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pod<'a> {
    #[serde(borrow, default, deserialize_with = "metadata")]
    pub(crate) metadata: Metadata<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    pub(crate) spec: Spec<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata<'a> {
    /// The API server's Pods have one; a template in a file may have none.
    #[serde(skip)]
    pub(crate) presence: Presence,
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) generate_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) namespace: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) annotations: Annotations<'a>,
    #[serde(borrow, default)]
    pub(crate) labels: Labels<'a>,
    #[serde(borrow, default)]
    pub(crate) owner_references: Seq<Owner<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Owner<'a> {
    #[serde(borrow, default)]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec<'a> {
    #[serde(borrow, default)]
    pub(crate) restart_policy: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) host_network: Option<bool>,
    #[serde(borrow, default)]
    pub(crate) service_account_name: Option<Text<'a>>,
    #[serde(borrow, default, rename = "serviceAccount")]
    pub(crate) old_service_account: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) automount_service_account_token: Option<bool>,
    /// Read twice: as [`PodSecurity`], and for the keys it has.
    #[serde(borrow, default, deserialize_with = "raw_object")]
    pub(crate) security_context: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) os: Option<Os<'a>>,
    #[serde(borrow, default)]
    pub(crate) resources: Option<Resources<'a>>,
    #[serde(borrow, default)]
    pub(crate) volumes: Seq<Volume<'a>>,
    #[serde(borrow, default)]
    pub(crate) containers: Seq<Container<'a>>,
    #[serde(borrow, default)]
    pub(crate) init_containers: Seq<Container<'a>>,
    #[serde(borrow, default)]
    pub(crate) image_pull_secrets: Seq<Reference<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Os<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
}

fn metadata<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata<'a>, D::Error> {
    let found = Option::<Object<Metadata<'a>>>::deserialize(deserializer)?;
    let presence = if found.is_some() {
        Presence::There
    } else {
        Presence::Null
    };
    Ok(Metadata {
        presence,
        ..found.map(|found| found.0).unwrap_or_default()
    })
}

impl Pod<'_> {
    /// Reads the view from a Pod's JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Pod<'_>, serde_json::Error> {
        json::read::<Object<Pod<'_>>>(json).map(|pod| pod.0)
    }

    /// The Pod's own security context, as far as containers inherit it.
    pub(crate) fn security(&self) -> PodSecurity {
        self.spec
            .security_context
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }

    /// Whether the Pod ends by itself: its containers are not restarted for ever.
    pub(crate) fn ends_by_itself(&self) -> bool {
        matches!(
            self.spec.restart_policy.as_deref(),
            Some("Never" | "OnFailure")
        )
    }

    /// Name for a log line: the Pod's own, or the start its controller gave it.
    pub(crate) fn display_name(&self) -> &str {
        let meta = &self.metadata;
        let name = meta.name.as_deref().filter(|name| !name.is_empty());
        name.or(meta.generate_name.as_deref()).unwrap_or_default()
    }
}
