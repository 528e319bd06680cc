//! The report for people.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};

use super::{
    Look, corrections, count,
    excerpt::{Excerpt, Mark},
    page,
    text::{clean, clean_line, wrap},
};
use crate::{
    audit::Report,
    model::Applicability,
    rules::{Confidence, Finding, Level},
    source::SourceMap,
};

/// How many related places are drawn.
const RELATED: usize = 5;
/// How many hints of one rule are drawn: what is worth knowing is known after a few. The others have a line each.
const DRAWN: usize = 2;
/// How many hints of one rule have a line.
const LISTED: usize = 20;
/// Narrower than this nothing can be read.
const NARROW: usize = 40;

/// Prints a report for people.
///
/// # Errors
/// What the writer reports.
pub fn print(out: &mut dyn Write, map: &SourceMap, report: &Report, look: Look) -> io::Result<()> {
    let mut hints: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        if finding.level == Level::Hint {
            let alike = hints.entry(finding.rule).or_default();
            alike.push(finding);
            if alike.len() > DRAWN {
                continue;
            }
        }
        writeln!(out, "{}", one(map, finding, look))?;
    }
    for (rule, alike) in hints.iter().filter(|(_, alike)| alike.len() > DRAWN) {
        let more = &alike[DRAWN..];
        writeln!(out, "hint[{rule}]: {} like these", count(more.len(), "more hint"))?;
        for f in more.iter().take(LISTED) {
            writeln!(out, "  {}: {}", clean_line(&map.place(f.span)), clean_line(&f.message))?;
        }
        if more.len() > LISTED {
            writeln!(out, "  and {} more: `--format concise` has a line for each", more.len() - LISTED)?;
        }
        writeln!(out)?;
    }
    if let Some(line) = mendable(report) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", summary(report))?;
    match report.untried() {
        0 => Ok(()),
        n => writeln!(
            out,
            "note: corrections of {} were not tried: on so much text they take longer than a report may. `hoplint check --diff` shows \
             them, `--fix` makes the safe ones",
            count(n, "finding")
        ),
    }
}

/// What the program can correct by itself.
fn mendable(report: &Report) -> Option<String> {
    let of = |kind: Applicability| report.findings.iter().filter(|f| matches!(&f.fix, Some(Ok(fix)) if fix.applicability == kind)).count();
    match (of(Applicability::Safe), of(Applicability::Unsafe)) {
        (0, 0) => None,
        (safe, 0) => Some(format!("{safe} can be corrected with `--fix`; `--diff` shows how")),
        (0, more) => Some(format!("{more} can be corrected with `--fix --unsafe-fixes`, which changes something else, too")),
        (safe, more) => Some(format!("{safe} can be corrected with `--fix`, and {more} more with `--unsafe-fixes`; `--diff` shows how")),
    }
}

/// The last line: `3 findings: 1 error, 1 warning, 1 hint in 4 files`.
pub(super) fn summary(report: &Report) -> String {
    let levels: Vec<String> = [Level::Error, Level::Warning, Level::Hint]
        .into_iter()
        .map(|level| (level, report.count(level)))
        .filter(|(_, n)| *n > 0)
        .map(|(level, n)| count(n, level.word()))
        .collect();
    let found = if levels.is_empty() {
        "no findings".to_owned()
    } else {
        format!("{}: {}", count(report.findings.len(), "finding"), levels.join(", "))
    };
    let mut line = format!("{found} in {}", count(report.files, "file"));
    let unsaid: Vec<String> = [(report.suppressed, "suppressed"), (report.known, "known already"), (report.unreadable.len(), "unreadable")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, why)| format!("{n} {why}"))
        .collect();
    if !unsaid.is_empty() {
        line.push_str(&format!(" ({})", unsaid.join(", ")));
    }
    line
}

/// One finding as text that ends with a line break.
pub fn one(map: &SourceMap, finding: &Finding, look: Look) -> String {
    let width = look.width.max(NARROW);
    let shown = Shown::new(map, finding, width);
    let mut theme = if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    if look.colour {
        let own = match finding.level {
            Level::Error => theme.styles.error,
            Level::Warning => theme.styles.warning,
            Level::Hint => theme.styles.advice,
        };
        let other = theme.styles.highlights.first().copied().unwrap_or(own);
        // One style for each label in the order of the text: what is wrong has the colour of its level.
        theme.styles.highlights = shown.excerpt.labels().iter().map(|l| if l.primary() { own } else { other }).collect();
    }
    if theme.styles.highlights.is_empty() {
        theme.styles.highlights = GraphicalTheme::unicode_nocolor().styles.highlights;
    }
    // Breaking lines is done here, since miette would break header names at their hyphens.
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_wrap_lines(false)
        .with_links(look.links)
        .without_syntax_highlighting();
    let mut text = String::new();
    if handler.render_report(&mut text, &shown).is_err() {
        text = format!("{}\n\n  {}\n  help: {}\n", finding.rule, shown.message, shown.help);
    }
    // Frames leave blanks at the ends of lines.
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if let Some(Ok(fix)) = &finding.fix {
        out.push_str(&corrections::lines(map, fix, width));
    }
    out
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    excerpt: Excerpt,
    message: String,
    help: String,
    url: Option<String>,
}

impl<'a> Shown<'a> {
    fn new(map: &SourceMap, finding: &'a Finding, width: usize) -> Self {
        let mut marks = vec![Mark { span: finding.span, text: &finding.label, primary: true }];
        marks.extend(finding.related.iter().take(RELATED).map(|r| Mark { span: r.span, text: &r.message, primary: false }));
        let mut help = vec![finding.help.trim_end().to_owned()];
        help.extend(finding.example.as_ref().map(|e| format!("example request: {}", e.replace('\n', " "))));
        help.extend(finding.versions.as_ref().map(|v| format!("versions: {v}")));
        if finding.confidence != Confidence::Certain {
            help.push(format!("confidence: {}", finding.confidence.word()));
        }
        if finding.related.len() > RELATED {
            help.push(format!("and {} more", count(finding.related.len() - RELATED, "related place")));
        }
        help.retain(|h| !h.is_empty());
        Self {
            finding,
            excerpt: Excerpt::new(map, &marks),
            // What miette puts in front: `  × ` and `  help: `, and it keeps two columns free.
            message: wrap(&clean(&finding.message), width - 6),
            help: wrap(&clean(&help.join("\n")), width - 10),
            // A path inside the package is no link.
            url: Some(page(finding.rule)).filter(|p| p.starts_with("https://")),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // The sign in front of the message tells the level by its shape and colour alone.
        Some(Box::new(format!("{}[{}]", self.finding.level.word(), self.finding.rule)))
    }

    fn severity(&self) -> Option<Severity> {
        Some(match self.finding.level {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
            Level::Hint => Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display + 'a>)
    }

    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.url.as_ref().map(|u| Box::new(u) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.excerpt)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.excerpt.labels().iter().cloned()))
    }
}
