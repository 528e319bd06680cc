//! The rewrite phase of a server or a location: `set`, `if`, `return`, `rewrite`, `break`, in the order of the text.

use super::{DirId, Lower, policy::Pass, settings::Settings};
use crate::model::{
    Act, Atom, BlockId, Cond, CondId, Conv, Expr, ExprId, Fact, How, Known, Map, Matcher, Reason, Seat, Slot, Step, Subject,
};
use crate::source::Span;

impl Lower<'_> {
    /// The steps of one block, `if` blocks inside included.
    pub(super) fn rewrite_phase(&mut self, dirs: &[DirId], s: &Settings, in_location: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let handled = self.brings_handler(dirs, s, in_location);
        if let Some((slot, span)) = handled {
            steps.push(Step { act: Act::Let(slot, self.p.text("")), span });
        }
        let handled = handled.map(|h| h.0);
        for id in dirs {
            let id = *id;
            let span = self.span(id);
            let mut push = |act| steps.push(Step { act, span });
            match self.name(id) {
                "set" => {
                    let (Some(name), Some(value)) = (self.arg(id, 0), self.arg(id, 1)) else { continue };
                    let (name, value) = (super::vars::var_name(name).to_ascii_lowercase(), value);
                    let opaque = self.conf.args(id).opaque();
                    let slot = self.slot(&name);
                    let value = if opaque {
                        self.opaque(Reason::Template, span, "the value is filled in later")
                    } else {
                        self.interpolate(value, span)
                    };
                    push(Act::Let(slot, value));
                }
                "break" => push(Act::Leave),
                "return" => {
                    let act = self.return_act(id, s);
                    push(act);
                }
                "rewrite" => {
                    let step = self.rewrite(id);
                    if let Some(act) = step {
                        push(act);
                    }
                }
                "if" => {
                    let act = self.if_block(id, s, in_location, handled);
                    push(act);
                }
                "rewrite_by_lua" | "rewrite_by_lua_block" | "rewrite_by_lua_file" => {
                    let why = self.p.doubt(Reason::Script, span, "a script decides");
                    push(Act::Opaque(why));
                }
                _ => {}
            }
        }
        steps
    }

    /// Where an `if` brings a handler of another kind than the location has: a variable that remembers whether one did.
    fn brings_handler(&mut self, dirs: &[DirId], s: &Settings, in_location: bool) -> Option<(Slot, Span)> {
        let brings = |d: &DirId| self.conf.children(*d).any(|c| self.name(c).ends_with("_pass") && Pass::named(self.name(c)) != s.pass);
        let first = dirs.iter().copied().find(|d| self.name(*d) == "if" && brings(d)).filter(|_| in_location)?;
        Some((self.p.add_slot(), self.span(first)))
    }

    /// 500 if a handler was left behind that finds no upstream here, otherwise what answers in the location.
    fn handler_left(&mut self, slot: Slot, s: &Settings, seat: Seat, span: Span) -> BlockId {
        let value = self.p.add_expr(Expr::Slot(slot));
        let test = self.p.test(Subject::Value(value), Matcher::Present, span);
        let status = Fact::is(500, How::Implied, span, seat);
        let then = self.p.one(Act::Respond { status, location: None, body: None }, span);
        let mut steps = vec![Step { act: Act::When { test, then, other: None }, span }];
        if let Some(content) = s.content {
            steps.extend_from_slice(self.p.block(content));
        }
        self.p.add_block(steps)
    }

    fn return_act(&mut self, id: DirId, s: &Settings) -> Act {
        let span = self.span(id);
        let first = self.arg(id, 0).unwrap_or_default();
        let opaque = self.conf.args(id).opaque();
        if opaque {
            let why = self.p.doubt(Reason::Template, span, "the answer is filled in later");
            return Act::Opaque(why);
        }
        let known = |status| Fact { value: Known::Is(status), origin: crate::model::Origin { how: How::Written, span, seat: s.seat } };
        let Ok(status) = first.parse::<u16>() else {
            let location = self.interpolate(first, span);
            return Act::Respond { status: known(302), location: Some(location), body: None };
        };
        if status == 444 {
            return Act::Close;
        }
        let text = self.arg(id, 1).map(|t| self.interpolate(t, span));
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Act::Respond { status: known(status), location: text, body: None };
        }
        Act::Respond { status: known(status), location: None, body: text }
    }

    /// `rewrite regex replacement [flag]`.
    fn rewrite(&mut self, id: DirId) -> Option<Act> {
        let span = self.span(id);
        if self.conf.args(id).opaque() {
            let why = self.p.doubt(Reason::Template, span, "the rewrite is filled in later");
            return Some(Act::Opaque(why));
        }
        let (regex, put) = (self.arg(id, 0)?, self.arg(id, 1)?);
        let flag = self.arg(id, 2).unwrap_or_default();
        let pattern = self.pattern(regex, false);
        let test = self.p.test(Subject::Path, Matcher::Regex(pattern), span);
        let status = match flag {
            "permanent" => Some(301),
            "redirect" => Some(302),
            _ if put.starts_with("http://") || put.starts_with("https://") || put.starts_with("$scheme") => Some(302),
            _ => None,
        };
        let seat = crate::model::Seat(0);
        let mut then = Vec::new();
        let act = if let Some(status) = status {
            // The path stays, but is the client's own spelling no more `[redirected-then-passed-on]`.
            let path = self.expr(Expr::Read(Subject::Path));
            then.push(Step { act: Act::Rewrite { path, query: None, moved: true }, span });
            let bare = put.strip_suffix('?').unwrap_or(put);
            let mut location = self.interpolate(bare, span);
            if bare == put {
                location = self.with_query(location, if put.contains('?') { "&" } else { "?" }, span);
            }
            Act::Respond { status: Fact::is(status, How::Written, span, seat), location: Some(location), body: None }
        } else {
            // A `?` in the replacement sets the query; the client's is appended unless it ends with `?`.
            let (path, query) = put.split_once('?').map_or((put, None), |(p, q)| (p, Some(q)));
            let path = self.interpolate(path, span);
            let query = query.map(|q| {
                let own = self.interpolate(q.trim_end_matches('?'), span);
                if q.is_empty() || q.ends_with('?') { own } else { self.with_query(own, "&", span) }
            });
            let moved = flag != "break";
            Act::Rewrite { path, query, moved }
        };
        then.push(Step { act, span });
        if matches!(flag, "last" | "break") {
            then.push(Step { act: Act::Leave, span });
        }
        let then = self.p.add_block(then);
        Some(Act::When { test, then, other: Some(self.forgets(span)) })
    }

    /// The client's query behind a text, if there is one.
    fn with_query(&mut self, text: ExprId, mark: &str, span: Span) -> ExprId {
        let query = self.expr(Expr::Read(Subject::QueryString));
        let mark = self.unless_empty("$is_args", query, mark, span);
        self.expr(Expr::Join(vec![text, mark, query]))
    }

    /// `handled` remembers that an `if` before it brought a handler of another kind.
    fn if_block(&mut self, id: DirId, s: &Settings, in_location: bool, handled: Option<Slot>) -> Act {
        let span = self.span(id);
        let test = self.condition(id);
        let children = self.children(id);
        let seat = self.scope(id, s.seat);
        let mut inner = self.settings(s, Some(id), &children, seat);
        inner.content = s.content;
        if inner.error_pages != s.error_pages {
            inner.errors = self.errors(&inner);
        }
        let own = if in_location { self.content(&children, &inner) } else { None };
        inner.content = own.map_or(inner.content, |c| Some(self.mirrored(c.block, &inner)));
        let (pass, hop) = own.map_or_else(|| (s.pass(), self.hop(&inner, s.pass(), None)), |c| (c.pass, c.hop));
        let mut then = Vec::new();
        match handled {
            Some(slot) if own.is_some() => {
                let left = if Some(pass) == s.pass { "" } else { "1" };
                then.push(Step { act: Act::Let(slot, self.text(left)), span });
            }
            // The handler of the earlier one stays, and finds no upstream in the settings of this one.
            Some(slot) => {
                inner.content = Some(self.handler_left(slot, s, seat, span));
            }
            None => {}
        }
        let policy = self.policy(&inner, pass, hop);
        then.insert(0, Step { act: Act::Enter(policy), span });
        then.extend(self.rewrite_phase(&children, &inner, in_location));
        self.done(children);
        // A regular expression that does not match leaves no groups behind.
        let other = match self.p.cond(test) {
            Cond::Test(Atom { is: Matcher::Regex(_), not: true, .. }) => {
                then.insert(0, Step { act: Act::Forget, span });
                None
            }
            Cond::Test(Atom { is: Matcher::Regex(_), .. }) => Some(self.forgets(span)),
            _ => None,
        };
        let then = self.p.add_block(then);
        Act::When { test, then, other }
    }

    /// What is left behind by a regular expression that does not match.
    fn forgets(&mut self, span: Span) -> BlockId {
        if let Some(known) = self.forgetting {
            return known;
        }
        let block = self.p.one(Act::Forget, span);
        *self.forgetting.insert(block)
    }

    /// `if ( … )`.
    fn condition(&mut self, id: DirId) -> CondId {
        let span = self.span(id);
        if self.conf.args(id).opaque() {
            let why = self.p.doubt(Reason::Template, span, "the condition is filled in later");
            return self.p.add_cond(Cond::Opaque(why));
        }
        let mut words: Vec<&str> = self.conf.args(id).iter().map(|w| w.text).collect();
        if let Some(first) = words.first_mut() {
            *first = first.strip_prefix('(').unwrap_or(first);
        }
        if let Some(last) = words.last_mut() {
            *last = last.strip_suffix(')').unwrap_or(last);
        }
        words.retain(|w| !w.is_empty());
        let atom = |of, is, fold, not| Cond::Test(Atom { of, is, fold, not, span });
        let cond = match &words[..] {
            [var] if var.starts_with('$') && var.contains(['=', '!', '~']) => Cond::Never(span),
            [var] => atom(self.subject(var, span), Matcher::Truthy, false, false),
            [op, file] if matches!(*op, "-f" | "-d" | "-e" | "-x" | "!-f" | "!-d" | "!-e" | "!-x") => {
                let of = Subject::File(self.interpolate(file, span));
                atom(of, Matcher::Truthy, false, op.starts_with('!'))
            }
            [var, op, value, rest @ ..] => {
                let mut value = (*value).to_owned();
                for r in rest {
                    value.push(' ');
                    value.push_str(r);
                }
                let of = self.subject(var, span);
                match *op {
                    "=" | "!=" if value.contains('$') => {
                        let other = self.interpolate(&value, span);
                        atom(of, Matcher::Same(other), false, *op == "!=")
                    }
                    "=" => atom(of, Matcher::Is(vec![value.into()]), false, false),
                    "!=" => atom(of, Matcher::Is(vec![value.into()]), false, true),
                    "~" | "~*" | "!~" | "!~*" => {
                        let fold = op.ends_with('*');
                        let pattern = self.pattern(&value, fold);
                        atom(of, Matcher::Regex(pattern), false, op.starts_with('!'))
                    }
                    _ => self.refused(span),
                }
            }
            [_, _] | [] => self.refused(span),
        };
        self.p.add_cond(cond)
    }

    /// A condition that nginx does not start with.
    fn refused(&mut self, span: Span) -> Cond {
        Cond::Opaque(self.p.doubt(Reason::TooComplex, span, "the condition is not understood"))
    }

    fn subject(&mut self, var: &str, span: Span) -> Subject {
        let expr = self.interpolate(var, span);
        match self.p.expr(expr) {
            Expr::Read(s) => s.clone(),
            _ => Subject::Value(expr),
        }
    }

    /// The path sent upstream: with a URI part of its own, `proxy_pass` replaces what the location matched, unless a rewrite
    /// changed the path on the spot.
    pub(super) fn onward(&mut self, uri: Option<&str>, drop: u32) -> ExprId {
        let whole = self.expr(Expr::Read(Subject::Onward));
        let Some(uri) = uri else { return whole };
        let path = self.expr(Expr::Read(Subject::Path));
        let swapped = self.via(Conv::SwapPrefix { drop, put: "".into() }, path);
        let encoded = self.via(Conv::EncodePath, swapped);
        let put = self.text(uri);
        let args = self.interpolate("$is_args$args", Span::default());
        let replaced = self.expr(Expr::Join(vec![put, encoded, args]));
        let (at, seat) = (Span::default(), crate::model::Seat(0));
        let map = self.p.add_map(Map {
            name: "uri".into(),
            span: at,
            exact: vec![("1".into(), Fact::is(whole, How::Implied, at, seat))],
            rules: Vec::new(),
            default: Fact::is(replaced, How::Implied, at, seat),
            fold: false,
            open: None,
            once: false,
        });
        let rewritten = self.expr(Expr::Read(Subject::Rewritten));
        self.expr(Expr::Map(map, rewritten))
    }
}
