//! Findings that are known already: a team adopts hoplint without mending everything first, and hears of what is new.

use super::Report;
use crate::source::SourceMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the form of a baseline.
const VERSION: u32 = 1;

/// Findings that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

/// One known finding. Of several with one fingerprint the one in the same file is meant first; the rest is for whoever reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Path when it was written.
    pub file: String,
    /// Id of the rule.
    pub rule: String,
    /// Scopes around it.
    pub within: String,
    /// Of rule, scopes and the words pointed at; several findings may share it.
    pub fingerprint: String,
}

impl Baseline {
    /// Everything that a report says.
    pub fn of(map: &SourceMap, report: &Report) -> Self {
        let marks = report.marks(map);
        let mut findings: Vec<Entry> = report
            .findings
            .iter()
            .zip(marks)
            .map(|(f, fingerprint)| Entry {
                file: map.file_at(f.span.start).map_or_else(String::new, |(_, file)| file.name().to_owned()),
                rule: f.rule.to_owned(),
                within: f.within.clone(),
                fingerprint,
            })
            .collect();
        findings.sort();
        Self { version: VERSION, findings }
    }

    /// Reads the text of a baseline.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if read.version == VERSION { Ok(read) } else { Err(format!("its version is {}, but {VERSION} is understood", read.version)) }
    }

    /// How many findings it holds.
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// As text, with a line end.
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Takes out of a report what is known. Returned are the entries that match nothing any more, as far as their files were
    /// read or `gone` says that they are no more.
    pub fn apply(&self, map: &SourceMap, report: &mut Report, gone: impl Fn(&str) -> bool) -> Vec<Entry> {
        let mut known: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for e in &self.findings {
            known.entry(&e.fingerprint).or_default().push(e);
        }
        let marks = report.marks(map);
        let before = report.findings.len();
        // A finding of the same file goes before one that may have moved here.
        let mut matched = vec![false; before];
        for same_file in [true, false] {
            for ((f, mark), matched) in report.findings.iter().zip(&marks).zip(&mut matched) {
                let Some(entries) = known.get_mut(mark.as_str()).filter(|_| !*matched) else { continue };
                let file = map.file_at(f.span.start).map_or("", |(_, file)| file.name());
                if let Some(at) = entries.iter().position(|e| !same_file || e.file == file) {
                    entries.remove(at);
                    *matched = true;
                }
            }
        }
        let mut matched = matched.into_iter();
        report.findings.retain(|_| !matched.next().unwrap_or_default());
        report.known += before - report.findings.len();
        let read: BTreeSet<&str> = map.files().map(|(_, f)| f.name()).collect();
        let mut stale: Vec<Entry> =
            known.into_values().flatten().filter(|e| read.contains(e.file.as_str()) || gone(&e.file)).cloned().collect();
        stale.sort();
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rules::{Finding, Level},
        source::Span,
    };

    fn report(text: &str, rules: &[(&'static str, &str)]) -> (SourceMap, Report) {
        let mut map = SourceMap::default();
        map.add("a.conf", text.as_bytes().to_vec()).unwrap_or_else(|e| panic!("{e}"));
        let findings = rules
            .iter()
            .map(|(rule, at)| {
                let start = text.find(at).expect("the text holds it") as u32;
                Finding { within: "server a".into(), ..Finding::new(rule, Level::Error, "nginx", Span { start, len: at.len() as u32 }) }
            })
            .collect();
        (map, Report { findings, ..Report::default() })
    }

    #[test]
    fn what_moved_is_known_and_what_is_new_is_not() {
        let (map, before) = report("a  b;\nc;\n", &[("x/one", "a  b"), ("x/two", "c")]);
        let baseline = Baseline::parse(&Baseline::of(&map, &before).text()).expect("its own text is understood");
        assert_eq!(baseline.len(), 2);
        let (map, mut after) = report("\n\n# more\na b;\nd;\n", &[("x/one", "a b"), ("x/two", "d")]);
        let stale = baseline.apply(&map, &mut after, |_| false);
        assert_eq!(after.findings.iter().map(|f| (f.rule, map.text(f.span))).collect::<Vec<_>>(), [("x/two", "d".to_owned())]);
        assert_eq!((after.known, stale.len(), stale[0].rule.as_str()), (1, 1, "x/two"));
    }

    #[test]
    fn a_second_one_of_the_same_kind_is_new() {
        let (map, before) = report("a; b;", &[("x/one", "a")]);
        let baseline = Baseline::of(&map, &before);
        let (map, mut after) = report("a; a;", &[("x/one", "a"), ("x/one", "a")]);
        assert!(baseline.apply(&map, &mut after, |_| false).is_empty());
        assert_eq!(after.findings.len(), 1);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        assert!(Baseline::parse("{}").is_err());
        assert!(Baseline::parse(r#"{"version": 2, "findings": []}"#).is_err());
    }
}
