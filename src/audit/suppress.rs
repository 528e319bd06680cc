//! Comments that silence findings: `# hoplint: ignore[websocket/upgrade-not-forwarded] -- reason`.
//!
//! A comment at the end of a line speaks of that line. A comment on a line of its own speaks of the next line of code, and
//! of the whole block when that line opens one; a place that a finding names as related counts too. `ignore-file[…]` speaks of the whole file, wherever it stands. The dialect finds and reads the comments; here they take effect.

use crate::{
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

/// Ids of what is said about suppressions themselves.
pub const META_RULES: [&str; 4] = [UNKNOWN_RULE, MISSING_REASON, UNUSED, NOT_UNDERSTOOD];

/// What is said about a comment that begins with `hoplint:` and goes on in words that mean nothing here: it has no effect,
/// which its writer does not know.
pub fn not_understood(comment: Span, wrong: &str, proxy: &'static str) -> Finding {
    Finding {
        message: format!("this comment has no effect: {wrong}"),
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
}

/// Takes out what the comments silence, and says what is wrong with the comments themselves.
///
/// `known` holds the ids of all rules. Returned are the findings that stay, how many went, and the findings about comments.
pub fn apply(map: &SourceMap, findings: Vec<Finding>, suppressions: &[Suppression], known: &[&str]) -> (Vec<Finding>, usize, Vec<Finding>) {
    let reaches: Vec<Reach> = suppressions.iter().map(|s| Reach::of(map, s)).collect();
    let mut used: Vec<Vec<bool>> = suppressions.iter().map(|s| vec![false; s.rules.len()]).collect();
    let before = findings.len();
    let kept: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| {
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
            !silenced
        })
        .collect();
    let gone = before - kept.len();
    let meta = suppressions.iter().zip(&used).flat_map(|(s, used)| remarks(s, used, known)).collect();
    (kept, gone, meta)
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

/// Index of the line that holds a local offset.
fn line_of(file: &SourceFile, offset: u32) -> usize {
    file.line_starts().partition_point(|&start| start <= offset).saturating_sub(1)
}

/// A line with its end mark. The last one reaches one byte past the end, where a finding about something absent may stand.
fn line_span(file: &SourceFile, line: usize) -> Span {
    let starts = file.line_starts();
    let start = starts.get(line).copied().unwrap_or_default();
    let end = starts.get(line + 1).copied().unwrap_or(file.span().len + 1);
    Span::between(file.base() + start, file.base() + end)
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

fn remarks(suppression: &Suppression, used: &[bool], known: &[&str]) -> Vec<Finding> {
    let finding = |rule, level, message: String, label: &str, help: String| Finding {
        message,
        label: label.into(),
        help,
        ..Finding::new(rule, level, suppression.proxy, suppression.span_of_comment)
    };
    let mut out = Vec::new();
    if suppression.rules.is_empty() {
        let message = "this comment allows nothing, because it names no rule".to_owned();
        let help = "name the rule, for example `websocket/upgrade-not-forwarded`, or a category".to_owned();
        out.push(finding(UNKNOWN_RULE, Level::Warning, message, "no rule named", help));
    }
    for (rule, used) in suppression.rules.iter().zip(used) {
        let exists = known.iter().chain(&META_RULES).any(|id| fits(rule, id));
        if !exists {
            let help = match (rule.as_str(), nearest(rule, known)) {
                ("*", _) => "name the rule, or its category as `category/*`: a bare star is not taken".to_owned(),
                (_, Some(near)) => format!("did you mean `{near}`? `hoplint rules` lists all rules"),
                (_, None) => "`hoplint rules` lists all rules".to_owned(),
            };
            out.push(finding(UNKNOWN_RULE, Level::Warning, format!("there is no rule `{rule}`"), "names an unknown rule", help));
        } else if !used {
            let message = format!("nothing here violates `{rule}`, so this comment has no effect");
            let help = "remove the comment, or move it to the line that it is about".to_owned();
            out.push(finding(UNUSED, Level::Hint, message, "silences nothing", help));
        }
    }
    if suppression.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
        let message = "this comment silences a finding without saying why".to_owned();
        let help = "add the reason, so that the next reader can judge whether it still holds".to_owned();
        out.push(finding(MISSING_REASON, Level::Hint, message, "no reason given", help));
    }
    out
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
