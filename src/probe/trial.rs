//! Sends the requests that corrections are judged by, and says whether a goal holds.

use super::machine::{Assume, Branch, Credentials, End, Far, Line, Machine, Sent};
use super::{Val, idle};
use crate::model::{Goal, Kind, Known, Limit, Proxy, Request, Text, Traffic, Trial, Wire};

/// A page's origin when nothing names one.
pub const ORIGIN: &str = "https://app.example.com";

/// What becomes of a request of a kind.
pub fn send(machine: &Machine<'_>, kind: Kind, request: &Request) -> Vec<Branch> {
    let credentials = if kind == Kind::Preflight { Credentials::None } else { Credentials::Valid };
    run(machine, request, &Assume { credentials, ..Assume::default() })
}

fn run(machine: &Machine<'_>, request: &Request, assume: &Assume) -> Vec<Branch> {
    if request.listener < machine.proxy().listeners.len() { machine.run(request, assume) } else { Vec::new() }
}

/// A value of the upstream's that no configuration has.
const THEIRS: &str = "upstream.invalid";

/// What becomes of the request under what a goal takes for granted.
fn tried(machine: &Machine<'_>, goal: &Goal, trial: &Trial) -> Vec<Branch> {
    let assume = match goal {
        // Lines may be for answers that succeed: a file is there.
        Goal::AnswerHas(_) if trial.kind != Kind::Preflight => Assume { files: Some(true), ..Assume::default() },
        Goal::FailureHas(_) => Assume { far: Far::Refused, ..Assume::default() },
        Goal::HidesTheirs(name) => Assume { lines: vec![(Text::from("*"), (name.as_str().into(), THEIRS.into()))], ..Assume::default() },
        Goal::ErrandsStayPlain => Assume { credentials: Credentials::AsSent, ..Assume::default() },
        _ => return send(machine, trial.kind, &trial.request),
    };
    run(machine, &trial.request, &assume)
}

/// Whether a goal holds for a request, whatever had to be guessed on its way.
pub fn holds(machine: &Machine<'_>, goal: &Goal, trial: &Trial) -> bool {
    let proxy = machine.proxy();
    let branches = tried(machine, goal, trial);
    let upstream: Vec<&Branch> = branches.iter().filter(|b| b.sent.is_some()).collect();
    let answers: Vec<&Branch> = branches.iter().filter(|b| !matches!(b.end, End::Closed | End::Failed | End::Loops)).collect();
    match goal {
        Goal::Upgrades => !upstream.is_empty() && upstream.iter().all(|b| b.end == End::Tunnel),
        Goal::UpgradesOnly if trial.kind != Kind::Handshake => {
            !upstream.is_empty() && upstream.iter().filter_map(|b| b.sent.as_ref()).all(|s| s.values("upgrade").next().is_none())
        }
        Goal::UpgradesOnly => !upstream.is_empty() && upstream.iter().all(|b| b.end == End::Tunnel),
        Goal::CarriesUpgrade => {
            let wires = upstream.iter().filter_map(|b| b.sent.as_ref()).map(|s| proxy.hop(s.hop).wire.value);
            !upstream.is_empty() && wires.into_iter().all(|w| w == Known::Is(Wire::H11))
        }
        Goal::TakenLike(there) => {
            let last = |branches: &[Branch]| branches.iter().map(|b| b.routes.last().copied()).collect::<Vec<_>>();
            !branches.is_empty() && last(&branches) == last(&send(machine, trial.kind, there))
        }
        Goal::Uncached => !upstream.is_empty() && branches.iter().all(|b| b.cached.is_none()),
        Goal::SendsHost => {
            let asked = trial.request.header("host").map(|h| h.to_ascii_lowercase());
            let sent = upstream.iter().filter_map(|b| b.sent.as_ref()).map(|s| s.values("host").collect::<Vec<_>>());
            let same = |v: &Val| v.known().map(str::to_ascii_lowercase) == asked;
            !upstream.is_empty() && sent.into_iter().all(|lines| lines.len() == 1 && lines.iter().all(|l| same(&l.value)))
        }
        Goal::IdleAtLeast(milliseconds) => {
            let tunnels: Vec<_> = upstream.iter().filter_map(|b| b.policy).map(|p| idle::tunnel(proxy, p)).collect();
            !tunnels.is_empty()
                && tunnels.iter().all(|clock| match clock.map(|c| c.limit.value) {
                    None | Some(Known::Is(Limit::Never)) => true,
                    Some(Known::Is(Limit::After(limit))) => limit >= *milliseconds,
                    Some(Known::Unknown(_)) => false,
                })
        }
        Goal::AnswerHas(names) => !answers.is_empty() && answers.iter().all(|b| names.iter().all(|n| lines(b, n).next().is_some())),
        Goal::FailureHas(names) => !branches.is_empty() && branches.iter().all(|b| names.iter().all(|n| lines(b, n).next().is_some())),
        Goal::AnswersOne(name) => !answers.is_empty() && answers.iter().all(|b| lines(b, name).count() == 1),
        Goal::HidesTheirs(name) => {
            // The proxy's own line stays.
            let own = |b: &Branch| lines(b, name).count() == 1 && lines(b, name).all(|l| l.value.known() != Some(THEIRS));
            !answers.is_empty() && answers.iter().all(|b| own(b))
        }
        Goal::ErrandsStayPlain => {
            let sent = |b: &Branch| b.errands.iter().filter_map(|e| e.sent.clone()).collect::<Vec<Sent>>();
            branches.iter().flat_map(sent).all(|s| !s.values("upgrade").any(filled))
        }
        Goal::KeepsConnection => {
            let closes = |l: &Line| l.value.known().is_none_or(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case("close")));
            !upstream.is_empty()
                && upstream
                    .iter()
                    .filter_map(|b| b.sent.as_ref())
                    .all(|s| proxy.hop(s.hop).wire.value != Known::Is(Wire::H10) && !s.values("connection").any(closes))
        }
        Goal::Forwards => !branches.is_empty() && upstream.len() == branches.len(),
        Goal::LivesOn => !upstream.is_empty() && upstream.iter().all(|b| lives_on(proxy, b, trial.kind)),
        Goal::Waits => {
            let zero = |b: &&Branch| {
                let clocks = b.policy.map(|p| proxy.clocks_of(proxy.policy(p).clocks));
                clocks.is_some_and(|c| c.handshake.iter().any(|c| c.limit.value == Known::Is(Limit::After(0))))
            };
            !upstream.is_empty() && !upstream.iter().any(zero)
        }
        Goal::SendsOne(name) => {
            !upstream.is_empty()
                && upstream.iter().filter_map(|b| b.sent.as_ref()).all(|s| s.values(name).filter(|l| filled(l)).count() == 1)
        }
        Goal::SendsAll(names) => {
            let all = |s: &super::Sent| names.iter().all(|n| s.values(n).any(filled));
            !upstream.is_empty() && upstream.iter().filter_map(|b| b.sent.as_ref()).all(all)
        }
        Goal::AnswersPreflight => {
            let wanted = ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"];
            !answers.is_empty()
                && answers
                    .iter()
                    .all(|b| b.status.is_some_and(|s| (200..300).contains(&s)) && wanted.iter().all(|n| lines(b, n).next().is_some()))
        }
        Goal::Streams => {
            !upstream.is_empty()
                && upstream.iter().filter_map(|b| b.sent.as_ref()).map(|s| proxy.hop(s.hop)).all(|hop| {
                    // A chunked answer passes a buffer piece by piece; one that ends with the connection does not.
                    let framed = hop.wire.value != Known::Is(Wire::H10) && hop.packed.value == Known::Is(false);
                    hop.buffered.value == Known::Is(false) || framed
                })
        }
        Goal::Gone(_) | Goal::Spelt(..) | Goal::Settled(..) | Goal::Comment { .. } => true,
    }
}

/// Whether no clock limits how long a request may take as a whole.
fn lives_on(proxy: &Proxy, branch: &Branch, kind: Kind) -> bool {
    let other = if kind == Kind::Handshake { Traffic::Stream } else { Traffic::Tunnel };
    let clocks = branch.policy.map(|p| proxy.clocks_of(proxy.policy(p).clocks));
    clocks.is_some_and(|c| c.lifetime.iter().filter(|c| c.on != other).all(|c| c.limit.value == Known::Is(Limit::Never)))
}

fn filled(line: &Line) -> bool {
    match &line.value {
        Val::Is(v) => !v.is_empty(),
        Val::Unknown { .. } => true,
    }
}

/// Lines of an answer that are sent for certain or for all that is known.
fn lines<'a>(branch: &'a Branch, name: &'a str) -> impl Iterator<Item = &'a Line> {
    branch.answer.iter().filter(move |l| l.name.eq_ignore_ascii_case(name) && filled(l))
}
