//! Every snippet, for the oldest and the newest release: hoplint has nothing to say about it.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

use hoplint::{
    audit::audit,
    config::{Order, Purpose, RouteDeclaration, Serves, Settings},
    model::{Era, Kind, Version},
    probe::{End, Machine, handshake, preflight, trial},
    proxy::{DIALECTS, Dialect, Reading},
    source::Files,
};

fn orders() -> Vec<Order> {
    let mut out = Vec::new();
    for serves in Serves::ALL {
        for heartbeat in [None, Some(30_000), Some(120_000)] {
            for origins in [Vec::new(), vec!["https://app.example.com".to_owned(), "https://b.example.com".to_owned()]] {
                for path in [serves.path(), "/live"] {
                    if serves == Serves::Cors && origins.is_empty() {
                        continue;
                    }
                    out.push(Order {
                        serves,
                        path: path.to_owned(),
                        upstream: "127.0.0.1:3000".to_owned(),
                        heartbeat,
                        origins: origins.clone(),
                    });
                }
            }
        }
    }
    out
}

/// All releases that a snippet for `oldest` is for.
fn check(dialect: &dyn Dialect, order: &Order, oldest: Version) {
    let text = dialect.snippet(order, oldest).unwrap();
    let place = format!("{} {oldest} {order:?}\n{text}", dialect.name());
    for version in dialect.versions().iter().filter(|v| **v >= oldest) {
        let purpose = match order.serves {
            Serves::WebSocket | Serves::SocketIo => Purpose::WebSocket,
            Serves::Events => Purpose::EventStream,
            Serves::Cors => Purpose::CrossOrigin,
        };
        let declared = RouteDeclaration { path: order.path.clone(), purpose, heartbeat: order.heartbeat };
        let settings = Settings {
            targets: vec![(dialect.name().to_owned(), *version)],
            heartbeat: order.heartbeat,
            routes: vec![declared],
            ..Settings::default()
        };
        let mut files = Files::new();
        let id = files.add("snippet", text.clone().into_bytes()).unwrap();
        let sites = dialect.read(&mut files, &[id], &Reading::default());
        let report = audit(files.map(), dialect, &sites, &settings);
        assert!(report.findings.is_empty(), "{place}\n{version}: {:#?}", report.findings);
        let proxy = sites[0].lower(&Era::new(*version));
        assert!(!proxy.listeners.is_empty(), "{place}: nothing listens");
        let machine = hoplint::probe::Machine::new(&proxy);
        let upgraded = |origin: Option<&str>| {
            let mut request = handshake::ask(0, "www.example.com", &order.path);
            request.headers.extend(origin.map(|o| ("Origin".into(), o.into())));
            trial::send(&machine, Kind::Handshake, &request).iter().all(|b| b.end == End::Tunnel)
        };
        if order.upgrades() {
            assert!(upgraded(None), "{place}");
            if let Some(origin) = order.origins.first() {
                assert!(upgraded(Some(origin)), "{place}");
                assert!(!upgraded(Some("https://evil.example.org")), "{place}");
            }
        }
        if order.serves == Serves::Cors {
            let preflight = preflight::ask(0, "www.example.com", &order.path, &order.origins[1]);
            let trial = hoplint::model::Trial { kind: Kind::Preflight, request: preflight };
            assert!(trial::holds(&machine, &hoplint::model::Goal::AnswersPreflight, &trial), "{place}");
        }
    }
}

#[test]
fn snippets_are_clean_for_every_release_they_are_for() {
    let mut n = 0;
    for dialect in DIALECTS {
        let (oldest, newest) = (*dialect.versions().first().unwrap(), *dialect.versions().last().unwrap());
        for order in orders() {
            let first = dialect.versions().iter().copied().find(|v| dialect.snippet(&order, *v).is_ok()).unwrap();
            // What the oldest cannot do is said, and only that.
            assert!(first == oldest || order.serves != Serves::WebSocket, "{} {order:?}", dialect.name());
            check(*dialect, &order, first);
            check(*dialect, &order, newest);
            n += 1;
        }
    }
    println!("{n} orders");
    assert_eq!(n, DIALECTS.len() * 42);
}

#[test]
fn what_would_break_out_of_its_place_is_refused() {
    let good = orders().remove(0);
    assert!(good.check().is_ok());
    for bad in [
        Order { path: "ws".into(), ..good.clone() },
        Order { path: "/ws/ { }".into(), ..good.clone() },
        Order { upstream: "app".into(), ..good.clone() },
        Order { upstream: "app;:80".into(), ..good.clone() },
        Order { upstream: "app:99999".into(), ..good.clone() },
        Order { origins: vec!["app.example.com".into()], ..good.clone() },
        Order { origins: vec!["https://x\ny".into()], ..good },
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
}
