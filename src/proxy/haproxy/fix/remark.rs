//! What is written and does not do what it reads like.

use super::{Desk, NO_PLACE, Ways};
use crate::model::{Correction, Edit, NoFix, RemarkKind};
use crate::proxy::haproxy::conf::{Section, Stmt};
use crate::proxy::haproxy::duration;
use crate::proxy::lines::time;
use crate::source::Span;

impl<'a> Desk<'a> {
    /// Ways to have nothing left to remark on these bytes.
    pub(super) fn settle(&self, kind: RemarkKind, span: Span) -> Ways {
        match kind {
            RemarkKind::Replaced => self.gone(span),
            RemarkKind::Unread => self.whole_duration(span),
            RemarkKind::Unset => self.unset(span),
            RemarkKind::NoEffect => self.moved(span),
            RemarkKind::NotSeen => self.waited_for(span),
            RemarkKind::NotSticky => self.sticky(span),
            RemarkKind::NoUnit => Err(NoFix::unsaid("seconds or milliseconds: only you know")),
            RemarkKind::TooMany | RemarkKind::TooFewResources => Err(NoFix::unsaid("which of the two numbers is meant is not known")),
            RemarkKind::Unlimited => Err(NoFix::unsaid("how long is not known")),
            RemarkKind::CheckRefused => Err(NoFix::unsaid("which path answers a plain request is not known")),
            RemarkKind::AlwaysHolds => Err(NoFix::unsaid("whether both are to hold, or the line is too much, is not known")),
            RemarkKind::CorsNotApplied | RemarkKind::NobodyReads | RemarkKind::NothingToDo | RemarkKind::NoSuchUpgrade => Err(NO_PLACE),
        }
    }

    /// A duration without what is not read: `15min` is 15 minutes all the same, `1h30m` is one hour and was meant as more.
    fn whole_duration(&self, span: Span) -> Ways {
        let old = self.text(span);
        let read = duration::read(&old).ok_or(NO_PLACE)?;
        let number = old.find(|c: char| !c.is_ascii_digit()).unwrap_or(old.len());
        let unit: String = old[number..old.len() - read.rest.len()].to_owned();
        let same = format!("{}{unit}", &old[..number]);
        if !read.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(vec![self.spelt(span, same)]);
        }
        let more =
            duration::read(read.rest).filter(|r| r.unit && r.rest.is_empty()).ok_or(NoFix::unsaid("what the rest means is not known"))?;
        let mut way = self.spelt(span, time(read.milliseconds + more.milliseconds));
        way.caution = Some(format!("`{same}` is in force so far"));
        Ok(vec![way])
    }

    /// Zero means "not set" `[u30]`: without the line what holds can be seen. Where it takes back what `defaults` set, it has to
    /// stay, or to be the longest there is.
    fn unset(&self, span: Span) -> Ways {
        let (_, stmt) = self.stmt(span).ok_or(NO_PLACE)?;
        let word = stmt.words.last().ok_or(NO_PLACE)?;
        let mut way = self.spelt(word.span, "24d".to_owned());
        way.caution = Some("tunnels may then be silent for 24 days, on every way to this backend".to_owned());
        Ok(self.without(&[stmt]).into_iter().chain(std::iter::once(way)).collect())
    }

    /// A limit of the other side goes to each section of that side that this one is connected with and that has none `[t06]`.
    fn moved(&self, span: Span) -> Ways {
        let (home, stmt) = self.stmt(span).ok_or(NO_PLACE)?;
        let line = self.text(stmt.span);
        let has = |s: &Section<'_>| s.body.iter().any(|o| o.word(0) == "timeout" && o.word(1) == stmt.word(1));
        let leads = |from: &Section<'_>, to: &Section<'_>| {
            from.body.iter().any(|s| matches!(s.word(0), "default_backend" | "use_backend") && s.word(1) == to.name)
        };
        let other =
            |s: &&Section<'a>| if home.noun == "frontend" { s.noun == "backend" && leads(home, s) } else { s.is_front() && leads(s, home) };
        let mut edits: Vec<Edit> = vec![self.lines.without(stmt.span).ok_or(NO_PLACE)?];
        let to: Vec<&Section<'_>> = self.sections.iter().filter(other).filter(|s| !has(s)).collect();
        for section in &to {
            edits.push(self.into(section, "timeout", &line).ok_or(NO_PLACE)?);
        }
        let names: Vec<String> = to.iter().map(|s| format!("`{} {}`", s.noun, s.name)).collect();
        let title = if names.is_empty() { format!("remove `{line}`") } else { format!("move `{line}` to {}", names.join(" and ")) };
        let caution = (!names.is_empty()).then(|| format!("`{line}` is not in force so far"));
        Ok(vec![Correction::of(edits, title, caution)])
    }

    /// Waits for the request before it is looked at `[g37b]`.
    fn waited_for(&self, span: Span) -> Ways {
        let (section, _) = self.stmt(span).ok_or(NO_PLACE)?;
        let first: &Stmt = section.body.iter().find(|s| s.word(0) == "use_backend").ok_or(NO_PLACE)?;
        let mut edit = self.above(first, "tcp-request inspect-delay 5s").ok_or(NO_PLACE)?;
        edit.text.push_str(&self.above(first, "tcp-request content accept if HTTP").ok_or(NO_PLACE)?.text);
        let caution = "clients that send no HTTP, or nothing at first, wait for 5 s".to_owned();
        Ok(vec![Correction::of(vec![edit], "wait for the request".to_owned(), Some(caution))])
    }

    /// Each server gets its name as the value of the cookie `[s03b]`.
    fn sticky(&self, span: Span) -> Ways {
        let (section, stmt) = self.stmt(span).ok_or(NO_PLACE)?;
        if stmt.word(0) != "cookie" {
            return Err(NoFix::unsaid("what the cookie is called is not known"));
        }
        let servers = section.body.iter().filter(|s| s.word(0) == "server");
        let edits = servers.map(|s| Edit { span: Span { start: s.span.end(), len: 0 }, text: format!(" cookie {}", s.word(1)) }).collect();
        let caution = "clients then stay with the server that they came to first".to_owned();
        Ok(vec![Correction::of(edits, "give each server a value for the cookie".to_owned(), Some(caution))])
    }
}
