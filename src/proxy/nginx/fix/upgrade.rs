//! The lines that a handshake needs on its way to the upstream.

use super::maps::Values;
use super::{Desk, NO_PLACE, TEMPLATE, Ways, way};
use crate::model::{Correction, Edit, Role, Version};
use crate::proxy::nginx::conf::{Block, DirId};

/// From here on HTTP/1.1 is the default `[hs-none]`.
const MODERN_UPSTREAMS: Version = Version(1, 29, 7);
const LINE: &str = "proxy_set_header";

impl Desk<'_> {
    /// `Upgrade`, `Connection` and HTTP/1.1, as far as they are missing or wrong.
    pub(super) fn upgrade(&self) -> Ways {
        let block = self.settled(self.seat()?);
        if self.handler(block).is_some_and(|h| h != "proxy_pass") {
            return Err("another protocol than HTTP is spoken to the upstream");
        }
        let version = self.version(block)?;
        let wrong = self.directives(Role::Header);
        if wrong.iter().any(|d| self.conf.get(*d).args.iter().any(|a| a.opaque)) {
            return Err(TEMPLATE);
        }
        let missing: Vec<&str> = self.blamed(Role::Missing).map(|b| b.value.as_str()).collect();
        if wrong.is_empty() && missing.is_empty() {
            let edit = version.ok_or(NO_PLACE)?;
            return Ok(vec![way(vec![edit], "speak HTTP/1.1 to the upstream".to_owned(), self.caution(block))]);
        }
        let mut ways = Vec::new();
        for values in self.values() {
            match self.list(block, LINE) {
                Some((host, list)) => {
                    ways.extend(self.in_place(block, host, &list, &wrong, &missing, &values));
                    if host != block {
                        ways.extend(self.brought_along(block, &list, &wrong, &missing, &values));
                    }
                }
                None => ways.extend(self.brought_along(block, &[], &[], &missing, &values)),
            }
        }
        Ok(ways)
    }

    /// The edit that makes the version 1.1, if one is needed for any release considered.
    fn version(&self, block: Block) -> Result<Option<Edit>, &'static str> {
        let name = "proxy_http_version";
        match self.list(block, name) {
            Some((_, dirs)) if dirs.last().and_then(|d| self.conf.get(*d).args.first()).is_some_and(|w| &*w.text == "1.1") => Ok(None),
            None if self.era.since(MODERN_UPSTREAMS) => Ok(None),
            _ => self.set(block, name, "1.1"),
        }
    }

    /// Edits the list where it stands.
    fn in_place(
        &self,
        block: Block,
        host: Block,
        list: &[DirId],
        wrong: &[DirId],
        missing: &[&str],
        values: &Values,
    ) -> Option<Correction> {
        let mut edits: Vec<Edit> = values.maps.iter().cloned().collect();
        let mut seen: Vec<String> = Vec::new();
        for d in wrong.iter().rev() {
            let dir = self.conf.get(*d);
            let name = dir.args.first()?.text.to_ascii_lowercase();
            if seen.contains(&name) {
                edits.push(self.pen.delete(*d)?);
                continue;
            }
            edits.push(Edit { span: dir.args.get(1)?.span, text: value_of(&name, values)?.to_owned() });
            seen.push(name);
        }
        let lines: Vec<String> =
            missing.iter().filter_map(|name| Some(self.pen.line(list, LINE, &[*name, value_of(name, values)?]))).collect();
        // Own lines beside an include keep it as it is, for all its other users.
        let own: Vec<DirId> = list.iter().copied().filter(|d| self.conf.get(*d).file == self.conf.file_of(host)).collect();
        if !lines.is_empty() {
            let anchor = own.last().copied().or_else(|| self.anchor(host, *list.last()?))?;
            edits.push(self.pen.after(anchor, &lines)?);
        }
        if let Some(version) = self.version(block).ok()? {
            // Above the own lines it stands where people look for it.
            match own.first().filter(|_| host == block && version.span.len == 0) {
                Some(first) => edits.push(self.pen.above(*first, &[version.text.trim().to_owned()])?),
                None => edits.push(version),
            }
        }
        Some(way(edits, format!("forward the upgrade{}", values.note), self.caution(block)))
    }

    /// Gives the block a list of its own, the inherited lines included.
    fn brought_along(&self, block: Block, list: &[DirId], wrong: &[DirId], missing: &[&str], values: &Values) -> Option<Correction> {
        let mut lines: Vec<String> = Vec::new();
        let version = self.version(block).ok()?;
        let mut edits: Vec<Edit> = values.maps.iter().cloned().collect();
        match version {
            Some(v) if v.span.len == 0 => lines.push(v.text.trim().to_owned()),
            Some(v) => edits.push(v),
            None => {}
        }
        let mut seen: Vec<String> = Vec::new();
        for d in list {
            let dir = self.conf.get(*d);
            let name = dir.args.first()?.text.to_ascii_lowercase();
            if !wrong.contains(d) {
                lines.push(self.pen.raw(*d));
            } else if !seen.contains(&name) {
                lines.push(self.pen.line(list, LINE, &[&*dir.args.first()?.text, value_of(&name, values)?]));
                seen.push(name);
            }
        }
        lines.extend(missing.iter().filter_map(|name| Some(self.pen.line(list, LINE, &[*name, value_of(name, values)?]))));
        edits.push(self.beside_pass(block, &lines)?);
        let along = if list.is_empty() { "" } else { "; the inherited header lines come along" };
        Some(way(edits, format!("forward the upgrade{}{along}", values.note), self.caution(block)))
    }
}

fn value_of<'v>(name: &str, values: &'v Values) -> Option<&'v str> {
    if name.eq_ignore_ascii_case("upgrade") {
        Some(&values.upgrade)
    } else if name.eq_ignore_ascii_case("connection") {
        Some(&values.connection)
    } else {
        None
    }
}
