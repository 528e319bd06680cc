//! How the model of one era becomes that of another.

use super::{Fact, HeaderOp, HopId, ListId, Proxy, UpstreamId, Wire};

/// What the model of another era has otherwise, where that is little: how it speaks to upstreams. Ways through the proxy are the
/// same in both.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// What is spoken on edges.
    pub wires: Vec<(HopId, Fact<Wire>)>,
    /// Operations on what is sent upstream, by list and place in it.
    pub ops: Vec<(ListId, usize, HeaderOp)>,
    /// Whether connections to a group are kept.
    pub reuse: Vec<(UpstreamId, Fact<bool>)>,
}

impl Turn {
    /// Makes the model that of the other era.
    pub fn apply(self, proxy: &mut Proxy) {
        for (id, wire) in self.wires {
            proxy.hops[id.at()].wire = wire;
        }
        for (id, at, op) in self.ops {
            proxy.lists[id.at()].ops[at] = op;
        }
        for (id, reuse) in self.reuse {
            proxy.upstreams[id.at()].reuse = reuse;
        }
    }
}
