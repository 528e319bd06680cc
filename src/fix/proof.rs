//! What a correction does, read off the same requests before and after.

use super::room::{Room, State, View};
use super::text::Edits;
use crate::audit::eras;
use crate::model::{Correction, Era, Expr, Goal, Intent, Kind, Proxy, RemarkKind, Seat, Version};
use crate::probe::{Aspect, Branch, Essence, Machine, Witness, parallel, trial, witnesses};
use crate::rules::Finding;
use crate::source::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Why a correction is not one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// The files are put together otherwise.
    ReadsDifferently,
    /// Something is found that was not there.
    New(&'static str),
    /// What was to go is still there.
    StillThere,
    /// The request fares no better.
    Missed,
}

/// What edits are made for.
#[derive(Clone, Default)]
pub(super) struct Wanted<'a> {
    /// Findings that are to go.
    pub(super) mended: Vec<&'a Finding>,
    /// What these corrections alone would bring, and is dealt with along with them.
    pub(super) along: Vec<Finding>,
}

impl<'a> Wanted<'a> {
    pub(super) fn with(&self, finding: &'a Finding, along: &[Finding]) -> Self {
        let mut more = self.clone();
        more.mended.push(finding);
        more.along.extend_from_slice(along);
        more
    }
}

/// A rule, and the file and offset that it points at.
type Place<'a> = (&'a str, Option<(FileId, u32)>);

impl Refusal {
    pub(super) fn words(&self) -> String {
        match self {
            Self::ReadsDifferently => "the files would be put together otherwise".to_owned(),
            Self::New(rule) => format!("it would bring `{rule}`"),
            Self::StillThere => "the finding would remain".to_owned(),
            Self::Missed => "the request would fare no better".to_owned(),
        }
    }
}

/// Configurations before a correction, with what is needed to compare again and again.
pub(super) struct Before<'a> {
    view: View<'a>,
    sizes: Vec<usize>,
    lowered: BTreeMap<(usize, Version), Lowered>,
    eras: BTreeMap<usize, Vec<Version>>,
    refused: BTreeMap<(usize, Version), BTreeSet<Span>>,
}

/// One configuration in one era, and how requests fare in it.
struct Lowered {
    proxy: Proxy,
    witnesses: Vec<Witness>,
    origins: Vec<String>,
}

impl<'a> Before<'a> {
    pub(super) fn new(view: View<'a>) -> Self {
        let size = |f: &FileId| view.files.map().file(*f).bytes().len();
        let sizes = view.sites.iter().map(|site| site.files().iter().map(size).sum()).collect();
        Self { view, sizes, lowered: BTreeMap::new(), eras: BTreeMap::new(), refused: BTreeMap::new() }
    }

    pub(super) const fn view(&self) -> View<'a> {
        self.view
    }

    fn eras(&mut self, room: &Room, site: usize) -> &[Version] {
        let sites = self.view.sites;
        self.eras.entry(site).or_insert_with(|| eras(room.dialect, sites[site].as_ref(), &room.settings))
    }

    /// A configuration at the oldest release that its text must suit.
    pub(super) fn oldest(&mut self, room: &Room, site: usize) -> Option<(Version, &Proxy)> {
        let at = self.eras(room, site).first().copied()?;
        Some((at, &self.lowered(site, at).proxy))
    }

    /// Configurations that some of these files belong to.
    fn touched(&self, holds: impl Fn(&FileId) -> bool) -> Vec<usize> {
        (0..self.view.sites.len()).filter(|s| self.view.sites[*s].files().iter().any(&holds)).collect()
    }

    /// How many bytes are read again to prove something.
    pub(super) fn bytes(&self, edits: &Edits) -> usize {
        let map = self.view.files.map();
        let files: BTreeSet<FileId> = edits.iter().filter_map(|e| map.file_at(e.span.start)).map(|(id, _)| id).collect();
        self.touched(|f| files.contains(f)).into_iter().map(|s| self.size(s)).sum()
    }

    /// How many bytes a configuration has.
    pub(super) fn size(&self, site: usize) -> usize {
        self.sizes[site]
    }

    fn lowered(&mut self, site: usize, at: Version) -> &Lowered {
        let view = self.view;
        self.lowered.entry((site, at)).or_insert_with(|| {
            let proxy = view.sites[site].lower(&Era::new(at));
            let (witnesses, origins) = (witnesses(&Machine::new(&proxy)), origins(&proxy));
            Lowered { proxy, witnesses, origins }
        })
    }

    /// Whether all that is to be done is to spell what this very release refuses.
    fn refuses(&mut self, site: usize, at: Version, intents: &[&Intent]) -> bool {
        let spelt = |n: &&Intent| if let Goal::Spelt(span, _) = &n.goal { Some(*span) } else { None };
        let Some(spelt) = intents.iter().map(spelt).collect::<Option<Vec<Span>>>().filter(|s| !s.is_empty()) else { return false };
        let (sites, map) = (self.view.sites, self.view.files.map());
        let refused = self.refused.entry((site, at)).or_insert_with(|| {
            let problems = sites[site].problems(map, &Era::new(at)).into_iter().filter(|p| p.certain);
            problems.filter_map(|p| p.remedy).map(|r| r.span).collect()
        });
        spelt.iter().all(|span| refused.contains(span))
    }

    /// What else changes, in words, if these edits are made for these findings; or why they must not be.
    pub(super) fn prove(&mut self, room: &Room, edits: &Edits, wanted: &Wanted<'_>) -> Result<BTreeSet<String>, Refusal> {
        let (after, touched) = self.after(room, edits)?;
        let (new, still) = self.compare(&after, edits, &touched);
        if let Some(new) = new.first() {
            return Err(Refusal::New(new.rule));
        }
        if still.iter().any(|o| wanted.mended.iter().any(|m| std::ptr::eq(*o, *m))) {
            return Err(Refusal::StillThere);
        }
        self.compare_requests(room, &after, &touched, wanted)
    }

    /// What these edits bring that was not there, each with ways to be rid of it as well: all edits, on the text as it is.
    pub(super) fn brought(&mut self, room: &Room, edits: &Edits) -> Vec<(Finding, Vec<Correction>)> {
        let Ok((after, touched)) = self.after(room, edits) else { return Vec::new() };
        let (new, _) = self.compare(&after, edits, &touched);
        let mut out = Vec::new();
        for f in new {
            let Some(intent) = &f.intent else { continue };
            let (Some(site), Some(at)) = (touched.get(intent.site), after.sites.get(intent.site)) else { continue };
            let Some(oldest) = self.eras(room, *site).first().copied() else { continue };
            let era = Era::new(oldest);
            let mut ways = at.fix(after.files.map(), &at.lower(&era), &era, intent).unwrap_or_default();
            ways.retain_mut(|way| {
                let all = edits.then(self.view.files.map(), after.files.map(), &way.edits);
                way.edits = all.unwrap_or_default();
                !way.edits.is_empty()
            });
            let mut f = f.clone();
            f.intent.iter_mut().for_each(|i| i.site = *site);
            out.push((f, ways));
        }
        out
    }

    /// The configurations that edits touch, as they are afterwards.
    fn after(&self, room: &Room, edits: &Edits) -> Result<(State, Vec<usize>), Refusal> {
        let texts = edits.apply(self.view.files.map());
        let touched = self.touched(|f| texts.contains_key(f));
        let part = room.part(self.view, &touched);
        let files = self.view.files.with_texts(&texts).map_err(|_| Refusal::ReadsDifferently)?;
        let after = part.read(files);
        let roots = |sites: &[Box<dyn crate::proxy::Site>]| sites.iter().map(|s| s.files().to_vec()).collect::<Vec<_>>();
        let before: Vec<Vec<FileId>> = touched.iter().map(|s| self.view.sites[*s].files().to_vec()).collect();
        if roots(&after.sites) == before { Ok((after, touched)) } else { Err(Refusal::ReadsDifferently) }
    }

    /// What is found afterwards and was not there, and what was there and still is.
    fn compare<'f>(&self, after: &'f State, edits: &Edits, touched: &[usize]) -> (Vec<&'f Finding>, Vec<&'a Finding>) {
        let map = self.view.files.map();
        let within = |f: &&Finding| {
            map.file_at(f.span.start).is_none_or(|(id, _)| touched.iter().any(|s| self.view.sites[*s].files().contains(&id)))
        };
        let old: Vec<&'a Finding> = self.view.findings.iter().filter(within).collect();
        let mut still: Vec<bool> = vec![false; old.len()];
        let mut by_place: HashMap<Place<'_>, Vec<usize>> = HashMap::new();
        let mut by_rule: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, o) in old.iter().enumerate() {
            by_place.entry((o.rule, edits.place(map, o.span.start))).or_default().push(i);
            by_rule.entry(o.rule).or_default().push(i);
        }
        let place = |f: &Finding| {
            let (id, file) = after.files.map().file_at(f.span.start)?;
            Some((id, f.span.start - file.base()))
        };
        let mut left: Vec<&Finding> = Vec::new();
        for f in &after.findings {
            let here = by_place.get(&(f.rule, place(f))).into_iter().flatten().copied();
            let mut here = here.filter(|i| !still[*i] && f.level <= old[*i].level);
            // Where bytes went, several may stand at one place now.
            match here.clone().find(|i| old[*i].message == f.message).or_else(|| here.next()) {
                Some(i) => still[i] = true,
                None => left.push(f),
            }
        }
        left.retain(|f| {
            // A finding whose bytes were changed may stand elsewhere now, and still be the same one.
            let same = |o: &Finding| f.level <= o.level && o.message == f.message && o.within == f.within;
            let here = by_rule.get(f.rule).into_iter().flatten().copied().find(|i| !still[*i] && same(old[*i]));
            if let Some(i) = here {
                still[i] = true;
            }
            here.is_none()
        });
        (left, old.into_iter().zip(still).filter(|o| o.1).map(|o| o.0).collect())
    }

    /// The goals hold, and what else is not as before.
    fn compare_requests(
        &mut self,
        room: &Room,
        after: &State,
        touched: &[usize],
        wanted: &Wanted<'_>,
    ) -> Result<BTreeSet<String>, Refusal> {
        let mut changes = BTreeSet::new();
        for (i, site) in touched.iter().enumerate() {
            let mut versions = self.eras(room, *site).to_vec();
            versions.extend(eras(room.dialect, after.sites[i].as_ref(), &room.settings));
            versions.sort_unstable();
            versions.dedup();
            let here = |n: &&Intent| n.site == *site;
            let own: Vec<&Intent> = wanted.mended.iter().filter_map(|f| f.intent.as_ref()).filter(here).collect();
            let along = wanted.along.iter().filter_map(|f| f.intent.as_ref()).filter(here);
            let intents: Vec<&Intent> = own.iter().copied().chain(along).collect();
            for version in versions {
                let proxy = after.sites[i].lower(&Era::new(version));
                let machine = Machine::new(&proxy);
                if intents.iter().any(|n| n.trials.iter().any(|t| !trial::holds(&machine, &n.goal, t))) {
                    return Err(Refusal::Missed);
                }
                // What the proxy refuses as a whole is not served at all; a release that takes the text as it is serves it.
                if !self.refuses(*site, version, &own) {
                    others(self.lowered(*site, version), &machine, &intents, &mut changes);
                }
            }
        }
        Ok(changes)
    }
}

/// Who takes a request: the scope of a route, or what answers it before there is any.
type Taker = (Option<Seat>, Span);

/// Requests that nobody wanted changed, and are.
fn others(before: &Lowered, after: &Machine<'_>, intents: &[&Intent], changes: &mut BTreeSet<String>) {
    // A redirect that the proxy adds by itself belongs to the scope that it is added for. What never comes to a route is told by
    // what answers it.
    let seat = |b: &Branch| match b.routes.last() {
        Some(r) => (Some(before.proxy.route(*r).seat), Span::default()),
        None => (None, b.ended_at),
    };
    let machine = Machine::new(&before.proxy);
    let mut meant: BTreeMap<Taker, Vec<(&Goal, Kind)>> = BTreeMap::new();
    for intent in intents {
        for t in &intent.trials {
            for route in trial::send(&machine, t.kind, &t.request).iter().map(seat) {
                meant.entry(route).or_default().push((&intent.goal, t.kind));
            }
        }
    }
    let kinds = kinds(&before.origins);
    let changed = parallel::many(&before.witnesses, |w| {
        let mut here: Vec<(Aspect, Kind)> = Vec::new();
        for (kind, origin) in kinds.iter().copied() {
            let Some(request) = w.ask(kind, origin) else { continue };
            let old = trial::send(&machine, kind, &request);
            let new = trial::send(after, kind, &request);
            let aspects = differences(&before.proxy, &old, after.proxy(), &new);
            if aspects.is_empty() {
                continue;
            }
            let goals: Vec<&(&Goal, Kind)> = old.iter().map(seat).filter_map(|s| meant.get(&s)).flatten().collect();
            let unwanted = aspects.into_iter().filter(|aspect| {
                !intents.iter().any(|n| tolerates_everywhere(&n.goal, aspect))
                    && !goals.iter().any(|(goal, on)| tolerates(goal, *on, *on == kind, aspect))
            });
            here.extend(unwanted.map(|aspect| (aspect, kind)));
        }
        (!here.is_empty()).then(|| (before.proxy.title(before.proxy.route(w.route).seat), here))
    });
    let mut found: BTreeMap<(String, Aspect), BTreeSet<Kind>> = BTreeMap::new();
    for (route, here) in changed {
        for (aspect, kind) in here {
            found.entry((route.clone(), aspect)).or_default().insert(kind);
        }
    }
    for ((route, aspect), kinds) in found {
        let what: Vec<&str> = if kinds.contains(&Kind::Plain) { vec!["requests"] } else { kinds.into_iter().map(word).collect() };
        changes.insert(format!("{} to `{route}`: {} changes", what.join(" and "), aspect.words()));
    }
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
    let pairs = old.iter().zip(new);
    pairs.flat_map(|(a, b)| Essence::of(old_proxy, a).differs(&Essence::of(new_proxy, b))).collect()
}

/// Whether a goal brings this along wherever the same setting holds, and nobody sees it.
fn tolerates_everywhere(goal: &Goal, aspect: &Aspect) -> bool {
    matches!((goal, aspect), (Goal::KeepsConnection, Aspect::Connection))
}

/// Whether a goal cannot be had without a change of this kind on its own route. `asked`: for the very kind of request that it
/// is about.
fn tolerates(goal: &Goal, on: Kind, asked: bool, aspect: &Aspect) -> bool {
    let cors = |name: &str| name.starts_with("access-control-") || name == "vary";
    match (goal, aspect) {
        (Goal::Upgrades, Aspect::Connection) => true,
        (Goal::Upgrades, Aspect::End | Aspect::Body | Aspect::Answer(_) | Aspect::Timer | Aspect::MoreGates) => asked,
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

#[cfg(test)]
mod tests {
    use super::{Before, Room, Wanted};
    use crate::config::Settings;
    use crate::fix::text::Edits;
    use crate::model::{Edit, Goal, Version};
    use crate::proxy::{Reading, dialect};
    use crate::source::Files;

    /// What changes when the last line, which does not end, is ended in another way than it is read so far.
    fn changes(target: Option<Version>) -> Vec<String> {
        let text = "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
                    listen web\n  bind :80\n  server a 127.0.0.1:9\n  http-response set-header X-Edge one";
        let mut files = Files::default();
        let id = files.add("haproxy.cfg", text.as_bytes().to_vec()).expect("it is small");
        let mut settings = Settings::default();
        settings.targets.extend(target.map(|t| ("haproxy".to_owned(), t)));
        let dialect = dialect("haproxy").expect("it is known");
        let room = Room { dialect, given: vec![id], reading: Reading::default(), settings, only: None };
        let mut state = room.read(files);
        let f = state.findings.iter_mut().find(|f| f.rule == "syntax/unterminated").expect("it is refused");
        let intent = f.intent.as_mut().expect("it can be ended");
        let Goal::Spelt(span, text) = &mut intent.goal else { panic!("{:?}", intent.goal) };
        *text = "es\n".to_owned();
        let edit = Edit { span: *span, text: text.clone() };
        let f = state.findings.iter().find(|f| f.rule == "syntax/unterminated").expect("it is there");
        let edits = Edits::default().with(&[edit]).expect("it is one");
        Before::new(state.view()).prove(&room, &edits, &Wanted::default().with(f, &[])).expect("nothing new").into_iter().collect()
    }

    #[test]
    fn a_release_that_takes_a_text_serves_it_as_before() {
        let served = ["requests to `listen web`: `x-edge` in the answer changes".to_owned()];
        assert_eq!(changes(None), served, "before 2.4 it is served");
        assert_eq!(changes(Some(Version(2, 4, 0))), <[String; 0]>::default(), "2.4 does not start");
    }
}
