//! Models of three styles, made by hand: what HAProxy's rule sets and Envoy's chains come to, besides nginx's trees. They show
//! that the model, the machine and the search for witnesses know no proxy.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::model::{
    Act, Answers, Arm, Atom, Clock, Clocks, Combine, Cond, CondId, Conv, Cors, Ending, Expr, ExprId, Fact, Gate, GateOn, HeaderList,
    HeaderOp, Hop, How, Idle, Intake, Known, Lane, Limit, ListId, Listener, Map, Matcher, Pick, Policy, PolicyId, Proxy, Rank, Reason,
    Restart, Route, RouteId, Scope, Seat, Server, Step, Subject, Table, TableId, Target, Text, Traffic, Unmatched, UpgradeMode, Upstream,
    UpstreamId, Verb, Wire,
};
use hoplint::model::{BlockId, HopId};
use hoplint::probe::{Assume, Branch, End, Machine, Witness, idle, shadowed, witnesses};
use hoplint::source::Span;
use std::marker::PhantomData;

const SEAT: Seat = Seat(0);

fn span(n: u32) -> Span {
    Span { start: n * 10, len: 5 }
}

fn fact<T: Copy>(value: T) -> Fact<T> {
    Fact::is(value, How::Written, Span::default(), SEAT)
}

fn texts(list: &[&str]) -> Vec<Text> {
    list.iter().map(|t| Text::from(*t)).collect()
}

/// A proxy in the making; every step has bytes of its own.
struct Shape {
    p: Proxy,
    steps: u32,
    hop: HopId,
    policy: PolicyId,
}

impl Shape {
    fn new() -> Self {
        let mut p = Proxy::new("shape", |_| None);
        p.add_scope(Scope { parent: None, span: Span::default(), body: Span::default(), noun: "", name: "".into() });
        let hop = p.add_hop(Hop {
            wire: fact(Wire::H11),
            upgrade: fact(UpgradeMode::Tunnel),
            buffered: fact(false),
            packed: fact(false),
            tls: Some(false),
            unreachable: Known::Is(503),
            client_headers: fact(true),
            method: None,
            intercepts: false,
            follows: None,
            mixing: None,
        });
        let mut shape = Self { p, steps: 0, hop, policy: PolicyId(0) };
        shape.policy = shape.policy_with(None);
        shape
    }

    fn list(&mut self, lines: &[(&str, &str)]) -> ListId {
        let ops = lines
            .iter()
            .map(|(name, value)| HeaderOp {
                verb: Verb::Add,
                name: (*name).into(),
                value: fact(self.p.text(value)),
                drop_empty: false,
                on: Answers::All,
                guard: None,
            })
            .collect();
        self.p.add_list(HeaderList { seat: SEAT, base: None, ops, displaced: None, open: None })
    }

    /// Settings with these clocks on silence: limit in seconds, and how it combines.
    fn policy_with(&mut self, clocks: impl IntoIterator<Item = (u64, Combine)>) -> PolicyId {
        let idle = clocks.into_iter().map(|(seconds, rule)| Clock::<Idle> {
            name: "clock".into(),
            limit: fact(Limit::After(seconds * 1000)),
            on: Traffic::Both,
            restart: Restart::EitherWay,
            rule,
            ends: Ending::Close,
            kind: PhantomData,
        });
        let clocks = self.p.clocks.len();
        let idle = idle.collect();
        self.p.add_clocks(Clocks { idle, ..Clocks::default() });
        let none = self.list(&[]);
        self.p.add_policy(Policy {
            seat: SEAT,
            outgoing: none,
            relayed: None,
            answer: none,
            clocks: hoplint::model::ClocksId(clocks as u32),
            hop: self.hop,
            content: None,
            errors: None,
            absolute: None,
            max_body: None,
        })
    }

    fn block(&mut self, acts: Vec<Act>) -> BlockId {
        let steps = acts.into_iter().map(|act| {
            self.steps += 1;
            Step { act, span: span(self.steps) }
        });
        let steps: Vec<Step> = steps.collect();
        self.p.add_block(steps)
    }

    fn upstream(&mut self, name: &str, at: &str) -> UpstreamId {
        let servers = vec![Server { at: at.into(), backup: false, doubt: None }];
        self.p.add_upstream(Upstream { seat: SEAT, name: name.into(), servers, open: None, reuse: fact(false), caps: Vec::new() })
    }

    fn onward(&mut self) -> ExprId {
        self.p.add_expr(Expr::Read(Subject::Onward))
    }

    /// To a server of its own, under these settings.
    fn forward(&mut self, name: &str, policy: PolicyId) -> Vec<Act> {
        let to = Target::Upstream(self.upstream(name, &format!("{name}.test:80")));
        vec![Act::Enter(policy), Act::Forward { to, hop: self.hop, target: self.onward() }]
    }

    fn route(&mut self, acts: Vec<Act>) -> RouteId {
        let body = self.block(acts);
        self.p.add_route(Route { seat: SEAT, body, policy: self.policy, named: false, within: None })
    }

    /// A backend: a route that forwards.
    fn backend(&mut self, name: &str) -> RouteId {
        let acts = self.forward(name, self.policy);
        self.route(acts)
    }

    fn test(&mut self, of: Subject, is: Matcher) -> CondId {
        self.steps += 1;
        self.p.test(of, is, span(self.steps))
    }

    fn path(&mut self, prefix: &str) -> CondId {
        self.test(Subject::Path, Matcher::Starts(texts(&[prefix])))
    }

    fn all(&mut self, parts: Vec<CondId>) -> CondId {
        self.p.add_cond(Cond::All(parts))
    }

    /// Both header lines of a handshake.
    fn is_handshake(&mut self) -> CondId {
        self.steps += 1;
        let span = span(self.steps);
        let upgrade = Atom { of: Subject::Header("upgrade".into()), is: Matcher::Is(texts(&["WebSocket"])), fold: true, not: false, span };
        let upgrade = self.p.add_cond(Cond::Test(upgrade));
        let connection =
            Atom { of: Subject::Header("connection".into()), is: Matcher::Has(texts(&["upgrade"])), fold: true, not: false, span };
        let connection = self.p.add_cond(Cond::Test(connection));
        self.all(vec![upgrade, connection])
    }

    fn table(&mut self, arms: &[(CondId, RouteId)], miss: Vec<Act>) -> TableId {
        let miss = self.block(miss);
        let arms = arms.iter().map(|(test, go)| Arm { test: *test, rank: Rank::Plain, go: *go, nested: None }).collect();
        self.p.add_table(Table { pick: Pick::FirstMatch, arms, miss, open: None, seat: SEAT })
    }

    fn listen(&mut self, at: &str, acts: Vec<Act>) {
        let body = self.block(acts);
        self.p.listeners.push(Listener { seat: SEAT, at: at.into(), tls: false, intake: Intake::default(), body });
    }

    /// A frontend over a table of backends.
    fn frontend(&mut self, arms: &[(CondId, RouteId)], default: RouteId) {
        let table = self.table(arms, vec![Act::Go(default)]);
        self.listen("*:80", vec![Act::Dispatch(table)]);
    }

    fn witnesses(&self) -> Vec<Witness> {
        witnesses(&Machine::new(&self.p))
    }

    fn witness(&self, route: RouteId) -> Witness {
        self.witnesses().into_iter().find(|w| w.route == route).unwrap()
    }

    fn handshake(&self, w: &Witness) -> Vec<Branch> {
        Machine::new(&self.p).run(&w.handshake().unwrap(), &Assume::default())
    }
}

fn upstreams(shape: &Shape, branches: &[Branch]) -> Vec<String> {
    branches.iter().filter_map(|b| b.sent.as_ref()?.upstream).map(|u| shape.p.upstream(u).name.to_string()).collect()
}

#[test]
fn every_backend_behind_hosts_paths_and_unless_has_a_witness() {
    let mut s = Shape::new();
    let (host, api) = (s.test(Subject::Host, Matcher::Is(texts(&["a.test", "b.test"]))), s.path("/api"));
    let both = s.all(vec![host, api]);
    let inside = s.test(Subject::Client, Matcher::Within(texts(&["10.0.0.0/8"])));
    let outside = s.p.add_cond(Cond::Not(inside));
    let post = s.test(Subject::Method, Matcher::Is(texts(&["POST"])));
    let cookie = s.test(Subject::Cookie("beta".into()), Matcher::Present);
    let either = s.p.add_cond(Cond::Any(vec![post, cookie]));
    let away = s.all(vec![outside, either]);
    let [first, second, last] = ["api", "away", "app"].map(|n| s.backend(n));
    s.frontend(&[(both, first), (away, second)], last);
    let found = s.witnesses();
    assert_eq!(found.iter().map(|w| w.route).collect::<Vec<_>>(), [first, second, last]);
    assert_eq!((&*found[0].host, &*found[0].path), ("a.test", "/api"));
    assert_eq!((&*found[1].request.method, found[1].request.client.as_deref()), ("POST", Some("192.0.2.1")));
}

#[test]
fn a_backend_for_handshakes_is_reached_by_them_alone() {
    let mut s = Shape::new();
    let upgrade = s.is_handshake();
    let (ws, app) = (s.backend("ws"), s.backend("app"));
    s.frontend(&[(upgrade, ws)], app);
    let w = s.witness(ws);
    assert!(w.upgrades() && w.cross_origin("https://o.test").is_none() && w.preflight("https://o.test").is_none());
    assert_eq!(upstreams(&s, &s.handshake(&w)), ["ws"]);
    assert_eq!(s.handshake(&w)[0].end, End::Tunnel);
    let plain = s.witness(app);
    assert!(!plain.upgrades());
    assert_eq!(upstreams(&s, &s.handshake(&plain)), ["ws"], "a handshake to the same path is not the other backend's");
}

#[test]
fn clocks_belong_to_the_edge() {
    let mut s = Shape::new();
    let server = s.upstream("shared", "shared.test:80");
    let edges = [vec![(30, Combine::Shortest)], vec![(30, Combine::Shortest), (3600, Combine::Supersedes)]].map(|c| s.policy_with(c));
    for (i, policy) in edges.into_iter().enumerate() {
        let target = s.onward();
        let hop = s.hop;
        let route = s.route(vec![Act::Enter(policy), Act::Forward { to: Target::Upstream(server), hop, target }]);
        s.listen(&format!("*:{}", 8000 + i), vec![Act::Go(route)]);
    }
    let limits: Vec<_> = s.witnesses().iter().map(|w| idle::tunnel(&s.p, s.handshake(w)[0].policy.unwrap()).unwrap().limit.value).collect();
    assert_eq!(limits, [Known::Is(Limit::After(30_000)), Known::Is(Limit::After(3_600_000))]);
}

#[test]
fn answers_unwind_in_two_lanes() {
    let mut s = Shape::new();
    let lists = ["front", "after-front", "back", "after-back"].map(|n| s.list(&[("X-By", n)]));
    let lanes = [Lane::Relayed, Lane::Every, Lane::Relayed, Lane::Every];
    let pairs = lists.into_iter().zip(lanes);
    let mut acts: Vec<Act> = pairs.map(|(list, lane)| s.p.on_answer(lane, list, Span::default()).act).collect();
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    let branches = Machine::new(&s.p).run(&s.witness(route).request, &Assume::default());
    let by: Vec<_> = branches[0].answer.iter().filter_map(|l| l.value.known()).collect();
    assert_eq!(by, ["back", "front", "after-back", "after-front"]);
}

/// A route whose upstream's answers go by these steps, and its runs: the plain request's.
fn answered(s: &mut Shape, acts: Vec<Act>, assume: &Assume) -> Vec<Branch> {
    let after = s.list(&[("X-After", "1")]);
    let after = s.p.on_answer(Lane::Every, after, Span::default()).act;
    let block = s.block(acts);
    let mut acts = vec![after, Act::OnAnswer { lane: Lane::Relayed, block }];
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    Machine::new(&s.p).run(&s.witness(route).request, assume)
}

fn lines(branch: &Branch) -> Vec<String> {
    branch.answer.iter().map(|l| format!("{}: {}", l.name, l.value.known().unwrap_or("?"))).collect()
}

#[test]
fn what_an_answer_may_hold_is_decided_both_ways() {
    let vary = || Subject::Answer("vary".into());
    let acts = |s: &mut Shape| {
        let (test, list) = (s.test(vary(), Matcher::There), s.list(&[("X-Varies", "1")]));
        let then = s.block(vec![Act::Edit(list)]);
        vec![Act::When { test, then, other: None }]
    };
    let run = |assume: &Assume| {
        let mut s = Shape::new();
        let acts = acts(&mut s);
        answered(&mut s, acts, assume).iter().map(lines).collect::<Vec<_>>()
    };
    // A server may send that line or not.
    assert_eq!(run(&Assume::default()), [vec!["X-Varies: 1", "X-After: 1"], vec!["X-After: 1"]]);
    let told = Assume { told: true, ..Assume::default() };
    assert_eq!(run(&told), [["X-After: 1"]]);
    let sent = Assume { lines: vec![("*".into(), ("Vary".into(), "".into()))], ..told };
    assert_eq!(run(&sent), [["Vary: ", "X-Varies: 1", "X-After: 1"]]);
}

#[test]
fn an_answer_of_its_own_comes_instead_of_the_servers() {
    let mut s = Shape::new();
    let slot = s.p.add_slot();
    let (list, own, shown) = (s.list(&[("X-Before", "1")]), s.list(&[("X-Own", "1")]), s.p.text("set"));
    let own = s.p.on_answer(Lane::Every, own, Span::default()).act;
    let test = s.test(Subject::Status, Matcher::Is(texts(&["200"])));
    let then = s.block(vec![own, Act::Respond { status: fact(418), location: None, body: None }]);
    let late = s.list(&[("X-Late", "1")]);
    let acts = vec![Act::Edit(list), Act::Let(slot, shown), Act::When { test, then, other: None }, Act::Edit(late)];
    let branches = answered(&mut s, acts, &Assume::default());
    assert_eq!((&branches[0].end, branches[0].status), (&End::Answered, Some(418)));
    assert!(branches[0].sent.is_some());
    assert_eq!(lines(&branches[0]), ["X-Own: 1", "X-After: 1"]);
}

#[test]
fn an_answer_that_never_goes_out_has_neither_status_nor_lines() {
    let ends = |act: fn(&mut Shape) -> Act| {
        let mut s = Shape::new();
        let (act, list) = (act(&mut s), s.list(&[("X-Before", "1")]));
        let branch = answered(&mut s, vec![Act::Edit(list), act], &Assume::default()).remove(0);
        assert_eq!((branch.status, lines(&branch)), (None, Vec::new()), "{:?}", branch.end);
        branch.end
    };
    assert_eq!(ends(|_| Act::Close), End::Closed);
    let unknown = ends(|s| Act::Opaque(s.p.doubt(Reason::Environment, Span::default(), "known only there")));
    assert!(matches!(unknown, End::Unknown(_)));
}

#[test]
fn each_line_of_a_name_is_made_anew() {
    let mut s = Shape::new();
    let line = s.p.add_expr(Expr::Read(Subject::Line));
    let upper = s.p.add_expr(Expr::Via(Conv::Upper, line));
    let list = s.list(&[("X-One", "a"), ("X-One", "b"), ("X-Two", "c")]);
    let op = HeaderOp { verb: Verb::Each, name: "x-one".into(), value: fact(upper), drop_empty: false, on: Answers::All, guard: None };
    let each = s.p.add_list(HeaderList { seat: SEAT, base: None, ops: vec![op], displaced: None, open: None });
    let branches = answered(&mut s, vec![Act::Edit(list), Act::Edit(each)], &Assume::default());
    assert_eq!(lines(&branches[0]), ["X-One: A", "X-One: B", "X-Two: c", "X-After: 1"]);
}

#[test]
fn a_server_that_is_a_listener_of_the_same_process_is_gone_through() {
    let mut s = Shape::new();
    let inner = s.backend("inner");
    let again = Target::Upstream(s.upstream("loop", "127.0.0.1:9000"));
    let (hop, target, policy) = (s.hop, s.onward(), s.policy);
    let outer = s.route(vec![Act::Enter(policy), Act::Forward { to: again, hop, target }]);
    s.listen("*:80", vec![Act::Go(outer)]);
    s.listen("127.0.0.1:9000", vec![Act::Go(inner)]);
    let branches = s.handshake(&s.witness(outer));
    assert_eq!(branches[0].end, End::Tunnel);
    assert_eq!(upstreams(&s, &branches), ["inner"]);
}

#[test]
fn backends_named_by_a_map_are_found_by_its_keys() {
    let mut s = Shape::new();
    let names = ["shop", "blog", "rest"];
    let among: Vec<(Text, BlockId)> = names
        .iter()
        .map(|n| {
            ((*n).into(), {
                let acts = s.forward(n, s.policy);
                s.block(acts)
            })
        })
        .collect();
    let values = names.map(|n| fact(s.p.text(n)));
    let map = s.p.add_map(Map {
        name: "hosts".into(),
        span: Span::default(),
        exact: vec![("shop.test".into(), values[0]), ("blog.test".into(), values[1])],
        rules: Vec::new(),
        default: values[2],
        fold: false,
        open: None,
        once: false,
    });
    let host = s.p.add_expr(Expr::Read(Subject::Header("host".into())));
    let lower = s.p.add_expr(Expr::Via(Conv::Lower, host));
    let name = s.p.add_expr(Expr::Map(map, lower));
    let (hop, target) = (s.hop, s.onward());
    let route = s.route(vec![Act::Forward { to: Target::Named { name, among, miss: None }, hop, target }]);
    s.listen("*:80", vec![Act::Go(route)]);
    let found = s.witnesses();
    let mut hosts: Vec<_> = found.iter().map(|w| (upstreams(&s, &s.handshake(w)).remove(0), w.host.to_string())).collect();
    hosts.sort();
    let want = [("blog", "blog.test"), ("rest", "hoplint.invalid"), ("shop", "shop.test")];
    assert_eq!(hosts, want.map(|(n, h)| (n.to_owned(), h.to_owned())));
}

/// A gate that asks for a password.
fn gate(s: &mut Shape) -> Act {
    let gate = Gate { on: GateOn::Credentials, deny: fact(401), ask: None, reads: Vec::new(), spares: None, or: None };
    Act::Gate(s.p.add_gate(gate))
}

#[test]
fn what_returns_before_a_gate_passes_none() {
    let mut s = Shape::new();
    let options = s.test(Subject::Method, Matcher::Is(texts(&["OPTIONS"])));
    let answer = s.block(vec![Act::Respond { status: fact(204), location: None, body: None }]);
    let mut acts = vec![Act::Enter(s.policy), Act::When { test: options, then: answer, other: None }, gate(&mut s)];
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    let w = s.witness(route);
    let machine = Machine::new(&s.p);
    let before = machine.run(&w.preflight("https://o.test").unwrap(), &hoplint::probe::preflight::assume());
    assert_eq!((before[0].status, before[0].gates.len()), (Some(204), 0));
    assert_eq!(s.handshake(&w)[0].gates.len(), 1);
}

#[test]
fn a_variable_is_followed_to_where_it_was_set() {
    let mut s = Shape::new();
    let slot = s.p.add_slot();
    let (yes, set) = (s.p.text("yes"), s.path("/chat"));
    let then = s.block(vec![Act::Let(slot, yes)]);
    let read = s.p.add_expr(Expr::Slot(slot));
    let marked = s.test(Subject::Value(read), Matcher::Is(texts(&["yes"])));
    let (chat, app) = (s.backend("chat"), s.backend("app"));
    let table = s.table(&[(marked, chat)], vec![Act::Go(app)]);
    s.listen("*:80", vec![Act::When { test: set, then, other: None }, Act::Dispatch(table)]);
    assert_eq!(&*s.witness(chat).path, "/chat");
    assert_eq!(&*s.witness(app).path, "/");
}

#[test]
fn an_arm_behind_one_that_takes_all_of_its_requests_is_shadowed() {
    let mut s = Shape::new();
    let (wide, narrow, other) = (s.path("/a"), s.path("/a/b"), s.path("/c"));
    let [first, second, third, last] = ["one", "two", "three", "four"].map(|n| s.backend(n));
    s.frontend(&[(wide, first), (narrow, second), (other, third)], last);
    let found = s.witnesses();
    assert_eq!(found.iter().map(|w| w.route).collect::<Vec<_>>(), [first, third, last]);
    let shadows = shadowed(&s.p, found.iter().map(|w| w.route));
    let span_of = |c: CondId| match s.p.cond(c) {
        Cond::Test(a) => a.span,
        _ => Span::default(),
    };
    assert_eq!(shadows.iter().map(|x| (x.route, x.arm, x.by)).collect::<Vec<_>>(), [(second, span_of(narrow), span_of(wide))]);
}

#[test]
fn a_test_that_nobody_can_decide_neither_shadows_nor_gives_a_witness() {
    let mut s = Shape::new();
    let why = s.p.doubt(Reason::Script, Span::default(), "a script decides");
    let script = s.p.add_cond(Cond::Opaque(why));
    let path = s.path("/x");
    let [first, second, last] = ["one", "two", "three"].map(|n| s.backend(n));
    s.frontend(&[(script, first), (path, second)], last);
    let found = s.witnesses();
    assert!(found.is_empty(), "{found:?}");
    assert!(shadowed(&s.p, std::iter::empty()).is_empty());
}

#[test]
fn an_upgrade_chain_without_the_gate_of_the_other() {
    let mut s = Shape::new();
    let upgrade = s.is_handshake();
    let open = s.block(Vec::new());
    let acts = vec![gate(&mut s)];
    let gated = s.block(acts);
    let mut acts = vec![Act::Enter(s.policy), Act::When { test: upgrade, then: open, other: Some(gated) }];
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    let w = s.witness(route);
    let plain = Machine::new(&s.p).run(&w.request, &Assume::default());
    assert_eq!((plain[0].gates.len(), s.handshake(&w)[0].gates.len()), (1, 0));
}

#[test]
fn each_part_of_a_split_has_a_witness() {
    let mut s = Shape::new();
    let parts = ["stable", "canary"].map(|n| {
        let acts = s.forward(n, s.policy);
        s.block(acts)
    });
    let (hop, target) = (s.hop, s.onward());
    let to = Target::Split(vec![(99, parts[0]), (1, parts[1]), (0, parts[0])]);
    let route = s.route(vec![Act::Forward { to, hop, target }]);
    s.listen("*:80", vec![Act::Go(route)]);
    let places: Vec<_> = s.witnesses().iter().map(|w| (w.route, w.forward.is_some())).collect();
    assert_eq!(places, [(route, true), (route, true)]);
}

#[test]
fn a_cors_engine_answers_the_preflights_of_the_origins_it_lets_in() {
    let mut s = Shape::new();
    let origins = s.test(Subject::Header("origin".into()), Matcher::Is(texts(&["https://app.test"])));
    let lines = s.list(&[("Access-Control-Allow-Origin", "https://app.test")]);
    let preflight = s.list(&[("Access-Control-Allow-Methods", "PUT")]);
    let cors = Cors { origins: fact(origins), lines, preflight, status: 200, unmatched: Unmatched::PassOn, span: Span::default() };
    let cors = s.p.add_cors(cors);
    let mut acts = vec![Act::Enter(s.policy), Act::Cors(cors)];
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    let w = s.witness(route);
    let ends = ["https://app.test", "https://evil.test"].map(|origin| {
        let found = Machine::new(&s.p).run(&w.preflight(origin).unwrap(), &hoplint::probe::preflight::assume());
        (found[0].end.clone(), found[0].answer.len())
    });
    assert_eq!(ends, [(End::Answered, 2), (End::Relayed, 0)]);
}

#[test]
fn routes_that_come_from_elsewhere_are_not_known() {
    let mut s = Shape::new();
    let why = s.p.doubt(Reason::MissingFile, Span::default(), "the routes come from a server");
    let table = s.table(&[], Vec::new());
    s.p.tables[table.at()].open = Some(why);
    s.listen("*:80", vec![Act::Dispatch(table)]);
    assert!(s.witnesses().is_empty());
    let found = Machine::new(&s.p).run(&hoplint::probe::request(0, "GET", "a.test", "/", &[]), &Assume::default());
    assert_eq!(found[0].end, End::Unknown(why));
}

#[test]
fn an_upgrade_that_the_proxy_refuses_by_itself() {
    let mut s = Shape::new();
    let upgrade = s.is_handshake();
    let refuse = s.block(vec![Act::Respond { status: fact(403), location: None, body: None }]);
    let mut acts = vec![Act::Enter(s.policy), Act::When { test: upgrade, then: refuse, other: None }];
    acts.extend(s.forward("app", s.policy));
    let route = s.route(acts);
    s.listen("*:80", vec![Act::Go(route)]);
    let branches = s.handshake(&s.witness(route));
    assert_eq!((branches[0].end.clone(), branches[0].status), (End::Answered, Some(403)));
}

#[test]
fn an_index_chooses_what_a_search_from_end_to_end_would() {
    let mut s = Shape::new();
    let mut arms = Vec::new();
    for i in 0..200 {
        let test = match i % 4 {
            0 => s.path(&format!("/p{}", i / 10)),
            1 => s.test(Subject::Host, Matcher::Ends(texts(&[&format!(".h{}.test", i % 7)]))),
            2 => s.test(Subject::Path, Matcher::Is(texts(&[&format!("/p{i}"), "/both"]))),
            _ => s.test(Subject::Header("x".into()), Matcher::Present),
        };
        arms.push((test, s.backend(&format!("b{i}"))));
    }
    let last = s.backend("last");
    s.frontend(&arms, last);
    let machine = Machine::new(&s.p);
    for (host, path) in [("a.h1.test", "/zz"), ("a.test", "/p1x"), ("a.test", "/p102"), ("a.h3.test", "/both"), ("a.test", "/")] {
        let found = machine.run(&hoplint::probe::request(0, "GET", host, path, &[]), &Assume::default());
        let fits = |c: CondId| match s.p.cond(c) {
            Cond::Test(Atom { of: Subject::Path, is: Matcher::Starts(t), .. }) => path.starts_with(&*t[0]),
            Cond::Test(Atom { of: Subject::Path, is: Matcher::Is(t), .. }) => t.iter().any(|t| **t == *path),
            Cond::Test(Atom { of: Subject::Host, is: Matcher::Ends(t), .. }) => host.ends_with(&*t[0]),
            _ => false,
        };
        let want = arms.iter().find(|a| fits(a.0)).map_or(last, |a| a.1);
        assert_eq!(found[0].routes.last(), Some(&want), "{host}{path}");
    }
}
