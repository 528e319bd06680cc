//! Whether two runs are the same to the outside at first sight. Nearly all are, and no [`super::Essence`] needs to be made then.

use super::Val;
use super::machine::{Branch, End, Line, Sent};
use crate::model::{Clock, Known, Proxy};

/// A branch, and the model that it ran in.
type Run<'a> = (&'a Proxy, &'a Branch);

/// Whether two branches are known to behave alike. What is unknown, or takes a closer look, is not.
pub fn alike(one: Run<'_>, other: Run<'_>) -> bool {
    let plain = |b: &Branch| {
        !matches!(b.end, End::Unknown(_)) && b.answer_open.is_none() && b.cached.is_none() && b.errands.is_empty() && b.gates.is_empty()
    };
    let (a, b) = (one.1, other.1);
    let bodies = match (&a.body, &b.body) {
        (None, None) => true,
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    };
    let upstream = match (&a.sent, &b.sent) {
        (None, None) => true,
        (Some(a), Some(b)) => sent((one.0, a), (other.0, b)) && clocks(one, other),
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

fn sent(one: (&Proxy, &Sent), other: (&Proxy, &Sent)) -> bool {
    let (a, b) = (one.1, other.1);
    let (hop, their) = (one.0.hop(a.hop), other.0.hop(b.hop));
    a.open.is_none()
        && b.open.is_none()
        && same(&a.method, &b.method)
        && same(&a.target, &b.target)
        && a.addresses == b.addresses
        && lines(&a.headers, &b.headers)
        && known(&hop.wire.value, &their.wire.value)
        && known(&hop.buffered.value, &their.buffered.value)
}

fn clocks(one: Run<'_>, other: Run<'_>) -> bool {
    let (Some(a), Some(b)) = (one.1.policy, other.1.policy) else { return false };
    let (a, b) = (one.0.clocks_of(one.0.policy(a).clocks), other.0.clocks_of(other.0.policy(b).clocks));
    each(&a.idle, &b.idle) && each(&a.lifetime, &b.lifetime) && each(&a.handshake, &b.handshake)
}

fn each<K>(a: &[Clock<K>], b: &[Clock<K>]) -> bool {
    let one =
        |(a, b): (&Clock<K>, &Clock<K>)| a.name == b.name && a.on == b.on && a.rule == b.rule && known(&a.limit.value, &b.limit.value);
    a.len() == b.len() && a.iter().zip(b).all(one)
}
