//! Generic matcher trees: maps by longest prefix or equal text, lists by first match, nested when nothing is found.

use super::{At, Lower};
use crate::model::{Arm, Cond, CondId, Matcher, Rank, RouteId, Subject};

/// How deep trees are followed.
const DEEPEST: u32 = 64;

impl<'a> Lower<'a> {
    /// The arms of a matcher, in the order in which they are tried; what its action leads to is made by `act`.
    pub(super) fn matcher(
        &mut self,
        at: At<'a>,
        guard: Option<CondId>,
        depth: u32,
        act: &mut dyn FnMut(&mut Self, At<'a>) -> Option<RouteId>,
    ) -> Vec<Arm> {
        let mut arms = Vec::new();
        if depth > DEEPEST {
            return arms;
        }
        if let Some(tree) = at.get("matcher_tree") {
            let of = tree.get("input").and_then(Self::input_of);
            for (field, prefix) in [("exact_match_map", false), ("prefix_match_map", true)] {
                let Some(map) = tree.find(&[field, "map"]) else { continue };
                let mut entries = map.entries();
                if prefix {
                    entries.sort_by_key(|e| std::cmp::Reverse(e.0.len()));
                }
                for (key, then) in entries {
                    let is = if prefix { Matcher::Starts(vec![key.into()]) } else { Matcher::Is(vec![key.into()]) };
                    let test = match &of {
                        Some(of) => self.atom(of.clone(), is, false, then.span()),
                        None => self.unclear(tree),
                    };
                    arms.extend(self.on_match(then, test, guard, depth, act));
                }
            }
            if let Some(other) = tree.get("custom_match") {
                let test = self.unclear(other);
                arms.extend(self.on_match(other, test, guard, depth, act));
            }
        }
        for m in at.find(&["matcher_list"]).map(|l| l.list("matchers")).unwrap_or_default() {
            let test = match m.get("predicate") {
                Some(p) => self.predicate(p, 0),
                None => self.unclear(m),
            };
            if let Some(then) = m.get("on_match") {
                arms.extend(self.on_match(then, test, guard, depth, act));
            }
        }
        if let Some(other) = at.get("on_no_match") {
            let test = self.always();
            arms.extend(self.on_match(other, test, guard, depth, act));
        }
        arms
    }

    fn on_match(
        &mut self,
        at: At<'a>,
        test: CondId,
        guard: Option<CondId>,
        depth: u32,
        act: &mut dyn FnMut(&mut Self, At<'a>) -> Option<RouteId>,
    ) -> Vec<Arm> {
        let test = match guard {
            Some(guard) => self.p.add_cond(Cond::All(vec![guard, test])),
            None => test,
        };
        if let Some(inner) = at.get("matcher") {
            return self.matcher(inner, Some(test), depth + 1, act);
        }
        let route = at.find(&["action", "typed_config"]).and_then(|a| act(self, a));
        route.map(|go| Arm { test, rank: Rank::Plain, go, nested: None }).into_iter().collect()
    }

    fn input_of(at: At<'a>) -> Option<Subject> {
        let (name, config) = at.get("typed_config")?.any()?;
        match name.rsplit('.').next()? {
            "HttpRequestHeaderMatchInput" => {
                let header = config.str("header_name")?;
                // The whole of `:path` begins like the path.
                Some(if header == ":path" { Subject::Onward } else { Self::subject(header) })
            }
            "HttpRequestQueryParamMatchInput" => Some(Subject::Query(config.str("query_param")?.into())),
            "ServerNameInput" => Some(Subject::Sni),
            _ => None,
        }
    }

    fn predicate(&mut self, at: At<'a>, depth: u32) -> CondId {
        if depth > DEEPEST {
            return self.unclear(at);
        }
        if let Some(single) = at.get("single_predicate") {
            let of = single.get("input").and_then(Self::input_of);
            return match (of, single.get("value_match")) {
                (Some(of), Some(value)) => self.string(of, value),
                _ => self.unclear(single),
            };
        }
        for (field, all) in [("and_matcher", true), ("or_matcher", false)] {
            if let Some(list) = at.get(field) {
                let parts: Vec<CondId> = list.list("predicate").into_iter().map(|p| self.predicate(p, depth + 1)).collect();
                return self.p.add_cond(if all { Cond::All(parts) } else { Cond::Any(parts) });
            }
        }
        if let Some(inner) = at.get("not_matcher") {
            let inner = self.predicate(inner, depth + 1);
            return self.not(inner);
        }
        self.unclear(at)
    }
}
