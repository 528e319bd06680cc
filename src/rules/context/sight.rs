//! What the run of a route's plain request tells before any other probe is sent.
//!
//! Most routes have nothing to do with upgrades or other origins, and their plain requests show it: the run went by no part of
//! the request in which a handshake or a preflight differs ([`Asked`]), so that these go the same way, and there is nothing on
//! that way that speaks of them. For such a route no further request is run.

use super::cross_origin::Spoken;
use super::declared::added;
use super::lost::Side;
use super::socket::{self, evidence};
use crate::config::Settings;
use crate::model::{Act, HopId, Known, ListId, Origin, PolicyId, Proxy, RouteId, UpstreamId};
use crate::probe::{Asked, Assume, Branch, Machine, Val, Witness, parallel, survey};
use crate::source::Span;
use std::collections::HashSet;
use std::sync::Arc;

/// What a look at a plain request's run keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Whether a handshake may fare otherwise, or shows evidence of WebSocket.
    pub(super) shakes: bool,
    /// Whether a request from another origin may fare otherwise, or is what the route is written for.
    pub(super) crosses: bool,
    /// Whether it asks its upstream for an upgrade, though nobody asked for one.
    pub(super) asks_anyway: bool,
    /// By [`Side`]: whether the list in force replaced another one.
    pub(super) displaces: [bool; 2],
    /// Whether it met something that is otherwise in another era, if there is one to think of.
    pub(super) differs: bool,
}

/// A plain request on its way to a group.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// Its place among the witnesses.
    pub witness: usize,
    /// The group.
    pub upstream: UpstreamId,
    /// The settings in force.
    pub policy: Option<PolicyId>,
    /// Where it is forwarded.
    pub at: Span,
    /// The edge.
    pub hop: HopId,
    /// The list that made its headers.
    pub list: ListId,
    /// Whether more operations on headers may exist.
    pub open: bool,
    /// Whether a `Connection` line says `close`.
    pub closes: bool,
    /// Where that line is made; none: it is the client's own.
    pub closed_by: Option<Origin>,
}

impl Sending {
    fn of(branch: &Branch) -> Option<Self> {
        let sent = branch.sent.as_ref()?;
        let closing = |v: &Val| matches!(v, Val::Is(v) if v.split(',').any(|t| t.trim().eq_ignore_ascii_case("close")));
        let line = sent.values("connection").find(|l| closing(&l.value));
        Some(Self {
            witness: 0,
            upstream: sent.upstream?,
            policy: branch.policy,
            at: sent.span,
            hop: sent.hop,
            list: sent.list,
            open: sent.open.is_some(),
            closes: line.is_some(),
            closed_by: line.and_then(|l| l.origin),
        })
    }
}

/// How to look.
struct Look<'a> {
    proxy: &'a Proxy,
    spoken: &'a Spoken,
    meant: HashSet<RouteId>,
    /// Whether any group is meant to keep its connections.
    keeps: bool,
}

impl<'a> Look<'a> {
    fn new(proxy: &'a Proxy, spoken: &'a Spoken) -> Self {
        let keeps = proxy.upstreams.iter().any(|u| u.reuse.value == Known::Is(true));
        Self { proxy, spoken, meant: socket::meant(proxy), keeps }
    }

    fn at(&self, w: &Witness, branches: &[Branch]) -> (Sight, Vec<Sending>) {
        let plain = &*w.request.method == "GET" && !w.upgrades();
        let went_by = |parts: &[Asked]| branches.iter().any(|b| b.asked.any(parts));
        let shakes = !plain || went_by(&[Asked::UPGRADE]) || evidence(self.proxy, &self.meant, w, branches).is_some();
        // A preflight carries neither.
        let shows = ["cookie", "authorization"].iter().any(|name| w.request.header(name).is_some());
        let otherwise = || shows || !plain || went_by(&[Asked::METHOD, Asked::ORIGIN, Asked::CREDENTIALS]);
        let crosses = self.spoken.anything() && (otherwise() || self.spoken.concerns(branches));
        let asks_anyway = branches.iter().filter_map(|b| b.sent.as_ref()).any(|s| s.values("upgrade").next().is_some());
        let in_force = |side: Side| branches.iter().filter_map(move |b| side.in_force(self.proxy, b));
        let displaces = Side::BOTH.map(|side| in_force(side).any(|l| self.proxy.list(l).displaced.is_some()));
        let sendings = if self.keeps && !w.upgrades() { branches.iter().filter_map(Sending::of).collect() } else { Vec::new() };
        let differs = branches.iter().any(|b| b.differs);
        (Sight { shakes, crosses, asks_anyway, displaces, differs }, sendings)
    }
}

/// Whether a route does nothing but answer.
fn answers_alone(proxy: &Proxy, route: RouteId) -> bool {
    let plain = |policy: PolicyId| proxy.policy(policy).errors.is_none();
    let route = proxy.route(route);
    plain(route.policy)
        && proxy.block(route.body).iter().all(|step| match step.act {
            Act::Enter(policy) | Act::Admit(policy) => plain(policy),
            Act::Respond { .. } => true,
            _ => false,
        })
}

/// What was seen of every place.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) witnesses: Arc<[Witness]>,
    /// One for each of them.
    pub(super) sights: Vec<Sight>,
    pub(super) sendings: Vec<Sending>,
    /// By [`Side`]: which of them lie under a list that replaced another one.
    pub(super) displacing: [Vec<u32>; 2],
}

impl Seen {
    /// Witnesses for everything that can be reached, and what was seen on the way. Redirects that the proxy adds by itself and
    /// that nothing follows are left out, unless somebody declared paths: those might be theirs.
    pub(super) fn of(machine: &Machine<'_>, settings: &Settings, spoken: &Spoken) -> Self {
        let proxy = machine.proxy();
        let look = Look::new(proxy, spoken);
        let added = added(proxy);
        let wanted = |route: RouteId| !(added[route.at()] && settings.routes.is_empty() && answers_alone(proxy, route));
        let all = survey(machine, wanted, |w, branches| look.at(w, branches));
        let mut seen = Self { sights: Vec::with_capacity(all.len()), ..Self::default() };
        let mut witnesses = Vec::with_capacity(all.len());
        for (witness, (w, (sight, sendings))) in all.into_iter().enumerate() {
            seen.sendings.extend(sendings.into_iter().map(|s| Sending { witness, ..s }));
            seen.sights.push(sight);
            witnesses.push(w);
        }
        seen.witnesses = witnesses.into();
        seen.displace();
        seen
    }

    /// The same in another era, to which the model was turned: places are reached as before, and only what met something that
    /// is otherwise there is looked at again.
    pub(super) fn again(mut self, machine: &Machine<'_>, spoken: &Spoken) -> Self {
        let look = Look::new(machine.proxy(), spoken);
        let others: Vec<usize> = (0..self.sights.len()).filter(|i| self.sights[*i].differs).collect();
        let looked = parallel::many(&others, |i| {
            let w = &self.witnesses[*i];
            Some(look.at(w, &machine.run(&w.request, &Assume::default())))
        });
        self.sendings.retain(|s| !self.sights[s.witness].differs);
        for (witness, (sight, sendings)) in others.into_iter().zip(looked) {
            self.sendings.extend(sendings.into_iter().map(|s| Sending { witness, ..s }));
            self.sights[witness] = Sight { differs: true, ..sight };
        }
        self.sendings.sort_by_key(|s| s.witness);
        self.displace();
        self
    }

    fn displace(&mut self) {
        let by = |side: usize| self.sights.iter().zip(0..).filter(|(s, _)| s.displaces[side]).map(|(_, i)| i).collect();
        self.displacing = [by(0), by(1)];
    }
}
