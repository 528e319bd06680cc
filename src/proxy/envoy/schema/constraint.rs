//! Constraints that Envoy checks once a message is read (protoc-gen-validate).

use super::value::describe;
use super::{Field, Schema, Shape, Type};
use crate::proxy::envoy::scalar::{self, Scalar};
use crate::proxy::envoy::yaml::{NodeId, Tree};

/// What a field that is not written lacks.
pub(super) fn missing(schema: &Schema, field: &Field) -> bool {
    if field.oneof.is_some() {
        return false;
    }
    let message = matches!(field.of, Type::Message(_));
    field.rules.iter().any(|(rule, limit)| match *rule {
        "required" => true,
        "min_len" => !message && *limit != "0",
        "min_items" => field.repeated && *limit != "0",
        "min_pairs" => field.map && *limit != "0",
        // The default is 0.
        "gt" | "gte" => !message && !field.repeated && outside(0.0, rule, limit).is_some_and(|o| o),
        _ => false,
    }) && !matches!(field.of, Type::Message(id) if matches!(schema.message(id).shape, Shape::Wrapper(_)) && !field.rules.iter().any(|r| r.0 == "required"))
}

/// Whether a number breaks a limit; none if the rule is no limit.
fn outside(n: f64, rule: &str, limit: &str) -> Option<bool> {
    let limit: f64 = limit.trim_end_matches('s').parse().ok()?;
    Some(match rule {
        // Not a number is within no limits.
        _ if n.is_nan() => matches!(rule, "gt" | "gte" | "lt" | "lte"),
        "gt" => n <= limit,
        "gte" => n < limit,
        "lt" => n >= limit,
        "lte" => n > limit,
        _ => return None,
    })
}

fn limit_in_words(rule: &str, limit: &str) -> String {
    match rule {
        "gt" => format!("more than {limit}"),
        "gte" => format!("at least {limit}"),
        "lt" => format!("less than {limit}"),
        _ => format!("at most {limit}"),
    }
}

/// What is wrong with a written value that has the right type: ends the sentence "`field` …".
pub(super) fn broken(schema: &Schema, tree: &Tree, field: &Field, value: NodeId, items: usize) -> Option<String> {
    for (rule, limit) in &field.rules {
        let found = match *rule {
            "min_items" | "max_items" if field.repeated => {
                let n: usize = limit.parse().ok()?;
                let bad = if *rule == "min_items" { items < n } else { items > n };
                bad.then(|| {
                    format!("takes at {} {n} item{}", if *rule == "min_items" { "least" } else { "most" }, if n == 1 { "" } else { "s" })
                })
            }
            "min_pairs" if field.map && tree.entries(value).is_empty() => Some("must not be empty".to_owned()),
            _ if field.repeated || field.map => None,
            _ => scalar_breaks(schema, tree, field, value, rule, limit),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// What is wrong with one item of a list.
pub(super) fn item_broken(schema: &Schema, tree: &Tree, field: &Field, item: NodeId) -> Option<String> {
    field.rules.iter().find_map(|(rule, limit)| scalar_breaks(schema, tree, field, item, rule.strip_prefix("item.")?, limit))
}

fn scalar_breaks(schema: &Schema, tree: &Tree, field: &Field, value: NodeId, rule: &str, limit: &str) -> Option<String> {
    let scalar = scalar::scalar(tree, value)?;
    let raw = tree.text(value).unwrap_or_default();
    match rule {
        "min_len" => {
            let Scalar::Str(text) = &scalar else { return None };
            let n: usize = limit.parse().ok()?;
            (text.chars().count() < n)
                .then(|| if n == 1 { "must not be empty".to_owned() } else { format!("takes at least {n} characters") })
        }
        "pattern" => {
            let Scalar::Str(text) = &scalar else { return None };
            let fits = fancy_regex::Regex::new(limit).ok()?.is_match(&**text).ok()?;
            (!fits).then(|| format!("must match `{limit}`, and {} does not", describe(&scalar, raw)))
        }
        "defined_only" => {
            let Type::Enum(id) = field.of else { return None };
            let n = scalar::integer(&scalar)?;
            let known = schema.enum_of(id).values.iter().any(|v| i128::from(v.1) == n);
            (!known).then(|| format!("has no value {n}"))
        }
        _ => {
            let n = match field.of {
                Type::Message(id) if schema.message(id).shape == Shape::Duration => {
                    #[allow(clippy::cast_precision_loss, reason = "limits are whole seconds or milliseconds")]
                    let nanos = scalar::nanoseconds(&scalar)? as f64;
                    nanos / 1.0e9
                }
                Type::Enum(_) => return None,
                _ => scalar::number(&scalar)?,
            };
            outside(n, rule, limit)?.then(|| format!("takes {}, not {}", limit_in_words(rule, limit), describe(&scalar, raw)))
        }
    }
}
