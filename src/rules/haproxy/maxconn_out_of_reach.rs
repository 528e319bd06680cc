//! `haproxy/maxconn-out-of-reach`

use super::super::{Level, context::Context};
use crate::model::RemarkKind;

const ID: &str = "haproxy/maxconn-out-of-reach";

pub(in crate::rules) fn check(cx: &mut Context<'_>) {
    super::each(cx, ID, RemarkKind::TooMany, Level::Warning, |r, f| {
        f.message = format!("`{}` is out of reach: {} at most", r.what, r.instead);
        f.label = "cannot be reached".to_owned();
        f.help =
            "raise `maxconn` in `global` (and `ulimit-n` to at least twice of it and 28), or lower this one: what comes above waits in \
                  the kernel without an answer"
                .to_owned();
    });
    super::each(cx, ID, RemarkKind::TooFewResources, Level::Warning, |r, f| {
        f.message = format!("`{}` needs {}: where `ulimit-n` below that is all it gets, HAProxy does not start", r.what, r.instead);
        f.label = "two for each connection, and 28".to_owned();
        f.help = "raise `ulimit-n`, or remove it: HAProxy computes what it needs".to_owned();
    });
}
