//! Requests that may fulfil what a way asks for. They are guesses: whoever uses one runs it first.

use super::eval::text_matches;
use super::machine::Machine;
use super::value::Tri;
use super::way::{Clause, Way, Ways};
use super::word::{nothing, word};
use super::{get, handshake};
use crate::model::{Atom, Cond, CondId, Conv, Expr, ExprId, Fact, Known, MapId, Matcher, Proxy, Request, Slot, Subject, Text};
use std::borrow::Cow;

/// Used where any host will do.
const ANY_HOST: &str = "hoplint.invalid";
/// How many requests are tried for one place.
const TRIES: usize = 8;
/// How many texts are tried for one subject.
const TEXTS: usize = 4;
/// How deep conditions and expressions are followed.
const DEEPEST: u32 = 32;

/// A test and the answer that is wanted.
#[derive(Clone)]
struct Literal<'a> {
    of: Cow<'a, Subject>,
    is: Cow<'a, Matcher>,
    fold: bool,
    yes: bool,
}

/// All of these.
type Term<'a> = Vec<Literal<'a>>;

/// The first request for a way from a listener that arrives, the simplest tried first.
pub(super) fn find(
    machine: &Machine<'_>,
    ways: &Ways,
    listener: usize,
    way: Way,
    mut arrives: impl FnMut(&Request) -> bool,
) -> Option<Request> {
    let mut clauses: Vec<&Clause> = ways.back(way, None).collect();
    clauses.reverse();
    let solve = Solve { machine, proxy: machine.proxy(), ways, clauses: &clauses };
    let mut tried: Vec<Request> = Vec::new();
    for term in solve.terms() {
        // Nearly always the first choice for every subject will do; the others are made up only if it does not.
        for most in [1, TEXTS] {
            for request in solve.fulfil(listener, &term, most) {
                if tried.contains(&request) {
                    continue;
                }
                if arrives(&request) {
                    return Some(request);
                }
                tried.push(request);
                if tried.len() == TRIES {
                    return None;
                }
            }
        }
    }
    None
}

struct Solve<'a> {
    machine: &'a Machine<'a>,
    proxy: &'a Proxy,
    ways: &'a Ways,
    /// From the listener on.
    clauses: &'a [&'a Clause],
}

impl<'a> Solve<'a> {
    /// The clauses as a disjunction of terms, as far as it is followed.
    fn terms(&self) -> Vec<Term<'a>> {
        let mut terms = vec![Vec::new()];
        let mut moved = false;
        for (i, clause) in self.clauses.iter().enumerate() {
            let mut own = match clause {
                Clause::Holds(cond, yes) => self.cond(*cond, *yes, i, 0),
                Clause::Equals(expr, text) => self.value(*expr, &Matcher::Is(vec![text.clone()]), false, true, i, 0),
                Clause::Moved => {
                    moved = true;
                    continue;
                }
                _ => continue,
            };
            if moved {
                // What is asked of a path that was rewritten says nothing of the client's.
                for term in &mut own {
                    term.retain(|l| !matches!(*l.of, Subject::Path | Subject::Onward | Subject::QueryString | Subject::Query(_)));
                }
            }
            terms = both(terms, &own);
        }
        terms
    }

    /// Terms of a condition; `now`: how many clauses came before it.
    fn cond(&self, id: CondId, yes: bool, now: usize, depth: u32) -> Vec<Term<'a>> {
        let anything = || vec![Vec::new()];
        if depth > DEEPEST {
            return anything();
        }
        match (self.proxy.cond(id), yes) {
            (Cond::Always, true) | (Cond::Never(_), false) | (Cond::Opaque(_), _) => anything(),
            (Cond::Always, false) | (Cond::Never(_), true) => Vec::new(),
            (Cond::Not(c), _) => self.cond(*c, !yes, now, depth + 1),
            (Cond::All(parts), true) | (Cond::Any(parts), false) => {
                parts.iter().fold(anything(), |terms, c| both(terms, &self.cond(*c, yes, now, depth + 1)))
            }
            (Cond::Any(parts), true) | (Cond::All(parts), false) => {
                parts.iter().take(TRIES).flat_map(|c| self.cond(*c, yes, now, depth + 1)).take(TRIES).collect()
            }
            (Cond::Test(Atom { of, is, fold, not, .. }), _) => match of {
                Subject::Value(expr) => self.value(*expr, is, *fold, yes != *not, now, depth + 1),
                _ => vec![vec![Literal { of: Cow::Borrowed(of), is: Cow::Borrowed(is), fold: *fold, yes: yes != *not }]],
            },
        }
    }

    /// Terms under which an expression passes a test; what cannot be turned around asks for nothing.
    fn value(&self, id: ExprId, is: &Matcher, fold: bool, yes: bool, now: usize, depth: u32) -> Vec<Term<'a>> {
        let anything = || vec![Vec::new()];
        if depth > DEEPEST {
            return anything();
        }
        match self.proxy.expr(id) {
            Expr::Text(t) => match text_matches(self.proxy, is, fold, t) {
                Tri::Maybe(_) => anything(),
                found if (found == Tri::Yes) == yes => anything(),
                _ => Vec::new(),
            },
            Expr::Read(Subject::Value(inner)) => self.value(*inner, is, fold, yes, now, depth + 1),
            Expr::Read(of) => vec![vec![Literal { of: Cow::Borrowed(of), is: Cow::Owned(is.clone()), fold, yes }]],
            Expr::Map(map, of) => self.map(*map, *of, (is, fold, yes), now, depth),
            Expr::Via(Conv::Lower | Conv::Upper, of) => self.value(*of, is, true, yes, now, depth + 1),
            Expr::Via(Conv::Field(sep, n), of) if yes => match is {
                Matcher::Is(texts) => {
                    let filler = format!("x{}", char::from(*sep)).repeat(usize::from(n.unsigned_abs()).saturating_sub(1).min(16));
                    let texts = texts.iter().map(|t| if *n > 0 { format!("{filler}{t}").into() } else { t.clone() }).collect();
                    self.value(*of, &Matcher::Is(texts), fold, true, now, depth + 1)
                }
                _ => anything(),
            },
            Expr::Slot(slot) => self.slot(*slot, (is, fold, yes), now, depth),
            Expr::Via(..) | Expr::Join(_) | Expr::Capture(_) | Expr::Opaque { .. } => anything(),
        }
    }

    /// Any key whose value passes, the exact ones first.
    fn map(&self, map: MapId, of: ExprId, (is, fold, yes): (&Matcher, bool, bool), now: usize, depth: u32) -> Vec<Term<'a>> {
        let map = self.proxy.map(map);
        let passes = |fact: &Fact<ExprId>| match fact.value {
            Known::Is(e) => self.value(e, is, fold, yes, now, depth + 1),
            Known::Unknown(_) => Vec::new(),
        };
        let mut out: Vec<Term<'a>> = Vec::new();
        for (key, fact) in &map.exact {
            if out.len() >= TRIES {
                return out;
            }
            let value = passes(fact);
            if !value.is_empty() {
                out.extend(both(self.value(of, &Matcher::Is(vec![key.clone()]), map.fold, true, now, depth + 1), &value));
            }
        }
        for (key, ignores_case, fact) in map.rules.iter().take(TRIES) {
            let value = passes(fact);
            if !value.is_empty() {
                out.extend(both(self.value(of, key, *ignores_case, true, now, depth + 1), &value));
            }
        }
        let value = passes(&map.default);
        if !value.is_empty() {
            let keys = Matcher::Is(map.exact.iter().map(|e| e.0.clone()).collect());
            out.extend(both(self.value(of, &keys, map.fold, false, now, depth + 1), &value));
        }
        out.truncate(TRIES);
        out
    }

    /// Any assignment before that passes, the last one first.
    fn slot(&self, slot: Slot, (is, fold, yes): (&Matcher, bool, bool), now: usize, depth: u32) -> Vec<Term<'a>> {
        let mut out = Vec::new();
        for (i, clause) in self.clauses[..now].iter().enumerate().rev() {
            let Clause::Let { slot: set, value, aside } = clause else { continue };
            if *set != slot {
                continue;
            }
            let value = self.value(*value, is, fold, yes, i, depth + 1);
            let Some(aside) = aside else {
                out.extend(value);
                return out;
            };
            if !value.is_empty() {
                let given = self.ways.back(*aside, None).fold(vec![Vec::new()], |terms, clause| match clause {
                    Clause::Holds(cond, yes) => both(terms, &self.cond(*cond, *yes, i, depth + 1)),
                    _ => terms,
                });
                out.extend(both(given, &value));
            }
        }
        // Never set: empty.
        match text_matches(self.proxy, is, fold, "") {
            found if (found == Tri::Yes) == yes => out.push(Vec::new()),
            _ => {}
        }
        out
    }

    /// Requests that fulfil a term, with so many texts for each subject.
    fn fulfil(&self, listener: usize, term: &Term<'a>, most: usize) -> Vec<Request> {
        let taken = &self.proxy.listeners[listener];
        let mut subjects: Vec<(Subject, Vec<&Literal<'a>>)> = Vec::new();
        for literal in term {
            let of = match &*literal.of {
                Subject::Onward | Subject::Target => Subject::Path,
                Subject::Authority => Subject::Host,
                Subject::Header(name) if &**name == "host" => Subject::Host,
                other => other.clone(),
            };
            match subjects.iter_mut().find(|s| s.0 == of) {
                Some((_, literals)) => literals.push(literal),
                None => subjects.push((of, vec![literal])),
            }
        }
        let mut choices: Choices = Vec::new();
        for (subject, literals) in subjects {
            let fixed = match &subject {
                Subject::Scheme => Some(if taken.tls { "https" } else { "http" }),
                Subject::Port => taken.at.rsplit(':').next(),
                Subject::Internal | Subject::Status => Some(""),
                _ => None,
            };
            if let Some(fixed) = fixed {
                if !self.all(&literals, fixed) {
                    return Vec::new();
                }
                continue;
            }
            let texts = self.texts(&subject, &literals, most);
            if texts.is_empty() {
                return Vec::new();
            }
            choices.push((subject, texts));
        }
        if choices.iter().all(|c| c.1.len() == 1) {
            return vec![build(listener, &choices, &vec![0; choices.len()])];
        }
        // Near choices first: those that differ least from the first of each.
        let furthest = choices.iter().map(|c| c.1.len() - 1).sum::<usize>();
        let mut picks = Vec::new();
        for distance in 0..=furthest {
            spread(&choices, distance, &mut Vec::new(), &mut picks);
            if picks.len() >= TRIES {
                break;
            }
        }
        picks.truncate(TRIES);
        picks.iter().map(|pick| build(listener, &choices, pick)).collect()
    }

    fn all(&self, literals: &[&Literal<'_>], text: &str) -> bool {
        literals.iter().all(|l| match text_matches(self.proxy, &l.is, l.fold, text) {
            Tri::Maybe(_) => true,
            found => (found == Tri::Yes) == l.yes,
        })
    }

    /// Texts that pass all tests of one subject, so many at most.
    fn texts(&self, subject: &Subject, literals: &[&Literal<'_>], most: usize) -> Vec<Text> {
        let path = *subject == Subject::Path;
        let mut exact: Vec<Text> = Vec::new();
        let (mut heads, mut middles, mut tails, mut patterns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let take = |list: &[Text]| list.iter().take(TEXTS * 2).cloned().collect::<Vec<Text>>();
        for literal in literals.iter().filter(|l| l.yes) {
            match &*literal.is {
                Matcher::Is(list) | Matcher::Token(list) => exact.extend(take(list)),
                // A network is met by its own address.
                Matcher::Within(list) => exact.extend(list.iter().take(TEXTS).map(|n| n.split('/').next().unwrap_or(n).into())),
                Matcher::Starts(list) => heads.extend(take(list)),
                Matcher::Has(list) => middles.extend(take(list)),
                Matcher::Ends(list) => tails.extend(take(list)),
                Matcher::Regex(id) => patterns.extend(self.machine.examples(*id).iter().cloned()),
                Matcher::Any | Matcher::Present | Matcher::There | Matcher::Truthy | Matcher::Same(_) => {}
            }
        }
        heads.sort_by_key(|h: &Text| std::cmp::Reverse(h.len()));
        let mut out: Vec<Text> = Vec::new();
        // Whether there are enough.
        let mut take = |text: Text| {
            let usable = !(text.is_empty() && matches!(subject, Subject::Path | Subject::Host | Subject::Method | Subject::Client));
            if usable && !out.contains(&text) && self.all(literals, &text) {
                out.push(text);
            }
            out.len() == most
        };
        let anywhere = match subject {
            Subject::Host => Some(ANY_HOST),
            Subject::Method => Some("GET"),
            Subject::Client => Some("192.0.2.1"),
            _ => None,
        };
        let mut enough = literals.iter().all(|l| !l.yes) && anywhere.is_some_and(|any| take(word(any)));
        let given = !exact.is_empty() || !patterns.is_empty();
        if !exact.is_empty() {
            enough = enough || exact.into_iter().any(&mut take);
        } else if !patterns.is_empty() {
            let base = heads.first().map_or("", |h| h.trim_end_matches('/'));
            let around = |t: &String| {
                if path {
                    let own = t.starts_with('/').then(|| t.as_str().into());
                    let others = [format!("{base}/{}", t.trim_start_matches('/')), format!("{base}/a{t}"), format!("{base}{t}/")];
                    own.into_iter().chain(others.map(Text::from)).collect::<Vec<Text>>()
                } else {
                    [format!("{base}{t}"), format!("{base}a{t}")].map(Text::from).to_vec()
                }
            };
            enough = enough || patterns.iter().flat_map(around).any(&mut take);
        }
        if !enough && !given {
            if heads.is_empty() {
                heads.push(if path { word("/") } else { nothing() });
            }
            let none = [nothing()];
            let middles = if middles.is_empty() { &none[..] } else { &middles };
            let ends = if tails.is_empty() { &none[..] } else { &tails };
            let fillers: &[&str] = match subject {
                Subject::Path => &["", "x", "/"],
                Subject::Host if !tails.is_empty() => &["x", "a.x"],
                Subject::Host => &["", "test", ANY_HOST],
                Subject::Method => &["", "GET", "POST", "PUT", "DELETE", "OPTIONS"],
                _ => &["", "x", "1"],
            };
            'made: for filler in fillers {
                for head in &heads {
                    for middle in middles {
                        for end in ends {
                            if take(join([head, &word(filler), middle, end])) {
                                break 'made;
                            }
                        }
                    }
                }
            }
        }
        out
    }
}

/// Terms that fulfil one of each.
fn both<'a>(a: Vec<Term<'a>>, b: &[Term<'a>]) -> Vec<Term<'a>> {
    if let ([_], [only]) = (&a[..], b)
        && only.is_empty()
    {
        return a;
    }
    let mut out = Vec::new();
    for x in &a {
        for y in b {
            if out.len() == TRIES {
                return out;
            }
            out.push(x.iter().chain(y).cloned().collect());
        }
    }
    out
}

/// One text of four; mostly only one of them is not empty.
fn join(parts: [&Text; 4]) -> Text {
    let mut filled = parts.iter().filter(|p| !p.is_empty());
    match (filled.next(), filled.next()) {
        (None, _) => nothing(),
        (Some(only), None) => (*only).clone(),
        _ => parts.iter().map(|p| &***p).collect::<String>().into(),
    }
}

/// Texts to choose from for each subject.
type Choices = Vec<(Subject, Vec<Text>)>;

/// All picks whose indexes add up to a number.
fn spread(choices: &Choices, left: usize, pick: &mut Vec<usize>, out: &mut Vec<Vec<usize>>) {
    if out.len() >= TRIES {
        return;
    }
    let Some((_, texts)) = choices.get(pick.len()) else {
        if left == 0 {
            out.push(pick.clone());
        }
        return;
    };
    for i in 0..texts.len().min(left + 1) {
        pick.push(i);
        spread(choices, left - i, pick, out);
        pick.pop();
    }
}

/// The request of one pick.
fn build(listener: usize, choices: &Choices, pick: &[usize]) -> Request {
    let picked = || choices.iter().zip(pick).map(|((subject, texts), i)| (subject, &texts[*i]));
    let of = |wanted: &Subject| picked().find(|(subject, _)| *subject == wanted).map(|(_, text)| text.clone());
    let host = of(&Subject::Host).unwrap_or_else(|| ANY_HOST.into());
    let path = of(&Subject::Path).unwrap_or_else(|| word("/"));
    let mut r = get(listener, host, path);
    let (mut query, mut cookies) = (Vec::new(), Vec::new());
    for (subject, text) in picked() {
        match subject {
            Subject::Method => r.method = text.clone(),
            Subject::Protocol => r.http = if &**text == "HTTP/2.0" { "2".into() } else { text.trim_start_matches("HTTP/").into() },
            Subject::NamedPort if !text.is_empty() => r.headers[0].1 = format!("{}:{text}", r.headers[0].1).into(),
            Subject::QueryString if !text.is_empty() => query.insert(0, text.to_string()),
            Subject::Query(name) if !text.is_empty() => query.push(format!("{name}={text}")),
            Subject::Header(name) if !text.is_empty() => r.headers.push((name.clone(), text.clone())),
            Subject::Cookie(name) if !text.is_empty() => cookies.push(format!("{name}={text}")),
            Subject::Client => r.client = Some(text.clone()),
            Subject::Sni => r.sni = Some(text.clone()),
            _ => {}
        }
    }
    if !query.is_empty() {
        let mark = if r.target.contains('?') { '&' } else { '?' };
        r.target = format!("{}{mark}{}", r.target, query.join("&")).into();
    }
    if !cookies.is_empty() {
        r.headers.push(("Cookie".into(), cookies.join("; ").into()));
    }
    if ["upgrade", "sec-websocket-key", "sec-websocket-version"].iter().any(|n| r.header(n).is_some()) {
        handshake::complete(&mut r);
    }
    r
}
