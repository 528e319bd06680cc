//! Expressions and conditions over one request, in three values.

use super::asked::Asked;
use super::machine::{Line, Run};
use super::value::{Tri, Val};
use super::word::word;
use crate::model::{Atom, Cond, CondId, Conv, Expr, ExprId, Matcher, PathForm, PatternId, Proxy, Subject, Text};
use std::net::IpAddr;

impl Run<'_> {
    pub(super) fn eval(&mut self, id: ExprId) -> Val {
        self.eval_at(id, 0)
    }

    fn eval_at(&mut self, id: ExprId, depth: u32) -> Val {
        let proxy = self.proxy;
        if depth > 32 {
            return Val::Unknown { why: Proxy::RUNTIME, full: false };
        }
        match proxy.expr(id) {
            Expr::Text(t) => Val::Is(t.clone()),
            Expr::Read(s) => self.read(s),
            Expr::Join(parts) => {
                let mut text = String::new();
                let mut doubt = None;
                for p in parts {
                    match self.eval_at(*p, depth + 1) {
                        Val::Is(t) => text.push_str(&t),
                        Val::Unknown { why, full } => {
                            let before = doubt.map_or((why, false), |d| d);
                            doubt = Some((before.0, before.1 || full));
                        }
                    }
                }
                doubt.map_or_else(|| Val::Is(text.as_str().into()), |(why, full)| Val::Unknown { why, full: full || !text.is_empty() })
            }
            Expr::Map(map, of) => {
                if let Some(known) = self.looked_up.get(map) {
                    return known.clone();
                }
                let value = self.eval_at(*of, depth + 1);
                let found = self.look_up(*map, &value, depth);
                if self.proxy.map(*map).once {
                    self.looked_up.insert(*map, found.clone());
                }
                found
            }
            Expr::Via(conv, of) => match self.eval_at(*of, depth + 1) {
                Val::Is(t) => match conv {
                    Conv::Replace { pattern, with, all } => self.replace(*pattern, with, *all, &t),
                    conv => Val::Is(convert(conv, &t)),
                },
                other @ Val::Unknown { .. } => other,
            },
            Expr::Slot(slot) => self.slot(*slot),
            Expr::Capture(n) => self.capture(*n),
            Expr::Opaque { why, full } => Val::Unknown { why: *why, full: *full },
        }
    }

    fn look_up(&mut self, id: crate::model::MapId, value: &Val, depth: u32) -> Val {
        let proxy = self.proxy;
        let map = proxy.map(id);
        let text = match value {
            Val::Is(t) => t.clone(),
            Val::Unknown { why, .. } => {
                // All results alike: the key does not matter.
                let results = map.exact.iter().map(|e| e.1).chain(map.rules.iter().map(|r| r.2)).chain([map.default]);
                let mut seen: Option<Val> = None;
                for fact in results.collect::<Vec<_>>() {
                    let v = fact.value.is().map_or(Val::Unknown { why: *why, full: false }, |e| self.eval_at(e, depth + 1));
                    match &seen {
                        Some(s) if *s != v => return Val::Unknown { why: *why, full: false },
                        _ => seen = Some(v),
                    }
                }
                return seen.filter(|_| map.open.is_none()).unwrap_or(Val::Unknown { why: *why, full: false });
            }
        };
        let mut found = self.machine.entry(id, &text).map(|i| map.exact[i].1);
        if found.is_none() {
            for (is, fold, fact) in &map.rules {
                match self.matches(is, *fold, &Val::Is(text.clone())) {
                    Tri::Yes => {
                        found = Some(*fact);
                        break;
                    }
                    Tri::No => {}
                    Tri::Maybe(why) => return Val::Unknown { why, full: false },
                }
            }
        }
        if found.is_none()
            && let Some(why) = map.open
        {
            return Val::Unknown { why, full: false };
        }
        match found.unwrap_or(map.default).value {
            crate::model::Known::Is(e) => self.eval_at(e, depth + 1),
            crate::model::Known::Unknown(why) => Val::Unknown { why, full: false },
        }
    }

    /// A condition; the same one is decided once for a request.
    pub(super) fn holds(&mut self, id: CondId) -> Tri {
        let proxy = self.proxy;
        match proxy.cond(id) {
            Cond::Always => Tri::Yes,
            Cond::Never(_) => Tri::No,
            Cond::Opaque(why) => Tri::Maybe(*why),
            Cond::Not(c) => match self.holds(*c) {
                Tri::Yes => Tri::No,
                Tri::No => Tri::Yes,
                maybe @ Tri::Maybe(_) => maybe,
            },
            Cond::All(parts) => {
                let mut doubt = None;
                for c in parts {
                    match self.holds(*c) {
                        Tri::No => return Tri::No,
                        Tri::Maybe(why) => doubt = doubt.or(Some(why)),
                        Tri::Yes => {}
                    }
                }
                doubt.map_or(Tri::Yes, Tri::Maybe)
            }
            Cond::Any(parts) => {
                let mut doubt = None;
                for c in parts {
                    match self.holds(*c) {
                        Tri::Yes => return Tri::Yes,
                        Tri::Maybe(why) => doubt = doubt.or(Some(why)),
                        Tri::No => {}
                    }
                }
                doubt.map_or(Tri::No, Tri::Maybe)
            }
            Cond::Test(atom) => self.test(atom),
        }
    }

    pub(super) fn test(&mut self, atom: &Atom) -> Tri {
        let value = self.read(&atom.of);
        let stands = atom.is == Matcher::There && value.known() == Some("") && self.stands_empty(&atom.of);
        let mut is = if stands { Tri::Yes } else { self.matches(&atom.is, atom.fold, &value) };
        for other in self.other_lines(&atom.of) {
            match (is, self.matches(&atom.is, atom.fold, &other)) {
                (Tri::Yes, _) => break,
                (_, Tri::Yes) => is = Tri::Yes,
                (Tri::No, other) => is = other,
                (Tri::Maybe(_), _) => {}
            }
        }
        match (is, atom.not) {
            (Tri::Yes, true) => Tri::No,
            (Tri::No, true) => Tri::Yes,
            (other, _) => other,
        }
    }

    /// The line of a header that values are made of.
    pub(super) fn line_of<'l>(&self, lines: &'l [Line], name: &str) -> Option<&'l Line> {
        let mut all = lines.iter().filter(|l| l.name.eq_ignore_ascii_case(name));
        if self.proxy.each_line { all.next_back() } else { all.next() }
    }

    /// The lines of a header before the last one, where each of them is tested.
    fn other_lines(&self, of: &Subject) -> Vec<Val> {
        let (name, lines) = match of {
            Subject::Header(name) if self.proxy.each_line => (name, &self.headers),
            Subject::Answer(name) if self.proxy.each_line && self.answering => (name, &self.at_hand),
            _ => return Vec::new(),
        };
        let mut all: Vec<Val> = lines.iter().filter(|l| l.name.eq_ignore_ascii_case(name)).map(|l| l.value.clone()).collect();
        all.pop();
        all
    }

    /// Whether something is there, and empty.
    fn stands_empty(&self, of: &Subject) -> bool {
        match of {
            Subject::Header(name) => self.line_of(&self.headers, name).is_some(),
            Subject::Answer(name) => self.line_of(&self.at_hand, name).is_some(),
            Subject::QueryString => self.marked,
            Subject::Value(e) => matches!(self.proxy.expr(*e), Expr::Slot(slot) if self.slots.get(slot.at()).is_some_and(Option::is_some)),
            _ => false,
        }
    }

    pub(super) fn matches(&mut self, is: &Matcher, fold: bool, value: &Val) -> Tri {
        match value {
            Val::Is(text) => match is {
                Matcher::Regex(pattern) => self.regex(*pattern, text),
                Matcher::Same(other) => match self.eval(*other) {
                    Val::Is(t) => (t == *text || fold && t.eq_ignore_ascii_case(text)).into(),
                    Val::Unknown { why, .. } => Tri::Maybe(why),
                },
                _ => text_matches(self.proxy, is, fold, text),
            },
            Val::Unknown { why, full } => match is {
                Matcher::Any => Tri::Yes,
                Matcher::Present | Matcher::There if *full => Tri::Yes,
                Matcher::Is(list) if *full && list.iter().all(|t| t.is_empty()) => Tri::No,
                _ => Tri::Maybe(*why),
            },
        }
    }

    /// A text in which what a pattern matches is replaced.
    fn replace(&self, id: PatternId, with: &str, all: bool, text: &str) -> Val {
        let unknown = Val::Unknown { why: Proxy::RUNTIME, full: false };
        let Some(regex) = self.proxy.pattern(id).regex() else { return unknown };
        let mut out = String::new();
        let mut from = 0;
        for found in regex.captures_iter(text) {
            let Ok(groups) = found else { return unknown };
            let Some(whole) = groups.get(0) else { break };
            out.push_str(&text[from..whole.start()]);
            let mut chars = with.chars().peekable();
            while let Some(c) = chars.next() {
                match chars.peek().and_then(|n| n.to_digit(10)).filter(|_| c == '\\') {
                    Some(n) => {
                        out.push_str(groups.get(n as usize).map_or("", |m| m.as_str()));
                        chars.next();
                    }
                    None => out.push(c),
                }
            }
            from = whole.end();
            if !all {
                break;
            }
        }
        out.push_str(&text[from..]);
        Val::Is(out.as_str().into())
    }

    fn regex(&mut self, id: PatternId, text: &str) -> Tri {
        let pattern = self.proxy.pattern(id);
        let Some(regex) = pattern.regex() else { return Tri::Maybe(Proxy::RUNTIME) };
        // Most tests fail, and need no groups to say so.
        if let Ok(false) = regex.is_match(text) {
            return Tri::No;
        }
        match regex.captures(text) {
            Ok(Some(caps)) => {
                let groups = (0..caps.len()).map(|i| caps.get(i).map_or_else(|| "".into(), |m| Text::from(m.as_str()))).collect();
                let named: Vec<_> =
                    pattern.names.iter().filter_map(|(n, slot)| caps.name(n).map(|m| (*slot, Text::from(m.as_str())))).collect();
                for (slot, value) in named {
                    self.assign(slot, Val::Is(value));
                }
                self.set_captures(groups);
                Tri::Yes
            }
            Ok(None) => Tri::No,
            Err(_) => Tri::Maybe(Proxy::RUNTIME),
        }
    }
}

/// Whether a text passes a test; the groups of a regular expression are left aside.
pub(super) fn text_matches(proxy: &Proxy, is: &Matcher, fold: bool, text: &str) -> Tri {
    let same = |a: &str, b: &str| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
    let head = |n: usize| text.get(..n);
    let tail = |n: usize| text.len().checked_sub(n).and_then(|i| text.get(i..));
    match is {
        Matcher::Any => Tri::Yes,
        Matcher::Present | Matcher::There => (!text.is_empty()).into(),
        Matcher::Truthy => (!text.is_empty() && text != "0").into(),
        Matcher::Is(list) => list.iter().any(|t| same(text, t)).into(),
        Matcher::Starts(list) => list.iter().any(|t| head(t.len()).is_some_and(|h| same(h, t))).into(),
        Matcher::Ends(list) => list.iter().any(|t| tail(t.len()).is_some_and(|h| same(h, t))).into(),
        Matcher::Has(list) => {
            list.iter().any(|t| if fold { text.to_ascii_lowercase().contains(&t.to_ascii_lowercase()) } else { text.contains(&**t) }).into()
        }
        Matcher::Token(list) => text.split(',').any(|part| list.iter().any(|t| same(part.trim(), t))).into(),
        Matcher::Within(list) => list.iter().any(|network| within(text, network)).into(),
        // Only a request in progress knows the other one.
        Matcher::Same(_) => Tri::Maybe(Proxy::RUNTIME),
        Matcher::Regex(id) => match proxy.pattern(*id).regex().map(|r| r.is_match(text)) {
            Some(Ok(found)) => found.into(),
            Some(Err(_)) | None => Tri::Maybe(Proxy::RUNTIME),
        },
        // That needs a request.
    }
}

/// Whether an address lies in a network such as `10.0.0.0/8`.
fn within(address: &str, network: &str) -> bool {
    let (base, length) = network.split_once('/').map_or((network, None), |(b, l)| (b, l.parse::<u32>().ok()));
    let (Ok(address), Ok(base)) = (address.parse::<IpAddr>(), base.parse::<IpAddr>()) else { return false };
    let (a, b, width) = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    let away = width - length.unwrap_or(width).min(width);
    away == 128 || a >> away == b >> away
}

fn convert(conv: &Conv, text: &str) -> Text {
    match conv {
        Conv::Lower => text.to_ascii_lowercase().into(),
        Conv::Upper => text.to_ascii_uppercase().into(),
        Conv::SwapPrefix { drop, put } => format!("{put}{}", text.get(*drop as usize..).unwrap_or_default()).into(),
        Conv::Field(sep, n) => {
            let parts: Vec<&str> = text.split(char::from(*sep)).collect();
            let i = if *n > 0 { usize::try_from(*n - 1).ok() } else { parts.len().checked_sub(usize::from(n.unsigned_abs())) };
            i.and_then(|i| parts.get(i)).copied().unwrap_or_default().into()
        }
        Conv::EncodePath => encode_path(text).into(),
        Conv::Without(tokens) => {
            let kept = text.split(',').map(str::trim).filter(|p| !tokens.iter().any(|t| t.eq_ignore_ascii_case(p)));
            kept.collect::<Vec<_>>().join(", ").into()
        }
        // Needs the pattern: done where it is known.
        Conv::Replace { .. } => text.into(),
    }
}

/// A decoded path as it goes into a request line.
pub(super) fn encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for b in path.bytes() {
        if b <= b' ' || b >= 0x7f || matches!(b, b'"' | b'#' | b'%' | b'?' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            out.push('%');
            for digit in [b >> 4, b & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        } else {
            out.push(char::from(b));
        }
    }
    out
}

impl Run<'_> {
    /// A part of the request as of now.
    pub(super) fn read(&mut self, subject: &Subject) -> Val {
        let is = |t: &str| Val::Is(word(t));
        match subject {
            Subject::Method => {
                self.asked |= Asked::METHOD;
                Val::Is(self.tested_method.as_ref().unwrap_or(&self.method).clone())
            }
            Subject::Scheme => is(if self.proxy.listeners[self.request.listener].tls { "https" } else { "http" }),
            Subject::Protocol => is(&match &*self.request.http {
                "2" => "HTTP/2.0".to_owned(),
                v => format!("HTTP/{v}"),
            }),
            Subject::Host => Val::Is(self.host()),
            Subject::Authority => is(&self.authority_line().to_ascii_lowercase()),
            Subject::Path => Val::Is(self.path.clone()),
            Subject::Target => Val::Is(self.target.clone()),
            Subject::Onward => {
                if self.untouched {
                    return Val::Is(self.target.clone());
                }
                let decoded = self.proxy.listeners[self.request.listener].intake.path == PathForm::Decoded;
                let path = if decoded { encode_path(&self.path).into() } else { self.path.clone() };
                match &self.query {
                    Val::Is(q) if q.is_empty() && !self.marked => Val::Is(path),
                    Val::Is(q) => is(&format!("{path}?{q}")),
                    unknown @ Val::Unknown { .. } => unknown.clone(),
                }
            }
            Subject::Arrived => match &self.arrived {
                Some(arrived) => arrived.clone(),
                None => self.read(&Subject::Onward),
            },
            Subject::Rewritten => is(if self.rewritten { "1" } else { "" }),
            Subject::QueryString => self.query.clone(),
            Subject::QueryPart => match &self.query {
                Val::Is(q) if q.is_empty() => is(""),
                Val::Is(q) => is(&format!("?{q}")),
                unknown @ Val::Unknown { .. } => unknown.clone(),
            },
            Subject::Query(name) => match &self.query {
                Val::Is(q) => {
                    is(q.split('&').find_map(|p| p.split_once('=').filter(|(k, _)| k.eq_ignore_ascii_case(name))).map_or("", |(_, v)| v))
                }
                unknown @ Val::Unknown { .. } => unknown.clone(),
            },
            Subject::Header(name) => {
                self.asked |= Asked::line(name);
                self.line_of(&self.headers, name).map_or_else(|| is(""), |l| l.value.clone())
            }
            Subject::HeaderNames => {
                self.asked = Asked::ALL;
                is(&self.headers.iter().fold(String::new(), |all, l| all + " " + &l.name))
            }
            Subject::Cookie(name) => {
                let cookies = self.request.header("cookie").cloned().unwrap_or_else(|| "".into());
                is(cookies.split(';').find_map(|c| c.trim().split_once('=').filter(|(k, _)| *k == &**name)).map_or("", |(_, v)| v))
            }
            Subject::NamedPort => {
                let line = self.authority_line();
                let after = line.rsplit(']').next().unwrap_or_default();
                is(after.rsplit_once(':').map_or("", |(_, port)| port))
            }
            Subject::Port => {
                let at = &self.proxy.listeners[self.request.listener].at;
                is(at.rsplit(':').next().unwrap_or_default())
            }
            Subject::Client => self.request.client.clone().map_or_else(Val::runtime, Val::Is),
            Subject::Sni => match &self.request.sni {
                Some(name) => Val::Is(name.clone()),
                None if self.proxy.listeners[self.request.listener].tls => Val::Is(self.host()),
                None => is(""),
            },
            Subject::UpstreamAuthority => self.authority.clone(),
            Subject::HostName => Val::Is(self.host_name.clone()),
            Subject::Status => self.status.map_or_else(|| is(""), |s| is(&s.to_string())),
            Subject::Answer(name) => self.answered(name),
            Subject::Line => self.line.clone(),
            Subject::Internal => is(if self.internal { "1" } else { "" }),
            Subject::File(_) => is(""),
            Subject::Value(e) => self.eval(*e),
        }
    }
}
