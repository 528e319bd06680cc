//! Values that the table or a short list decides.

use super::{
    Check, Only,
    table::{Entry, Value},
};
use crate::model::Version;
use crate::proxy::nginx::conf::{DirId, Word};
use crate::proxy::nginx::duration;

/// nginx 1.29.7 takes `keepalive 0` for "off" `[ka-zero]`.
const KEEPALIVE_OFF: Version = Version(1, 29, 7);

impl Check<'_> {
    /// A value whose kind the table knows.
    pub(super) fn value(&mut self, id: DirId, kind: Value) {
        let dir = self.dir(id);
        let Some(word) = dir.args.first() else { return };
        let (name, text) = (dir.name.text, word.text);
        if !readable(word) {
            return;
        }
        let wrong = match kind {
            Value::Flag => (!text.eq_ignore_ascii_case("on") && !text.eq_ignore_ascii_case("off")).then_some("`on` or `off`"),
            Value::Number => (!is_number(text)).then_some("a number"),
            Value::Size => (!is_size(text, "kKmM")).then_some("a size in bytes, or with `k` or `m`, such as `16k`"),
            Value::Offset => (!is_size(text, "kKmMgG")).then_some("a size in bytes, or with `k`, `m` or `g`, such as `10m`"),
            Value::Milliseconds => duration::milliseconds(text).is_none().then_some(MILLISECONDS),
            Value::Seconds => duration::seconds(text).is_none().then_some("a duration with the units `y M w d h m s`, such as `30d`"),
            Value::Buffers => match dir.args.get(1) {
                Some(size) if is_number(text) && readable(size) && !is_size(size.text, "kKmM") => {
                    let message = format!("`{}` is not a value that `{name}` takes", size.text);
                    self.bad_value(size, message, "it takes a number of buffers and their size, such as `8 16k`");
                    None
                }
                _ => (!is_number(text) || text == "0").then_some("a number of buffers and their size, such as `8 16k`"),
            },
            Value::Word => None,
        };
        let Some(right) = wrong else {
            self.custom(id);
            return;
        };
        let message = format!("`{text}` is not a value that `{name}` takes");
        let help = match meant(text, kind) {
            Some(better) => format!("it takes {right}: write `{better}`"),
            None => format!("it takes {right}"),
        };
        self.bad_value(word, message, help);
    }

    /// Values that directives check themselves.
    fn custom(&mut self, id: DirId) {
        let dir = self.dir(id);
        let Some(word) = dir.args.first() else { return };
        let text = word.text;
        match dir.name.text {
            "keepalive" if text == "0" => {
                let message = format!("nginx takes `keepalive 0` only since {KEEPALIVE_OFF}");
                self.bad_value(word, message, "remove the line").only = Only::Before(KEEPALIVE_OFF);
            }
            "keepalive" if !is_number(text) => {
                self.bad_value(word, format!("`{text}` is not a value that `keepalive` takes"), "it takes a number of connections");
            }
            "keepalive_timeout" if duration::milliseconds(text).is_none() => {
                let help = format!("it takes {MILLISECONDS}");
                self.bad_value(word, format!("`{text}` is not a value that `keepalive_timeout` takes"), help);
            }
            "worker_connections" if !is_number(text) => {
                self.bad_value(word, format!("`{text}` is not a value that `worker_connections` takes"), "it takes a number");
            }
            "worker_processes" if text != "auto" && (!is_number(text) || text == "0") => {
                let message = format!("`{text}` is not a value that `worker_processes` takes");
                self.bad_value(word, message, "it takes a number or `auto`");
            }
            "add_header" | "add_trailer" => {
                if let Some(third) = dir.args.get(2).filter(|w| readable(*w) && w.text != "always") {
                    let help = "the third argument can only be `always`; a value with spaces needs quotes";
                    self.bad_value(third, format!("`{}` is not a value that `{}` takes", third.text, dir.name.text), help);
                }
            }
            "set" if !text.starts_with('$') || text.len() < 2 => {
                self.bad_value(word, format!("`{text}` is no variable name"), "a variable begins with `$`");
            }
            _ => {}
        }
    }

    /// Words of a closed list.
    pub(super) fn enumerated(&mut self, id: DirId, entry: &Entry) {
        let Some(list) = entry.words else { return };
        for word in self.args(id).iter().filter(|w| readable(*w)) {
            if list.words.iter().any(|w| w.eq_ignore_ascii_case(word.text)) {
                continue;
            }
            if let Some((_, since)) = list.later.iter().find(|l| l.0 == word.text) {
                let message = format!("nginx takes `{} {}` only since {since}", list.directive, word.text);
                self.bad_value(word, message, format!("it takes {} before", any_of(list.words))).only = Only::Before(*since);
                continue;
            }
            let message = format!("`{}` is not a value that `{}` takes", word.text, list.directive);
            self.bad_value(word, message, format!("it takes {}", any_of(list.words)));
        }
    }
}

const MILLISECONDS: &str = "a duration with the units `w d h m s ms`, largest first and without a fraction, such as `75s` or `1h 30m`";

/// Whether a word's value is there to see.
pub(super) fn readable(word: Word<'_>) -> bool {
    !word.opaque && !word.text.contains(['$', '<', '%', '@'])
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 19 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_size(text: &str, units: &str) -> bool {
    is_number(text.strip_suffix(|c| units.contains(c)).unwrap_or(text))
}

fn any_of(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// What somebody meant by a usual slip.
fn meant(text: &str, kind: Value) -> Option<String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim().to_ascii_lowercase();
    match kind {
        Value::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "enable" | "enabled" => Some("on".to_owned()),
            "false" | "no" | "0" | "disable" | "disabled" => Some("off".to_owned()),
            _ => None,
        },
        Value::Milliseconds | Value::Seconds => {
            let unit = match &*unit {
                "s" | "sec" | "secs" | "second" | "seconds" => "s",
                "min" | "mins" | "minute" | "minutes" => "m",
                "hour" | "hours" | "hr" | "hrs" => "h",
                "day" | "days" => "d",
                _ => return None,
            };
            if is_number(number) {
                return Some(format!("{number}{unit}"));
            }
            // `1.5s` is 1500ms.
            let (whole, part) = number.split_once('.').filter(|_| unit == "s" && kind == Value::Milliseconds)?;
            let part = format!("{part:0<3}");
            let (whole, part): (u64, u64) = (whole.parse().ok()?, part.get(..3)?.parse().ok()?);
            Some(format!("{}ms", whole * 1000 + part))
        }
        Value::Size | Value::Offset => {
            let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).filter(|u| matches!(*u, "k" | "m" | "g"))?;
            (is_number(number) && (unit != "g" || kind == Value::Offset)).then(|| format!("{number}{unit}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_their_kind() {
        for (text, buffer, offset) in
            [("16k", true, true), ("1G", false, true), ("10mb", false, false), ("", false, false), ("k", false, false)]
        {
            assert_eq!((is_size(text, "kKmM"), is_size(text, "kKmMgG")), (buffer, offset), "{text}");
        }
    }

    #[test]
    fn usual_slips_are_put_right() {
        for (text, kind, better) in [
            ("30min", Value::Milliseconds, Some("30m")),
            ("1.5s", Value::Milliseconds, Some("1500ms")),
            ("2S", Value::Milliseconds, Some("2s")),
            ("off", Value::Milliseconds, None),
            ("10mb", Value::Offset, Some("10m")),
            ("1gb", Value::Size, None),
            ("true", Value::Flag, Some("on")),
        ] {
            assert_eq!(meant(text, kind).as_deref(), better, "{text}");
        }
    }
}
