//! `map` blocks: those that are there and say what is wanted, and those that have to be written.

use super::Desk;
use crate::model::Edit;
use crate::proxy::nginx::conf::{Block, Context, DirId};

/// How `Upgrade` and `Connection` are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) upgrade: String,
    pub(super) connection: String,
    /// How `Host` is written, where it is wanted.
    pub(super) host: String,
    /// Maps that have to be written for them.
    pub(super) maps: Option<Edit>,
    /// What the maps are called, for people.
    pub(super) note: &'static str,
}

impl Desk<'_> {
    /// Ways to say it, the best first. Only maps leave plain requests alone, and only maps that know nothing but `websocket`
    /// forward no other protocol `[h2c-safe]`.
    pub(super) fn values(&self) -> Vec<Values> {
        let mut out = Vec::new();
        let maps = self.maps();
        let connection = |probe: &str| {
            maps.iter().find(|m| self.says(m, "websocket", "upgrade") && !self.says(m, "", "upgrade") && !self.says(m, probe, "upgrade"))
        };
        let upgrade = maps.iter().find(|m| {
            self.evaluate(&format!("${m}"), "websocket", 0).is_some_and(|v| v.eq_ignore_ascii_case("websocket"))
                && self.evaluate(&format!("${m}"), "", 0).is_some_and(|v| v.is_empty())
        });
        if let Some(name) = connection("h2c").or_else(|| connection("")) {
            let upgrade = upgrade.map_or_else(|| "$http_upgrade".to_owned(), |u| format!("${u}"));
            out.push(Values { upgrade, connection: format!("${name}"), host: String::new(), maps: None, note: "" });
        }
        match self.own_maps(&maps) {
            Some(own) => out.push(own),
            // Nothing is invented where `http` is not in sight.
            None => out.push(Values {
                upgrade: "$http_upgrade".to_owned(),
                connection: "\"upgrade\"".to_owned(),
                host: String::new(),
                maps: None,
                note: "",
            }),
        }
        out
    }

    /// The block that holds maps: `http`, or the file itself if it belongs there.
    fn http(&self) -> Option<Block> {
        match self.conf.context {
            Context::Http => Some(None),
            Context::Main => self.conf.top().find(|d| self.conf.name(*d).text == "http").map(Some),
            _ => None,
        }
    }

    /// Names of variables that a map defines; a later definition of one name replaces an earlier one.
    fn maps(&self) -> Vec<String> {
        let Some(http) = self.http() else { return Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for d in self.conf.inside(http).filter(|d| self.conf.name(*d).text == "map") {
            if let Some(name) = self.conf.args(d).get(1).map(|w| w.text.trim_start_matches('$').to_owned())
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    fn says(&self, map: &str, upgrade: &str, token: &str) -> bool {
        self.evaluate(&format!("${map}"), upgrade, 0).is_none_or(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    }

    /// A value for a client's `Upgrade` header; none when it depends on more than that.
    pub(super) fn evaluate(&self, value: &str, upgrade: &str, depth: u8) -> Option<String> {
        if !value.contains('$') {
            return Some(value.to_owned());
        }
        let name = value.strip_prefix("${").and_then(|v| v.strip_suffix('}')).or_else(|| value.strip_prefix('$'))?;
        if name.eq_ignore_ascii_case("http_upgrade") {
            return Some(upgrade.to_owned());
        }
        if depth > 4 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return None;
        }
        let http = self.http()?;
        let is_it = |d: &DirId| {
            let dir = self.conf.get(*d);
            dir.name.text == "map" && dir.args.get(1).is_some_and(|w| w.text.trim_start_matches('$').eq_ignore_ascii_case(name))
        };
        let map = self.conf.inside(http).filter(is_it).last()?;
        if self.conf.holes.iter().any(|h| h.0 == Some(map)) {
            return None;
        }
        let source = self.evaluate(self.conf.args(map).first()?.text, upgrade, depth + 1)?;
        let mut default = Some(String::new());
        let mut rule = None;
        for entry in self.conf.children(map) {
            let dir = self.conf.get(entry);
            let value = dir.args.first()?;
            if dir.name.opaque || value.opaque {
                return None;
            }
            let key = dir.name.text;
            let known = self.evaluate(value.text, upgrade, depth + 1);
            if key == "default" && !dir.name.quoted {
                default = known;
            } else if let Some(regex) = key.strip_prefix('~') {
                let (regex, fold) = regex.strip_prefix('*').map_or((regex, false), |r| (r, true));
                let text = if fold { format!("(?i){regex}") } else { regex.to_owned() };
                if rule.is_none() && fancy_regex::Regex::new(&text).ok()?.is_match(&source).ok()? {
                    rule = Some(known);
                }
            } else if key.eq_ignore_ascii_case(&source) {
                return known;
            }
        }
        rule.unwrap_or(default)
    }

    /// Two maps for whoever has none: only `websocket`, in any letter case, is forwarded; other requests get neither line.
    fn own_maps(&self, taken: &[String]) -> Option<Values> {
        let http = self.http()?;
        // So many of one name are taken at most.
        let free = |wanted: &str| {
            let names = (2..taken.len() + 3).map(|n| format!("{wanted}_{n}"));
            std::iter::once(wanted.to_owned()).chain(names).find(|n| !taken.contains(n))
        };
        let (upgrade, connection) = (free("websocket_upgrade")?, free("websocket_connection")?);
        let step = self.pen.step(http);
        let head = "# Only WebSocket is upgraded; other requests get neither line.";
        let mut lines = vec![
            head.to_owned(),
            format!("map $http_upgrade ${upgrade} {{\n{step}default   \"\";\n{step}websocket websocket;\n}}"),
            format!("map ${upgrade} ${connection} {{\n{step}default   \"\";\n{step}websocket upgrade;\n}}"),
        ];
        let file = self.conf.file_of(http);
        let here: Vec<DirId> = self.conf.inside(http).filter(|d| self.conf.get(*d).file == file).collect();
        let named = |name: &str| here.iter().copied().filter(|d| self.conf.name(*d).text == name).collect::<Vec<_>>();
        let edit = if let Some(last) = named("map").last() {
            lines.insert(0, String::new());
            self.pen.after(*last, &lines)
        } else {
            lines.push(String::new());
            let before = named("server").first().copied().or_else(|| named("include").last().copied());
            match before.or_else(|| here.first().copied()) {
                Some(d) => self.pen.above(d, &lines),
                None => None,
            }
        };
        Some(Values {
            upgrade: format!("${upgrade}"),
            connection: format!("${connection}"),
            host: String::new(),
            maps: Some(edit?),
            note: ", set by maps that know nothing but `websocket`",
        })
    }
}
