//! Comments that silence findings: `# hoplint: ignore[websocket/upgrade-not-forwarded] -- reason`.
//!
//! A comment at the end of a line speaks of that line. A comment on a line of its own speaks of the next line of code, and
//! of the whole block when that line opens one; a place that a finding names as related counts too. `ignore-file[…]` speaks of the whole file, wherever it stands. The dialect finds and reads the comments; here they take effect.

use super::amend::Parts;
use super::lines::{line_of, line_span};
use crate::{
    config::respelt,
    model::{Correction, Edit, Goal, Intent},
    rules::{Finding, Level},
    source::{SourceFile, SourceMap, Span},
    spelling::distance,
};

/// Id of the finding about a comment that names a rule that does not exist.
const UNKNOWN_RULE: &str = "suppression/unknown-rule";
/// Id of the finding about a comment that does not say why.
const MISSING_REASON: &str = "suppression/missing-reason";
/// Id of the finding about a comment that silences nothing.
const UNUSED: &str = "suppression/unused";

/// Id of the finding about a comment that speaks to hoplint, but not in its words.
const NOT_UNDERSTOOD: &str = "suppression/not-understood";

/// Why taking a comment away is not safe.
const MEANT: &str = "what it was meant for is not known";

/// Ids of what is said about suppressions themselves.
pub const META_RULES: [&str; 4] = [UNKNOWN_RULE, MISSING_REASON, UNUSED, NOT_UNDERSTOOD];

/// What is said about a comment that begins with `hoplint:` and goes on in words that mean nothing here: it has no effect,
/// which its writer does not know.
pub fn not_understood(map: &SourceMap, comment: Span, wrong: &str, proxy: &'static str, site: usize) -> Finding {
    // Declared routes are judged otherwise, so that the right word may bring findings: a person writes it.
    let intent = respelt(&map.text(comment)).map(|(range, word)| {
        let span = Span { start: comment.start + range.start as u32, len: range.len() as u32 };
        let title = format!("write `{word}` instead of `{}`", map.text(span));
        let way = Correction { edits: vec![Edit { span, text: word.to_owned() }], title, caution: None };
        reworded(vec![way], true, site)
    });
    Finding {
        message: format!("this comment has no effect: {wrong}"),
        intent,
        label: "not understood".into(),
        help: "write `hoplint: websocket heartbeat=30s` (or `sse`, `cors`) about a route, or `hoplint: ignore[category/rule] -- reason`"
            .into(),
        ..Finding::new(NOT_UNDERSTOOD, Level::Warning, proxy, comment)
    }
}

/// A comment that silences findings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppression {
    /// The comment, from its mark on.
    pub span_of_comment: Span,
    /// Rules as written: an id, `category/*` or `category`.
    pub rules: Vec<String>,
    /// Why, in the writer's words.
    pub reason: Option<String>,
    /// Statements or lines that the comment speaks of, where the dialect knows better than the text. When empty, the lines of
    /// the text decide.
    pub line_target: Vec<Span>,
    /// The block opened by the line below a comment that stands alone.
    pub block: Option<Span>,
    /// Whether it speaks of the whole file that it stands in.
    pub file: bool,
    /// Name of the dialect (`nginx`).
    pub proxy: &'static str,
    /// Index of the configuration that it was found in.
    pub site: usize,
}

/// What comments make of findings.
#[derive(Debug)]
pub struct Applied {
    /// What stays.
    pub kept: Vec<Finding>,
    /// What they silence.
    pub silenced: Vec<Finding>,
    /// What is wrong with the comments themselves.
    pub meta: Vec<Finding>,
}

/// Takes out what the comments silence, and says what is wrong with the comments themselves.
///
/// `known` holds the ids of all rules.
pub fn apply(map: &SourceMap, findings: Vec<Finding>, suppressions: &[Suppression], known: &[&str]) -> Applied {
    let reaches: Vec<Reach> = suppressions.iter().map(|s| Reach::of(map, s)).collect();
    let mut used: Vec<Vec<bool>> = suppressions.iter().map(|s| vec![false; s.rules.len()]).collect();
    let (silenced, kept): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(|finding| {
        let mut silenced = false;
        // All of them are asked, so that each one that fits counts as used.
        for ((suppression, reach), used) in suppressions.iter().zip(&reaches).zip(&mut used) {
            // Where a limit is inherited, the finding stands at the line that sets it for all. The route that is said to
            // inherit it is the place for an exception of its own.
            let related = || !suppression.file && finding.related.iter().any(|r| reach.covers(r.span));
            if !reach.covers(finding.span) && !related() {
                continue;
            }
            for (rule, used) in suppression.rules.iter().zip(used) {
                if fits(rule, finding.rule) {
                    *used = true;
                    silenced = true;
                }
            }
        }
        silenced
    });
    let meta = suppressions.iter().zip(&used).flat_map(|(s, used)| remarks(map, s, used, known)).collect();
    Applied { kept, silenced, meta }
}

/// Where a suppression holds.
struct Reach {
    /// A finding that starts in one of these is silenced.
    starts: Vec<Span>,
    /// A finding that lies in this is silenced.
    block: Option<Span>,
}

impl Reach {
    fn of(map: &SourceMap, suppression: &Suppression) -> Self {
        let comment = suppression.span_of_comment;
        let Some((_, file)) = map.file_at(comment.start) else {
            return Self { starts: suppression.line_target.clone(), block: suppression.block };
        };
        if suppression.file {
            return Self { starts: Vec::new(), block: Some(Span { len: file.span().len + 1, ..file.span() }) };
        }
        let at = line_of(file, comment.start - file.base());
        let line = line_span(file, at);
        let head = map.bytes(Span::between(line.start, comment.start));
        // A byte order mark is no code.
        let alone = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii().is_empty();
        let starts = if !suppression.line_target.is_empty() {
            suppression.line_target.clone()
        } else if alone {
            next_code(map, file, at).into_iter().collect()
        } else {
            vec![line]
        };
        Self { starts, block: suppression.block.filter(|_| alone) }
    }

    fn covers(&self, span: Span) -> bool {
        let starts_in = |target: &Span| target.start <= span.start && (span.start < target.end() || span.start == target.start);
        self.starts.iter().any(starts_in) || self.block.is_some_and(|block| block.holds(span))
    }
}

/// The next line that is neither empty nor a comment; all dialects begin a comment with `#`.
fn next_code(map: &SourceMap, file: &SourceFile, line: usize) -> Option<Span> {
    (line + 1..file.line_starts().len()).map(|l| line_span(file, l)).find(|span| {
        let within = Span::between(span.start, span.end().min(file.span().end()));
        let text = map.bytes(within).trim_ascii();
        !text.is_empty() && !text.starts_with(b"#")
    })
}

/// Whether what a comment names stands for a rule. A bare star does not: whoever wants silence says about what.
fn fits(written: &str, rule: &str) -> bool {
    if written == rule {
        return true;
    }
    let category = written.strip_suffix("/*").unwrap_or(written);
    !category.contains('/') && rule.split_once('/').is_some_and(|(head, _)| head == category)
}

fn remarks(map: &SourceMap, suppression: &Suppression, used: &[bool], known: &[&str]) -> Vec<Finding> {
    let parts = Parts::of(map, suppression.span_of_comment).filter(|p| p.rules.len() == suppression.rules.len());
    let parts = parts.as_ref();
    let finding = |rule, level, at: Option<usize>, message: String, label: &str, help: String| Finding {
        message,
        label: label.into(),
        help,
        ..Finding::new(rule, level, suppression.proxy, parts.zip(at).map_or(suppression.span_of_comment, |(p, at)| p.rules[at]))
    };
    let asks = |ways: Vec<Option<Correction>>, by_hand: bool| {
        let ways: Vec<Correction> = ways.into_iter().flatten().collect();
        (!ways.is_empty()).then(|| reworded(ways, by_hand, suppression.site))
    };
    let careful = |way: Option<Correction>, caution: &str| way.map(|w| Correction { caution: Some(caution.to_owned()), ..w });
    let mut out = Vec::new();
    if suppression.rules.is_empty() {
        let message = "this comment allows nothing, because it names no rule".to_owned();
        let help = "name the rule, for example `websocket/upgrade-not-forwarded`, or a category".to_owned();
        let intent = asks(vec![careful(parts.and_then(Parts::without_all), MEANT)], false);
        out.push(Finding { intent, ..finding(UNKNOWN_RULE, Level::Warning, None, message, "no rule named", help) });
    }
    let exists: Vec<bool> = suppression.rules.iter().map(|rule| known.iter().chain(&META_RULES).any(|id| fits(rule, id))).collect();
    let needless: Vec<bool> = exists.iter().zip(used).map(|(exists, used)| *exists && !used).collect();
    for (i, rule) in suppression.rules.iter().enumerate() {
        if !exists[i] {
            let near = nearest(rule, known);
            let help = match (rule.as_str(), near) {
                ("*", _) => "name the rule, or its category as `category/*`: a bare star is not taken".to_owned(),
                (_, Some(near)) => format!("did you mean `{near}`? `hoplint rules` lists all rules"),
                (_, None) => "`hoplint rules` lists all rules".to_owned(),
            };
            // Whoever corrects the name silences a finding, and that is for people to decide.
            let other = near.and_then(|near| careful(parts?.instead(i, near), "it silences a finding, by a name that is only guessed"));
            let gone: Vec<bool> = needless.iter().enumerate().map(|(j, needless)| *needless || i == j).collect();
            let none = careful(parts.and_then(|p| p.without(i, &gone)), MEANT);
            let intent = asks(vec![other, none], false);
            let message = format!("there is no rule `{rule}`");
            out.push(Finding { intent, ..finding(UNKNOWN_RULE, Level::Warning, Some(i), message, "names an unknown rule", help) });
        } else if needless[i] {
            let message = format!("nothing here violates `{rule}`, so this comment has no effect");
            let help = "remove the comment, or move it to the line that it is about".to_owned();
            let intent = asks(vec![parts.and_then(|p| p.without(i, &needless))], false);
            out.push(Finding { intent, ..finding(UNUSED, Level::Hint, Some(i), message, "silences nothing", help) });
        }
    }
    if suppression.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        let message = "this comment silences a finding without saying why".to_owned();
        let help = "add the reason, so that the next reader can judge whether it still holds".to_owned();
        // Nobody but the writer knows the reason.
        let intent = asks(vec![parts.map(Parts::with_reason)], true);
        out.push(Finding { intent, ..finding(MISSING_REASON, Level::Hint, None, message, "no reason given", help) });
    }
    out
}

/// That a comment reads otherwise.
fn reworded(ways: Vec<Correction>, by_hand: bool, site: usize) -> Intent {
    Intent { goal: Goal::Comment { ways, by_hand }, trials: Vec::new(), because: Vec::new(), assumes: None, site }
}

/// The rule that somebody probably meant: its name without the category, or a slip of the pen.
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = written.trim();
    // A distance over a text that nobody would call a rule name costs time for nothing.
    if written.is_empty() || written.len() > 100 {
        return None;
    }
    if let Some(id) = known.iter().find(|id| id.split_once('/').is_some_and(|(_, name)| name == written)) {
        return Some(id);
    }
    let allowed = (written.chars().count() / 4).clamp(1, 6);
    known.iter().map(|id| (distance(written, id), *id)).filter(|(d, _)| *d <= allowed).min().map(|(_, id)| id)
}

#[cfg(test)]
#[path = "suppress_tests.rs"]
mod tests;
