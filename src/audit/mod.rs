//! Runs the rules over every configuration and every era, and is the only place that filters.

mod amend;
mod baseline;
mod eras;
mod fingerprint;
mod lines;
mod report;
pub mod suppress;

pub use baseline::{Baseline, Entry};
pub use eras::{Judged, eras};
pub use report::{Report, settle};

use crate::config::{Annotation, SetLevel, Settings, parse_annotation};
use crate::model::Comment;
use crate::proxy::{Dialect, Site};
use crate::rules::{Finding, Level, RULES};
use crate::source::{FileId, SourceMap};
use eras::{Told, tell};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use suppress::{Applied, Suppression};

/// Everything that is to be said of these configurations: rules run, eras joined, suppressions applied, in order.
pub fn audit(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> Report {
    judge(map, dialect, sites, settings, false).0
}

/// The same, and what is known of each configuration then.
pub fn audit_and_keep(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings) -> (Report, Vec<Judged>) {
    judge(map, dialect, sites, settings, true)
}

/// `keep`: whether models are wanted.
fn judge(map: &SourceMap, dialect: &dyn Dialect, sites: &[Box<dyn Site>], settings: &Settings, keep: bool) -> (Report, Vec<Judged>) {
    let mut judged = Vec::new();
    let mut findings = Vec::new();
    let mut suppressions: Vec<Suppression> = Vec::new();
    let mut comments_seen = HashSet::new();
    for (i, site) in sites.iter().enumerate() {
        let root = site.files().first().map_or("", |f| map.file(*f).name());
        let own = settings.at(root);
        let Told { mut found, comments, judged: known } = tell(map, dialect, site.as_ref(), &own, keep);
        judged.push(known);
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
    (Report { findings: kept, files: files.len(), suppressed: silenced.len(), ..Report::default() }, judged)
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
