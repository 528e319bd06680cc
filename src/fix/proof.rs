//! What corrections do, read off the same requests before and after.

use super::blame::{Blame, Culprits, Proof, Refusal};
use super::found::compare;
use super::requests::{self, Changed, Held, Lowered, others};
use super::room::{Room, State, View};
use super::scene::{Scene, Texts};
use super::text::{Edits, Shifts};
use super::way::Try;
use crate::audit::{Judged, eras};
use crate::model::{Era, Goal, Intent, Proxy, Version};
use crate::probe::{Machine, parallel, trial};
use crate::rules::Finding;
use crate::source::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

/// Configurations before a correction, with what is needed to compare again and again.
pub(super) struct Before<'a> {
    view: View<'a>,
    judged: &'a [Judged],
    sizes: Vec<usize>,
    /// Configurations that a file belongs to.
    homes: HashMap<FileId, Vec<usize>>,
    lowered: BTreeMap<(usize, Version), Lowered<'a>>,
    eras: BTreeMap<usize, Vec<Version>>,
    refused: BTreeMap<(usize, Version), BTreeSet<Span>>,
}

/// What is proved: edits, and for what they are made.
#[derive(Clone, Copy)]
pub(super) struct Case<'c, 'a> {
    /// All edits.
    pub(super) edits: &'c Edits,
    /// Corrections that were proved before.
    pub(super) base: &'c [Try<'a>],
    /// Those of which something is to be known.
    pub(super) tried: &'c [Try<'a>],
    /// Whether it counts what else changes.
    pub(super) others: bool,
}

impl<'c, 'a> Case<'c, 'a> {
    fn all(self) -> impl Iterator<Item = &'c Try<'a>> {
        self.base.iter().chain(self.tried)
    }
}

impl Try<'_> {
    /// Intents that are about this configuration: its own, and those of what it would bring.
    fn intents(&self, site: usize) -> impl Iterator<Item = &Intent> {
        std::iter::once(self.finding).chain(&self.way.along).filter_map(|f| f.intent.as_ref()).filter(move |i| i.site == site)
    }
}

/// One configuration as it is afterwards.
struct Afterwards<'s> {
    room: &'s Room,
    state: &'s State,
    shifts: &'s Shifts,
    /// Its place among those afterwards, and before.
    at: usize,
    site: usize,
    /// What is new in it, with its place among all that is.
    new: Vec<(usize, &'s Finding)>,
    /// What was there and still is.
    still: Vec<usize>,
}

impl<'a> Before<'a> {
    /// `judged`: what is known of the configurations besides; nothing, if nobody kept it.
    pub(super) fn new(view: View<'a>, judged: &'a [Judged]) -> Self {
        let size = |f: &FileId| view.files.map().file(*f).bytes().len();
        let sizes = view.sites.iter().map(|site| site.files().iter().map(size).sum()).collect();
        let mut homes: HashMap<FileId, Vec<usize>> = HashMap::new();
        for (i, site) in view.sites.iter().enumerate() {
            for file in site.files() {
                homes.entry(*file).or_default().push(i);
            }
        }
        Self { view, judged, sizes, homes, lowered: BTreeMap::new(), eras: BTreeMap::new(), refused: BTreeMap::new() }
    }

    pub(super) const fn view(&self) -> View<'a> {
        self.view
    }

    fn eras(&mut self, room: &Room, site: usize) -> &[Version] {
        let (sites, judged) = (self.view.sites, self.judged);
        self.eras.entry(site).or_insert_with(|| match judged.get(site) {
            Some(judged) => judged.eras.clone(),
            None => eras(room.dialect, sites[site].as_ref(), &room.settings),
        })
    }

    /// A configuration at the oldest release that its text must suit.
    pub(super) fn oldest(&mut self, room: &Room, site: usize) -> Option<(Version, &Proxy)> {
        let at = self.eras(room, site).first().copied()?;
        self.lower(site, at);
        Some((at, &self.lowered[&(site, at)].proxy))
    }

    /// Configurations that some of these files belong to.
    fn touched(&self, files: impl Iterator<Item = FileId>) -> Vec<usize> {
        let touched: BTreeSet<usize> = files.filter_map(|f| self.homes.get(&f)).flatten().copied().collect();
        touched.into_iter().collect()
    }

    /// How many bytes are read again to prove something.
    pub(super) fn bytes(&self, edits: &Edits) -> usize {
        let map = self.view.files.map();
        let files = edits.iter().filter_map(|e| map.file_at(e.span.start)).map(|(id, _)| id);
        self.touched(files).into_iter().map(|s| self.size(s)).sum()
    }

    /// How many bytes a configuration has.
    pub(super) fn size(&self, site: usize) -> usize {
        self.sizes[site]
    }

    fn lower(&mut self, site: usize, at: Version) {
        let (view, judged) = (self.view, self.judged);
        self.lowered.entry((site, at)).or_insert_with(|| {
            let known = judged.get(site).and_then(|j| j.models.iter().find(|m| m.0 == at));
            Lowered::of(known.map_or_else(|| Held::Ours(Box::new(view.sites[site].lower(&Era::new(at)))), |m| Held::Theirs(&m.1)))
        });
    }

    /// Whether all that is to be done for a finding is to spell what this very release refuses.
    fn refuses(&mut self, site: usize, at: Version, finding: &Finding) -> bool {
        let Some(Intent { goal: Goal::Spelt(span, _), .. }) = finding.intent.as_ref().filter(|i| i.site == site) else { return false };
        let (sites, map) = (self.view.sites, self.view.files.map());
        let refused = self.refused.entry((site, at)).or_insert_with(|| {
            let problems = sites[site].problems(map, &Era::new(at)).into_iter().filter(|p| p.certain);
            problems.filter_map(|p| p.remedy).map(|r| r.span).collect()
        });
        refused.contains(span)
    }

    /// A verdict for each correction that is tried.
    pub(super) fn prove(&mut self, room: &Room, case: Case<'_, 'a>) -> Proof {
        let mut blame = Blame::of(case.edits, case.base, case.tried);
        let shifts = case.edits.shifts(self.view.files.map());
        if let Some((state, touched)) = self.after(room, case.edits) {
            let files = touched.iter().flat_map(|s| self.view.sites[*s].files().iter().copied()).collect();
            let (new, still) = compare(self.view, &state, &shifts, &files);
            // Nobody knows where it comes from what stands in no configuration.
            if new.iter().any(|f| home(&state, f).is_none()) {
                blame.all(&Refusal::New(new[0].rule));
            }
            let wanted: HashSet<usize> = case.all().map(|t| t.index).collect();
            for (at, site) in touched.iter().copied().enumerate() {
                let new = new.iter().copied().enumerate().filter(|(_, f)| home(&state, f) == Some(at)).collect();
                let here = |i: &usize| self.view.findings[*i].intent.as_ref().is_some_and(|n| n.site == site);
                let mut still: Vec<usize> = still.intersection(&wanted).copied().filter(here).collect();
                still.sort_unstable();
                self.compare_site(case, &Afterwards { room, state: &state, shifts: &shifts, at, site, new, still }, &mut blame);
            }
        } else {
            blame.all(&Refusal::ReadsDifferently);
        }
        blame.verdicts()
    }

    /// The configurations that edits touch, as they are afterwards; nothing, if they are put together otherwise.
    fn after(&self, room: &Room, edits: &Edits) -> Option<(State, Vec<usize>)> {
        let texts = edits.apply(self.view.files.map());
        let touched = self.touched(texts.keys().copied());
        let part = room.part(self.view, &touched);
        let after = part.read(self.view.files.with_texts(&texts).ok()?);
        let same = after.sites.len() == touched.len()
            && after.sites.iter().zip(&touched).all(|(is, was)| is.files() == self.view.sites[*was].files());
        same.then_some((after, touched))
    }

    /// What is found in one configuration, whether goals hold, and what else is not as before.
    fn compare_site(&mut self, case: Case<'_, 'a>, to: &Afterwards<'_>, blame: &mut Blame) {
        let (site, judged) = (to.site, &to.state.judged[to.at]);
        let mut versions = self.eras(to.room, site).to_vec();
        versions.extend(&judged.eras);
        versions.sort_unstable();
        versions.dedup();
        for (nth, version) in versions.iter().copied().enumerate() {
            self.lower(site, version);
            let spelt = case.tried.iter().map(|t| self.refuses(site, version, t.finding)).collect::<Vec<bool>>();
            // What the proxy refuses as a whole is not served at all; a release that takes the text as it is serves it.
            let unserved = spelt.iter().all(|s| *s) && case.base.iter().all(|t| self.refuses(site, version, t.finding));
            let before = &self.lowered[&(site, version)];
            let own;
            let proxy = match judged.models.iter().find(|m| m.0 == version) {
                Some((_, proxy)) => proxy,
                None => {
                    own = to.state.sites[to.at].lower(&Era::new(version));
                    &own
                }
            };
            let (machine, after) = (Machine::new(&before.proxy), Machine::new(proxy));
            let texts = Texts { edits: case.edits, shifts: to.shifts, before: self.view.files.map(), after: to.state.files.map() };
            let scene = OnceLock::new();
            let scene = || scene.get_or_init(|| Scene::new(texts, to.state.sites[to.at].files(), &before.proxy, proxy));
            let era = Compared { case, to, before, machine: &machine, after: &after, scene: &scene };
            if nth == 0 {
                era.findings(self.view, version, blame);
            }
            if blame.settled() {
                return;
            }
            era.trials(blame);
            if case.others && !unserved && !blame.settled() {
                era.requests(&spelt, blame);
            }
        }
    }
}

/// The configuration that something is found in.
fn home(state: &State, f: &Finding) -> Option<usize> {
    let told = f.intent.as_ref().map(|i| i.site).filter(|at| *at < state.sites.len());
    told.or_else(|| {
        let (file, _) = state.files.map().file_at(f.span.start)?;
        state.sites.iter().position(|s| s.files().contains(&file))
    })
}

/// One configuration in one era, before and after.
struct Compared<'c, 'a, 's> {
    case: Case<'c, 'a>,
    to: &'c Afterwards<'c>,
    before: &'s Lowered<'a>,
    machine: &'c Machine<'s>,
    after: &'c Machine<'s>,
    scene: &'c (dyn Fn() -> &'c Scene<'s> + Sync),
}

impl Compared<'_, '_, '_> {
    /// What is new, and what is still there.
    fn findings(&self, view: View<'_>, oldest: Version, blame: &mut Blame) {
        let site = &self.to.state.sites[self.to.at];
        let (before, after) = (view.files.map(), self.to.state.files.map());
        for (rank, f) in &self.to.new {
            let culprits = blame.culprits(&(self.scene)().brought(self.machine, self.after, f));
            blame.put(&culprits, &Refusal::New(f.rule), *rank);
            let (Culprits::These(these), Some(intent), []) = (&culprits, &f.intent, self.case.base) else { continue };
            for at in these {
                blame.bring(*at, || {
                    let era = Era::new(oldest);
                    let own: BTreeSet<_> = self.case.tried[*at].way.correction.edits.iter().collect();
                    let mut ways = site.fix(after, self.after.proxy(), &era, intent).unwrap_or_default();
                    ways.retain_mut(|way| {
                        way.edits = self.case.edits.then(before, after, &way.edits, |e| own.contains(e)).unwrap_or_default();
                        !way.edits.is_empty()
                    });
                    let mut f = (*f).clone();
                    f.intent.iter_mut().for_each(|i| i.site = self.to.site);
                    (f, ways)
                });
            }
        }
        if self.to.still.is_empty() {
            return;
        }
        let tried: HashMap<usize, usize> = self.case.tried.iter().enumerate().map(|(at, t)| (t.index, at)).collect();
        for i in &self.to.still {
            let traces = (self.scene)().stayed(self.machine, self.after, &view.findings[*i]);
            match tried.get(i) {
                Some(at) => blame.put_own(*at, &traces, &Refusal::StillThere),
                None => blame.put(&blame.culprits(&traces), &Refusal::StillThere, 0),
            }
        }
    }

    /// Whether goals hold.
    fn trials(&self, blame: &mut Blame) {
        let all: Vec<(Option<usize>, &Intent)> = (self.case.base.iter().map(|t| (None, t)))
            .chain(self.case.tried.iter().enumerate().filter(|(at, _)| !blame.is_refused(*at)).map(|(at, t)| (Some(at), t)))
            .flat_map(|(at, t)| t.intents(self.to.site).map(move |n| (at, n)))
            .collect();
        let missed = parallel::many(&all, |(at, n)| {
            let t = n.trials.iter().find(|t| !trial::holds(self.after, &n.goal, t))?;
            let (old, new) = (trial::send(self.machine, t.kind, &t.request), trial::send(self.after, t.kind, &t.request));
            Some((*at, (self.scene)().request(t.request.listener, &old, &new)))
        });
        for (at, traces) in missed {
            match at {
                Some(at) => blame.put_own(at, &traces, &Refusal::Missed),
                None => blame.put(&blame.culprits(&traces), &Refusal::Missed, 0),
            }
        }
    }

    /// What else is not as before. `spelt`: corrections of what is not served here at all.
    fn requests(&self, spelt: &[bool], blame: &mut Blame) {
        let tried = self.case.tried.iter().enumerate().map(|(at, t)| (Some(at), t));
        let all = self.case.base.iter().map(|t| (None, t)).chain(tried);
        let intents: Vec<(Option<usize>, &Intent)> = all.flat_map(|(at, t)| t.intents(self.to.site).map(move |n| (at, n))).collect();
        let told = &*blame;
        let on = requests::Compared {
            before: self.machine,
            after: self.after,
            blame: &|listener, old, new| told.culprits(&(self.scene)().request(listener, old, new)),
        };
        let mut changed: BTreeMap<usize, Changed> = BTreeMap::new();
        for (culprits, what) in others(self.before, &on, &intents) {
            match culprits {
                Culprits::These(these) => {
                    for at in these.into_iter().filter(|at| !spelt[*at]) {
                        changed.entry(at).or_default().add(&what);
                    }
                }
                other => blame.change_by(other),
            }
        }
        for (at, what) in changed {
            what.words().for_each(|words| blame.change(at, words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Before, Case, Room};
    use crate::config::Settings;
    use crate::fix::blame::Verdict;
    use crate::fix::text::Edits;
    use crate::fix::way::{Try, Way};
    use crate::model::{Correction, Edit, Goal, Version};
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
        let edits = Edits::default().with(std::slice::from_ref(&edit)).expect("it is one");
        let way = Way::of(f, Correction::of(vec![edit], String::new(), None));
        let index = state.findings.iter().position(|o| std::ptr::eq(o, f)).expect("it is there");
        let tried = [Try { index, finding: f, way }];
        let case = Case { edits: &edits, base: &[], tried: &tried, others: true };
        match Before::new(state.view(), &state.judged).prove(&room, case).verdicts.pop() {
            Some(Verdict::Changes(changes)) => changes.into_iter().collect(),
            Some(Verdict::Clean) => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_release_that_takes_a_text_serves_it_as_before() {
        let served = ["requests to `listen web`: `x-edge` in the answer changes".to_owned()];
        assert_eq!(changes(None), served, "before 2.4 it is served");
        assert_eq!(changes(Some(Version(2, 4, 0))), <[String; 0]>::default(), "2.4 does not start");
    }
}
