//! Field types that accept any JSON value: the expected kind is kept, any other reads as absent.

use super::text::Text;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A number; `None` for any other value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Number(pub Option<f64>);

/// A truth value; `None` for any other value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub Option<bool>);

impl Number {
    /// The number as a count; negative, absent and not-a-number are 0, what is too large saturates.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a saturating cast is what is wanted"
    )]
    pub fn count(self) -> u64 {
        self.0.map_or(0, |number| number as u64)
    }
}

impl Flag {
    /// Whether the value was `true`.
    pub fn is_true(self) -> bool {
        self.0 == Some(true)
    }
}

/// The methods of a visitor that swallow a kind of value nobody asked for.
macro_rules! otherwise {
    () => {};
    (bool $($rest:ident)*) => {
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> { Ok(Default::default()) }
        $crate::record::loose::otherwise!($($rest)*);
    };
    (number $($rest:ident)*) => {
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> { Ok(Default::default()) }
        $crate::record::loose::otherwise!($($rest)*);
    };
    (string $($rest:ident)*) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> { Ok(Default::default()) }
        $crate::record::loose::otherwise!($($rest)*);
    };
    (unit $($rest:ident)*) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> { Ok(Default::default()) }
        $crate::record::loose::otherwise!($($rest)*);
    };
    (list $($rest:ident)*) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
        $crate::record::loose::otherwise!($($rest)*);
    };
    (map $($rest:ident)*) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Default::default())
        }
        $crate::record::loose::otherwise!($($rest)*);
    };
}
pub(crate) use otherwise;

impl<'de> Deserialize<'de> for Number {
    /// Through the text: a parser refuses a number that no `f64` holds, and the whole record with it.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(from)?.get();
        let number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let number = number.then(|| raw.parse().ok()).flatten();
        Ok(Self(number.filter(|number: &f64| number.is_finite())))
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Flag;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(Some(flag)))
    }
    otherwise!(number string unit list map);
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FlagVisitor)
    }
}

/// A key of an object, borrowed when it holds no escapes.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(KeyVisitor)
    }
}

/// A struct read from an object by key names; repeated keys overwrite, and a value that is no object is the default.
///
/// serde's derive would refuse a repeated key, which two dialects in one record (`sessionId`, `session_id`) make likely.
macro_rules! loose {
    ($(#[$meta:meta])* $vis:vis struct $Name:ident<$lt:lifetime> {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $($key:literal)|+,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $vis struct $Name<$lt> { $($(#[$field_meta])* $vis $field: $type,)* }

        impl<$lt> serde::Deserialize<$lt> for $Name<$lt> {
            fn deserialize<D: serde::Deserializer<$lt>>(from: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<$lt> serde::de::Visitor<$lt> for Reader {
                    type Value = $Name<$lt>;
                    $crate::record::loose!(@visit $lt $Name { $($field = $($key)|+,)* });
                }
                from.deserialize_any(Reader)
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $Name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $($key:literal)|+,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default)]
        $vis struct $Name { $($(#[$field_meta])* $vis $field: $type,)* }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<'de> serde::de::Visitor<'de> for Reader {
                    type Value = $Name;
                    $crate::record::loose!(@visit 'de $Name { $($field = $($key)|+,)* });
                }
                from.deserialize_any(Reader)
            }
        }
    };
    (@visit $lt:lifetime $Name:ident { $($field:ident = $($key:literal)|+,)* }) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_map<A: serde::de::MapAccess<$lt>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = $Name::default();
            while let Some(key) = map.next_key::<$crate::record::Key<$lt>>()? {
                match &*key.0 {
                    $($($key)|+ => found.$field = map.next_value()?,)*
                    _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                }
            }
            Ok(found)
        }
        fn visit_seq<A: serde::de::SeqAccess<$lt>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok($Name::default())
        }
        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> { Ok($Name::default()) }
        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> { Ok($Name::default()) }
        fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> { Ok($Name::default()) }
        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> { Ok($Name::default()) }
        fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> { Ok($Name::default()) }
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> { Ok($Name::default()) }
    };
}
pub(crate) use loose;

/// `raw` read as `T`; the default when it is absent or does not fit.
pub fn lenient<'de, T: Deserialize<'de> + Default>(raw: Option<&'de RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

/// The string that `raw` holds; `None` when it is no string.
pub fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    Text::of(raw).0
}

/// More elements than a person would look at; what comes after is skipped.
const ELEMENTS: usize = 4096;

/// An array, its first elements; empty for any other value.
#[derive(Debug, Clone)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut found = Vec::new();
        while found.len() < ELEMENTS {
            match list.next_element()? {
                Some(element) => found.push(element),
                None => return Ok(List(found)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List(found))
    }
    otherwise!(bool number string unit map);
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ListVisitor(PhantomData))
    }
}
