//! Filters, and the names that settings are looked up by.

use super::pen::Value;
use super::{Desk, NO_PLACE, NodeId, Place, Ways};
use crate::model::{Correction, Edit, NoFix, RemarkKind, Role};
use crate::source::Span;

impl Desk<'_> {
    /// Ways to have nothing left to remark on these bytes.
    pub(super) fn settle(&self, kind: RemarkKind, span: Span) -> Ways {
        let meant = self.intent.blamed(Role::Instead).next().map(|b| b.value.as_str()).filter(|m| !m.is_empty());
        match kind {
            RemarkKind::NoSuchUpgrade => {
                let (pen, value) = self.scalar(span).ok_or(NO_PLACE)?;
                let edit = pen.respell(value, meant.ok_or(NO_PLACE)?).ok_or(NO_PLACE)?;
                Ok(vec![Correction::of(vec![edit], "name the upgrade as clients do".to_owned(), None)])
            }
            RemarkKind::NobodyReads => {
                let meant = meant.ok_or(NoFix::unsaid("which filter is meant is not known"))?;
                let at = self.place(span).ok_or(NO_PLACE)?;
                let edit = at.pen.respell(at.entry.key, meant).ok_or(NO_PLACE)?;
                let caution = "that this filter is meant is guessed from its name".to_owned();
                Ok(vec![Correction::of(vec![edit], format!("write `{meant}`"), Some(caution))])
            }
            RemarkKind::NothingToDo => {
                let at = self.place(span).ok_or(NO_PLACE)?;
                let (pen, tree) = (at.pen, at.pen.tree);
                let list = tree.node(at.map).parent.filter(|l| tree.is_list(*l)).ok_or(NO_PLACE)?;
                let name = |map: NodeId| pen.field(map, "name").and_then(|e| tree.text(e.value));
                let own = name(at.map);
                if self.speaks_to(own.unwrap_or_default()) {
                    return Err(NoFix::unsaid("what is set for it does not reach it: what it was to do is not known"));
                }
                // The same filter once more is told as little.
                let idle = tree.items(list).iter().copied().filter(|i| *i == at.map || own.is_some() && name(*i) == own);
                let edits: Option<Vec<Edit>> = idle.map(|i| pen.remove_item(list, i)).collect();
                let caution = "what it was meant for is not known".to_owned();
                Ok(vec![Correction::of(edits.ok_or(NO_PLACE)?, "leave the filter out".to_owned(), Some(caution))])
            }
            RemarkKind::CorsNotApplied => self.applied(span, meant),
            _ => Err(NO_PLACE),
        }
    }

    /// Whether somewhere a setting is looked up by this name.
    fn speaks_to(&self, name: &str) -> bool {
        let holds = |pen: super::Pen<'_>| {
            let maps = pen.tree.all().filter(|id| pen.tree.is_map(*id)).filter_map(|id| pen.field(id, "typed_per_filter_config"));
            maps.into_iter().any(|e| pen.tree.get(e.value, name).is_some())
        };
        self.pens().any(holds)
    }

    /// A CORS policy is looked up by the name of the filter, is a `CorsPolicy`, and needs the filter `[cors-policy-wrong-key]
    /// [cors-policy-filter-type] [cors-policy-without-filter]`.
    fn applied(&self, span: Span, meant: Option<&str>) -> Ways {
        let at = self.place(span).ok_or(NO_PLACE)?;
        let (edit, title) = self.found(at, meant)?;
        let bare = Correction::of(vec![edit.clone()], title.clone(), None);
        // A policy that tells origins apart makes answers that caches must not mix up.
        let varying = Self::varying(at).map(|vary| Correction::of(vec![edit, vary], format!("{title}, and send `Vary: Origin`"), None));
        Ok(std::iter::once(bare).chain(varying).collect())
    }

    fn found(&self, at: Place<'_>, meant: Option<&str>) -> Result<(Edit, String), NoFix> {
        let pen = at.pen;
        let key = pen.tree.text(at.entry.key).ok_or(NO_PLACE)?;
        match meant {
            Some(kind @ "CorsPolicy") => {
                // Nothing but its type: a policy without origins lets none in.
                if pen.tree.entries(at.entry.value).len() < 2 {
                    return Err(NoFix::unsaid("which origins may read the answers is not known"));
                }
                let name = pen.tree.get(at.entry.value, "@type").ok_or(NO_PLACE)?;
                let package = pen.tree.text(name).and_then(|t| t.rsplit_once('.')).ok_or(NO_PLACE)?.0;
                let edit = pen.respell(name, &format!("{package}.{kind}")).ok_or(NO_PLACE)?;
                Ok((edit, "make it a `CorsPolicy`".to_owned()))
            }
            Some(name) => {
                let edit = pen.respell(at.entry.key, name).ok_or(NO_PLACE)?;
                Ok((edit, format!("write `{name}`")))
            }
            None => {
                let name = if key == "cors" { "envoy.filters.http.cors" } else { key };
                let engine = filter(name, "cors.v3.Cors");
                let chain = self.blamed(Role::Took).filter(|p| p.is("http_filters")).ok_or(NO_PLACE)?;
                let edit = chain.pen.push(chain.pen.tree.resolve(chain.entry.value), &engine, true).ok_or(NO_PLACE)?;
                Ok((edit, "add the CORS filter that applies it".to_owned()))
            }
        }
    }

    /// A router at the end of the filters `[ws-no-router]`.
    pub(super) fn routed(&self) -> Ways {
        let at = self.blamed(Role::Gate).ok_or(NO_PLACE)?;
        let pen = at.pen;
        let router = filter("envoy.filters.http.router", "router.v3.Router");
        let edit = if at.is("http_filters") || at.is("filters") {
            pen.push(pen.tree.resolve(at.entry.value), &router, false)
        } else {
            let manager = std::iter::successors(Some(at), Place::up).find_map(|p| {
                let last = *p.pen.tree.entries(p.map).last()?;
                p.pen.field(p.map, "stat_prefix").map(|_| (p.map, last))
            });
            manager.and_then(|(map, last)| pen.insert(map, last, "http_filters", &Value::List(vec![router])))
        };
        Ok(vec![Correction::of(vec![edit.ok_or(NO_PLACE)?], "end the filters with a router".to_owned(), None)])
    }
}

/// An HTTP filter of that type with nothing else to say.
fn filter(name: &str, kind: &str) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.filters.http.{kind}");
    Value::map([("name", Value::text(name)), ("typed_config", Value::map([("@type", Value::Text(kind))]))])
}
