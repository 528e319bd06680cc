//! Routes that pages of other origins ask (the Fetch standard).

use super::own;
use crate::model::{Act, Atom, Cond, Expr, Known, ListId, Matcher, Proxy, RouteId, Seat, Subject, Verb};
use crate::probe::{Assume, Branch, End, Line, Witness, preflight, texts_of};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

/// A page's origin when the configuration names none.
pub(in crate::rules) const SOME_ORIGIN: &str = "https://app.example.com";
/// How many origins of the configuration's own are tried at one route.
const TRIED: usize = 8;

/// A route that sends CORS headers, or that had some to send.
#[derive(Debug)]
pub(in crate::rules) struct CrossOrigin<'a> {
    /// The request that arrives there.
    pub witness: &'a Witness,
    /// An origin that the configuration lets in, as far as it names one.
    pub origin: String,
    /// What becomes of a GET from that origin.
    pub plain: Vec<Branch>,
    /// What becomes of a preflight from that origin.
    pub preflight: Vec<Branch>,
}

impl CrossOrigin<'_> {
    /// Whether the route answers such a GET, with CORS headers or with some to send.
    pub(in crate::rules) fn intent(&self, proxy: &Proxy) -> bool {
        let sends = |b: &Branch| line(b, "access-control-allow-origin").is_some_and(|l| l.value.known() != Some(""));
        serves(&self.plain) && (self.plain.iter().all(sends) || speaks(proxy, self.list(proxy)))
    }

    /// The list of answer headers in force at the beginning of the route.
    pub(in crate::rules) fn list(&self, proxy: &Proxy) -> ListId {
        proxy.policy(proxy.route(self.witness.route).policy).answer
    }
}

/// The first line of a header in an answer.
pub(in crate::rules) fn line<'a>(branch: &'a Branch, name: &str) -> Option<&'a Line> {
    branch.answer.iter().find(|l| l.name.eq_ignore_ascii_case(name))
}

/// Whether a GET is served here at all: passed on, from files, or a 2xx of the proxy's own.
pub(in crate::rules) fn serves(branches: &[Branch]) -> bool {
    !branches.is_empty()
        && branches.iter().all(|b| match b.end {
            End::Relayed | End::Served | End::Tunnel => true,
            End::Answered => b.status.is_some_and(|s| (200..300).contains(&s)),
            _ => false,
        })
}

/// Whether a list names an origin to allow.
fn speaks(proxy: &Proxy, list: ListId) -> bool {
    own(proxy.list(list), "access-control-allow-origin").is_some_and(|op| match op.value.value {
        Known::Is(e) => !matches!(proxy.expr(e), Expr::Text(t) if t.is_empty()),
        Known::Unknown(_) => true,
    })
}

impl super::Context<'_> {
    /// Whether a list names an origin to allow.
    pub fn speaks(&self, list: ListId) -> bool {
        speaks(self.proxy, list)
    }

    /// What becomes of a GET and of a preflight from some other origin.
    pub fn from_origin(&self, w: &Witness, origin: &str) -> (Vec<Branch>, Vec<Branch>) {
        // Nothing of a request that does not come this way.
        let plain = w.cross_origin(origin).map_or_else(Vec::new, |r| self.run(&r, &Assume::default()));
        let before = w.preflight(origin).map_or_else(Vec::new, |r| self.run(&r, &preflight::assume()));
        (plain, before)
    }

    /// What becomes of requests from other origins, where a witness is of such a route.
    pub(in crate::rules) fn cross_origin<'w>(&self, w: &'w Witness) -> Option<CrossOrigin<'w>> {
        let (proxy, spoken) = (self.proxy, &self.known.spoken);
        let constant = constant(proxy, proxy.policy(proxy.route(w.route).policy).answer);
        let mut origin = constant.unwrap_or_else(|| SOME_ORIGIN.to_owned());
        let (mut plain, mut preflight) = self.from_origin(w, &origin);
        if !spoken.engine && !spoken.concerns(&plain) && !spoken.concerns(&preflight) {
            return None;
        }
        for other in self.known.named_origins.iter().take(TRIED) {
            if plain.iter().chain(&preflight).any(allows) {
                break;
            }
            let (p, b) = self.from_origin(w, other);
            if p.iter().chain(&b).any(allows) {
                (origin, plain, preflight) = (other.clone(), p, b);
            }
        }
        Some(CrossOrigin { witness: w, origin, plain, preflight })
    }

    /// Whether lines about other origins are taken out of the upstream's answers anywhere.
    pub fn takes_out(&self) -> bool {
        self.known.takes_out
    }

    /// Origins that the configuration itself names, in the order of the text.
    pub fn named_origins(&self) -> &[String] {
        &self.known.named_origins
    }
}

/// Origins that tests and tables of the configuration name: keys, and texts that its expressions match.
pub(super) fn named_origins(proxy: &Proxy) -> Vec<String> {
    let origin = Subject::Header("origin".into());
    let mut found: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut take = |text: &str| {
        if let Some((scheme, rest)) = text.split_once("://")
            && matches!(scheme, "http" | "https")
            && !rest.is_empty()
            && !rest.contains(['/', '*', ' ', ','])
            && seen.insert(text.to_owned())
        {
            found.push(text.to_owned());
        }
    };
    let mut matcher = |is: &Matcher| match is {
        Matcher::Is(list) | Matcher::Token(list) => list.iter().for_each(|t| take(t)),
        Matcher::Regex(id) => {
            for text in texts_of(&proxy.pattern(*id).text) {
                take(&text);
                // An expression that begins anywhere is met by what a browser sends before the host.
                let host = text.trim_start_matches(['.', '/', ':']);
                if !text.contains("://") && host.contains('.') {
                    take(&format!("https://{host}"));
                    take(&format!("https://a.{host}"));
                }
            }
        }
        _ => {}
    };
    for cond in &proxy.conds {
        if let Cond::Test(Atom { of, is, .. }) = cond
            && (*of == origin || matches!(of, Subject::Value(e) if reads(proxy, *e, &origin)))
        {
            matcher(is);
        }
    }
    for expr in &proxy.exprs {
        if let Expr::Map(map, of) = expr
            && reads(proxy, *of, &origin)
        {
            let map = proxy.map(*map);
            matcher(&Matcher::Is(map.exact.iter().map(|e| e.0.clone()).collect()));
            map.rules.iter().for_each(|r| matcher(&r.0));
        }
    }
    found
}

fn reads(proxy: &Proxy, expr: crate::model::ExprId, subject: &Subject) -> bool {
    matches!(proxy.expr(expr), Expr::Read(s) if s == subject)
}

/// What of a configuration speaks of other origins.
pub(super) struct Spoken {
    /// By route: whether CORS lines stand in its scope or around it.
    beside: Vec<bool>,
    /// By route: whether they stand inside of it.
    inside: Vec<bool>,
    /// Whether there is anything of the kind at all.
    anything: bool,
    /// Whether a CORS engine may answer anywhere.
    engine: bool,
}

impl Spoken {
    pub(super) fn new(proxy: &Proxy) -> Self {
        let mut by_seat = vec![false; proxy.scopes.len()];
        let speaking = proxy.lists.iter().filter(|l| l.ops.iter().any(|op| is_cors(&op.name)));
        speaking.for_each(|l| by_seat[l.seat.0 as usize] = true);
        let anything = by_seat.contains(&true) || !proxy.cors.is_empty();
        let mut inside = vec![false; by_seat.len()];
        for seat in (0..by_seat.len()).filter(|s| by_seat[*s]) {
            proxy.outward(Seat(seat as u32)).for_each(|s| inside[s.0 as usize] = true);
        }
        let of = |about: &dyn Fn(Seat) -> bool| if anything { proxy.routes.iter().map(|r| about(r.seat)).collect() } else { Vec::new() };
        let beside = of(&|seat| proxy.outward(seat).any(|s| by_seat[s.0 as usize]));
        let inside = of(&|seat| inside[seat.0 as usize]);
        let engine = proxy.steps().iter().any(|s| matches!(s.act, Act::Cors(_)));
        Self { beside, inside, anything, engine }
    }

    /// Whether a request, or one from another origin that fares alike, may be one that pages of other origins are meant to make.
    pub(super) fn concerns(&self, branches: &[Branch]) -> bool {
        self.anything && (self.engine || branches.iter().any(|b| allows(b) || self.concerned(b)))
    }

    /// A route that a request only comes through has much inside that is about others, unless it was left by a jump.
    fn concerned(&self, b: &Branch) -> bool {
        let through = b.jumps.is_empty();
        let inside = |(i, r): (usize, &RouteId)| (i + 1 == b.routes.len() || !through) && self.inside[r.at()];
        b.routes.iter().any(|r| self.beside[r.at()]) || b.routes.iter().enumerate().any(inside)
    }

    /// Whether there is anything of the kind at all.
    pub(super) const fn anything(&self) -> bool {
        self.anything
    }
}

/// Whether a line of this name is one of the Fetch standard's about other origins.
pub(in crate::rules) fn is_cors(name: &str) -> bool {
    name.get(..15).is_some_and(|head| head.eq_ignore_ascii_case("access-control-"))
}

/// Whether an answer allows an origin.
fn allows(b: &Branch) -> bool {
    line(b, "access-control-allow-origin").is_some_and(|l| l.value.known() != Some(""))
}

/// Where operations stand that allow an origin, by their bytes; the first of those that were taken over.
pub(super) fn allowing(proxy: &Proxy) -> HashMap<Span, (usize, usize)> {
    let mut found = HashMap::new();
    for (i, list) in proxy.lists.iter().enumerate() {
        for (j, op) in list.ops.iter().enumerate().filter(|(_, op)| op.name.eq_ignore_ascii_case("access-control-allow-origin")) {
            found.entry(op.value.origin.span).or_insert((i, j));
        }
    }
    found
}

/// Whether any list takes lines about other origins out of answers, or replaces them.
pub(super) fn takes_out(proxy: &Proxy) -> bool {
    proxy.lists.iter().flat_map(|l| &l.ops).any(|op| op.verb != Verb::Add && is_cors(&op.name))
}

/// The one origin that a list always names.
fn constant(proxy: &Proxy, list: ListId) -> Option<String> {
    let value = own(proxy.list(list), "access-control-allow-origin")?.value.value.is()?;
    match proxy.expr(value) {
        Expr::Text(t) if t.contains("://") => Some(t.to_string()),
        _ => None,
    }
}
