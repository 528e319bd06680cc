//! Requests that may fulfil what a way asks for. They are guesses: whoever uses one runs it first.

use super::eval::{Tri, text_matches};
use super::example::texts_of;
use super::way::{Clause, Way, Ways};
use super::{handshake, request};
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

/// Requests for a way from a listener, the simplest first.
pub(super) fn requests(proxy: &Proxy, ways: &Ways, listener: usize, way: Way) -> Vec<Request> {
    let mut clauses: Vec<&Clause> = ways.back(way, None).collect();
    clauses.reverse();
    let solve = Solve { proxy, ways, clauses: &clauses };
    let mut out: Vec<Request> = Vec::new();
    for term in solve.terms() {
        for found in solve.fulfil(listener, &term) {
            if !out.contains(&found) {
                out.push(found);
            }
            if out.len() == TRIES {
                return out;
            }
        }
    }
    out
}

struct Solve<'a> {
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

    /// Requests that fulfil a term.
    fn fulfil(&self, listener: usize, term: &Term<'a>) -> Vec<Request> {
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
        let mut choices: Vec<(Subject, Vec<String>)> = Vec::new();
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
            let texts = self.texts(&subject, &literals);
            if texts.is_empty() {
                return Vec::new();
            }
            choices.push((subject, texts));
        }
        // Near choices first: those that differ least from the first of each.
        let most = choices.iter().map(|c| c.1.len() - 1).sum::<usize>();
        let mut picks = Vec::new();
        for distance in 0..=most {
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

    /// Texts that pass all tests of one subject.
    fn texts(&self, subject: &Subject, literals: &[&Literal<'_>]) -> Vec<String> {
        let path = *subject == Subject::Path;
        let mut exact: Vec<String> = Vec::new();
        let (mut heads, mut middles, mut tails, mut patterns) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let take = |list: &[Text]| list.iter().take(TEXTS * 2).map(ToString::to_string).collect::<Vec<_>>();
        for literal in literals.iter().filter(|l| l.yes) {
            match &*literal.is {
                Matcher::Is(list) | Matcher::Token(list) => exact.extend(take(list)),
                // A network is met by its own address.
                Matcher::Within(list) => exact.extend(list.iter().take(TEXTS).map(|n| n.split('/').next().unwrap_or(n).to_owned())),
                Matcher::Starts(list) => heads.extend(take(list)),
                Matcher::Has(list) => middles.extend(take(list)),
                Matcher::Ends(list) => tails.extend(take(list)),
                Matcher::Regex(id) => patterns.extend(texts_of(&self.proxy.pattern(*id).text)),
                Matcher::Any | Matcher::Present | Matcher::Truthy | Matcher::Same(_) => {}
            }
        }
        heads.sort_by_key(|h| std::cmp::Reverse(h.len()));
        let mut found = exact;
        if found.is_empty() {
            let base = heads.first().map_or("", |h| h.trim_end_matches('/'));
            for t in &patterns {
                if path {
                    let own = t.starts_with('/').then(|| t.clone());
                    found.extend(own);
                    found.extend([format!("{base}/{}", t.trim_start_matches('/')), format!("{base}/a{t}"), format!("{base}{t}/")]);
                } else {
                    found.extend([format!("{base}{t}"), format!("{base}a{t}")]);
                }
            }
        }
        if found.is_empty() {
            if heads.is_empty() {
                heads.push(if path { "/".to_owned() } else { String::new() });
            }
            let nothing = vec![String::new()];
            let middles = if middles.is_empty() { &nothing } else { &middles };
            let ends = if tails.is_empty() { &nothing } else { &tails };
            let fillers: &[&str] = match subject {
                Subject::Path => &["", "x", "/"],
                Subject::Host if !tails.is_empty() => &["x", "a.x"],
                Subject::Host => &["", "test", ANY_HOST],
                Subject::Method => &["", "GET", "POST", "PUT", "DELETE", "OPTIONS"],
                _ => &["", "x", "1"],
            };
            for filler in fillers {
                for head in &heads {
                    for middle in middles {
                        found.extend(ends.iter().map(|end| format!("{head}{filler}{middle}{end}")));
                    }
                }
            }
        }
        let anywhere = match subject {
            Subject::Host => Some(ANY_HOST),
            Subject::Method => Some("GET"),
            Subject::Client => Some("192.0.2.1"),
            _ => None,
        };
        if literals.iter().all(|l| !l.yes)
            && let Some(any) = anywhere
        {
            found.insert(0, any.to_owned());
        }
        let mut out: Vec<String> = Vec::new();
        for text in found {
            let usable = !(text.is_empty() && matches!(subject, Subject::Path | Subject::Host | Subject::Method | Subject::Client));
            if usable && !out.contains(&text) && self.all(literals, &text) {
                out.push(text);
            }
            if out.len() == TEXTS {
                break;
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

/// All picks whose indexes add up to a number.
fn spread(choices: &[(Subject, Vec<String>)], left: usize, pick: &mut Vec<usize>, out: &mut Vec<Vec<usize>>) {
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
fn build(listener: usize, choices: &[(Subject, Vec<String>)], pick: &[usize]) -> Request {
    let mut r = request(listener, "GET", ANY_HOST, "/", &[]);
    let (mut path, mut query, mut cookies) = ("/".to_owned(), Vec::new(), Vec::new());
    for ((subject, texts), i) in choices.iter().zip(pick) {
        let text = &texts[*i];
        match subject {
            Subject::Method => r.method = text.as_str().into(),
            Subject::Protocol => r.http = if text == "HTTP/2.0" { "2".into() } else { text.trim_start_matches("HTTP/").into() },
            Subject::Host => r.headers[0].1 = text.as_str().into(),
            Subject::NamedPort if !text.is_empty() => r.headers[0].1 = format!("{}:{text}", r.headers[0].1).into(),
            Subject::Path => path = text.clone(),
            Subject::QueryString if !text.is_empty() => query.insert(0, text.clone()),
            Subject::Query(name) if !text.is_empty() => query.push(format!("{name}={text}")),
            Subject::Header(name) if !text.is_empty() => r.headers.push((name.clone(), text.as_str().into())),
            Subject::Cookie(name) if !text.is_empty() => cookies.push(format!("{name}={text}")),
            Subject::Client => r.client = Some(text.as_str().into()),
            Subject::Sni => r.sni = Some(text.as_str().into()),
            _ => {}
        }
    }
    if !query.is_empty() {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(&query.join("&"));
    }
    r.target = path.into();
    if !cookies.is_empty() {
        r.headers.push(("Cookie".into(), cookies.join("; ").into()));
    }
    if ["upgrade", "sec-websocket-key", "sec-websocket-version"].iter().any(|n| r.header(n).is_some()) {
        handshake::complete(&mut r);
    }
    r
}
