//! Corrections: intents become edits in the dialect's room; here they are tried on the texts in memory, proved, and applied
//! round by round until nothing changes.
//!
//! A correction counts only if the changed text reads without new problems, the finding is gone, nothing new is found at any
//! level, and the goal holds for the requests that showed the fault, in every era considered. It is *safe* if, besides,
//! every other request fares as before: the same answer, the same lines to the same upstream, the same gates and timers.

mod assay;
mod blame;
mod found;
mod group;
mod ignore;
mod plan;
mod proof;
mod requests;
mod room;
mod rounds;
mod scene;
mod text;
mod way;

pub use assay::{Assay, assay};
pub use ignore::{Ignored, add_ignores};
pub use room::Room;
pub use rounds::{Entry, Mended, mend, propose};
pub use text::Edits;

use crate::model::{Fix, NoFix};
use crate::source::FileId;

/// What became of the correction of one finding: it works, or none does, and why.
type Outcome = Result<Fix, NoFix>;

/// Whether a file may be changed, or why not.
pub type MayEdit<'a> = dyn Fn(FileId) -> Result<(), &'static str> + 'a;
