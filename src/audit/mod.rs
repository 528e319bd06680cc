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
use crate::rules::{self, Both, Finding, Level, MANY, RULES, TRIALS, syntax_finding};
use crate::source::{FileId, SourceMap, Span};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use suppress::{Applied, Suppression};

/// Everything that is to be said of these configurations: rules run, eras joined, suppressions applied, in order.
pub fn audit(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> Report {
    let mut findings = Vec::new();
    let mut suppressions: Vec<Suppression> = Vec::new();
    let mut comments_seen = HashSet::new();
    for (i, site) in sites.iter().enumerate() {
        let root = site.files().first().map_or("", |f| map.file(*f).name());
        let own = settings.at(root);
        let (mut found, comments) = site_findings(map, dialect, site.as_ref(), &own);
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

/// Texts with more bytes than this are judged by what they say while their model is made.
const LARGE: usize = 1 << 20;

/// What is found in one era of a model.
#[derive(Default)]
struct Judged {
    found: Vec<Finding>,
    /// What is found in the newest era and is said here as well.
    besides: FxHashSet<Saying>,
}

/// The findings of all eras of one configuration, joined: what does not hold everywhere says where, one level lower.
fn site_findings(map: &SourceMap, dialect: &dyn Dialect, site: &dyn Site, settings: &Settings) -> (Vec<Finding>, Vec<Comment>) {
    let target = settings.target(dialect.name());
    let versions = dialect.versions();
    let (Some(oldest), Some(newest)) = (versions.first().copied(), versions.last().copied()) else { return Default::default() };
    let oldest = if target.is_some() { None } else { Some(oldest) };
    let newest = newest_findings(map, dialect, site, settings, target.unwrap_or(newest), oldest);
    let Newest { lowered, read, mut by_text, by_model: last, turned, comments, many } = newest;
    if target.is_some() {
        return (by_text.into_iter().flatten().chain(last).collect(), comments);
    }
    // What the text alone shows and what the model shows are asked for apart: an era of which the one knows nothing new has its
    // findings from the era before.
    let earlier = &lowered[..lowered.len() - 1];
    let judge = |start: &Version| Judged { found: last_findings(site.lower(&Era::new(*start)), settings), ..Judged::default() };
    let mut by_model: Vec<Judged> = match turned {
        Some(turned) => vec![turned],
        None if many => earlier.iter().map(judge).collect(),
        None => parallel::each(earlier, judge),
    };
    by_model.push(Judged { found: last, ..Judged::default() });
    let mut starts: Vec<Version> = lowered.iter().chain(&read).copied().collect();
    starts.sort_unstable();
    starts.dedup();
    let of = |group: &[Version], start: &Version| group.partition_point(|s| s <= start) - 1;
    let eras: Vec<(usize, usize)> = starts.iter().map(|s| (of(&read, s), of(&lowered, s))).collect();
    let sayings = |found: &Vec<Finding>| found.iter().map(saying).collect::<FxHashSet<Saying>>();
    let said_by_text: Vec<FxHashSet<Saying>> = by_text.iter().map(sayings).collect();
    let (mut by_model, besides): (Vec<Vec<Finding>>, Vec<FxHashSet<Saying>>) = by_model.into_iter().map(|j| (j.found, j.besides)).unzip();
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
            if !seen.insert(saying(&f)) {
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
    (joined, comments)
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
    by_model: Vec<Finding>,
    /// What it shows in the era before, where the model could be turned to that.
    turned: Option<Judged>,
    comments: Vec<Comment>,
    /// Whether the model is a large one.
    many: bool,
}

/// `oldest`: the oldest release that counts too; none: only that one does.
fn newest_findings(
    map: &SourceMap,
    dialect: &dyn Dialect,
    site: &dyn Site,
    settings: &Settings,
    at: Version,
    oldest: Option<Version>,
) -> Newest {
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
    let turn = oldest.filter(|_| lowered.len() == 2).and_then(|oldest| site.turn(&proxy, &lowering, oldest));
    let (by_model, turned) = match turn {
        Some(turn) => {
            let Both { before, after, same } = rules::findings_of_both(&mut proxy, settings, turn);
            let found = placed(&proxy, after);
            (placed(&proxy, before), Some(Judged { found, besides: same }))
        }
        None => (model_findings(&proxy, settings), None),
    };
    let (comments, many) = (std::mem::take(&mut proxy.comments), proxy.routes.len() > MANY);
    give_back(proxy);
    Newest { lowered, read, by_text, by_model, turned, comments, many }
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

/// What the rules say of a model.
fn model_findings(proxy: &Proxy, settings: &Settings) -> Vec<Finding> {
    placed(proxy, rules::findings(proxy, settings))
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

/// The same of a model that nobody needs any longer.
fn last_findings(proxy: Proxy, settings: &Settings) -> Vec<Finding> {
    let found = model_findings(&proxy, settings);
    give_back(proxy);
    found
}

/// A large model takes its time to go.
fn give_back(proxy: Proxy) {
    if proxy.routes.len() > MANY {
        parallel::give_back(proxy);
    }
}
