//! hoplint sends pretend requests through a model of a reverse proxy and says which WebSocket, event-stream and CORS
//! routes will break.
//!
//! ```text
//! files ──▶ syntax tree ──▶ route model ──▶ probes ──▶ rules ──▶ findings ──▶ report
//! source/   proxy/<name>/   model/          probe/     rules/    audit/       output/
//! ```
//! `docs/architecture.md` has the whole picture and the invariants.

pub mod audit;
pub mod cli;
pub mod config;
pub mod fix;
pub mod model;
pub mod output;
mod parallel;
pub mod probe;
pub mod proxy;
pub mod rules;
pub mod source;
mod spelling;
pub mod yaml;
