//! What is taken out of upstreams' answers, and settings that handlers other than `proxy_pass` have of their own.

use super::{DirId, Lower, policy::Pass, settings::Settings, settings::flag};
use crate::model::{Answers, Fact, HeaderList, HeaderOp, How, ListId, Seat, Verb};
use crate::source::Span;
use std::rc::Rc;

/// Lines that nginx keeps to itself.
const HIDDEN: &[&str] =
    &["Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"];

/// What a handler other than `proxy_pass` has of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    pub(super) intercepts: bool,
    pub(super) follows: bool,
    pub(super) hidden: Option<ListId>,
}

/// Settings that few blocks have.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    /// `proxy_hide_header` and `proxy_pass_header` lines.
    pub(super) hides: Vec<DirId>,
    pub(super) shows: Vec<DirId>,
    /// `auth_request_set` lines.
    pub(super) auth_sets: Vec<DirId>,
    /// Those of handlers that are not `proxy_pass`.
    pub(super) others: [Other; 5],
}

impl Settings {
    /// The family of the handler; without one it makes no difference.
    pub(super) fn pass(&self) -> Pass {
        self.pass.unwrap_or(Pass::Proxy)
    }

    /// What a handler has of its own, if it is not `proxy_pass`.
    pub(super) fn other(&self, pass: Pass) -> Option<&Other> {
        self.beside.others.get(pass as usize)
    }

    /// The same, by the name of one of its directives.
    fn named(&mut self, directive: &str) -> Option<&mut Other> {
        Rc::make_mut(&mut self.beside).others.get_mut(Pass::named(directive)? as usize)
    }
}

impl Lower<'_> {
    /// Lines of an upstream that are not passed on, but for those that are shown all the same.
    pub(super) fn hidden_headers(&mut self, seat: Seat, shows: &[DirId]) -> ListId {
        let none = self.text("");
        let shown = |name: &str| shows.iter().any(|d| self.arg(*d, 0).is_some_and(|n| n.eq_ignore_ascii_case(name)));
        let op = |name: &&str| HeaderOp {
            verb: Verb::Remove,
            name: (*name).into(),
            value: Fact::is(none, How::Implied, Span::default(), seat),
            drop_empty: true,
            on: Answers::All,
            guard: None,
        };
        let ops = HIDDEN.iter().filter(|n| !shown(n)).map(op).collect();
        self.p.add_list(HeaderList { seat, base: None, ops, displaced: None, open: None })
    }

    /// What a block takes out: by `proxy_hide_header` and `proxy_pass_header`, and for other handlers.
    pub(super) fn take_out(&mut self, s: &mut Settings, (hides, shows, hidden): (Vec<DirId>, Vec<DirId>, Vec<DirId>), seat: Seat) {
        let mut hidden = hidden;
        if !hides.is_empty() || !shows.is_empty() {
            let beside = Rc::make_mut(&mut s.beside);
            if !hides.is_empty() {
                beside.hides = hides;
            }
            if !shows.is_empty() {
                beside.shows = shows;
            }
            let base = if beside.shows.is_empty() { self.hidden } else { self.hidden_headers(seat, &beside.shows) };
            let shown = |id: &DirId| beside.shows.iter().any(|d| same_name(self.arg(*d, 0), self.arg(*id, 0)));
            let hides: Vec<DirId> = beside.hides.iter().copied().filter(|id| !shown(id)).collect();
            s.relayed = Some(self.taken_out(&hides, seat, base));
        }
        while let Some(pass) = hidden.first().and_then(|id| Pass::named(self.name(*id))) {
            let own: Vec<DirId>;
            (own, hidden) = hidden.into_iter().partition(|id| Pass::named(self.name(*id)) == Some(pass));
            let list = self.taken_out(&own, seat, self.hidden);
            Rc::make_mut(&mut s.beside).others[pass as usize].hidden = Some(list);
        }
    }

    /// Settings of handlers that are not `proxy_pass`.
    pub(super) fn others(&self, s: &mut Settings, name: &str, id: DirId, hidden: &mut Vec<DirId>) {
        let Some((_, setting)) = name.split_once('_').filter(|n| matches!(n.0, "fastcgi" | "uwsgi" | "scgi" | "grpc")) else { return };
        match setting {
            "hide_header" => hidden.push(id),
            "intercept_errors" => {
                let on = self.arg(id, 0).and_then(flag).unwrap_or(false);
                if let Some(other) = s.named(name) {
                    other.intercepts = on;
                }
            }
            "ignore_headers" => {
                let follows = self.follows(id);
                if let Some(other) = s.named(name) {
                    other.follows = follows;
                }
            }
            _ => {}
        }
    }

    /// Whether an upstream may name another path to answer with.
    pub(super) fn follows(&self, id: DirId) -> bool {
        !self.conf.args(id).iter().any(|a| a.text.eq_ignore_ascii_case("X-Accel-Redirect"))
    }

    /// Lines of an upstream that are written to be taken out.
    fn taken_out(&mut self, dirs: &[DirId], seat: Seat, base: ListId) -> ListId {
        let ops = dirs.iter().map(|id| self.op(*id, seat, Verb::Remove, Answers::All)).collect();
        self.p.add_list(HeaderList { seat, base: Some(base), ops, displaced: None, open: None })
    }
}

fn same_name(a: Option<&str>, b: Option<&str>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
}
