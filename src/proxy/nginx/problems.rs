//! What nginx would refuse, beyond the lexical grammar.

use super::conf::Conf;
use crate::model::Problem;

/// Everything that nginx would refuse at a version.
pub fn check(_conf: &Conf, _since: &mut dyn FnMut((u16, u16, u16)) -> bool, _explicit: bool) -> Vec<Problem> {
    Vec::new()
}
