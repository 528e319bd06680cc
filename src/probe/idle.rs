//! Which clock cuts a silent connection, and when.

use crate::model::{Clock, Combine, Idle, Known, Limit, PolicyId, Proxy, Traffic};

/// The clock that cuts a silent tunnel first: known superseding ones win over all others. `None`: no clock.
pub fn tunnel(proxy: &Proxy, policy: PolicyId) -> Option<&Clock<Idle>> {
    first(proxy, policy, Traffic::Tunnel)
}

/// The clock that cuts a silent tunnel first, over all hops that lead through this proxy.
pub fn tunnel_over<'a>(proxy: &'a Proxy, branch: &super::Branch) -> Option<&'a Clock<Idle>> {
    over(branch, |p| tunnel(proxy, p))
}

/// The same for a streaming answer.
pub fn stream_over<'a>(proxy: &'a Proxy, branch: &super::Branch) -> Option<&'a Clock<Idle>> {
    over(branch, |p| stream(proxy, p))
}

/// The shortest of all hops; one that is not known comes first.
fn over<'a>(branch: &super::Branch, clock: impl Fn(PolicyId) -> Option<&'a Clock<Idle>>) -> Option<&'a Clock<Idle>> {
    branch.policy.iter().chain(&branch.through).filter_map(|p| clock(*p)).min_by_key(|c| match c.limit.value {
        Known::Is(limit) => limit,
        Known::Unknown(_) => Limit::After(0),
    })
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
