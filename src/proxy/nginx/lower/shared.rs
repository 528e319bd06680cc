//! What is made once and used in many places.

use super::Lower;
use crate::model::{Expr, ExprId, Hop, HopId, Text};
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Ids of what was made, by the hash of what it is.
pub(super) struct Known<I>(FxHashMap<u64, I>);

impl<I> Default for Known<I> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<I: Copy> Known<I> {
    /// What was made of something with that hash; it may be something else.
    fn get(&self, hash: u64) -> Option<I> {
        self.0.get(&hash).copied()
    }
}

fn hash(item: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    item.hash(&mut hasher);
    hasher.finish()
}

impl Lower<'_> {
    /// An expression; equal ones are one.
    pub(super) fn expr(&mut self, expr: Expr) -> ExprId {
        let hash = hash(&expr);
        if let Some(id) = self.exprs.get(hash).filter(|id| *self.p.expr(*id) == expr) {
            return id;
        }
        let id = self.p.add_expr(expr);
        self.exprs.0.insert(hash, id);
        id
    }

    /// A constant.
    pub(super) fn text(&mut self, text: impl Into<Text>) -> ExprId {
        self.expr(Expr::Text(text.into()))
    }

    /// An edge to an upstream; equal ones are one.
    pub(super) fn edge(&mut self, hop: Hop) -> HopId {
        let hash = hash(&hop);
        if let Some(id) = self.hops.get(hash).filter(|id| *self.p.hop(*id) == hop) {
            return id;
        }
        let id = self.p.add_hop(hop);
        self.hops.0.insert(hash, id);
        id
    }
}
