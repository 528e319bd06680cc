//! Sending upstream, and what comes back from there.

use super::{Credentials, End, Far, Flow, Jump, Line, Run, Sent};
use crate::model::{
    Expr, ExprId, Follow, HopId, Known, Limit, ListId, PathForm, Proxy, Target, Text, Traffic, UpgradeMode, UpstreamId, Why, Wire,
};
use crate::probe::{again::in_http2, asked::Asked, handshake::Judged, handshake::judge, path::Path, path::path_form, value::Val};
use crate::source::Span;

impl Run<'_> {
    pub(super) fn forward(&mut self, to: &Target, hop: HopId, target: ExprId, at: Span) -> Flow {
        let proxy = self.proxy;
        let mut upstream = None;
        let mut addresses = Vec::new();
        let mut line = None;
        match to {
            Target::Upstream(id) => upstream = Some(*id),
            Target::Split(parts) => {
                // Chance: every part with weight is followed.
                let parts: Vec<_> = parts.iter().filter(|p| p.0 > 0).collect();
                for (i, part) in parts.iter().enumerate() {
                    if i + 1 == parts.len() || self.decide(None, Proxy::RUNTIME) {
                        return self.block(part.1);
                    }
                }
                return self.answer(503, at);
            }
            Target::Named { name, among, miss } => {
                return match self.eval(*name) {
                    Val::Is(name) => match among.iter().find(|(n, _)| **n == *name).map(|a| a.1).or(*miss) {
                        Some(block) => self.block(block),
                        None => self.answer(503, at),
                    },
                    Val::Unknown { why, .. } => self.stop(End::Unknown(why), at),
                };
            }
            Target::Url(expr) => match self.eval(*expr) {
                Val::Is(url) => {
                    let rest = url.split_once("://").map_or(&*url, |(_, r)| r);
                    let (authority, uri) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
                    if authority.is_empty() {
                        // A variable that was never set.
                        return self.answer(500, at);
                    }
                    self.authority = Val::Is(authority.into());
                    match self.machine.group(authority) {
                        Some(id) => upstream = Some(id),
                        None => addresses.push(Text::from(authority)),
                    }
                    if !uri.is_empty() {
                        line = Some(Val::Is(uri.into()));
                    }
                }
                Val::Unknown { why, .. } => {
                    // Where it goes is not known, what is sent still is.
                    self.authority = Val::Unknown { why, full: true };
                }
            },
        }
        if let Some(id) = upstream {
            let group = proxy.upstream(id);
            if !matches!(to, Target::Url(_)) {
                self.authority = Val::Is(group.name.clone());
            }
            addresses.extend(self.addresses(id));
        }
        let edge = proxy.hop(hop);
        self.meets(hop);
        let Some(policy) = self.policy else { return self.stop(End::Unknown(Proxy::RUNTIME), at) };
        let list = proxy.policy(policy).outgoing;
        let theirs = if edge.client_headers.value == Known::Is(false) { &[][..] } else { &self.headers };
        let mut headers = Vec::with_capacity(theirs.len() + proxy.ops(list).count());
        headers.extend_from_slice(theirs);
        // Where lines have no place on the wire, their values are not looked up.
        let known = (edge.wire.value == Known::Is(Wire::Cgi)).then(|| self.looked_up.clone());
        self.recaptured = false;
        let open = self.apply(list, &mut headers).or(self.headers_open);
        if self.recaptured
            && let Some(why) = self.write_captures(list, &mut headers)
        {
            return self.stop(End::Unknown(why), at);
        }
        if let Some(known) = known {
            self.looked_up = known;
        }
        if self.discarded {
            // How much of the body had come by then is not known.
            for line in headers.iter_mut().filter(|l| l.name.eq_ignore_ascii_case("content-length")) {
                line.value = Val::runtime();
            }
        }
        let method = match edge.method {
            Some(method) => match method.value {
                crate::model::Known::Is(method) => self.eval(method),
                crate::model::Known::Unknown(why) => Val::Unknown { why, full: true },
            },
            None => Val::Is(self.method.clone()),
        };
        let target = line.unwrap_or_else(|| self.eval(target));
        // Who tunnels over HTTP/2 asks for it in the way of HTTP/2; others send what stands there.
        let extended = edge.wire.value == Known::Is(Wire::H2) && edge.upgrade.value == Known::Is(UpgradeMode::Tunnel);
        if extended {
            self.asked |= Asked::UPGRADE;
        }
        let method = if extended { in_http2(&mut headers).unwrap_or(method) } else { method };
        let removed = std::mem::take(&mut self.removed);
        if edge.wire.value == Known::Is(Wire::Cgi) {
            // It has no place for one.
            self.authority = Val::nothing();
        }
        self.passed_on = true;
        self.sent = Some(Sent { upstream, addresses, method, target, headers, open, hop, list, removed, span: at });
        if !self.copies.is_empty() {
            let tunnel = self.send_copies() && self.assume.credentials == Credentials::AsSent;
            // A tunnel of a copy takes the client's connection down; which answer comes first is chance `[feat-mirror-inherit]`.
            if tunnel && !self.decide(None, Proxy::RUNTIME) {
                self.sent = None;
                return self.stop(End::Closed, at);
            }
        }
        self.far(hop, at)
    }

    /// Lines are measured before they are written: one made of groups that another line replaced meanwhile is written with
    /// the new ones. Where they need more room than was measured, what happens is not known.
    fn write_captures(&mut self, list: ListId, lines: &mut Vec<Line>) -> Option<Why> {
        let proxy = self.proxy;
        for op in proxy.ops(list) {
            let Some(value) = op.value.value.is().filter(|e| self.reads_captures(*e)) else { continue };
            let written = self.eval(value);
            let at = lines.iter().position(|l| l.origin == Some(op.value.origin));
            let measured = at.map_or(Some(0), |i| lines[i].value.known().map(str::len));
            if measured.is_some_and(|room| written.known().is_some_and(|w| w.len() > room)) {
                return Some(Proxy::RUNTIME);
            }
            if let Some(i) = at {
                if op.drop_empty && written.known() == Some("") {
                    lines.remove(i);
                } else {
                    lines[i].value = written;
                }
            }
        }
        None
    }

    fn reads_captures(&self, id: ExprId) -> bool {
        match self.proxy.expr(id) {
            Expr::Capture(_) => true,
            Expr::Join(parts) => parts.iter().any(|p| self.reads_captures(*p)),
            Expr::Via(_, of) => self.reads_captures(*of),
            _ => false,
        }
    }

    /// The servers of a group that may be chosen.
    pub(super) fn addresses(&self, id: UpstreamId) -> Vec<Text> {
        let servers = &self.proxy.upstream(id).servers;
        servers.iter().filter(|s| !s.backup || servers.iter().all(|s| s.backup)).map(|s| s.at.clone()).collect()
    }

    /// The reply of the first server that can be reached; none: none can. Which of several servers is chosen is chance, as
    /// far as they answer differently.
    pub(super) fn reply(&mut self, addresses: &[Text]) -> Option<Far> {
        if self.assume.replies.is_empty() {
            return Some(self.assume.far.clone()).filter(|far| *far != Far::Refused);
        }
        let mut left: Vec<Far> = Vec::new();
        for at in addresses {
            let far = self.assume.far_at(at);
            if *far != Far::Refused && !left.contains(far) {
                left.push(far.clone());
            }
        }
        if addresses.is_empty() && self.assume.far != Far::Refused {
            left.push(self.assume.far.clone());
        }
        while left.len() > 1 {
            if self.decide(None, Proxy::RUNTIME) {
                break;
            }
            left.remove(0);
        }
        left.into_iter().next()
    }

    /// No server can be reached.
    pub(in crate::probe) fn unreachable(&mut self, hop: HopId, at: Span) -> Flow {
        let Known::Is(status) = self.proxy.hop(hop).unreachable else { return self.stop(End::Failed, at) };
        let flow = self.answer(status, at);
        if self.end == End::Answered && self.status == Some(status) {
            self.end = End::Failed;
        }
        flow
    }

    /// Connecting lasts until its clock runs out.
    pub(super) fn connecting(&mut self, hop: HopId, at: Span) -> Flow {
        let clocks = self.policy.map(|p| self.proxy.clocks_of(self.proxy.policy(p).clocks));
        let clock = clocks.and_then(|c| c.handshake.iter().find(|c| c.on == Traffic::Connecting));
        match clock.map(|c| c.limit.value) {
            Some(Known::Is(Limit::After(_))) => self.unreachable(hop, at),
            Some(Known::Is(Limit::Never)) => self.stop(End::Hangs, at),
            Some(Known::Unknown(why)) => self.stop(End::Unknown(why), at),
            None => self.stop(End::Unknown(Proxy::RUNTIME), at),
        }
    }

    /// What the assumed upstream answers.
    pub(super) fn far(&mut self, hop: HopId, at: Span) -> Flow {
        let edge = self.proxy.hop(hop);
        let Some(sent) = &self.sent else { return Flow::Next };
        if let Some(listener) = self.comes_back(&sent.addresses) {
            self.steers();
            return self.again(listener, hop, at);
        }
        // Without a key it is no handshake, whatever else is not known.
        let shake = sent.values("sec-websocket-key").next().is_some().then(|| judge(self.proxy, sent));
        if shake.is_some() {
            // What a server answers to a handshake hangs on how it gets it.
            self.steers();
        }
        if edge.intercepts || matches!(edge.upgrade.value, Known::Is(UpgradeMode::Refuse(_))) {
            // What comes back from a handshake may lead elsewhere.
            self.asked |= Asked::UPGRADE;
        }
        let group = self.sent.as_ref().and_then(|s| s.upstream).map(|id| self.proxy.upstream(id));
        let doubt = group.and_then(|g| g.servers.iter().find_map(|s| s.doubt)).filter(|_| self.assume.credentials == Credentials::AsSent);
        if doubt.is_some_and(|why| !self.decide(None, why)) {
            return self.unreachable(hop, at);
        }
        let addresses = self.sent.as_mut().map_or_else(Vec::new, |s| std::mem::take(&mut s.addresses));
        let reply = self.reply(&addresses);
        if let Some(sent) = &mut self.sent {
            sent.addresses = addresses;
        }
        let Some(reply) = reply else { return self.unreachable(hop, at) };
        match reply {
            Far::Silent => return self.connecting(hop, at),
            Far::Garbage if edge.wire.value != Known::Is(Wire::Raw) => return self.answer(502, at),
            _ => {}
        }
        let status = match (reply, shake) {
            (Far::Status(s), _) => Some(s),
            (Far::Refused | Far::Silent | Far::Garbage, _) => None,
            // Replies speak of HTTP/1.1; whether a server speaks HTTP/2 at all is not said.
            _ if edge.wire.value == Known::Is(Wire::H2) => None,
            (_, None) => Some(200),
            (_, Some(Judged::Unknown(_))) => None,
            (_, Some(Judged::Valid)) => Some(101),
            (Far::Strict, Some(Judged::Faulty(_))) => Some(426),
            (_, Some(Judged::Faulty(_))) => Some(200),
        };
        self.status = status;
        if let (Some(101), Some(UpgradeMode::Refuse(s))) = (status, edge.upgrade.value.is()) {
            return self.answer(s, at);
        }
        if edge.intercepts
            && let Some(status) = status.filter(|s| *s >= 300)
            && let Some(errors) = self.policy.and_then(|p| self.proxy.policy(p).errors)
        {
            if self.failing {
                // Handled once already: what is handled here too becomes the proxy's own answer.
                if self.handles(errors) {
                    return self.answer(status, at);
                }
            } else {
                self.failing = true;
                if self.block(errors) == Flow::Done {
                    return Flow::Done;
                }
                self.failing = false;
            }
        }
        if let Some(follow) = edge.follows.filter(|_| !self.assume.lines.is_empty())
            && let Some(to) = self.leads_to(follow.header)
        {
            return self.follow(&to, follow, at);
        }
        if status == Some(101) {
            let asked = self.headers.iter().any(|l| l.name.eq_ignore_ascii_case("upgrade"));
            if edge.upgrade.value.is() == Some(UpgradeMode::Tunnel) && asked || edge.wire.value.is() == Some(Wire::Raw) {
                return self.stop(End::Tunnel, at);
            }
        }
        self.stop(End::Relayed, at)
    }

    /// Where a header of the upstream's answer leads; which of several servers answers is chance.
    fn leads_to(&mut self, header: &str) -> Option<Text> {
        let assume = self.assume;
        let mut left = self.sent.as_ref()?.addresses.clone();
        for (at, (name, to)) in &assume.lines {
            if !name.eq_ignore_ascii_case(header) || &**at != "*" && !left.contains(at) {
                continue;
            }
            left.retain(|a| a != at);
            if &**at == "*" || left.is_empty() || self.decide(None, Proxy::RUNTIME) {
                return Some(to.clone());
            }
        }
        None
    }

    /// Answers with another route instead.
    fn follow(&mut self, to: &str, follow: Follow, at: Span) -> Flow {
        let (path, query) = to.split_once('?').unwrap_or((to, ""));
        if path.is_empty() || path.starts_with("..") || path.contains("/../") || path.ends_with("/..") {
            return self.answer(follow.malformed, at);
        }
        let path = match path_form(path, PathForm::Decoded, false) {
            Path::AsIs => Text::from(path),
            Path::Is(decoded) => decoded.into(),
            Path::Malformed | Path::Binary => return self.stop(End::Unknown(Proxy::RUNTIME), at),
        };
        if &*self.method != "HEAD" {
            self.method = "GET".into();
        }
        if !self.may_jump() {
            return self.stop(End::Loops, at);
        }
        (self.path, self.query, self.authority) = (path, Val::Is(query.into()), Val::nothing());
        (self.untouched, self.internal, self.status) = (false, true, None);
        self.jumps.push(Jump { span: at, left: self.policy });
        self.reselect(follow.table, Some(follow.through), at)
    }

    /// The lines that the upstream's answer brings along; which server answers is chance.
    pub(super) fn their_lines(&self, addresses: &[Text]) -> Vec<Line> {
        let of = |address: &Text| {
            let fits = self.assume.lines.iter().filter(move |l| &*l.0 == "*" || l.0 == *address);
            fits.map(|l| (l.1.0.clone(), Val::Is(l.1.1.clone()))).collect::<Vec<_>>()
        };
        let mut lines = addresses.first().map_or_else(|| of(&"*".into()), of);
        for other in addresses.iter().skip(1).map(of) {
            for (name, value) in &mut lines {
                if !other.contains(&(name.clone(), value.clone())) {
                    *value = Val::Unknown { why: Proxy::RUNTIME, full: false };
                }
            }
            for (name, _) in other {
                if !lines.iter().any(|l| l.0 == name) {
                    lines.push((name, Val::Unknown { why: Proxy::RUNTIME, full: false }));
                }
            }
        }
        lines.into_iter().map(|(name, value)| Line { name, value, origin: None }).collect()
    }
}
