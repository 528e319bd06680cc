//! Envoy.

pub mod scalar;
pub mod view;
pub use crate::yaml;
