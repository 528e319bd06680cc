//! Keywords by place, with the release that brought them where it is known (`keywords.tsv`: place, keyword, since), and those
//! that went.

use crate::spelling::distance;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// A release as major, minor, patch.
pub(super) type Release = (u16, u16, u16);

/// By place: since when a keyword is known; none: since before the oldest release that matters.
type Table = HashMap<&'static str, BTreeMap<&'static str, Option<Release>>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    for line in include_str!("../keywords.tsv").lines() {
        let mut fields = line.split('\t');
        if let (Some(place), Some(name)) = (fields.next(), fields.next()) {
            table.entry(place).or_default().insert(name, fields.next().and_then(release));
        }
    }
    table
});

fn release(text: &str) -> Option<Release> {
    let mut parts = text.split('.').map(|p| p.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// Whether a keyword is known in a place at all, and since when.
pub(super) fn known(place: &str, name: &str) -> Option<Known> {
    let words = TABLE.get(place)?;
    let found = words.get(name).or_else(|| words.get(name.split('(').next()?))?;
    Some(found.map_or(Known::Always, Known::Since))
}

/// Since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// Since before the oldest release that matters.
    Always,
    /// Since that one.
    Since(Release),
}

/// The keyword of a place that a misspelt one is closest to.
pub(super) fn close(place: &str, name: &str) -> Option<&'static str> {
    let best = TABLE.get(place)?.keys().map(|k| (distance(k, name), *k)).min()?;
    (best.0 <= 2 && best.0 * 3 <= name.len()).then_some(best.1)
}

/// Keywords of proxy sections that went: which, since when they are refused, and what to write instead.
pub(super) const GONE: &[(&str, Release, &str)] = &[
    ("appsession", (1, 6, 0), "use `cookie` or `stick-table`"),
    ("clitimeout", (2, 1, 0), "write `timeout client`"),
    ("srvtimeout", (2, 1, 0), "write `timeout server`"),
    ("contimeout", (2, 1, 0), "write `timeout connect`"),
    ("redispatch", (2, 1, 0), "write `option redispatch`"),
    ("block", (2, 1, 0), "write `http-request deny`"),
    ("reqadd", (2, 1, 0), "write `http-request add-header`"),
    ("reqdel", (2, 1, 0), "write `http-request del-header`"),
    ("reqidel", (2, 1, 0), "write `http-request del-header`"),
    ("reqrep", (2, 1, 0), "write `http-request replace-path`, `replace-uri` or `replace-header`"),
    ("reqirep", (2, 1, 0), "write `http-request replace-path`, `replace-uri` or `replace-header`"),
    ("reqdeny", (2, 1, 0), "write `http-request deny`"),
    ("reqideny", (2, 1, 0), "write `http-request deny`"),
    ("reqtarpit", (2, 1, 0), "write `http-request tarpit`"),
    ("reqitarpit", (2, 1, 0), "write `http-request tarpit`"),
    ("reqallow", (2, 1, 0), "write `http-request allow`"),
    ("reqiallow", (2, 1, 0), "write `http-request allow`"),
    ("reqpass", (2, 1, 0), "remove it"),
    ("reqipass", (2, 1, 0), "remove it"),
    ("rspadd", (2, 1, 0), "write `http-response add-header`"),
    ("rspdel", (2, 1, 0), "write `http-response del-header`"),
    ("rspidel", (2, 1, 0), "write `http-response del-header`"),
    ("rsprep", (2, 1, 0), "write `http-response replace-header`"),
    ("rspirep", (2, 1, 0), "write `http-response replace-header`"),
    ("rspdeny", (2, 1, 0), "write `http-response deny`"),
    ("rspideny", (2, 1, 0), "write `http-response deny`"),
    ("monitor-net", (2, 4, 0), "write `http-request return status 200 if { src … }`"),
    ("grace", (2, 5, 0), "remove it: `hard-stop-after` in `global` limits how long a stop lasts"),
    ("bind-process", (2, 5, 0), "remove it"),
    ("dispatch", (3, 5, 0), "write a `server` line"),
];

/// The same for options.
pub(super) const GONE_OPTIONS: &[(&str, Release, &str)] = &[
    ("forceclose", (2, 5, 0), "remove it: `option httpclose` does the same"),
    ("http-tunnel", (2, 5, 0), "remove it"),
    ("http-use-htx", (2, 5, 0), "remove it"),
    ("http_proxy", (2, 5, 0), "remove it"),
    ("transparent", (3, 5, 0), "remove it"),
];

/// The same for `global`.
pub(super) const GONE_GLOBAL: &[(&str, Release, &str)] = &[
    ("nbproc", (2, 5, 0), "remove it: threads are used automatically"),
    ("master-worker", (3, 5, 0), "start with `-W` or `-Ws`"),
    ("debug", (2, 2, 0), "start with `-d` instead"),
];
