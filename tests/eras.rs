//! What is worked out of one era by way of another is what each would yield by itself: the model that is turned, and what is
//! found without looking twice.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::{
    audit::audit,
    config::Settings,
    model::{Correction, Era, Intent, NoFix, Problem, Proxy, Request, Version},
    probe::{Assume, Machine, handshake, request},
    proxy::{DIALECTS, Dialect, Reading, Site, dialect},
    rules::Finding,
    source::{FileId, Files, SourceMap},
};

use std::path::Path;

#[path = "support/cases.rs"]
mod cases;

/// A site whose model has to be made anew for every era.
struct Anew(Box<dyn Site>);

impl Site for Anew {
    fn lower(&self, era: &Era) -> Proxy {
        self.0.lower(era)
    }

    fn problems(&self, text: &SourceMap, era: &Era) -> Vec<Problem> {
        self.0.problems(text, era)
    }

    fn files(&self) -> &[FileId] {
        self.0.files()
    }

    fn whole(&self) -> bool {
        self.0.whole()
    }

    fn fix(&self, text: &SourceMap, proxy: &Proxy, era: &Era, intent: &Intent) -> Result<Vec<Correction>, NoFix> {
        self.0.fix(text, proxy, era, intent)
    }
}

/// What the oldest release has, by way of the newest one; none where that way does not exist.
fn turned(site: &dyn Site, versions: &[Version]) -> Option<(Proxy, Proxy)> {
    let (oldest, newest) = (versions[0], Era::new(versions[versions.len() - 1]));
    let mut proxy = site.lower(&newest);
    let turn = site.turn(&proxy, &newest, oldest)?;
    turn.apply(&mut proxy);
    Some((proxy, site.lower(&Era::new(oldest))))
}

fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|f| format!("{f:?}")).collect()
}

/// How many models of a recorded configuration were turned, and held against those that were not.
fn held(room: &dyn Dialect, path: &Path, settings: &Settings) -> usize {
    let mut files = Files::new();
    let Ok(id) = files.read(path.to_str().unwrap()) else { return 0 };
    let sites = room.read(&mut files, &[id], &Reading::default());
    let mut turns = 0;
    for (by_turn, anew) in sites.iter().filter_map(|site| turned(site.as_ref(), room.versions())) {
        turns += 1;
        assert!(format!("{by_turn:?}") == format!("{anew:?}"), "{}", path.display());
    }
    let found = audit(files.map(), room, &sites, settings).findings;
    let sites: Vec<Box<dyn Site>> = sites.into_iter().map(|site| Box::new(Anew(site)) as Box<dyn Site>).collect();
    let anew = audit(files.map(), room, &sites, settings).findings;
    assert_eq!(shown(&found), shown(&anew), "{}", path.display());
    turns
}

/// Every recorded configuration, with nothing said about it and with routes declared.
#[test]
fn by_way_of_another_era_nothing_is_otherwise() {
    let turned: usize = std::thread::scope(|scope| {
        let said = [Settings::default(), cases::declared()];
        let both = said.map(|settings| {
            scope.spawn(move || {
                let of = |room: &&dyn Dialect| {
                    cases::mains(&cases::recorded(room.name())).iter().map(|p| held(*room, p, &settings)).sum::<usize>()
                };
                DIALECTS.iter().map(of).sum::<usize>()
            })
        });
        both.into_iter().map(|handle| handle.join().unwrap()).sum()
    });
    assert!(turned > 600, "only {turned} models were turned");
}

/// What a server answers to a handshake hangs on how it gets it; a plain request goes the same way in both.
#[test]
fn what_may_lead_elsewhere_is_known() {
    let text =
        "events {}\nhttp { server { listen 8080; location / { proxy_pass http://127.0.0.1:9001; } location /own { return 200; } } }\n";
    let nginx = dialect("nginx").unwrap();
    let mut files = Files::new();
    let id = files.add("nginx.conf", text.as_bytes().to_vec()).unwrap();
    let sites = nginx.read(&mut files, &[id], &Reading::default());
    let (oldest, newest) = (nginx.versions()[0], Era::new(*nginx.versions().last().unwrap()));
    let proxy = sites[0].lower(&newest);
    let turn = sites[0].turn(&proxy, &newest, oldest).unwrap();
    let machine = Machine::before(&proxy, &turn);
    let differs = |request: &Request| machine.run(request, &Assume::default()).iter().any(|b| b.differs);
    assert!(!differs(&request(0, "GET", "a.test", "/own", &[])));
    assert!(differs(&request(0, "GET", "a.test", "/", &[])));
    assert!(!machine.steered());
    assert!(differs(&handshake::ask(0, "a.test", "/")));
    assert!(machine.steered());
}
