//! Borrowed texts, lists that tell absent from null, and the few annotations and labels that concern us.

use super::object::Object;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A string that borrows from the input unless escapes forbid it.
///
/// `Option<Cow<str>>` would copy always: serde borrows a `Cow` only where it is a field of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A list that is absent, null or there: a patch adds the whole list in the first two cases.
#[derive(Debug, Default)]
pub(crate) enum Seq<T> {
    #[default]
    Absent,
    Null,
    Items(Vec<T>),
}

impl<T> Seq<T> {
    pub(crate) fn items(&self) -> &[T] {
        match self {
            Self::Items(items) => items,
            Self::Absent | Self::Null => &[],
        }
    }

    /// What [`Presence`] a patch meets.
    pub(crate) fn presence(&self) -> Presence {
        match self {
            Self::Absent => Presence::Absent,
            Self::Null => Presence::Null,
            Self::Items(_) => Presence::There,
        }
    }
}

/// Whether a list or mapping is there to be added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Presence {
    #[default]
    Absent,
    Null,
    There,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Seq<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeqVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for SeqVisitor<T> {
            type Value = Seq<T>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list or null")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Seq::Null)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(Object(item)) = access.next_element::<Object<T>>()? {
                    items.push(item);
                }
                Ok(Seq::Items(items))
            }
        }
        deserializer.deserialize_any(SeqVisitor(PhantomData))
    }
}

/// Keys and values.
type Entries<'a> = Vec<(Text<'a>, Text<'a>)>;

/// The annotations under our prefix, and those others define that we must read or merge.
#[derive(Debug, Default)]
pub(crate) struct Annotations<'a> {
    pub(crate) presence: Presence,
    entries: Entries<'a>,
}

/// Annotation of mirror Pods, which stand for static Pods and cannot be changed.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";
/// Annotation that lets the cluster autoscaler evict a Pod in spite of its local volumes.
pub(crate) const SAFE_TO_EVICT: &str =
    "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

impl Annotations<'_> {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(name, _)| &**name == key)
            .map(|(_, value)| &**value)
    }

    /// Those under our prefix, the prefix cut off.
    pub(crate) fn ours(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(sidecar::names::PREFIX)?, &**value)))
    }

    fn concerns_us(key: &str) -> bool {
        key.starts_with(sidecar::names::PREFIX) || key == MIRROR || key == SAFE_TO_EVICT
    }
}

/// Whether there are labels, and the value of ours.
#[derive(Debug, Default)]
pub(crate) struct Labels<'a> {
    pub(crate) presence: Presence,
    pub(crate) injected: Option<Text<'a>>,
}

/// Reads a mapping of texts, keeping what `keep` accepts. A value that is no text is skipped unless it is kept.
fn read_map<'de, D: Deserializer<'de>>(
    deserializer: D,
    keep: fn(&str) -> bool,
) -> Result<(Presence, Entries<'de>), D::Error> {
    struct MapVisitor(fn(&str) -> bool);
    impl<'de> Visitor<'de> for MapVisitor {
        type Value = (Presence, Entries<'de>);
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a mapping of strings or null")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok((Presence::Null, Vec::new()))
        }
        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(key) = access.next_key::<Text<'de>>()? {
                if (self.0)(&key) {
                    let value = access.next_value::<Text<'de>>()?;
                    entries.push((key, value));
                } else {
                    access.next_value::<IgnoredAny>()?;
                }
            }
            Ok((Presence::There, entries))
        }
    }
    deserializer.deserialize_any(MapVisitor(keep))
}

/// The keys of a mapping that have a value.
#[derive(Debug, Default)]
pub(crate) struct Keys<'a>(Vec<Text<'a>>);

impl Keys<'_> {
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|known| &**known == key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some(key) = access.next_key::<Text<'de>>()? {
                    if access.next_value::<Option<IgnoredAny>>()?.is_some() {
                        keys.push(key);
                    }
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (presence, entries) = read_map(deserializer, Self::concerns_us)?;
        Ok(Self { presence, entries })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (presence, entries) = read_map(deserializer, |key| key == sidecar::names::INJECTED)?;
        let injected = entries.into_iter().next().map(|(_, value)| value);
        Ok(Self { presence, injected })
    }
}
