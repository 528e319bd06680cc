//! Envoy's field table, from JSON into the compact text that the program embeds: one line an enum, a message or a field.
//! Types that have a line of their own are named by its number. See `src/proxy/envoy/schema/mod.rs` for the reader.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const HEADER: &str = "\
# What Envoy's v3 API knows: derived from its protocol buffers (Apache-2.0) by `cargo run -p xtask -- envoy-schema`. Not edited by hand.
";

/// Writes the table of the project.
///
/// # Errors
/// What cannot be read, understood or written.
pub(crate) fn run(path: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let table: Value = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
    let out = compact(&table).ok_or_else(|| format!("{path}: not a field table"))?;
    let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/proxy/envoy/schema/table.tsv");
    std::fs::write(&to, out).map_err(|e| format!("{}: {e}", to.display()))
}

fn compact(table: &Value) -> Option<String> {
    let (messages, enums) = (table["messages"].as_object()?, table["enums"].as_object()?);
    let number = |of: &Map<String, Value>| -> BTreeMap<String, usize> { of.keys().enumerate().map(|(i, k)| (k.clone(), i)).collect() };
    let (message_at, enum_at) = (number(messages), number(enums));
    let mut out = HEADER.to_owned();
    writeln!(out, "# source: {}", table["about"]["source"].as_str()?).ok()?;
    for (name, values) in enums {
        write!(out, "E\t{name}").ok()?;
        for (value, number) in values.as_object()? {
            write!(out, "\t{value}={number}").ok()?;
        }
        out.push('\n');
    }
    for (name, message) in messages {
        write!(out, "M\t{name}").ok()?;
        for one in message["required_oneofs"].as_array().into_iter().flatten() {
            write!(out, "\t{}", one.as_str()?).ok()?;
        }
        out.push('\n');
        for (field, about) in message["fields"].as_object()? {
            let kind = about["type"].as_str()?;
            let kind = match (kind.strip_prefix("enum "), message_at.get(kind)) {
                (Some(name), _) => format!("#{}", enum_at.get(name)?),
                (None, Some(i)) => format!("@{i}"),
                (None, None) => kind.to_owned(),
            };
            write!(out, "{field}\t{kind}").ok()?;
            let set = |key: &str| about[key] == true;
            if set("repeated") {
                out.push_str("\trepeated");
            }
            if about["map_key"].is_string() {
                out.push_str("\tmap");
            }
            if let Some(one) = about["oneof"].as_str() {
                write!(out, "\toneof={one}").ok()?;
            }
            if set("disallowed_by_default") {
                out.push_str("\tdisallowed");
            } else if !about["deprecated"].is_null() {
                out.push_str("\tdeprecated");
            }
            constraints(&mut out, "", &about["rules"])?;
            out.push('\n');
        }
    }
    Some(out)
}

/// Constraints that are checked without the value of another field; `item.` before those of each item.
fn constraints(out: &mut String, before: &str, rules: &Value) -> Option<()> {
    for (kind, checks) in rules.as_object().into_iter().flatten() {
        let checks = checks.as_object()?;
        let lenient = checks.get("ignore_empty") == Some(&Value::Bool(true));
        for (check, limit) in checks {
            match (kind.as_str(), check.as_str()) {
                ("repeated", "items") => constraints(out, "item.", limit)?,
                (_, "min_len" | "min_items" | "min_pairs" | "gt" | "gte" | "lt" | "lte" | "max_items" | "pattern") if !lenient => {
                    let limit = limit.as_str().map_or_else(|| limit.to_string(), ToOwned::to_owned);
                    write!(out, "\t{before}{check}={limit}").ok()?;
                }
                ("message" | "duration" | "any", "required") | ("enum", "defined_only") if *limit == true => {
                    write!(out, "\t{before}{check}").ok()?;
                }
                _ => {}
            }
        }
    }
    Some(())
}
