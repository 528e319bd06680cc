//! Heads of sections: names, `from`, and what may exist only once.

use super::Check;
use crate::model::ProblemKind;
use crate::proxy::haproxy::conf::Stmt;
use crate::source::Span;
use std::collections::BTreeMap;

impl<'a> Check<'a> {
    pub(super) fn sections(&mut self) {
        let mut fronts: BTreeMap<&'a str, Span> = BTreeMap::new();
        let mut backs: BTreeMap<&'a str, Span> = BTreeMap::new();
        let all: Vec<(&'static str, &'a str, &'a Stmt)> = self.sections.iter().map(|s| (s.noun, s.name, s.head)).collect();
        let mut named_defaults: Vec<&'a str> = Vec::new();
        for (noun, name, head) in all {
            if head.maybe {
                continue;
            }
            let at = head.words.get(1).map_or(head.span, |w| w.span);
            if noun == "defaults" {
                named_defaults.push(name);
            }
            if matches!(noun, "frontend" | "backend" | "listen") && !head.words.get(1).is_some_and(|w| w.unknown) {
                self.name(noun, name, at);
                for (is, names) in [(noun != "backend", &mut fronts), (noun != "frontend", &mut backs)] {
                    if !is {
                        continue;
                    }
                    if let Some(first) = names.insert(name, at) {
                        let mut p = super::problem(
                            ProblemKind::DuplicateDirective,
                            at,
                            format!("a second `{noun} {name}`"),
                            "give it another name, or put its lines into the first one",
                        );
                        p.related.push((first, "the first one".to_owned()));
                        // Frontends of one name are only warned of before 3.3.
                        p.certain = noun != "frontend";
                        self.out.push(p);
                        break;
                    }
                }
            }
            self.from(noun, head, &named_defaults);
        }
        if self.since(3, 3, 0) {
            for (name, at) in &backs {
                if let Some(front) = fronts.get(name)
                    && front != at
                {
                    let mut p = super::problem(
                        ProblemKind::DuplicateDirective,
                        *at,
                        format!("`backend {name}` has the name of a frontend"),
                        "give one of them another name",
                    );
                    p.related.push((*front, "the frontend".to_owned()));
                    self.out.push(p);
                }
            }
        }
    }

    fn name(&mut self, noun: &str, name: &str, at: Span) {
        if name.is_empty() {
            self.say(ProblemKind::WrongArguments, at, format!("`{noun}` without a name"), "give it a name");
        } else if let Some(odd) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"_-.:".contains(*c)) {
            let message = format!("`{odd}` in the name of a {noun}");
            self.say(ProblemKind::BadValue, at, message, "names are made of letters, digits, `-`, `_`, `.` and `:`");
            // Since 3.4 it is said, and started all the same [f22].
            let taken = self.since(3, 4, 0);
            if let Some(last) = self.out.last_mut() {
                last.certain = !taken;
            }
        }
    }

    fn from(&mut self, noun: &str, head: &Stmt, defaults: &[&str]) {
        let Some(i) = head.words.iter().position(|w| &*w.text == "from") else { return };
        if !matches!(noun, "defaults" | "frontend" | "backend" | "listen") {
            return;
        }
        if !self.since(2, 4, 0) {
            self.say(ProblemKind::WrongArguments, head.words[i].span, "`from` came with HAProxy 2.4", "use a `defaults` section before it");
            return;
        }
        match head.words.get(i + 1) {
            None => self.say(ProblemKind::WrongArguments, head.words[i].span, "`from` without a name", "name a `defaults` section"),
            Some(word) if !word.unknown && !self.conf.fragment && !defaults.contains(&&*word.text) => {
                let message = format!("no `defaults {}` stands before this", word.text);
                self.say(ProblemKind::UndefinedName, word.span, message, "name a `defaults` section that stands above");
            }
            Some(_) => {}
        }
    }

    /// Pairs of sections that do not fit: a frontend of HTTP leads to no backend of TCP `[m04]`, and a frontend and a backend
    /// do not share `defaults` with rules `[d08]`.
    pub(super) fn edges(&mut self) {
        for i in 0..self.sections.len() {
            let s = &self.sections[i];
            if s.noun == "defaults" {
                self.shared_rules(i);
            }
            let s = &self.sections[i];
            if !s.is_front() || self.mode(i) != Some("http") {
                continue;
            }
            let refs: Vec<&'a Stmt> =
                s.body.iter().copied().filter(|s| matches!(s.word(0), "use_backend" | "default_backend") && !s.maybe).collect();
            for stmt in refs {
                let Some(word) = stmt.words.get(1) else { continue };
                let Some(back) = self.sections.iter().position(|b| b.is_back() && b.name == &*word.text) else { continue };
                if self.mode(back) == Some("tcp") {
                    let related = (self.sections[back].head.span, "passes bytes".to_owned());
                    let mut p = super::problem(
                        ProblemKind::BadValue,
                        word.span,
                        format!("`{}` is in `mode tcp`, this section in `mode http`", word.text),
                        "write `mode http` in that backend",
                    );
                    p.related.push(related);
                    self.out.push(p);
                }
            }
        }
    }

    /// The mode in force; none: not known.
    fn mode(&self, section: usize) -> Option<&'a str> {
        let of = |i: usize| self.sections[i].body.iter().rev().find(|s| s.word(0) == "mode").copied();
        let mut at = Some(section);
        let mut left = self.sections.len() + 1;
        while let Some(i) = at.filter(|_| left > 0) {
            left -= 1;
            if let Some(stmt) = of(i) {
                return stmt.words.get(1).filter(|w| !w.unknown && !stmt.maybe).map(|w| &*w.text);
            }
            at = self.sections[i].defaults;
        }
        if self.conf.fragment { None } else { Some("tcp") }
    }

    fn shared_rules(&mut self, defaults: usize) {
        let rule =
            |s: &&&Stmt| matches!(s.word(0), "http-request" | "http-response" | "http-after-response" | "tcp-request" | "tcp-response");
        let Some(first) = self.sections[defaults].body.iter().find(rule).copied() else { return };
        let users = |front: bool| {
            self.sections
                .iter()
                .find(|s| s.defaults == Some(defaults) && if front { s.noun == "frontend" } else { s.noun == "backend" })
                .map(|s| s.head.span)
        };
        if let (Some(front), Some(back)) = (users(true), users(false))
            && !self.sections[defaults].name.is_empty()
            && self.since(2, 6, 0)
        {
            let mut p = super::problem(
                ProblemKind::ConflictingSettings,
                first.words[0].span,
                "a frontend and a backend share `defaults` with rules".to_owned(),
                "give each kind its own `defaults` section",
            );
            p.related = vec![(front, "this frontend".to_owned()), (back, "this backend".to_owned())];
            self.out.push(p);
        }
    }
}
