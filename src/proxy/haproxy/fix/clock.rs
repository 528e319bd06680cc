//! Time limits.

use super::{Desk, NO_PLACE, TEMPLATE, Ways};
use crate::model::{Correction, Edit, NoFix, Role};
use crate::proxy::haproxy::conf::{Section, Stmt};
use crate::proxy::lines::time;

impl<'a> Desk<'a> {
    /// `timeout tunnel` in the backend: it replaces all other limits on an upgraded connection `[t03] [t04]`. A rule that sets
    /// another one for some requests goes before it `[t25]`.
    pub(super) fn idle(&self, milliseconds: u64) -> Ways {
        let value = time(milliseconds);
        let rules: Vec<&Stmt> =
            self.blamed(Role::Clock).into_iter().filter(|s| s.word(0) == "http-request" && s.word(1) == "set-timeout").collect();
        let (edits, title) = if rules.is_empty() {
            let took = |s: &&Section<'a>| s.is_back() && self.intent.blamed(Role::Took).any(|b| b.origin.span == s.head.span);
            let backs = self.sections.iter().filter(took);
            (backs.map(|s| self.tunnel(s, &value)).collect::<Result<Vec<Edit>, NoFix>>()?, format!("set `timeout tunnel {value}`"))
        } else {
            let respelt = |stmt: &&Stmt| {
                let word = stmt.words.get(3).filter(|w| !w.unknown).ok_or(TEMPLATE)?;
                Ok(Edit { span: word.span, text: value.clone() })
            };
            let edits = rules.iter().map(respelt).collect::<Result<Vec<Edit>, NoFix>>()?;
            (edits, format!("write `{value}` in the rule that sets the limit"))
        };
        if edits.is_empty() { Err(NO_PLACE) } else { Ok(vec![Correction::of(edits, title, None)]) }
    }

    fn tunnel(&self, section: &Section<'a>, value: &str) -> Result<Edit, NoFix> {
        if section.has_hole() {
            return Err(TEMPLATE);
        }
        match section.body.iter().rfind(|s| s.word(0) == "timeout" && s.word(1) == "tunnel") {
            Some(stmt) => {
                let word = stmt.words.get(2).filter(|w| !w.unknown).ok_or(TEMPLATE)?;
                Ok(Edit { span: word.span, text: value.to_owned() })
            }
            None => self.into(section, "timeout", &format!("timeout tunnel {value}")).ok_or(NO_PLACE),
        }
    }
}
