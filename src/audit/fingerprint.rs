//! What stays the same about a finding while the text around it moves.

use super::Report;
use crate::rules::Finding;
use crate::source::SourceMap;
use std::collections::HashMap;

impl Report {
    /// A mark for each finding, in their order, made of rule, place in the model (`server a.test > location /ws/`) and the
    /// words pointed at. File names and line numbers play no part, so that moving a block or adding a line above changes
    /// nothing. Where several findings have all that in common, they have one mark.
    pub(super) fn marks(&self, map: &SourceMap) -> Vec<String> {
        self.findings.iter().map(|f| format!("{:016x}", Hash::of(map, f).0)).collect()
    }

    /// The same, counted where several findings have one mark, so that each has its own.
    pub fn fingerprints(&self, map: &SourceMap) -> Vec<String> {
        let mut seen: HashMap<u64, u32> = HashMap::new();
        self.findings
            .iter()
            .map(|f| {
                let mut hash = Hash::of(map, f);
                let nth = seen.entry(hash.0).or_default();
                *nth += 1;
                if *nth > 1 {
                    hash.take(&nth.to_le_bytes());
                }
                format!("{:016x}", hash.0)
            })
            .collect()
    }
}

/// FNV-1a in 64 bits: the same on every machine and in every release, which the standard library's hashes do not promise.
struct Hash(u64);

impl Hash {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn of(map: &SourceMap, f: &Finding) -> Self {
        let mut hash = Self::new();
        for part in [f.rule, &f.within] {
            hash.take(part.as_bytes());
            hash.take(&[0]);
        }
        for word in map.text(f.span).split_whitespace() {
            hash.take(word.as_bytes());
            hash.take(b" ");
        }
        hash
    }

    fn take(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
