//! JSON whose keys stay in the order they were written in. Clients begin a record with `parentUuid` or `type`, and that
//! is what a reader looks for after a record that was cut; a sorted map would begin it with `cwd`.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use std::borrow::Cow;

/// A JSON value; objects keep the order of their keys.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    /// Anything without an order of its own.
    Value(Value),
    /// A string.
    Text(Cow<'static, str>),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Map(Fields),
}

/// The fields of an object, in order.
pub(crate) type Fields = Vec<(Cow<'static, str>, Json)>;

/// An object with its keys in the order given.
macro_rules! obj {
    ($($key:literal : $value:expr),* $(,)?) => {
        $crate::transcript::json::Json::Map(vec![$((
            ::std::borrow::Cow::Borrowed($key), ::std::convert::Into::<$crate::transcript::json::Json>::into($value)
        )),*])
    };
}
pub(crate) use obj;

impl Json {
    /// The fields of an object; none for anything else.
    pub(crate) fn fields(self) -> Fields {
        match self {
            Self::Map(fields) => fields,
            _ => Vec::new(),
        }
    }

    /// Appends a field to an object.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Json>) -> Self {
        if let Self::Map(fields) = &mut self {
            fields.push((key.into(), value.into()));
        }
        self
    }

    /// Replaces the field of that name, wherever it stands.
    pub(crate) fn set(&mut self, key: &str, to: &Json) {
        if let Self::Map(fields) = self {
            for (name, value) in fields {
                if name == key {
                    *value = to.clone();
                }
            }
        }
    }

    /// The text of a line, without its end.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail and no map has keys that are not strings.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(to),
            Self::Text(text) => to.serialize_str(text),
            Self::List(list) => {
                let mut seq = to.serialize_seq(Some(list.len()))?;
                for one in list {
                    seq.serialize_element(one)?;
                }
                seq.end()
            }
            Self::Map(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (key, value) in fields {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

macro_rules! from_plain {
    ($($of:ty),*) => {$(impl From<$of> for Json {
        fn from(value: $of) -> Self {
            Self::Value(value.into())
        }
    })*};
}
from_plain!(bool, u64, i64, u32, i32, usize, f64, Value);

impl From<&'static str> for Json {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<Json>> for Json {
    fn from(list: Vec<Json>) -> Self {
        Self::List(list)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Value(Value::Null), Into::into)
    }
}
