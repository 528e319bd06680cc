//! Requests that nobody wanted changed: how they fare before and after.

use super::blame::Culprits;
use crate::model::{Expr, Goal, Intent, Kind, Proxy, RemarkKind, Seat};
use crate::probe::{Aspect, Branch, Essence, Machine, Witness, alike, parallel, trial, witnesses};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Deref;
use std::sync::OnceLock;

/// Who takes a request: the scope of a route, or what answers it before there is any.
type Taker = (Option<Seat>, Span);

/// One configuration in one era, and how requests fare in it.
pub(super) struct Lowered<'a> {
    pub(super) proxy: Held<'a>,
    known: OnceLock<(Vec<Witness>, Vec<String>)>,
}

/// A model, lent or not.
pub(super) enum Held<'a> {
    Ours(Box<Proxy>),
    Theirs(&'a Proxy),
}

impl Deref for Held<'_> {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        match self {
            Self::Ours(proxy) => proxy,
            Self::Theirs(proxy) => proxy,
        }
    }
}

impl<'a> Lowered<'a> {
    pub(super) const fn of(proxy: Held<'a>) -> Self {
        Self { proxy, known: OnceLock::new() }
    }

    /// A request for every place, and origins that pages may have.
    fn known(&self, machine: &Machine<'_>) -> &(Vec<Witness>, Vec<String>) {
        self.known.get_or_init(|| (witnesses(machine), origins(&self.proxy)))
    }
}

/// What becomes otherwise of requests: to which route, in what, and for which of them.
#[derive(Default)]
pub(super) struct Changed(BTreeMap<(String, Aspect), BTreeSet<Kind>>);

impl Changed {
    pub(super) fn add(&mut self, more: &Self) {
        for (what, kinds) in &more.0 {
            self.0.entry(what.clone()).or_default().extend(kinds);
        }
    }

    /// In words.
    pub(super) fn words(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|((route, aspect), kinds)| {
            let what: Vec<&str> = if kinds.contains(&Kind::Plain) { vec!["requests"] } else { kinds.into_iter().map(word).collect() };
            format!("{} to `{route}`: {} changes", what.join(" and "), aspect.words())
        })
    }
}

/// Whose goal it is: one of the corrections that are tried, or one that was proved before.
type Whose = Option<usize>;

/// What is meant to change.
struct Meant<'g> {
    /// By who takes the request.
    by_taker: HashMap<Taker, Vec<(Whose, &'g Goal, Kind)>>,
    /// Whose goal changes connections wherever the same setting holds; nobody sees it.
    keeping: HashSet<Whose>,
}

impl Meant<'_> {
    /// Whose goal it is that this changes.
    fn by(&self, takers: &[Taker], kind: Kind, aspect: &Aspect) -> HashSet<Whose> {
        let here = takers.iter().filter_map(|t| self.by_taker.get(t)).flatten();
        let mut by: HashSet<Whose> = here.filter(|(_, goal, on)| tolerates(goal, *on, *on == kind, aspect)).map(|g| g.0).collect();
        if *aspect == Aspect::Connection {
            by.extend(&self.keeping);
        }
        by
    }
}

/// To whom a change is put down that is somebody's goal, or nobody's. What one correction is for is no licence for another one.
fn unwanted(culprits: &Culprits, meant: &HashSet<Whose>) -> Option<Culprits> {
    let wanted = |at: &usize| meant.contains(&Some(*at));
    match culprits {
        _ if meant.contains(&None) => None,
        Culprits::These(these) => {
            let left: Vec<usize> = these.iter().copied().filter(|at| !wanted(at)).collect();
            (!left.is_empty()).then_some(Culprits::These(left))
        }
        Culprits::Among(some) => (!some.iter().all(wanted)).then(|| culprits.clone()),
        Culprits::Nobody => meant.is_empty().then_some(Culprits::Nobody),
    }
}

/// Whom a difference is put down to: by the listener, and what becomes of a request before and after.
type Blaming<'c> = dyn Fn(usize, &[Branch], &[Branch]) -> Culprits + Sync + 'c;

/// Two models, and who is to blame for a difference.
pub(super) struct Compared<'c> {
    pub(super) before: &'c Machine<'c>,
    pub(super) after: &'c Machine<'c>,
    pub(super) blame: &'c Blaming<'c>,
}

/// Requests that nobody wanted changed, and are, and by whom.
pub(super) fn others(known: &Lowered<'_>, on: &Compared<'_>, intents: &[(Whose, &Intent)]) -> BTreeMap<Culprits, Changed> {
    let proxy = on.before.proxy();
    // A redirect that the proxy adds by itself belongs to the scope that it is added for. What never comes to a route is told by
    // what answers it.
    let taker = |b: &Branch| match b.routes.last() {
        Some(r) => (Some(proxy.route(*r).seat), Span::default()),
        None => (None, b.ended_at),
    };
    let keeping = intents.iter().filter(|(_, n)| matches!(n.goal, Goal::KeepsConnection)).map(|n| n.0).collect();
    let mut meant = Meant { by_taker: HashMap::new(), keeping };
    for (whose, intent) in intents {
        for t in &intent.trials {
            for route in trial::send(on.before, t.kind, &t.request).iter().map(taker) {
                meant.by_taker.entry(route).or_default().push((*whose, &intent.goal, t.kind));
            }
        }
    }
    let (witnesses, origins) = known.known(on.before);
    let kinds = kinds(origins);
    let changed = parallel::many(witnesses, |w| {
        let mut here: Vec<(Culprits, Aspect, Kind)> = Vec::new();
        for (kind, origin) in kinds.iter().copied() {
            let Some(request) = w.ask(kind, origin) else { continue };
            let old = trial::send(on.before, kind, &request);
            let new = trial::send(on.after, kind, &request);
            let aspects = differences(proxy, &old, on.after.proxy(), &new);
            if aspects.is_empty() {
                continue;
            }
            let takers: Vec<Taker> = old.iter().map(taker).collect();
            let culprits = (on.blame)(request.listener, &old, &new);
            here.extend(aspects.into_iter().filter_map(|aspect| {
                let culprits = unwanted(&culprits, &meant.by(&takers, kind, &aspect))?;
                Some((culprits, aspect, kind))
            }));
        }
        (!here.is_empty()).then(|| (proxy.title(proxy.route(w.route).seat), here))
    });
    let mut found: BTreeMap<Culprits, Changed> = BTreeMap::new();
    for (route, here) in changed {
        for (culprits, aspect, kind) in here {
            found.entry(culprits).or_default().0.entry((route.clone(), aspect)).or_default().insert(kind);
        }
    }
    found
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "requests",
        Kind::CrossOrigin => "cross-origin requests",
        Kind::Preflight => "preflights",
        Kind::Handshake => "WebSocket handshakes",
    }
}

fn kinds(origins: &[String]) -> Vec<(Kind, &str)> {
    let mut all = vec![(Kind::Plain, ""), (Kind::Handshake, "")];
    for origin in origins {
        all.extend([(Kind::CrossOrigin, origin.as_str()), (Kind::Preflight, origin.as_str())]);
    }
    all
}

/// A page's origin that nobody knows, and one that the configuration names.
fn origins(proxy: &Proxy) -> Vec<String> {
    let texts = proxy.exprs.iter().filter_map(|e| if let Expr::Text(t) = e { Some(t) } else { None });
    let keys = proxy.maps.iter().flat_map(|m| m.exact.iter().map(|(k, _)| k));
    let named = keys.chain(texts).find(|t| {
        let host = t.strip_prefix("https://").or_else(|| t.strip_prefix("http://"));
        host.is_some_and(|h| !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':')))
    });
    let mut out = vec![trial::ORIGIN.to_owned()];
    out.extend(named.map(ToString::to_string).filter(|n| n != trial::ORIGIN));
    out
}

fn differences(old_proxy: &Proxy, old: &[Branch], new_proxy: &Proxy, new: &[Branch]) -> BTreeSet<Aspect> {
    if old.len() != new.len() {
        return std::iter::once(Aspect::End).collect();
    }
    let closely = |(a, b): (&Branch, &Branch)| Essence::of(old_proxy, a).differs(&Essence::of(new_proxy, b));
    let at_sight = |(a, b): &(&Branch, &Branch)| {
        let alike = alike((old_proxy, a), (new_proxy, b));
        debug_assert!(!alike || closely((a, b)).is_empty(), "{a:?} {b:?}");
        alike
    };
    old.iter().zip(new).filter(|pair| !at_sight(pair)).flat_map(closely).collect()
}

/// Whether a goal cannot be had without a change of this kind on its own route. `asked`: for the very kind of request that it
/// is about.
fn tolerates(goal: &Goal, on: Kind, asked: bool, aspect: &Aspect) -> bool {
    let cors = |name: &str| name.starts_with("access-control-") || name == "vary";
    match (goal, aspect) {
        (Goal::Upgrades | Goal::CarriesUpgrade, Aspect::Connection) => true,
        (Goal::Upgrades | Goal::CarriesUpgrade, Aspect::End | Aspect::Body | Aspect::Answer(_) | Aspect::Timer | Aspect::MoreGates) => {
            asked
        }
        (Goal::Upgrades, Aspect::Sent(name)) => asked && matches!(name.as_str(), "upgrade" | "connection"),
        // What the proxy asks meanwhile may carry the client's lines, and is asked for every request alike.
        (Goal::Upgrades, Aspect::Errands) => asked,
        // A request that asks for an upgrade by mistake is answered by mistake as well.
        (Goal::UpgradesOnly, Aspect::Sent(name)) => matches!(name.as_str(), "upgrade" | "connection") || name.starts_with("sec-websocket-"),
        (Goal::UpgradesOnly, Aspect::Connection | Aspect::End | Aspect::Body | Aspect::Answer(_)) => true,
        (Goal::SendsHost, Aspect::Sent(name)) => asked && name == "host",
        (Goal::Uncached, Aspect::Cached) => asked,
        (Goal::TakenLike(_), _) => asked,
        (Goal::IdleAtLeast(_), Aspect::Timer) => true,
        (Goal::AnswerHas(names) | Goal::FailureHas(names), Aspect::Answer(name)) => {
            cors(name) || names.iter().any(|n| n.eq_ignore_ascii_case(name))
        }
        (Goal::AnswersOne(one) | Goal::HidesTheirs(one), Aspect::Answer(name)) => one.eq_ignore_ascii_case(name),
        (Goal::ErrandsStayPlain, Aspect::Errands) => true,
        (Goal::Forwards, _) => true,
        (Goal::LivesOn, Aspect::Timer) => true,
        (Goal::Waits, Aspect::Timer | Aspect::End) => true,
        (Goal::Settled(RemarkKind::CorsNotApplied, _), Aspect::Answer(name)) => cors(name) || asked && on == Kind::Preflight,
        (Goal::Settled(RemarkKind::CorsNotApplied, _), _) => asked && on == Kind::Preflight,
        (Goal::Settled(RemarkKind::NoSuchUpgrade, _), _) => asked,
        (Goal::SendsOne(one), Aspect::Sent(name)) => one.eq_ignore_ascii_case(name),
        (Goal::SendsAll(names), Aspect::Sent(name)) => names.iter().any(|n| n.eq_ignore_ascii_case(name)),
        (Goal::AnswersPreflight, _) => asked,
        (Goal::Streams, Aspect::Buffered | Aspect::Connection) => true,
        _ => false,
    }
}
