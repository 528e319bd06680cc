//! Which clock cuts a silent connection, and when.

use crate::model::{Clock, Combine, Idle, Known, Limit, PolicyId, Proxy, Traffic};

/// The clock that cuts a silent tunnel first: known superseding ones win over all others. `None`: no clock.
pub fn tunnel(proxy: &Proxy, policy: PolicyId) -> Option<&Clock<Idle>> {
    first(proxy, policy, Traffic::Tunnel)
}

/// The clock that cuts a silent streaming answer first.
pub fn stream(proxy: &Proxy, policy: PolicyId) -> Option<&Clock<Idle>> {
    first(proxy, policy, Traffic::Stream)
}

fn first(proxy: &Proxy, policy: PolicyId, on: Traffic) -> Option<&Clock<Idle>> {
    let clocks = &proxy.clocks_of(proxy.policy(policy).clocks).idle;
    let fitting = || clocks.iter().filter(move |c| c.on == on || c.on == Traffic::Both);
    fitting().find(|c| c.rule == Combine::Supersedes).or_else(|| {
        fitting().min_by_key(|c| match c.limit.value {
            Known::Is(limit) => limit,
            Known::Unknown(_) => Limit::After(0),
        })
    })
}
