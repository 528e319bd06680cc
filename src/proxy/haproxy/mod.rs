//! HAProxy: its tokeniser, its sections, its semantics into the model.

pub mod syntax;
