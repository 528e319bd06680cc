//! How the model of one era becomes that of another.

use super::{Fact, HeaderOp, Hop, HopId, ListId, Proxy, UpstreamId};

/// What the model of another era has otherwise, where that is little: how it speaks to upstreams. Ways through the proxy are the
/// same in both.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Edges.
    pub hops: Vec<(HopId, Hop)>,
    /// Operations on what is sent upstream, by list and place in it.
    pub ops: Vec<(ListId, usize, HeaderOp)>,
    /// Whether connections to a group are kept.
    pub reuse: Vec<(UpstreamId, Fact<bool>)>,
}

impl Turn {
    /// Makes the model that of the other era.
    pub fn apply(self, proxy: &mut Proxy) {
        for (id, hop) in self.hops {
            proxy.hops[id.at()] = hop;
        }
        for (id, at, op) in self.ops {
            proxy.lists[id.at()].ops[at] = op;
        }
        for (id, reuse) in self.reuse {
            proxy.upstreams[id.at()].reuse = reuse;
        }
    }
}
