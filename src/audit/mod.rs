//! Runs the rules over every configuration and every era, and is the only place that filters.

mod amend;
mod baseline;
mod fingerprint;
mod lines;
mod report;
pub mod suppress;

pub use baseline::{Baseline, Entry};
pub use report::{Report, settle};

use crate::config::{Annotation, SetLevel, Settings, parse_annotation};
use crate::model::{Comment, Era, Proxy, Version};
use crate::probe::parallel;
use crate::proxy::{Dialect, Site};
use crate::rules::{self, Finding, Level, MANY, RULES, TRIALS, syntax_finding};
use crate::source::{FileId, SourceMap, Span};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use suppress::{Applied, Suppression};

/// What is known of a configuration once it is judged.
#[derive(Default, Debug)]
pub struct Judged {
    /// One release of each era that the model knows, ascending.
    pub eras: Vec<Version>,
    /// The models of these eras, unless they are large.
    pub models: Vec<(Version, Proxy)>,
}

/// Everything that is to be said of these configurations: rules run, eras joined, suppressions applied, in order.
pub fn audit(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> Report {
    audit_sites(map, dialect, sites, settings, &mut |_| false)
}

/// The same, and what is known of each configuration then.
pub fn audit_and_keep(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> (Report, Vec<Judged>) {
    let mut kept = Vec::with_capacity(sites.len());
    let report = audit_sites(map, dialect, sites, settings, &mut |judged| {
        kept.extend(judged);
        true
    });
    (report, kept)
}

/// `keep` says whether models are wanted, and is told of each configuration in turn where they are.
fn audit_sites(
    map: &SourceMap,
    dialect: &dyn Dialect,
    sites: &[Box<dyn Site>],
    settings: &Settings,
    keep: &mut dyn FnMut(Option<Judged>) -> bool,
) -> Report {
    let mut findings = Vec::new();
    let wanted = keep(None);
    let mut suppressions: Vec<Suppression> = Vec::new();
    let mut comments_seen = HashSet::new();
    for (i, site) in sites.iter().enumerate() {
        let root = site.files().first().map_or("", |f| map.file(*f).name());
        let own = settings.at(root);
        let large = site.files().iter().map(|f| map.file(*f).bytes().len()).sum::<usize>() > LARGE;
        let (mut found, comments, judged) = site_findings(dialect, site.as_ref(), &own, own.target(dialect.name()), large, wanted);
        if wanted {
            keep(Some(judged));
        }
        for intent in found.iter_mut().filter_map(|f| f.intent.as_mut()) {
            intent.site = i;
        }
        findings.extend(found);
        for comment in &comments {
            let s = match parse_annotation(&comment.text) {
                Some(Ok(Annotation::Ignore { file, rules, reason })) => suppression(comment, file, rules, reason, dialect.name(), i),
                Some(Err(wrong)) => {
                    findings.push(suppress::not_understood(map, comment.span, &wrong, dialect.name(), i));
                    continue;
                }
                Some(Ok(Annotation::Purpose { .. })) | None => continue,
            };
            if comments_seen.insert(s.span_of_comment) {
                suppressions.push(s);
            }
        }
    }
    let known: Vec<&str> = RULES.iter().map(|r| r.id).collect();
    // Comments are held against everything that was found: one about a rule that nobody asks for today is not useless.
    let Applied { mut kept, mut silenced, meta } = suppress::apply(map, findings, &suppressions, &known);
    kept.extend(meta);
    weigh(map, &mut kept, settings);
    weigh(map, &mut silenced, settings);
    settle(&mut kept);
    let mut files: Vec<_> = sites.iter().flat_map(|s| s.files().iter().copied()).collect();
    files.sort_unstable();
    files.dedup();
    Report { findings: kept, files: files.len(), suppressed: silenced.len(), ..Report::default() }
}

fn suppression(comment: &Comment, file: bool, rules: Vec<String>, reason: Option<String>, proxy: &'static str, site: usize) -> Suppression {
    Suppression { span_of_comment: comment.span, rules, reason, line_target: Vec::new(), block: comment.about, file, proxy, site }
}

/// Takes out what people do not want to hear about a file, and gives the rest the levels that they chose.
fn weigh(map: &SourceMap, findings: &mut Vec<Finding>, settings: &Settings) {
    let mut by_file: BTreeMap<FileId, Cow<'_, Settings>> = BTreeMap::new();
    findings.retain_mut(|f| {
        let file = map.file_at(f.span.start);
        let own = match file {
            Some((id, file)) if !settings.overrides.is_empty() => by_file.entry(id).or_insert_with(|| settings.at(file.name())),
            _ => settings,
        };
        match own.level(f.rule) {
            Some(SetLevel::Hint) => f.level = Level::Hint,
            Some(SetLevel::Warning) => f.level = Level::Warning,
            Some(SetLevel::Error) => f.level = Level::Error,
            Some(SetLevel::Off) | None => {}
        }
        !own.ignores(f.rule)
    });
}

/// Texts with more bytes than this are lowered for the oldest and the newest release at once, though the one may prove needless.
const LARGE: usize = 4 << 20;

/// The findings of all eras of one configuration, joined: what does not hold everywhere says where, one level lower. `keep`: whether
/// the models are kept.
fn site_findings(
    dialect: &dyn Dialect,
    site: &dyn Site,
    settings: &Settings,
    target: Option<Version>,
    large: bool,
    keep: bool,
) -> (Vec<Finding>, Vec<Comment>, Judged) {
    let versions = dialect.versions();
    let (Some(oldest), Some(newest)) = (versions.first().copied(), versions.last().copied()) else { return Default::default() };
    let oldest = if target.is_some() { None } else { Some(oldest) };
    let newest = newest_findings(site, settings, target.unwrap_or(newest), oldest, large);
    let Newest { lowered, early, read, by_text, by_model: last, comments, many, proxy } = newest;
    let keep = keep && !large && !many;
    let done = |(found, proxy): (Vec<Finding>, Proxy)| {
        if keep {
            (found, Some(proxy))
        } else {
            give_back(proxy);
            (found, None)
        }
    };
    let (last, proxy) = done((last, proxy));
    if target.is_some() {
        let models = lowered.iter().copied().zip(proxy).collect();
        return (by_text.into_iter().flatten().chain(last).collect(), comments, Judged { eras: lowered, models });
    }
    // What the text alone shows and what the model shows are asked for apart: an era of which the one knows nothing new has its
    // findings from the era before.
    let mut earlier = &lowered[..lowered.len() - 1];
    let judged = |proxy: Proxy| done((model_findings(&proxy, settings), proxy));
    let mut eras_of_model: Vec<(Vec<Finding>, Option<Proxy>)> = Vec::with_capacity(lowered.len());
    if let (Some(early), [_, rest @ ..]) = (early, earlier) {
        eras_of_model.push(judged(early));
        earlier = rest;
    }
    let judge = |start: &Version| judged(site.lower(&Era::new(*start)));
    eras_of_model.extend(if many { earlier.iter().map(judge).collect() } else { parallel::each(earlier, judge) });
    eras_of_model.push((last, proxy));
    let (by_model, models): (Vec<Vec<Finding>>, Vec<Option<Proxy>>) = eras_of_model.into_iter().unzip();
    let models = lowered.iter().zip(models).filter_map(|(at, proxy)| Some((*at, proxy?))).collect();
    let mut starts: Vec<Version> = lowered.iter().chain(&read).copied().collect();
    starts.sort_unstable();
    starts.dedup();
    let of = |group: &[Version], start: &Version| group.partition_point(|s| s <= start) - 1;
    let era = |s: &Version| by_text[of(&read, s)].iter().chain(&by_model[of(&lowered, s)]).collect::<Vec<&Finding>>();
    let eras: Vec<Vec<&Finding>> = starts.iter().map(era).collect();
    let said: Vec<HashSet<Saying>> = eras.iter().map(|found| found.iter().map(|f| saying(f)).collect()).collect();
    let mut seen: HashSet<Saying> = HashSet::new();
    let mut joined: Vec<Finding> = Vec::new();
    for found in eras.iter().rev() {
        for f in found {
            if !seen.insert(saying(f)) {
                continue;
            }
            let holds: Vec<bool> = said.iter().map(|era| era.contains(&saying(f))).collect();
            // Whoever writes what only later releases take, has one: without a target that is no fault.
            if f.rule.starts_with("syntax/") && holds.last() == Some(&false) {
                continue;
            }
            let mut f: Finding = (*f).clone();
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
    (joined, comments, Judged { eras: lowered, models })
}

/// What the newest release shows of a configuration, and where other releases may differ.
struct Newest {
    /// Where the eras of the model begin.
    lowered: Vec<Version>,
    /// The model of the oldest release, where it is at hand.
    early: Option<Proxy>,
    /// Where the eras of the text begin.
    read: Vec<Version>,
    /// What the text alone shows, in each of its eras.
    by_text: Vec<Vec<Finding>>,
    /// What the model shows.
    by_model: Vec<Finding>,
    comments: Vec<Comment>,
    /// Whether the model is a large one.
    many: bool,
    /// The model.
    proxy: Proxy,
}

/// `oldest`: the oldest release that counts too; none: only that one does.
fn newest_findings(site: &dyn Site, settings: &Settings, at: Version, oldest: Option<Version>, large: bool) -> Newest {
    let (lowering, reading) = (Era::new(at), Era::new(at));
    let (mut proxy, early) = match oldest.filter(|_| large) {
        Some(oldest) => {
            let (proxy, early) = parallel::both(|| site.lower(&lowering), || site.lower(&Era::new(oldest)));
            (proxy, Some(early))
        }
        None => (site.lower(&lowering), None),
    };
    let begin = |era: &Era| oldest.map_or_else(|| vec![at], |oldest| starts(oldest, at, era));
    let said = |era: &Era| site.problems(era).into_iter().map(|p| syntax_finding(p, proxy.dialect)).collect::<Vec<Finding>>();
    let last = said(&reading);
    let (lowered, read) = (begin(&lowering), begin(&reading));
    let mut by_text: Vec<Vec<Finding>> = read[..read.len() - 1].iter().map(|start| said(&Era::new(*start))).collect();
    by_text.push(last);
    let order = if by_text.iter().all(Vec::is_empty) { Vec::new() } else { proxy.scopes_in_text() };
    for f in by_text.iter_mut().flatten() {
        f.within = proxy.path(&order, f.span);
    }
    let early = early.filter(|_| lowered.len() > 1);
    let by_model = model_findings(&proxy, settings);
    let (comments, many) = (std::mem::take(&mut proxy.comments), proxy.routes.len() > MANY);
    Newest { lowered, early, read, by_text, by_model, comments, many, proxy }
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
    let mut first: HashMap<Saying, usize> = HashMap::new();
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

/// What the rules say of a model.
fn model_findings(proxy: &Proxy, settings: &Settings) -> Vec<Finding> {
    let mut found = rules::findings(proxy, settings);
    share_trials(&mut found);
    if !found.is_empty() {
        let order = proxy.scopes_in_text();
        for f in &mut found {
            f.within = proxy.path(&order, f.span);
        }
    }
    found
}

/// A large model takes its time to go.
fn give_back(proxy: Proxy) {
    if proxy.routes.len() > MANY {
        parallel::give_back(proxy);
    }
}
