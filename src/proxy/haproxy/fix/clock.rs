//! Time limits.

use super::{Desk, NO_PLACE, TEMPLATE, Ways};
use crate::model::{Correction, Edit, Role};
use crate::proxy::lines::time;

impl Desk<'_> {
    /// `timeout tunnel` in the backend: it replaces all other limits on an upgraded connection `[t03] [t04]`.
    pub(super) fn idle(&self, milliseconds: u64) -> Ways {
        let took = self.intent.blamed(Role::Took).next().ok_or(NO_PLACE)?;
        let section = self.sections.iter().find(|s| s.is_back() && s.head.span == took.origin.span).ok_or(NO_PLACE)?;
        if section.has_hole() {
            return Err(TEMPLATE);
        }
        let value = time(milliseconds);
        let title = format!("set `timeout tunnel {value}`");
        let own = section.body.iter().rfind(|s| s.word(0) == "timeout" && s.word(1) == "tunnel");
        let edit = match own {
            Some(stmt) => {
                let word = stmt.words.get(2).filter(|w| !w.unknown).ok_or(TEMPLATE)?;
                Edit { span: word.span, text: value }
            }
            None => self.into(section, "timeout", &format!("timeout tunnel {value}")).ok_or(NO_PLACE)?,
        };
        Ok(vec![Correction::of(vec![edit], title, None)])
    }
}
