//! The lines of a handshake.

use super::{Desk, Ways};
use crate::model::{Correction, Edit, NoFix, Role};
use crate::proxy::haproxy::conf::Stmt;
use crate::source::Span;

impl Desk<'_> {
    /// HAProxy forwards upgrades by itself; what keeps them from arriving, or asks for one with every request, is a rule about
    /// their lines `[h01] [h02] [h03] [h04]`.
    pub(super) fn upgrade(&self) -> Ways {
        let about = |s: &&&Stmt| {
            let named = matches!(s.word(0), "http-request")
                && matches!(s.word(1), "del-header" | "set-header" | "replace-header" | "replace-value" | "add-header")
                && ["upgrade", "connection"].iter().any(|n| s.word(2).eq_ignore_ascii_case(n));
            let old = matches!(s.word(0), "reqdel" | "reqidel")
                && ["upgrade", "connection"].iter().any(|n| s.word(1).to_ascii_lowercase().contains(n));
            named || old
        };
        let culprits: Vec<&Stmt> = self.sections.iter().flat_map(|s| s.body.iter().filter(about).copied()).collect();
        // What a line was found to come from, each by itself, those of one section, all.
        let mut groups: Vec<Vec<&Stmt>> = vec![self.blamed(Role::Header).into_iter().filter(|s| about(&s)).collect()];
        groups.extend(culprits.iter().map(|one| vec![*one]));
        groups.extend(self.sections.iter().map(|s| s.body.iter().filter(about).copied().collect()));
        groups.push(culprits);
        let mut seen: Vec<Vec<Span>> = Vec::new();
        groups.retain(|g| {
            let spans: Vec<Span> = g.iter().map(|s| s.span).collect();
            let new = !spans.is_empty() && !seen.contains(&spans);
            seen.push(spans);
            new
        });
        let mut ways: Vec<Correction> = groups.iter().filter_map(|g| self.spared(g)).collect();
        let caution = || Some("requests for other upgrades, such as h2c, pass as well".to_owned());
        ways.extend(groups.iter().filter_map(|g| self.without(g)).map(|way| Correction { caution: caution(), ..way }));
        if ways.is_empty() { Err(NoFix::unwritten("what changes the handshake's lines was not found")) } else { Ok(ways) }
    }

    /// Handshakes are spared; what a line keeps from the servers besides, such as h2c, it goes on keeping `[h11]`. A line that asks
    /// for an upgrade with every request goes.
    fn spared(&self, stmts: &[&Stmt]) -> Option<Correction> {
        let mut edits = Vec::new();
        let mut shown = Vec::new();
        for stmt in stmts {
            let value = stmt.words.get(3).map_or("", |w| &*w.text).to_ascii_lowercase();
            if matches!(stmt.word(1), "set-header" | "add-header") && (value.contains("upgrade") || value.contains("websocket")) {
                edits.push(self.lines.without(stmt.span)?);
                shown.push(format!("remove `{}`", self.text(stmt.span)));
                continue;
            }
            let words = |from: usize| stmt.words[from..].iter().map(|w| &*w.text);
            let text = match super::answer::condition(stmt) {
                None => " unless { req.hdr(Upgrade) -i websocket }",
                Some(at) if stmt.word(at) == "if" && !words(at).any(|w| matches!(w, "or" | "||")) => " !{ req.hdr(Upgrade) -i websocket }",
                Some(_) => return None,
            };
            edits.push(Edit { span: Span { start: stmt.span.end(), len: 0 }, text: text.to_owned() });
            shown.push(format!("spare handshakes from `{}`", self.text(stmt.span)));
        }
        Some(Correction::of(edits, shown.join(", "), None))
    }

    /// `-i` behind the fetch of every test that compares `Upgrade` to the letter `[a02]`.
    pub(super) fn any_case(&self) -> Ways {
        let mut places: Vec<Span> = Vec::new();
        for stmt in self.sections.iter().flat_map(|s| &s.body) {
            for (i, word) in stmt.words.iter().enumerate() {
                let fetch = word.text.to_ascii_lowercase();
                let name = ["hdr(", "req.hdr(", "req.fhdr("].iter().find_map(|f| fetch.strip_prefix(f)?.strip_suffix(')'));
                let folds = stmt.words[i + 1..].iter().take_while(|w| w.text.starts_with('-')).any(|w| &*w.text == "-i");
                if matches!(name, Some("upgrade" | "connection")) && !folds && !word.unknown {
                    places.push(Span { start: word.span.end(), len: 0 });
                }
            }
        }
        let insert = |at: &[Span]| {
            let edits = at.iter().map(|span| Edit { span: *span, text: " -i".to_owned() }).collect();
            Correction::of(edits, "compare without regard to case".to_owned(), None)
        };
        let mut ways: Vec<Correction> = places.iter().map(|one| insert(&[*one])).collect();
        if places.len() > 1 {
            ways.push(insert(&places));
        }
        if ways.is_empty() { Err(NoFix::unwritten("what compares the value was not found")) } else { Ok(ways) }
    }
}
