//! Servers of an upstream.

use super::Check;
use crate::model::ProblemKind;

impl Check<'_> {
    /// Methods that know no spare servers refuse `backup` behind them `[lb-backup-*]`.
    pub(super) fn upstreams(&mut self) {
        for block in self.http_blocks("upstream") {
            let mut method = None;
            for id in self.children(block) {
                let dir = self.dir(id);
                match dir.name.text {
                    "ip_hash" | "hash" | "random" => method = Some(id),
                    "server" => {
                        let Some(method) = method else { continue };
                        let Some(backup) = dir.args.iter().skip(1).find(|a| a.text == "backup") else { continue };
                        let (name, place) = (self.name(method), self.dir(method).span);
                        let message = format!("`{name}` knows no `backup` servers");
                        let help = "remove `backup`, or balance with `least_conn` or by turns";
                        let found = self.report(ProblemKind::BadValue, true, backup.span, message, help);
                        found.problem.related.push((place, "the balancing method".to_owned()));
                    }
                    _ => {}
                }
            }
        }
    }
}
