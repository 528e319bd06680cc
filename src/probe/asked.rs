//! What of a request its run went by.

use std::ops::BitOrAssign;

/// Parts of a request in which the probes of one route differ: a handshake has lines that a plain request has not, a preflight
/// another method. A run notes which of them it went by; in all others a request may differ and still goes the same way, so
/// that no second run is needed to know where it comes. What an upstream answers to a handshake may be something else all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked(u8);

impl Asked {
    /// The method.
    pub const METHOD: Self = Self(1);
    /// A line that a handshake has, or whether an upgrade came about.
    pub const UPGRADE: Self = Self(2);
    /// `Origin`, or another line of a preflight.
    pub const ORIGIN: Self = Self(4);
    /// What the client has to show for itself.
    pub const CREDENTIALS: Self = Self(8);
    /// Any part.
    pub const ALL: Self = Self(15);

    /// Whether one of these was gone by.
    pub const fn any(self, of: &[Self]) -> bool {
        let mut i = 0;
        while i < of.len() {
            if self.0 & of[i].0 != 0 {
                return true;
            }
            i += 1;
        }
        false
    }

    /// The part that a header line belongs to.
    pub(super) fn line(name: &str) -> Self {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            7 if is("upgrade") => Self::UPGRADE,
            10 if is("connection") => Self::UPGRADE,
            17 if is("sec-websocket-key") => Self::UPGRADE,
            21 if is("sec-websocket-version") => Self::UPGRADE,
            6 if is("origin") => Self::ORIGIN,
            29 if is("access-control-request-method") => Self::ORIGIN,
            30 if is("access-control-request-headers") => Self::ORIGIN,
            _ => Self::default(),
        }
    }
}

impl BitOrAssign for Asked {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
