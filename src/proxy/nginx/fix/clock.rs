//! Time limits, and answers that come bit by bit.

use super::{Desk, NO_PLACE, TEMPLATE, Ways};
use crate::model::{Correction, Edit, Role};
use crate::proxy::lines::time;
use crate::proxy::nginx::conf::Block;

impl Desk<'_> {
    /// `proxy_read_timeout` beside the `proxy_pass`: only the effective one counts `[time-*]`.
    pub(super) fn idle(&self, milliseconds: u64) -> Ways {
        let block = self.settled(self.seat()?);
        let clock = self.blamed(Role::Clock).next().ok_or(NO_PLACE)?;
        let name = match self.handler(block).as_deref() {
            Some("uwsgi_pass") => "uwsgi_read_timeout",
            Some("scgi_pass") => "scgi_read_timeout",
            _ => clock.value.as_str(),
        };
        let value = time(milliseconds);
        let edit = self.set(block, name, &value)?.ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("set `{name} {value}`"), self.caution(block))])
    }

    /// There is no value for "never"; an hour comes close enough.
    pub(super) fn waits(&self) -> Ways {
        let mut edits = Vec::new();
        for line in self.directives(Role::Clock) {
            self.untemplated(self.conf.get(line).parent)?;
            let value = self.conf.args(line).first().filter(|w| !w.opaque).ok_or(TEMPLATE)?;
            let time = if self.conf.name(line).text == "proxy_connect_timeout" { "60s" } else { "1h" };
            edits.push(Edit { span: value.span, text: time.to_owned() });
        }
        let title = edits.first().map(|e| format!("wait for {}", e.text)).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(edits, title, None)])
    }

    /// Events arrive at once over HTTP/1.1 or without a buffer `[sse-*]`.
    pub(super) fn stream(&self) -> Ways {
        let block = self.settled(self.seat()?);
        let mut ways = Vec::new();
        let wire = self.blamed(Role::Wire).next().is_some();
        for (name, value) in [("proxy_http_version", "1.1"), ("proxy_buffering", "off")] {
            if name == "proxy_buffering" || wire {
                match self.set(block, name, value) {
                    Ok(Some(edit)) => ways.push(Correction::of(vec![edit], format!("set `{name} {value}`"), self.caution(block))),
                    Ok(None) => {}
                    Err(why) if ways.is_empty() => return Err(why),
                    Err(_) => {}
                }
            }
        }
        Ok(ways)
    }

    /// The directive that answers in a block.
    pub(super) fn handler(&self, block: Block) -> Option<String> {
        self.conf.inside(block).map(|d| self.conf.name(d).text.to_string()).filter(|n| n.ends_with("_pass")).last()
    }
}
