//! Envoy.

pub mod scalar;
pub mod view;
pub mod yaml;

