//! What a run says that it did not go by makes no difference: over all recorded configurations, requests that differ in nothing
//! else come to the same places in the same way.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

use hoplint::{
    model::{Era, Kind, Version},
    probe::{Asked, Branch, Machine, Witness, trial, witnesses},
    proxy::{Reading, dialect},
    source::Files,
};

#[path = "support/cases.rs"]
mod cases;
use cases::{mains, recorded};

/// Where a request comes and by what, and whether the answer lets pages of other origins read it: all that evidence looks at. An
/// upstream may answer a handshake otherwise, and its answer get other lines.
fn way(kind: Kind, branches: &[Branch]) -> String {
    let one = |b: &Branch| {
        let sent = b.sent.as_ref().map(|s| (s.upstream, &s.addresses, &s.target, s.hop, s.list, s.span, s.open));
        let allows = |name: &str| kind != Kind::Handshake && name.eq_ignore_ascii_case("access-control-allow-origin");
        let allowed: Vec<_> = b.answer.iter().filter(|l| allows(&l.name)).collect();
        let gates: Vec<_> = b.gates.iter().collect();
        format!("{:?}", (&b.routes, gates, &b.jumps, b.policy, &b.through, sent, allowed, &b.guesses))
    };
    branches.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// How many requests were compared, and how many were not, as the plain one went by something in which they differ.
fn compare(machine: &Machine<'_>, w: &Witness, name: &str, tally: &mut (usize, usize)) {
    let Some(plain) = w.ask(Kind::Plain, "").filter(|r| &*r.method == "GET") else { return };
    let before = trial::send(machine, Kind::Plain, &plain);
    let differs = [
        (Kind::Handshake, vec![Asked::UPGRADE]),
        (Kind::CrossOrigin, vec![Asked::ORIGIN]),
        (Kind::Preflight, vec![Asked::METHOD, Asked::ORIGIN, Asked::CREDENTIALS]),
    ];
    for (kind, parts) in differs {
        let Some(request) = w.ask(kind, "https://a.test") else { continue };
        if before.iter().any(|b| b.asked.any(&parts)) {
            tally.1 += 1;
            continue;
        }
        tally.0 += 1;
        let after = trial::send(machine, kind, &request);
        assert_eq!(way(kind, &before), way(kind, &after), "{name}: {kind:?} {request:?}");
    }
}

#[test]
fn what_was_not_gone_by_makes_no_difference() {
    for (proxy, releases) in [
        ("nginx", [Version(1, 18, 0), Version(1, 31, 4)]),
        ("haproxy", [Version(2, 2, 0), Version(3, 4, 0)]),
        ("envoy", [Version(1, 30, 0), Version(1, 36, 0)]),
    ] {
        let mut tally = (0, 0);
        for path in mains(&recorded(proxy)) {
            let mut files = Files::new();
            // Some are no text, on purpose.
            let Ok(id) = files.read(path.to_str().unwrap()) else { continue };
            let reading = Reading { context: None, explicit: true, together: false };
            for site in dialect(proxy).unwrap().read(&mut files, &[id], &reading) {
                for at in releases {
                    let model = site.lower(&Era::new(at));
                    let machine = Machine::new(&model);
                    for w in witnesses(&machine) {
                        compare(&machine, &w, &format!("{} at {at}", path.display()), &mut tally);
                    }
                }
            }
        }
        println!("{proxy}: {} compared, {} went by what differs", tally.0, tally.1);
        assert!(tally.0 > 100 && tally.1 > 100, "{proxy}: {tally:?}");
    }
}
