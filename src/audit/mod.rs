//! Runs the rules over every configuration and every era, and is the only place that filters.

mod amend;
mod baseline;
mod fingerprint;
mod report;
pub mod suppress;

pub use baseline::{Baseline, Entry};
pub use report::{Report, settle};

use crate::config::{Annotation, SetLevel, Settings, parse_annotation};
use crate::model::{Comment, Era, Version};
use crate::probe::parallel;
use crate::proxy::{Dialect, Site};
use crate::rules::{Context, Finding, Level, RULES, syntax_finding};
use crate::source::{FileId, SourceMap, Span};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use suppress::{Applied, Suppression};

/// Everything that is to be said of these configurations: rules run, eras joined, suppressions applied, in order.
pub fn audit(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> Report {
    let mut findings = Vec::new();
    let mut suppressions: Vec<Suppression> = Vec::new();
    let mut comments_seen = HashSet::new();
    for (i, site) in sites.iter().enumerate() {
        let root = site.files().first().map_or("", |f| map.file(*f).name());
        let own = settings.at(root);
        let (mut found, comments) = site_findings(dialect, site.as_ref(), &own, own.target(dialect.name()));
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

/// The findings of all eras of one configuration, joined: what does not hold everywhere says where, one level lower.
fn site_findings(dialect: &dyn Dialect, site: &dyn Site, settings: &Settings, target: Option<Version>) -> (Vec<Finding>, Vec<Comment>) {
    let versions = dialect.versions();
    let (Some(oldest), Some(newest)) = (versions.first().copied(), versions.last().copied()) else { return Default::default() };
    let at = target.unwrap_or(newest);
    let (first, mut asked, comments) = era_findings(site, settings, at);
    if target.is_some() {
        return (first, comments);
    }
    asked.retain(|v| *v > oldest && *v <= newest);
    let starts = starts(oldest, asked);
    // The newest release is of the last era.
    let mut eras = parallel::each(&starts[..starts.len() - 1], |start| era_findings(site, settings, *start).0);
    eras.push(first);
    let said: Vec<HashSet<Saying>> = eras.iter().map(|found| found.iter().map(saying).collect()).collect();
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
            let mut f = f.clone();
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

/// Each breakpoint begins an era; the oldest release begins the first.
fn starts(oldest: Version, asked: Vec<Version>) -> Vec<Version> {
    let mut starts = vec![oldest];
    starts.extend(asked);
    starts
}

/// One release of each era that a configuration is judged for, ascending.
pub fn eras(dialect: &dyn Dialect, site: &dyn Site, settings: &Settings) -> Vec<Version> {
    if let Some(target) = settings.target(dialect.name()) {
        return vec![target];
    }
    let (Some(oldest), Some(newest)) = (dialect.versions().first().copied(), dialect.versions().last().copied()) else { return Vec::new() };
    let era = Era::new(newest);
    site.lower(&era);
    let mut asked = era.asked();
    asked.retain(|v| *v > oldest && *v <= newest);
    starts(oldest, asked)
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

/// How many requests a correction is judged by at most.
const TRIALS: usize = 100;

/// What one line does to several routes is said once: its correction must serve them all.
fn share_trials(found: &mut [Finding]) {
    let mut first: HashMap<Saying, usize> = HashMap::new();
    for i in 0..found.len() {
        let Some(at) = first.insert(saying(&found[i]), i) else { continue };
        first.insert(saying(&found[i]), at);
        let Some(other) = found[i].intent.clone() else { continue };
        let Some(own) = found[at].intent.as_mut().filter(|own| own.goal == other.goal) else { continue };
        let room = TRIALS.saturating_sub(own.trials.len());
        let more: Vec<_> = other.trials.into_iter().filter(|t| !own.trials.contains(t)).take(room).collect();
        own.trials.extend(more);
    }
}

fn era_findings(site: &dyn Site, settings: &Settings, at: Version) -> (Vec<Finding>, Vec<Version>, Vec<Comment>) {
    let era = Era::new(at);
    let proxy = site.lower(&era);
    let mut found: Vec<Finding> = site.problems(&era).into_iter().map(|p| syntax_finding(p, proxy.dialect)).collect();
    let mut cx = Context::new(&proxy, settings);
    for rule in RULES {
        rule.check(&mut cx);
    }
    found.extend(cx.finish());
    share_trials(&mut found);
    if !found.is_empty() {
        let order = proxy.scopes_in_text();
        for f in &mut found {
            f.within = proxy.path(&order, f.span);
        }
    }
    (found, era.asked(), proxy.comments)
}
