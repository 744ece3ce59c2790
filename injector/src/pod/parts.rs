//! Containers and volumes, as far as we read them.

use super::text::{Seq, Text};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) image: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) env: Seq<Env<'a>>,
    #[serde(default, deserialize_with = "is_there")]
    pub(crate) env_from: bool,
    #[serde(borrow, default)]
    pub(crate) volume_mounts: Seq<Mount<'a>>,
    #[serde(borrow, default)]
    pub(crate) security_context: Option<ContainerSecurity<'a>>,
    #[serde(borrow, default)]
    pub(crate) resources: Option<Resources<'a>>,
    #[serde(default)]
    pub(crate) ports: Seq<Port>,
    /// Of an init container: `Always` makes it a native sidecar.
    #[serde(borrow, default)]
    pub(crate) restart_policy: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Env<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) value: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) value_from: Option<&'a RawValue>,
}

/// Named as Kubernetes names its fields.
#[allow(clippy::struct_field_names, reason = "Kubernetes' names")]
#[derive(Debug, Default)]
pub(crate) struct Mount<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) mount_path: Text<'a>,
    pub(crate) read_only: Option<bool>,
    pub(crate) sub_path: Option<Text<'a>>,
    pub(crate) sub_path_expr: Option<Text<'a>>,
    pub(crate) mount_propagation: Option<Text<'a>>,
    /// Whether it has fields besides these.
    pub(crate) others: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Mount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MountVisitor;
        impl<'de> Visitor<'de> for MountVisitor {
            type Value = Mount<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a volume mount")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut mount = Mount::default();
                while let Some(key) = access.next_key::<Text<'de>>()? {
                    match &*key {
                        "name" => mount.name = access.next_value()?,
                        "mountPath" => mount.mount_path = access.next_value()?,
                        "readOnly" => mount.read_only = access.next_value()?,
                        "subPath" => mount.sub_path = access.next_value()?,
                        "subPathExpr" => mount.sub_path_expr = access.next_value()?,
                        "mountPropagation" => mount.mount_propagation = access.next_value()?,
                        _ => {
                            access.next_value::<IgnoredAny>()?;
                            mount.others = true;
                        }
                    }
                }
                Ok(mount)
            }
        }
        deserializer.deserialize_map(MountVisitor)
    }
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerSecurity<'a> {
    #[serde(default)]
    pub(crate) run_as_user: Option<i64>,
    #[serde(default)]
    pub(crate) run_as_group: Option<i64>,
    #[serde(default)]
    pub(crate) run_as_non_root: Option<bool>,
    #[serde(borrow, default)]
    pub(crate) seccomp_profile: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) app_armor_profile: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) se_linux_options: Option<&'a RawValue>,
}

#[allow(clippy::struct_field_names, reason = "Kubernetes' names")]
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodSecurity {
    #[serde(default)]
    pub(crate) run_as_user: Option<i64>,
    #[serde(default)]
    pub(crate) run_as_group: Option<i64>,
    #[serde(default)]
    pub(crate) run_as_non_root: Option<bool>,
}

/// What a container (or a Pod as a whole) asks for; amounts as they are written, since `1` and `"1"` are both legal.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Resources<'a> {
    #[serde(borrow, default)]
    pub(crate) requests: Option<Amounts<'a>>,
    #[serde(borrow, default)]
    pub(crate) limits: Option<Amounts<'a>>,
}

#[derive(Debug, serde::Deserialize)]
pub(crate) struct Amounts<'a> {
    #[serde(borrow, default)]
    pub(crate) cpu: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) memory: Option<&'a RawValue>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port {
    #[serde(default)]
    pub(crate) container_port: Option<i64>,
    #[serde(default)]
    pub(crate) host_port: Option<i64>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
    /// The API server's token volumes are of this kind.
    #[serde(borrow, default)]
    pub(crate) projected: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "is_there")]
    pub(crate) config_map: bool,
    #[serde(default, deserialize_with = "is_there")]
    pub(crate) secret: bool,
    #[serde(default, deserialize_with = "is_there")]
    pub(crate) downward_api: bool,
}

/// A named object in the same namespace.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Reference<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
}

/// Whether a field is there and neither null nor an empty list.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(!matches!(raw.get(), "null" | "[]"))
}
