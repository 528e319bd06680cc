//! What any reverse proxy does. Types only; the machine in `probe/` runs them.

mod remark;

pub use remark::{Problem, ProblemKind};
