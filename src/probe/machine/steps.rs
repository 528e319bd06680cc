//! What each step does to a run.

use super::{Cached, End, Flow, Jump, Run, Unwound};
use crate::model::{Act, BlockId, Cond, CondId, Proxy, RouteId, Stand, Subject, TableId};
use crate::probe::{asked::Asked, index::Picked, value::Tri, value::Val};
use crate::source::Span;

impl Run<'_> {
    pub(super) fn step(&mut self, act: &Act, at: Span) -> Flow {
        match act {
            Act::Enter(policy) => self.policy = Some(*policy),
            Act::When { test, then, other } => {
                let yes = match self.holds(*test) {
                    Tri::Yes => true,
                    Tri::No => false,
                    Tri::Maybe(why) => self.decide(Some(*test), why),
                };
                let way = if yes { Some(*then) } else { *other };
                if let Some(way) = way {
                    let personal = self.personal(*test);
                    self.conditions += u32::from(personal);
                    let flow = self.block(way);
                    if flow != Flow::Done {
                        self.conditions -= u32::from(personal);
                    }
                    return flow;
                }
            }
            Act::Group(block) => {
                if self.block(*block) == Flow::Done {
                    return Flow::Done;
                }
            }
            Act::Leave => return Flow::Leave,
            Act::Admit(policy) => {
                self.policy = Some(*policy);
                return self.measure(at);
            }
            Act::Measure => return self.measure(at),
            Act::Forget => self.captures.clear(),
            Act::Dispatch(table) => return self.dispatch(*table, at),
            Act::Call(block) => return self.block(*block),
            Act::Go(route) => return self.enter(*route),
            Act::Jump(route) => {
                if !self.may_jump() {
                    return self.stop(End::Loops, at);
                }
                self.jumps.push(Jump { span: at, left: self.policy });
                (self.internal, self.moved) = (true, false);
                self.authority = Val::nothing();
                return self.enter(*route);
            }
            Act::Reselect { table, if_moved, through } => {
                if *if_moved && !self.moved {
                    return Flow::Next;
                }
                if !self.may_jump() {
                    // A redirect that is refused leaves the request as it was; a rewrite has changed it already.
                    if let Some((path, query)) = self.before.take().filter(|_| !if_moved) {
                        (self.path, self.query) = (path, query);
                    }
                    return self.stop(End::Loops, at);
                }
                self.internal = true;
                self.authority = Val::nothing();
                self.jumps.push(Jump { span: at, left: self.policy });
                return self.reselect(*table, *through, at);
            }
            Act::Method(method) => match self.eval(*method) {
                Val::Is(method) => {
                    let before = std::mem::replace(&mut self.method, method);
                    self.tested_method.get_or_insert(before);
                }
                Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
            },
            Act::Named(name) => self.host_name = name.clone(),
            Act::Stands { status: Stand::Is(status), .. } if self.answering => self.status = Some(*status),
            Act::Stands { status, get, again } => {
                self.failing &= !again;
                self.stands = match status {
                    Stand::Keep => self.status,
                    Stand::Is(s) => Some(*s),
                    Stand::Free => None,
                };
                if *get && &*self.method != "HEAD" {
                    self.method = "GET".into();
                }
            }
            Act::Let(slot, expr) => {
                let value = self.eval(*expr);
                self.assign(*slot, value);
            }
            Act::Unset(slot) => {
                if let Some(set) = self.slots.get_mut(slot.at()) {
                    *set = None;
                }
            }
            Act::Rewrite { path, query, moved } => {
                if self.arrived.is_none() {
                    self.arrived = Some(self.read(&Subject::Onward));
                }
                // Both are made of what was there before.
                let query = query.map(|q| self.eval(q));
                self.before = Some((self.path.clone(), self.query.clone()));
                match self.eval(*path) {
                    Val::Is(path) => self.path = path,
                    Val::Unknown { why, .. } => return self.stop(End::Unknown(why), at),
                }
                if let Some(query) = query {
                    (self.query, self.marked) = (query, false);
                }
                self.untouched = false;
                // The proxy asks for that path now, not the client.
                self.internal = true;
                self.moved = *moved;
                self.rewritten |= !moved;
            }
            Act::Edit(list) if self.answering => self.answer_open = self.apply_here(*list).or(self.answer_open),
            Act::Edit(list) => {
                // Values are read from the headers as they are.
                let mut headers = self.headers.clone();
                self.headers_open = self.apply(*list, &mut headers).or(self.headers_open);
                self.note(*list, &headers);
                self.headers = headers;
            }
            Act::OnAnswer { lane, block } => self.pushed.push((*lane, Unwound::Steps(*block))),
            Act::Gate(_) if self.own => {}
            Act::Gate(gate) => return self.gate(*gate, at),
            Act::Cors(cors) => return self.cors(*cors, at),
            Act::Copy(block) => {
                if !self.own {
                    let copied = self.copied(*block, at);
                    self.copies.push(copied);
                }
            }
            Act::Cache { bypass, key } => {
                self.asked |= Asked::METHOD;
                if matches!(&*self.method, "GET" | "HEAD") && self.holds(*bypass) == Tri::No {
                    self.cached = Some(Cached { span: at, key: self.eval(*key) });
                }
            }
            Act::Content => {
                if let Some(block) = self.policy.and_then(|p| self.proxy.policy(p).content) {
                    return self.block(block);
                }
                return self.stop(End::Unknown(Proxy::RUNTIME), at);
            }
            Act::Respond { status, location, body } if self.answering => {
                return self.answer_instead(status.value.is(), *location, *body, at);
            }
            Act::Respond { status, location, body } => {
                // Whoever redirects reads no body.
                self.discarded |= location.is_some() && !self.passed_on;
                // One that was set before error handling led here stays.
                self.location = location.map(|l| (self.eval(l), at)).or_else(|| self.location.take());
                self.body = body.map(|b| self.eval(b));
                if let Some(status) = status.value.is() {
                    return self.answer(status, at);
                }
                self.status = None;
                return self.stop(End::Answered, at);
            }
            Act::Serve => {
                self.asked |= Asked::METHOD;
                return match &*self.method {
                    // Only the directory itself is there, and shows its list to nobody.
                    "GET" | "HEAD" | "POST" if self.assume.files == Some(false) => {
                        self.answer(if &*self.path == "/" { 403 } else { 404 }, at)
                    }
                    // A POST fares as the file does that it names: 404, 403 or 405.
                    "GET" | "HEAD" | "POST" => {
                        if self.assume.files == Some(true) {
                            self.status = Some(200);
                        }
                        self.stop(End::Served, at)
                    }
                    _ => self.answer(405, at),
                };
            }
            Act::Close => return self.stop(End::Closed, at),
            Act::Hang => return self.stop(End::Hangs, at),
            Act::Forward { to, hop, target } => return self.forward(to, *hop, *target, at),
            Act::Opaque(why) => return self.stop(End::Unknown(*why), at),
        }
        Flow::Next
    }

    /// Whether a test reads more than where the request goes.
    fn personal(&self, test: CondId) -> bool {
        let mut pending = vec![test];
        while let Some(id) = pending.pop() {
            match self.proxy.cond(id) {
                Cond::Always | Cond::Never(_) => {}
                Cond::Test(atom) => {
                    let place = matches!(
                        atom.of,
                        Subject::Method
                            | Subject::Host
                            | Subject::Authority
                            | Subject::Path
                            | Subject::Target
                            | Subject::Onward
                            | Subject::Status
                            | Subject::Protocol
                            | Subject::Rewritten
                    );
                    // Every handshake has these.
                    let shake = matches!(&atom.of, Subject::Header(name) if matches!(&**name, "upgrade" | "connection"));
                    if !place && !shake {
                        return true;
                    }
                }
                Cond::All(parts) | Cond::Any(parts) => pending.extend(parts),
                Cond::Not(part) => pending.push(*part),
                Cond::Opaque(_) => return true,
            }
        }
        false
    }

    /// Whether error handling has something for the status at hand.
    pub(super) fn handles(&mut self, errors: BlockId) -> bool {
        let proxy = self.proxy;
        proxy.block(errors).iter().any(|s| matches!(s.act, Act::When { test, .. } if self.holds(test) == Tri::Yes))
    }

    /// Chooses again, behind what the redirect goes through first.
    pub(super) fn reselect(&mut self, table: TableId, through: Option<BlockId>, at: Span) -> Flow {
        if let Some(through) = through {
            self.rewritten = false;
            if self.block(through) == Flow::Done {
                return Flow::Done;
            }
        }
        self.dispatch(table, at)
    }

    pub(super) fn may_jump(&mut self) -> bool {
        self.jumps_left = self.jumps_left.saturating_sub(1);
        self.jumps_left > 0
    }

    fn dispatch(&mut self, table: TableId, at: Span) -> Flow {
        self.moved = false;
        match self.pick(table) {
            Picked::Arm(arm) => self.enter(arm.go),
            Picked::Miss => {
                let miss = self.proxy.table(table).miss;
                self.block(miss)
            }
            Picked::Unknown(why) => self.stop(End::Unknown(why), at),
        }
    }

    fn enter(&mut self, route: RouteId) -> Flow {
        self.routes.push(route);
        self.block(self.proxy.route(route).body)
    }

    /// Refuses a body that is larger than is taken here. It is thrown away, and not measured again, unless it was read
    /// before.
    fn measure(&mut self, at: Span) -> Flow {
        let most = self.policy.and_then(|p| self.proxy.policy(p).max_body);
        let length = || self.request.header("content-length").and_then(|n| n.parse::<u64>().ok());
        if self.discarded || most.is_none_or(|most| length().is_none_or(|n| n <= most)) {
            return Flow::Next;
        }
        self.discarded = !self.passed_on;
        self.answer(413, at)
    }

    /// The proxy's own answer; its error handling may take it elsewhere.
    pub(super) fn answer(&mut self, status: u16, at: Span) -> Flow {
        self.status = Some(status);
        if status >= 300 && self.body.is_none() {
            // An error or redirect of the proxy's own has its own status, whatever led there.
            self.stands = None;
        }
        if let Some(errors) = self.policy.and_then(|p| self.proxy.policy(p).errors)
            && !self.failing
            && self.body.is_none()
            && status >= 300
        {
            self.failing = true;
            let before = (self.routes.len(), self.jumps.len());
            if self.block(errors) == Flow::Done {
                // A page instead of the bare status: what made the answer is still what refused.
                if self.end == End::Answered && before == (self.routes.len(), self.jumps.len()) && self.status == Some(status) {
                    self.ended_at = at;
                }
                return Flow::Done;
            }
        }
        self.stop(End::Answered, at)
    }
}
