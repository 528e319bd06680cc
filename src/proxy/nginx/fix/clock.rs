//! Time limits, and answers that come bit by bit.

use super::{Desk, NO_PLACE, Ways, way};
use crate::model::Role;
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
        let value = if milliseconds.is_multiple_of(1000) { format!("{}s", milliseconds / 1000) } else { format!("{milliseconds}ms") };
        let edit = self.set(block, name, &value)?.ok_or(NO_PLACE)?;
        Ok(vec![way(vec![edit], format!("set `{name} {value}`"), self.caution(block))])
    }

    /// Events arrive at once over HTTP/1.1 or without a buffer `[sse-*]`.
    pub(super) fn stream(&self) -> Ways {
        let block = self.settled(self.seat()?);
        let mut ways = Vec::new();
        let wire = self.blamed(Role::Wire).next().is_some();
        for (name, value) in [("proxy_http_version", "1.1"), ("proxy_buffering", "off")] {
            if name == "proxy_buffering" || wire {
                match self.set(block, name, value) {
                    Ok(Some(edit)) => ways.push(way(vec![edit], format!("set `{name} {value}`"), self.caution(block))),
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
        self.conf.inside(block).map(|d| self.conf.get(d).name.text.to_string()).filter(|n| n.ends_with("_pass")).last()
    }
}
