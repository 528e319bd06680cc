//! Envoy's v3 API as data: every message that may stand in a configuration, its fields and the constraints that Envoy checks.
//! The table is text beside this file, 250 kB, and is read only when the first Envoy file is.
//!
//! Made by `cargo run -p xtask -- envoy-schema TABLE.json`, where `TABLE.json` comes from `xtask/envoy/schema_table.py` and the
//! descriptor set of the package `envoy-types` (its header names the release). A line `E` is an enum with its values, `M` a
//! message with the oneofs of which one member must be set; the lines below a message are its fields: name, type (`#n` the
//! n-th enum, `@n` the n-th message), then attributes.

mod constraint;
mod suggest;
mod v2;
mod value;
mod walk;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub(super) use suggest::nearest;
pub use walk::{Finding, Strictness, walk};

use super::scalar::camel_case;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The type of a field, or of a map field's values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Type {
    /// `bool`
    Bool,
    /// `string`
    Text,
    /// `bytes`, base64
    Bytes,
    /// `double` and `float`
    Float,
    /// An integer of that width in bits.
    Integer {
        /// Whether it may be negative.
        signed: bool,
        /// 32 or 64.
        bits: u8,
    },
    /// The index of an enum.
    Enum(u32),
    /// The index of a message.
    Message(u32),
}

/// What a message is to the loader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Its fields.
    Fields,
    /// `"1.5s"`, or its fields.
    Duration,
    /// Names its message by `@type`.
    Any,
    /// Any map.
    Struct,
    /// Any list.
    List,
    /// Not checked.
    Free,
    /// The value alone, or a map with the key `value`.
    Wrapper(Type),
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// `envoy.config.route.v3.Route`
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// Groups of which one member must be set.
    pub required: Vec<&'static str>,
    fields: (u32, u32),
}

impl Message {
    /// `Route`
    pub fn short(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// In snake case.
    pub name: &'static str,
    /// Its type.
    pub of: Type,
    /// A list.
    pub repeated: bool,
    /// Keys are data.
    pub map: bool,
    /// The group of which only one may be set.
    pub oneof: Option<&'static str>,
    /// Constraints: name and limit.
    pub rules: Vec<(&'static str, &'static str)>,
}

/// An enum.
#[derive(Debug)]
pub struct Enum {
    /// Its full name.
    pub name: &'static str,
    /// Names and numbers.
    pub values: Vec<(&'static str, i32)>,
}

/// The whole table.
#[derive(Debug, Default)]
pub struct Schema {
    messages: Vec<Message>,
    fields: Vec<Field>,
    enums: Vec<Enum>,
    by_name: HashMap<&'static str, u32>,
}

static TABLE: &str = include_str!("table.tsv");

/// The table, read on first use.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| read(TABLE))
}

impl Schema {
    /// The message of a full name.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// A message.
    pub fn message(&self, id: u32) -> &Message {
        &self.messages[id as usize]
    }

    /// The fields of a message, by name.
    pub fn fields(&self, id: u32) -> &[Field] {
        let (from, to) = self.message(id).fields;
        &self.fields[from as usize..to as usize]
    }

    /// An enum.
    pub fn enum_of(&self, id: u32) -> &Enum {
        &self.enums[id as usize]
    }

    /// The field that a key names, in either spelling: its index in [`Schema::fields`].
    pub fn field(&self, id: u32, key: &str) -> Option<usize> {
        let fields = self.fields(id);
        if let Ok(i) = fields.binary_search_by(|f| f.name.cmp(key)) {
            return Some(i);
        }
        let camel = key.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        camel.then(|| fields.iter().position(|f| camel_case(f.name) == key)).flatten()
    }

    /// All names of messages.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.messages.iter().map(|m| m.name)
    }
}

fn read(table: &'static str) -> Schema {
    let mut out = Schema::default();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let mut parts = line.split('\t');
        let (head, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match head {
            "E" => {
                let values = parts.filter_map(|p| p.split_once('=')).filter_map(|(n, v)| Some((n, v.parse().ok()?)));
                out.enums.push(Enum { name: second, values: values.collect() });
            }
            "M" => {
                let at = out.fields.len() as u32;
                out.by_name.insert(second, out.messages.len() as u32);
                out.messages.push(Message { name: second, shape: shape(second), required: parts.collect(), fields: (at, at) });
            }
            name => {
                let mut field = Field { name, of: type_of(second), repeated: false, map: false, oneof: None, rules: Vec::new() };
                for part in parts {
                    match part.split_once('=') {
                        Some(("oneof", group)) => field.oneof = Some(group),
                        Some(rule) => field.rules.push(rule),
                        None if part == "repeated" => field.repeated = true,
                        None if part == "map" => field.map = true,
                        None => field.rules.push((part, "")),
                    }
                }
                out.fields.push(field);
                if let Some(message) = out.messages.last_mut() {
                    message.fields.1 += 1;
                }
            }
        }
    }
    out
}

fn shape(name: &str) -> Shape {
    let integer = |signed, bits| Shape::Wrapper(Type::Integer { signed, bits });
    match name.strip_prefix("google.protobuf.") {
        Some("Duration") => Shape::Duration,
        Some("Any") => Shape::Any,
        Some("Struct") => Shape::Struct,
        Some("ListValue") => Shape::List,
        Some("Value" | "Timestamp" | "FieldMask") => Shape::Free,
        Some("BoolValue") => Shape::Wrapper(Type::Bool),
        Some("StringValue") => Shape::Wrapper(Type::Text),
        Some("BytesValue") => Shape::Wrapper(Type::Bytes),
        Some("DoubleValue" | "FloatValue") => Shape::Wrapper(Type::Float),
        Some("UInt32Value") => integer(false, 32),
        Some("UInt64Value") => integer(false, 64),
        Some("Int32Value") => integer(true, 32),
        Some("Int64Value") => integer(true, 64),
        _ => Shape::Fields,
    }
}

fn type_of(word: &str) -> Type {
    let index = |w: &str| w.parse().unwrap_or(u32::MAX);
    let integer = |signed, bits| Type::Integer { signed, bits };
    match word {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" | "float" => Type::Float,
        "uint32" | "fixed32" => integer(false, 32),
        "uint64" | "fixed64" => integer(false, 64),
        "int32" | "sint32" | "sfixed32" => integer(true, 32),
        "int64" | "sint64" | "sfixed64" => integer(true, 64),
        _ => match (word.strip_prefix('#'), word.strip_prefix('@')) {
            (Some(n), _) => Type::Enum(index(n)),
            (_, Some(n)) => Type::Message(index(n)),
            _ => Type::Text,
        },
    }
}
