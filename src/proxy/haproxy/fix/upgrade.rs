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
        let mut ways: Vec<Correction> = Vec::new();
        // What a line was found to come from, all of it.
        let blamed: Vec<&Stmt> = self.blamed(Role::Header).into_iter().filter(|s| about(&s)).collect();
        ways.extend(self.without(&blamed));
        ways.extend(culprits.iter().filter_map(|one| self.without(&[*one])));
        for section in &self.sections {
            let own: Vec<&Stmt> = section.body.iter().filter(about).copied().collect();
            if own.len() > 1 {
                ways.extend(self.without(&own));
            }
        }
        if culprits.len() > 1 {
            ways.extend(self.without(&culprits));
        }
        if ways.is_empty() { Err(NoFix::unwritten("what changes the handshake's lines was not found")) } else { Ok(ways) }
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
