//! Lines that go to the upstream: those that a handshake needs on its way, and `Host`.

use super::maps::Values;
use super::{Desk, NO_PLACE, TEMPLATE, Ways};
use crate::model::{Correction, Edit, NoFix, Role};
use crate::proxy::nginx::conf::{Block, DirId};
use crate::proxy::nginx::releases::{MODERN_UPSTREAMS, REQUEST_PORT};
use crate::source::Span;

const LINE: &str = "proxy_set_header";

/// What is to change in the list in force.
struct Lines<'a> {
    block: Block,
    wrong: &'a [DirId],
    missing: &'a [&'a str],
    values: &'a Values,
    /// Speaks HTTP/1.1, if that is needed as well.
    version: Option<&'a Edit>,
    title: String,
}

impl Desk<'_> {
    /// `Upgrade`, `Connection` and HTTP/1.1, as far as they are missing or wrong.
    pub(super) fn upgrade(&self) -> Ways {
        let block = self.settled(self.seat()?);
        if self.handler(block).is_some_and(|h| h != "proxy_pass") {
            return Err(NoFix::unsaid("another protocol than HTTP is spoken to the upstream: which server takes WebSockets is not known"));
        }
        let version = self.version(block)?;
        let (wrong, missing) = self.lines_at_fault()?;
        if wrong.is_empty() && missing.is_empty() {
            let edit = version.ok_or(NO_PLACE)?;
            return Ok(vec![Correction::of(vec![edit], "speak HTTP/1.1 to the upstream".to_owned(), self.caution(block))]);
        }
        let all = self.values();
        let ways = all.iter().flat_map(|values| {
            let title = format!("forward the upgrade{}", values.note);
            self.rewritten(&Lines { block, wrong: &wrong, missing: &missing, values, version: version.as_ref(), title })
        });
        Ok(ways.collect())
    }

    /// The host that the client asked for, with its port as far as the release knows it.
    pub(super) fn sends_host(&self) -> Ways {
        let block = self.settled(self.seat()?);
        let (wrong, missing) = self.lines_at_fault()?;
        // A port that matters is, for older releases, only in what the client wrote.
        let hosts: &[&str] = if self.era.since(REQUEST_PORT) { &["$host$is_request_port$request_port"] } else { &["$host", "$http_host"] };
        let ways = hosts.iter().flat_map(|host| {
            let values = Values { upgrade: String::new(), connection: String::new(), host: (*host).to_owned(), maps: None, note: "" };
            let title = format!("send `Host {host}`");
            self.rewritten(&Lines { block, wrong: &wrong, missing: &missing, values: &values, version: None, title })
        });
        Ok(ways.collect())
    }

    /// Neither line goes out where the proxy's own request is forwarded `[inh-auth_request-ok]`. The list that this cuts off
    /// comes along; where the target has one, it is edited.
    pub(super) fn errands_stay_plain(&self) -> Ways {
        let leaves = self.blamed(Role::Answered).next().and_then(|b| self.directive(b.origin.span)).ok_or(NO_PLACE)?;
        let block = self.settled(self.conf.get(leaves).parent);
        self.untemplated(block)?;
        let wrong = self.lines_at_fault()?.0;
        let nothing = "\"\"".to_owned();
        let values = Values { upgrade: nothing.clone(), connection: nothing, host: String::new(), maps: None, note: "" };
        let title = "ask for no upgrade there".to_owned();
        let ways = self.rewritten(&Lines { block, wrong: &wrong, missing: &[], values: &values, version: None, title });
        // The client's own handshake is forwarded by what the two share.
        Ok(ways.into_iter().rev().collect())
    }

    /// Nothing that closes, over HTTP/1.1 `[up-keepalive-*]`: by the entry of the map that says so, or by the line.
    pub(super) fn keeps_connection(&self) -> Ways {
        let block = self.settled(self.seat()?);
        let version = self.version(block)?;
        let mut edits: Vec<Edit> = Vec::new();
        let said = self.blamed(Role::Header).next();
        if let Some(entry) = said.and_then(|b| self.entry(b.origin.span)) {
            let value = self.conf.args(entry).first().filter(|w| !w.opaque).ok_or(TEMPLATE)?;
            let quote = if self.pen.map.text(value.span).starts_with('"') { "\"\"" } else { "''" };
            edits.push(Edit { span: value.span, text: quote.to_owned() });
            edits.extend(version);
            let title = "send no `Connection` line with plain requests".to_owned();
            return Ok(vec![Correction::of(edits, title, None)]);
        }
        let (wrong, _) = self.lines_at_fault()?;
        // A line whose value comes from elsewhere may serve handshakes as well.
        if wrong.iter().any(|d| self.conf.args(*d).get(1).is_some_and(|w| w.text.contains('$'))) {
            return Err(NoFix::unsaid("what else the value of `Connection` is for is not known"));
        }
        let values = Values { upgrade: String::new(), connection: "\"\"".to_owned(), host: String::new(), maps: None, note: "" };
        let missing: &[&str] = if wrong.is_empty() { &["Connection"] } else { &[] };
        let title = "send no `Connection` line to this upstream".to_owned();
        Ok(self.rewritten(&Lines { block, wrong: &wrong, missing, values: &values, version: version.as_ref(), title }))
    }

    /// The entry of a `map` whose value stands in these bytes.
    fn entry(&self, span: Span) -> Option<DirId> {
        let holds = |d: &DirId| self.conf.span(*d).holds(span) && self.conf.parent(*d).is_some_and(|p| self.conf.name(p).text == "map");
        self.conf.all().find(holds)
    }

    fn lines_at_fault(&self) -> Result<(Vec<DirId>, Vec<&str>), NoFix> {
        let seat = self.seat()?;
        let lines = |block: Block| self.conf.inside(block).any(|d| self.conf.name(d).text == LINE);
        if seat != self.settled(seat) && lines(seat) {
            return Err(NoFix::unsaid("nginx refuses header lines in an `if`: where they were to stand is not known"));
        }
        let wrong = self.directives(Role::Header);
        if wrong.iter().any(|d| self.conf.args(*d).iter().any(|a| a.opaque)) {
            return Err(TEMPLATE);
        }
        Ok((wrong, self.blamed(Role::Missing).map(|b| b.value.as_str()).collect()))
    }

    /// The edit that makes the version 1.1, if one is needed for any release considered.
    fn version(&self, block: Block) -> Result<Option<Edit>, NoFix> {
        let name = "proxy_http_version";
        match self.list(block, name) {
            Some((_, dirs)) if dirs.last().and_then(|d| self.conf.args(*d).first()).is_some_and(|w| w.text == "1.1") => Ok(None),
            None if self.era.since(MODERN_UPSTREAMS) => Ok(None),
            _ => self.set(block, name, "1.1"),
        }
    }

    /// Where the list stands, or with it in the block itself.
    fn rewritten(&self, lines: &Lines<'_>) -> Vec<Correction> {
        let mut ways = Vec::new();
        match self.list(lines.block, LINE) {
            Some((host, list)) => {
                ways.extend(self.in_place(lines, host, &list));
                if host != lines.block {
                    ways.extend(self.brought_along(lines, &list));
                }
            }
            None => ways.extend(self.brought_along(lines, &[])),
        }
        ways
    }

    /// Edits the list where it stands.
    fn in_place(&self, lines: &Lines<'_>, host: Block, list: &[DirId]) -> Option<Correction> {
        let mut edits: Vec<Edit> = lines.values.maps.iter().cloned().collect();
        let mut seen: Vec<String> = Vec::new();
        for d in lines.wrong.iter().rev() {
            let dir = self.conf.get(*d);
            let name = dir.args.first()?.text.to_ascii_lowercase();
            if seen.contains(&name) {
                edits.push(self.pen.delete(*d)?);
                continue;
            }
            edits.push(Edit { span: dir.args.get(1)?.span, text: lines.values.of(&name)?.to_owned() });
            seen.push(name);
        }
        let more = self.missing(lines, list);
        // Own lines beside an include keep it as it is, for all its other users.
        let own: Vec<DirId> = list.iter().copied().filter(|d| self.conf.get(*d).file == self.conf.file_of(host)).collect();
        if !more.is_empty() {
            let anchor = own.last().copied().or_else(|| self.anchor(host, *list.last()?))?;
            edits.push(self.pen.after(anchor, &more)?);
        }
        if let Some(version) = lines.version {
            // Above the own lines it stands where people look for it.
            match own.first().filter(|_| host == lines.block && version.span.len == 0) {
                Some(first) => edits.push(self.pen.above(*first, &[version.text.trim().to_owned()])?),
                None => edits.push(version.clone()),
            }
        }
        Some(Correction::of(edits, lines.title.clone(), self.caution(lines.block)))
    }

    /// Gives the block a list of its own, the inherited lines included.
    fn brought_along(&self, lines: &Lines<'_>, list: &[DirId]) -> Option<Correction> {
        let mut edits: Vec<Edit> = lines.values.maps.iter().cloned().collect();
        let mut text: Vec<String> = Vec::new();
        match lines.version {
            Some(v) if v.span.len == 0 => text.push(v.text.trim().to_owned()),
            Some(v) => edits.push(v.clone()),
            None => {}
        }
        let mut seen: Vec<String> = Vec::new();
        for d in list {
            let dir = self.conf.get(*d);
            let name = dir.args.first()?.text.to_ascii_lowercase();
            if !lines.wrong.contains(d) {
                text.push(self.pen.raw(*d));
            } else if !seen.contains(&name) {
                text.push(self.pen.line(list, LINE, &[dir.args.first()?.text, lines.values.of(&name)?]));
                seen.push(name);
            }
        }
        text.extend(self.missing(lines, list));
        edits.push(self.beside_pass(lines.block, &text)?);
        let along = if list.is_empty() { "" } else { "; the inherited header lines come along" };
        Some(Correction::of(edits, format!("{}{along}", lines.title), self.caution(lines.block)))
    }

    fn missing(&self, lines: &Lines<'_>, list: &[DirId]) -> Vec<String> {
        lines.missing.iter().filter_map(|name| Some(self.pen.line(list, LINE, &[*name, lines.values.of(name)?]))).collect()
    }
}

impl Values {
    /// The value of a line.
    fn of(&self, name: &str) -> Option<&str> {
        [("upgrade", &self.upgrade), ("connection", &self.connection), ("host", &self.host)]
            .into_iter()
            .find(|(n, v)| name.eq_ignore_ascii_case(n) && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }
}
