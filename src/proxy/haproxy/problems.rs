//! What HAProxy itself would refuse (`haproxy -c`), at a release.

use super::conf::Conf;
use crate::model::Problem;

/// Everything that HAProxy would refuse.
pub(super) fn check(conf: &Conf, _since: &dyn Fn((u16, u16, u16)) -> bool) -> Vec<Problem> {
    conf.problems.clone()
}
