//! Whether two runs are the same to the outside at first sight. Nearly all are, and no [`super::Essence`] needs to be made then.

use super::Val;
use super::machine::{Branch, End, Line, Sent};
use crate::model::{Clock, Known, Proxy};

/// Whether two branches, each of its own model, are known to behave alike. What is unknown, or takes a closer look, is not.
pub fn alike(p: &Proxy, a: &Branch, q: &Proxy, b: &Branch) -> bool {
    let plain = |x: &Branch| {
        !matches!(x.end, End::Unknown(_)) && x.answer_open.is_none() && x.cached.is_none() && x.errands.is_empty() && x.gates.is_empty()
    };
    let bodies = match (&a.body, &b.body) {
        (None, None) => true,
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    };
    let upstream = match (&a.sent, &b.sent) {
        (None, None) => true,
        (Some(s), Some(t)) => sent(p, s, q, t) && clocks(p, a, q, b),
        _ => false,
    };
    plain(a) && plain(b) && a.end == b.end && a.status == b.status && bodies && lines(&a.answer, &b.answer) && upstream
}

fn same(a: &Val, b: &Val) -> bool {
    matches!((a, b), (Val::Is(a), Val::Is(b)) if a == b)
}

fn known<T: PartialEq>(a: &Known<T>, b: &Known<T>) -> bool {
    matches!((a, b), (Known::Is(a), Known::Is(b)) if a == b)
}

fn lines(a: &[Line], b: &[Line]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name.eq_ignore_ascii_case(&b.name) && same(&a.value, &b.value))
}

fn sent(p: &Proxy, a: &Sent, q: &Proxy, b: &Sent) -> bool {
    let (hop, other) = (p.hop(a.hop), q.hop(b.hop));
    a.open.is_none()
        && b.open.is_none()
        && same(&a.method, &b.method)
        && same(&a.target, &b.target)
        && a.addresses == b.addresses
        && lines(&a.headers, &b.headers)
        && known(&hop.wire.value, &other.wire.value)
        && known(&hop.buffered.value, &other.buffered.value)
}

fn clocks(p: &Proxy, a: &Branch, q: &Proxy, b: &Branch) -> bool {
    let (Some(a), Some(b)) = (a.policy, b.policy) else { return false };
    let (a, b) = (p.clocks_of(p.policy(a).clocks), q.clocks_of(q.policy(b).clocks));
    each(&a.idle, &b.idle) && each(&a.lifetime, &b.lifetime) && each(&a.handshake, &b.handshake)
}

fn each<K>(a: &[Clock<K>], b: &[Clock<K>]) -> bool {
    let one =
        |(a, b): (&Clock<K>, &Clock<K>)| a.name == b.name && a.on == b.on && a.rule == b.rule && known(&a.limit.value, &b.limit.value);
    a.len() == b.len() && a.iter().zip(b).all(one)
}
