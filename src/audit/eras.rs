//! What holds in which releases: a configuration is judged once for each of its eras, and what is found is joined.

use crate::config::Settings;
use crate::model::{Comment, Era, Proxy, Version};
use crate::probe::parallel;
use crate::proxy::{Dialect, Site};
use crate::rules::{self, Both, Finding, Level, MANY, TRIALS, syntax_finding};
use crate::source::{SourceMap, Span};
use rustc_hash::{FxHashMap, FxHashSet};

/// Texts with more bytes than this are judged by what they say while their model is made.
const LARGE: usize = 1 << 20;
/// Models of texts with more bytes than this are not kept.
const LARGEST_KEPT: usize = 4 << 20;

/// What is known of a configuration once it is judged.
#[derive(Default, Debug)]
pub struct Judged {
    /// One release of each era that the model knows, ascending.
    pub eras: Vec<Version>,
    /// The models of these eras, as far as they were kept.
    pub models: Vec<(Version, Proxy)>,
}

/// What is to be said of one configuration.
#[derive(Default)]
pub(super) struct Told {
    pub(super) found: Vec<Finding>,
    pub(super) comments: Vec<Comment>,
    pub(super) judged: Judged,
}

/// What is found in one era of a model.
#[derive(Default)]
struct Found {
    found: Vec<Finding>,
    /// What is found in the newest era and is said here as well.
    besides: FxHashSet<Saying>,
    /// The model, if it is to be kept.
    proxy: Option<Proxy>,
}

impl Found {
    fn of(proxy: Proxy, settings: &Settings, keep: bool) -> Self {
        let found = placed(&proxy, rules::findings(&proxy, settings));
        Self { found, proxy: kept(proxy, keep), ..Self::default() }
    }
}

/// The findings of all eras of one configuration, joined: what does not hold everywhere says where, one level lower. `keep`: whether
/// models are wanted.
pub(super) fn tell(map: &SourceMap, dialect: &dyn Dialect, site: &dyn Site, settings: &Settings, keep: bool) -> Told {
    let target = settings.target(dialect.name());
    let versions = dialect.versions();
    let (Some(oldest), Some(newest)) = (versions.first().copied(), versions.last().copied()) else { return Told::default() };
    let oldest = if target.is_some() { None } else { Some(oldest) };
    let newest = Newest::of(map, dialect, site, settings, (oldest, target.unwrap_or(newest)), keep);
    let Newest { lowered, read, mut by_text, by_model: last, turned, comments, keep, many } = newest;
    // What the text alone shows and what the model shows are asked for apart: an era of which the one knows nothing new has its
    // findings from the era before.
    let earlier = &lowered[..lowered.len() - 1];
    let judge = |start: &Version| Found::of(site.lower(&Era::new(*start)), settings, keep);
    let mut by_model: Vec<Found> = match turned {
        Some(turned) => vec![turned],
        None if many => earlier.iter().map(judge).collect(),
        None => parallel::each(earlier, judge),
    };
    by_model.push(last);
    let kept = |(at, found): (&Version, &mut Found)| Some((*at, found.proxy.take()?));
    let models = lowered.iter().zip(&mut by_model).filter_map(kept).collect();
    let mut starts: Vec<Version> = lowered.iter().chain(&read).copied().collect();
    starts.sort_unstable();
    starts.dedup();
    let of = |group: &[Version], start: &Version| group.partition_point(|s| s <= start) - 1;
    let eras: Vec<(usize, usize)> = starts.iter().map(|s| (of(&read, s), of(&lowered, s))).collect();
    let sayings = |found: &Vec<Finding>| found.iter().map(saying).collect::<FxHashSet<Saying>>();
    let said_by_text: Vec<FxHashSet<Saying>> = by_text.iter().map(sayings).collect();
    let (mut by_model, besides): (Vec<Vec<Finding>>, Vec<FxHashSet<Saying>>) = by_model.into_iter().map(|f| (f.found, f.besides)).unzip();
    let said_by_model: Vec<FxHashSet<Saying>> = by_model.iter().map(sayings).collect();
    let says = |(text, model): &(usize, usize), saying: &Saying| {
        said_by_text[*text].contains(saying) || said_by_model[*model].contains(saying) || besides[*model].contains(saying)
    };
    let mut seen: FxHashSet<Saying> = FxHashSet::default();
    let mut joined: Vec<Finding> = Vec::new();
    for (text, model) in eras.iter().rev() {
        // An era that has its findings from another one brings nothing new.
        let found = std::mem::take(&mut by_text[*text]).into_iter().chain(std::mem::take(&mut by_model[*model]));
        for mut f in found {
            if !seen.insert(saying(&f)) && target.is_none() {
                continue;
            }
            let holds: Vec<bool> = eras.iter().map(|era| says(era, &saying(&f))).collect();
            // Whoever writes what only later releases take, has one: without a target that is no fault.
            if f.rule.starts_with("syntax/") && holds.last() == Some(&false) {
                continue;
            }
            if !holds.iter().all(|h| *h) {
                f.versions = Some(describe(&holds, &starts));
                f.level = match f.level {
                    Level::Error => Level::Warning,
                    Level::Warning | Level::Hint => Level::Hint,
                };
            }
            joined.push(f);
        }
    }
    Told { found: joined, comments, judged: Judged { eras: lowered, models } }
}

/// What the newest release shows of a configuration, and where other releases may differ.
struct Newest {
    /// Where the eras of the model begin.
    lowered: Vec<Version>,
    /// Where the eras of the text begin.
    read: Vec<Version>,
    /// What the text alone shows, in each of its eras.
    by_text: Vec<Vec<Finding>>,
    /// What the model shows.
    by_model: Found,
    /// What it shows in the era before, where the model could be turned to that.
    turned: Option<Found>,
    comments: Vec<Comment>,
    /// Whether models are kept.
    keep: bool,
    /// Whether the model is a large one.
    many: bool,
}

impl Newest {
    /// For the releases from the first, if there is one, to the second.
    fn of(
        map: &SourceMap,
        dialect: &dyn Dialect,
        site: &dyn Site,
        settings: &Settings,
        (oldest, at): (Option<Version>, Version),
        keep: bool,
    ) -> Self {
        let begin = |era: &Era| oldest.map_or_else(|| vec![at], |oldest| starts(oldest, at, era));
        let said = |era: &Era| site.problems(map, era).into_iter().map(|p| syntax_finding(p, dialect.name())).collect::<Vec<Finding>>();
        let lowering = Era::new(at);
        let lower = || site.lower(&lowering);
        let judge = || {
            let reading = Era::new(at);
            let last = said(&reading);
            let read = begin(&reading);
            let mut by_text: Vec<Vec<Finding>> = read[..read.len() - 1].iter().map(|start| said(&Era::new(*start))).collect();
            by_text.push(last);
            (read, by_text)
        };
        let bytes = site.files().iter().map(|f| map.file(*f).bytes().len()).sum::<usize>();
        let (mut proxy, (read, mut by_text)) = if bytes > LARGE { parallel::both(lower, judge) } else { (lower(), judge()) };
        let lowered = begin(&lowering);
        let order = if by_text.iter().all(Vec::is_empty) { Vec::new() } else { proxy.scopes_in_text() };
        for f in by_text.iter_mut().flatten() {
            f.within = proxy.path(&order, f.span);
        }
        let many = proxy.routes.len() > MANY;
        let keep = keep && !many && bytes <= LARGEST_KEPT;
        let comments = proxy.comments.clone();
        let turn = oldest.filter(|_| lowered.len() == 2).and_then(|oldest| site.turn(&proxy, &lowering, oldest));
        let (by_model, turned) = match turn {
            Some(turn) => {
                let Both { before, after, same } = rules::findings_of_both(&mut proxy, settings, turn);
                // The model is that of the other era now.
                let own = keep.then(|| site.lower(&lowering));
                let newest = Found { found: placed(&proxy, before), proxy: own, ..Found::default() };
                let found = placed(&proxy, after);
                (newest, Some(Found { found, besides: same, proxy: kept(proxy, keep) }))
            }
            None => (Found::of(proxy, settings, keep), None),
        };
        Self { lowered, read, by_text, by_model, turned, comments, keep, many }
    }
}

/// Each release that somebody asked about begins an era; the oldest release begins the first.
fn starts(oldest: Version, newest: Version, era: &Era) -> Vec<Version> {
    let asked = era.asked().into_iter().filter(|v| *v > oldest && *v <= newest);
    std::iter::once(oldest).chain(asked).collect()
}

/// One release of each era that a configuration is judged for, ascending.
pub fn eras(dialect: &dyn Dialect, site: &dyn Site, settings: &Settings) -> Vec<Version> {
    if let Some(target) = settings.target(dialect.name()) {
        return vec![target];
    }
    let (Some(oldest), Some(newest)) = (dialect.versions().first().copied(), dialect.versions().last().copied()) else { return Vec::new() };
    let era = Era::new(newest);
    site.lower(&era);
    starts(oldest, newest, &era)
}

/// By what two eras say the same.
type Saying = (&'static str, Span);

const fn saying(f: &Finding) -> Saying {
    (f.rule, f.span)
}

fn describe(holds: &[bool], starts: &[Version]) -> String {
    let mut parts = Vec::new();
    let mut i = 0;
    while i < holds.len() {
        if !holds[i] {
            i += 1;
            continue;
        }
        let from = i;
        while i < holds.len() && holds[i] {
            i += 1;
        }
        parts.push(match (from, starts.get(i)) {
            (0, Some(end)) => format!("before {end}"),
            (_, None) => format!("since {}", starts[from]),
            (_, Some(end)) => format!("from {} to before {end}", starts[from]),
        });
    }
    format!("only {}", parts.join(", and "))
}

/// What one line does to several routes is said once: its correction must serve them all.
fn share_trials(found: &mut [Finding]) {
    let mut first: FxHashMap<Saying, usize> = FxHashMap::default();
    for i in 0..found.len() {
        let at = *first.entry(saying(&found[i])).or_insert(i);
        if at == i {
            continue;
        }
        let Some(other) = found[i].intent.clone() else { continue };
        let Some(own) = found[at].intent.as_mut().filter(|own| own.goal == other.goal) else { continue };
        let room = TRIALS.saturating_sub(own.trials.len());
        let more: Vec<_> = other.trials.into_iter().filter(|t| !own.trials.contains(t)).take(room).collect();
        own.trials.extend(more);
    }
}

/// Findings of a model, with where they lie, and with what they have in common shared.
fn placed(proxy: &Proxy, mut found: Vec<Finding>) -> Vec<Finding> {
    share_trials(&mut found);
    if !found.is_empty() {
        let order = proxy.scopes_in_text();
        for f in &mut found {
            f.within = proxy.path(&order, f.span);
        }
    }
    found
}

/// The model, if it is to be kept. A large one takes its time to go.
fn kept(proxy: Proxy, keep: bool) -> Option<Proxy> {
    if keep {
        return Some(proxy);
    }
    if proxy.routes.len() > MANY {
        parallel::give_back(proxy);
    }
    None
}
