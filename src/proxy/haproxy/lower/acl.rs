//! Conditions: `if a !b or { path_beg /x }`, named ACLs (lines of one name are alternatives) and the predefined ones.

use super::fetch::{self, METHODS, Sample};
use super::{Lower, Phase};
use crate::model::{Atom, Cond, CondId, ExprId, Matcher, Pattern, Reason, Subject, Text};
use crate::proxy::haproxy::conf::Word;
use crate::source::Span;

/// Where the condition of a statement begins: its `if` or `unless`.
pub(super) fn condition_at(words: &[Word], from: usize) -> Option<usize> {
    (from..words.len()).find(|i| matches!(&*words[*i].text, "if" | "unless") && !words[*i].quoted)
}

impl Lower<'_> {
    /// The condition of a statement, from its word `from` on; none is always.
    pub(super) fn condition(&mut self, words: &[Word], from: usize, maybe: bool, phase: Phase, section: usize) -> CondId {
        let cond = match condition_at(words, from) {
            None => self.p.add_cond(Cond::Always),
            Some(i) => {
                let holds = self.alternatives(&words[i + 1..], words[i].span, phase, section);
                if &*words[i].text == "unless" { self.negated(holds) } else { holds }
            }
        };
        if !maybe {
            return cond;
        }
        let span = words.first().map_or(self.whole, |w| w.span);
        let why = self.opaque(Reason::Environment, span, "whether this line is read depends on `.if`");
        let read = self.p.add_cond(Cond::Opaque(why));
        self.p.add_cond(Cond::All(vec![read, cond]))
    }

    pub(super) fn negated(&mut self, cond: CondId) -> CondId {
        let not = match self.p.cond(cond) {
            // Written so on purpose: false, and nothing to remark on.
            Cond::Always => Cond::Any(Vec::new()),
            Cond::Never(_) => Cond::Always,
            Cond::Any(none) if none.is_empty() => Cond::Always,
            _ => Cond::Not(cond),
        };
        self.p.add_cond(not)
    }

    /// Terms, joined by `or`; an empty condition never holds `[g01]`.
    fn alternatives(&mut self, words: &[Word], at: Span, phase: Phase, section: usize) -> CondId {
        let mut any: Vec<CondId> = Vec::new();
        let mut all: Vec<CondId> = Vec::new();
        let mut not = false;
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            let mut text = &*word.text;
            if matches!(text, "or" | "OR" | "||") {
                any.push(self.together(std::mem::take(&mut all)));
                continue;
            }
            while let Some(rest) = text.strip_prefix('!') {
                not = !not;
                text = rest;
            }
            if text.is_empty() {
                continue;
            }
            let cond = if text == "{" {
                let end = (i..words.len()).find(|j| &*words[*j].text == "}").unwrap_or(words.len());
                let inner = words[i..end].to_vec();
                i = end + 1;
                self.test(&inner, word.span, phase, section)
            } else {
                self.acl_name(text, phase, section, word.span)
            };
            all.push(if not { self.negated(cond) } else { cond });
            not = false;
        }
        if any.is_empty() && all.is_empty() {
            return self.p.add_cond(Cond::Never(at));
        }
        any.push(self.together(all));
        if any.len() == 1 { any[0] } else { self.p.add_cond(Cond::Any(any)) }
    }

    /// False, and meant so.
    pub(super) fn never(&mut self) -> CondId {
        self.p.add_cond(Cond::Any(Vec::new()))
    }

    fn together(&mut self, all: Vec<CondId>) -> CondId {
        match all.as_slice() {
            [one] => *one,
            [] => self.p.add_cond(Cond::Always),
            _ => self.p.add_cond(Cond::All(all)),
        }
    }

    /// A named ACL: any of its lines, in the section or in its `defaults`; or a predefined one.
    pub(super) fn acl_name(&mut self, name: &str, phase: Phase, section: usize, span: Span) -> CondId {
        let key = (section, phase, name.to_owned());
        if let Some(cond) = self.named.get(&key) {
            return *cond;
        }
        let chain: Vec<usize> = self.chain(section).collect();
        let mut lines = Vec::new();
        for at in chain {
            lines.extend(self.sections[at].acls.get(name).into_iter().flatten().map(|s| (*s, at)));
        }
        let any: Vec<CondId> = lines.into_iter().map(|(s, _)| self.test(&s.words[2..], s.span, phase, section)).collect();
        let cond = match any.as_slice() {
            [one] => *one,
            [] => self.predefined(name, phase, section, span),
            _ => self.p.add_cond(Cond::Any(any)),
        };
        self.named.insert(key, cond);
        cond
    }

    fn predefined(&mut self, name: &str, phase: Phase, section: usize, span: Span) -> CondId {
        let text = match name {
            "TRUE" => return self.p.add_cond(Cond::Always),
            "FALSE" => return self.never(),
            // Whatever is read by rules on requests is one.
            "HTTP" | "REQ_CONTENT" | "WAIT_END" if phase == Phase::Request => return self.p.add_cond(Cond::Always),
            "LOCALHOST" => "src 127.0.0.1/8 ::1",
            "METH_GET" => "method GET HEAD",
            "METH_CONNECT" => "method CONNECT",
            "METH_DELETE" => "method DELETE",
            "METH_HEAD" => "method HEAD",
            "METH_OPTIONS" => "method OPTIONS",
            "METH_POST" => "method POST",
            "METH_PUT" => "method PUT",
            "METH_TRACE" => "method TRACE",
            "HTTP_1.0" => "req.ver 1.0",
            "HTTP_1.1" => "req.ver 1.1",
            "HTTP_2.0" => "req.ver 2.0",
            "HTTP_CONTENT" => "hdr(content-length) -m reg ^0*[1-9]",
            "HTTP_URL_SLASH" => "url_beg /",
            "HTTP_URL_STAR" => "url *",
            _ => {
                let why = self.opaque(Reason::MissingFile, span, format!("`{name}` is not defined here"));
                return self.p.add_cond(Cond::Opaque(why));
            }
        };
        let words: Vec<Word> = text.split(' ').map(|w| Word { text: w.into(), span, unknown: false, quoted: false }).collect();
        self.test(&words, span, phase, section)
    }

    /// `fetch [flags] values`
    fn test(&mut self, words: &[Word], span: Span, phase: Phase, section: usize) -> CondId {
        let Some(first) = words.first() else { return self.never() };
        let span = words.last().map_or(span, |l| first.span.to(l.span));
        let mut calls = fetch::parse(&first.text);
        let mut method = None;
        if let Some(call) = calls.first_mut()
            && let Some(suffix) = METHODS.iter().find(|m| call.name.ends_with(**m))
            && !matches!(call.name.as_str(), "hdr_ip" | "dst_ip" | "src_ip")
        {
            call.name.truncate(call.name.len() - suffix.len());
            method = Some(suffix[1..].to_owned());
        }
        let mut fold = false;
        let mut i = 1;
        let mut file = None;
        while let Some(word) = words.get(i) {
            match &*word.text {
                "-i" => fold = true,
                "-n" => {}
                "-m" => {
                    i += 1;
                    method = words.get(i).map(|w| w.text.to_string());
                }
                "-u" => i += 1,
                "-f" | "-M" => {
                    i += 1;
                    file = words.get(i).map(|w| w.span);
                }
                "--" => {
                    i += 1;
                    break;
                }
                _ => break,
            }
            i += 1;
        }
        let values: Vec<Text> = words[i.min(words.len())..].iter().map(|w| Text::from(&*w.text)).collect();
        if let Some(file) = file {
            let why = self.opaque(Reason::MissingFile, file, "the values are in a file that is not read");
            return self.p.add_cond(Cond::Opaque(why));
        }
        if words.iter().any(|w| w.unknown) {
            let why = self.opaque(Reason::Environment, span, "known only where HAProxy runs");
            return self.p.add_cond(Cond::Opaque(why));
        }
        let Some(call) = calls.first() else { return self.never() };
        let sample = self.sample(call, phase, section, span);
        match sample {
            Sample::Unknown(why) => self.p.add_cond(Cond::Opaque(why)),
            Sample::Gone => self.p.add_cond(Cond::Never(span)),
            Sample::Flag(cond) => {
                let not = calls[1..].iter().any(|c| c.name == "not")
                    != values.first().is_some_and(|v| matches!(&**v, "0" | "false" | "no" | "off"));
                if not { self.negated(cond) } else { cond }
            }
            Sample::Count(name) => self.count(&name, &values, span),
            Sample::Text { of, list } => {
                let of = if calls.len() > 1 { self.converted_subject(of, &calls[1..], span) } else { of };
                let list = list && calls.len() == 1;
                // Methods that HAProxy knows are compared as they are.
                let fold = fold && of != Subject::Method;
                self.matched(of, list, method.as_deref(), fold, values, span)
            }
        }
    }

    fn converted_subject(&mut self, of: Subject, convs: &[fetch::Call], span: Span) -> Subject {
        let mut value: ExprId = match of {
            Subject::Value(e) => e,
            of => self.p.add_expr(crate::model::Expr::Read(of)),
        };
        for conv in convs {
            value = self.converted(value, conv, span);
        }
        Subject::Value(value)
    }

    fn matched(&mut self, of: Subject, list: bool, method: Option<&str>, fold: bool, values: Vec<Text>, span: Span) -> CondId {
        let operator = values.first().is_some_and(|v| matches!(&**v, "eq" | "ge" | "gt" | "le" | "lt"));
        let is = match method {
            Some("found") => Matcher::There,
            Some("bool") => Matcher::Truthy,
            Some("beg") => Matcher::Starts(values),
            Some("end") => Matcher::Ends(values),
            Some("sub") => Matcher::Has(values),
            Some("reg") => return self.patterns(&of, fold, values.iter().map(ToString::to_string).collect(), span),
            Some("dir") => {
                let all = values.iter().map(|v| format!("(^|[/?]){}([/?]|$)", escaped(v.trim_matches('/')))).collect();
                return self.patterns(&of, fold, all, span);
            }
            Some("dom") => {
                let all = values.iter().map(|v| format!("(^|[/?.:]){}([/?.:]|$)", escaped(v.trim_matches('.')))).collect();
                return self.patterns(&of, fold, all, span);
            }
            Some("ip") => Matcher::Within(values),
            None if of == Subject::Client => Matcher::Within(values),
            Some("int") | None if operator || of == Subject::Status => return self.number(of, &values, span),
            Some("str") | None if values.is_empty() => return self.never(),
            Some("str") | None if list => Matcher::Token(values),
            Some("str" | "int") | None => Matcher::Is(values),
            Some(other) => {
                let why = self.opaque(Reason::TooComplex, span, format!("the match method `{other}` is not modelled"));
                return self.p.add_cond(Cond::Opaque(why));
            }
        };
        self.p.add_cond(Cond::Test(Atom { of, is, fold, not: false, span }))
    }

    fn patterns(&mut self, of: &Subject, fold: bool, texts: Vec<String>, span: Span) -> CondId {
        let any: Vec<CondId> = texts
            .into_iter()
            .map(|t| {
                let pattern = self.p.add_pattern(Pattern::new(t.into(), fold, Vec::new()));
                self.p.test(of.clone(), Matcher::Regex(pattern), span)
            })
            .collect();
        match any.as_slice() {
            [one] => *one,
            [] => self.never(),
            _ => self.p.add_cond(Cond::Any(any)),
        }
    }

    /// Numbers that a test lets through, among statuses and ports.
    fn number(&mut self, of: Subject, values: &[Text], span: Span) -> CondId {
        let range = match of {
            Subject::Status => 100..=599,
            Subject::Port => 1..=65535,
            _ => 0..=16,
        };
        let fits = |n: i64| numeric(values, n);
        let open = !matches!(of, Subject::Status | Subject::Port) && (fits(*range.end()) || fits(*range.end() + 1));
        if open || range.clone().filter(|n| fits(*n)).count() > 1000 {
            let why = self.opaque(Reason::TooComplex, span, "a comparison of numbers");
            return self.p.add_cond(Cond::Opaque(why));
        }
        let list: Vec<Text> = range.filter(|n| fits(*n)).map(|n| n.to_string().into()).collect();
        self.p.test(of, Matcher::Is(list), span)
    }

    /// How often a header stands there; more than once is more than hoplint's requests have.
    fn count(&mut self, name: &str, values: &[Text], span: Span) -> CondId {
        let present = self.p.test(Subject::Header(name.into()), Matcher::There, span);
        match (numeric(values, 0), numeric(values, 1)) {
            (false, true) => present,
            (true, false) => self.negated(present),
            (true, true) => self.p.add_cond(Cond::Always),
            (false, false) => self.never(),
        }
    }
}

/// Whether a number fits values such as `eq 1`, `ge 500`, `200 204`, `1:5`.
fn numeric(values: &[Text], n: i64) -> bool {
    let mut operator = "eq";
    values.iter().any(|v| {
        if matches!(&**v, "eq" | "ge" | "gt" | "le" | "lt") {
            operator = match &**v {
                "ge" => "ge",
                "gt" => "gt",
                "le" => "le",
                "lt" => "lt",
                _ => "eq",
            };
            return false;
        }
        if let Some((low, high)) = v.split_once(':') {
            return low.parse().unwrap_or(i64::MIN) <= n && n <= high.parse().unwrap_or(i64::MAX);
        }
        let Ok(value) = v.parse::<i64>() else { return false };
        match operator {
            "ge" => n >= value,
            "gt" => n > value,
            "le" => n <= value,
            "lt" => n < value,
            _ => n == value,
        }
    })
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_punctuation() && c != '/' && c != '_' {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
