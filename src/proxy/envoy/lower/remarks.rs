//! What Envoy takes without a word and makes nothing of.

use super::{At, Lower, manager::Manager, overrides::Filter};
use crate::model::{Remark, RemarkKind};
use crate::proxy::envoy::input::Role;
use crate::source::Span;
use crate::spelling::distance;

impl<'a> Lower<'a> {
    pub(super) fn remark(&mut self, kind: RemarkKind, span: Span, name: &str, meant: Option<&str>) {
        if !self.p.remarks.iter().any(|r| r.kind == kind && r.span == span) {
            self.p.remarks.push(Remark::new(kind, span, name, meant));
        }
    }

    /// Per-filter settings of a level: a key that is no filter's name is read by nobody, and so is a CORS policy of the wrong kind
    /// `[cors-policy-wrong-key, cors-policy-filter-type]`. `field`: where a policy may stand in the old way.
    pub(super) fn note_levels(&mut self, m: &Manager<'a>, level: At<'a>, field: &str) {
        let Some(manager) = m.at.filter(|_| m.open.is_none() && self.templated.is_none()) else { return };
        let filters = || m.chains.iter().flatten();
        let engine = filters().find(|f| f.kind == Some("Cors"));
        if let Some(policy) = level.get(field).filter(|_| !field.is_empty()) {
            self.with_policy.insert(m.index);
            self.settle(engine.is_some(), manager, Remark::new(RemarkKind::CorsNotApplied, policy.span(), field, None));
        }
        for (key, at) in level.get("typed_per_filter_config").map(At::entries).unwrap_or_default() {
            let Some((kind, _)) = at.any() else { continue };
            let policy = kind.ends_with(".CorsPolicy");
            if policy {
                self.with_policy.insert(m.index);
            }
            let named: Option<&Filter<'a>> = filters().find(|f| f.name == key);
            let span = at.key_span();
            if let Some(filter) = named {
                // `Cors` is the filter's own message: in the place of a policy it says nothing.
                let says = filter.kind != Some("Cors") || policy || kind.ends_with(".FilterConfig");
                self.settle(says, manager, Remark::new(RemarkKind::CorsNotApplied, span, key, Some("CorsPolicy")));
            } else if policy {
                let meant = engine.map(|f| f.name);
                self.settle(false, manager, Remark::new(RemarkKind::CorsNotApplied, span, key, meant));
            } else if !self.further_filters.contains(key) {
                let meant = filters().map(|f| f.name).find(|n| is_close(n, key));
                self.settle(false, manager, Remark::new(RemarkKind::NobodyReads, span, key, meant));
            }
        }
    }

    /// Of routes that several connection managers use, one that reads a setting is enough.
    fn settle(&mut self, reads: bool, manager: At<'a>, mut remark: Remark) {
        if reads {
            self.read.insert(remark.span);
            return;
        }
        let filters = manager.get("http_filters").map_or_else(|| manager.span(), At::span);
        remark.related.push((filters, "the filters of this connection manager".to_owned()));
        self.unread.entry(remark.span).or_insert(remark);
    }

    /// A CORS filter on routes none of which has a policy `[cors-filter-without-policy]`.
    pub(super) fn note_idle_engine(&mut self, m: &Manager<'a>) {
        // In a dump nobody wrote it.
        let dumped = self.conf.texts.iter().any(|t| t.units.iter().any(|u| u.role == Role::Dump));
        if m.open.is_some() || dumped || self.templated.is_some() || self.with_policy.contains(&m.index) {
            return;
        }
        if let Some(engine) = m.chains.iter().flatten().find(|f| f.kind == Some("Cors")).cloned() {
            self.remark(RemarkKind::NothingToDo, engine.at.span(), engine.name, None);
        }
    }

    pub(super) fn unread_settings(&mut self) {
        for (span, remark) in std::mem::take(&mut self.unread) {
            if !self.read.contains(&span) {
                self.p.remarks.push(remark);
            }
        }
    }
}

/// Whether two names differ in a letter or two, or in a word of their dotted parts.
fn is_close(a: &str, b: &str) -> bool {
    let last = |t: &str| t.rsplit('.').next().unwrap_or_default().to_owned();
    last(a) == last(b) || distance(a, b) <= 2
}
