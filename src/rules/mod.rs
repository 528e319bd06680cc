//! What hoplint has to say: rules over outcomes and facts.

mod finding;

pub use finding::{Confidence, Finding, Level, Related};
