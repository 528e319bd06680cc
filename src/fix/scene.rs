//! Where edits lie in a configuration, and which of them something may come from.
//!
//! An edit lies in the innermost scope around what it changes and around what it writes. Whatever goes by none of the scopes that
//! an edit lies in, before and after, does not come from it.

use super::text::{Edits, Shifts, Source};
use crate::model::{Clock, Origin, PolicyId, Proxy, Seat};
use crate::probe::{Branch, Machine, Sent, trial};
use crate::rules::Finding;
use crate::source::{FileId, SourceMap, Span};
use std::collections::{HashMap, HashSet};

/// Edits by their index in the order of the text, ascending.
pub(super) type Traces = Vec<u32>;

/// Texts before and after edits.
#[derive(Clone, Copy)]
pub(super) struct Texts<'s> {
    pub(super) edits: &'s Edits,
    pub(super) shifts: &'s Shifts,
    pub(super) before: &'s SourceMap,
    pub(super) after: &'s SourceMap,
}

/// One configuration in one era before and after edits.
pub(super) struct Scene<'s> {
    texts: Texts<'s>,
    before: &'s Proxy,
    after: &'s Proxy,
    order_before: Vec<Seat>,
    order_after: Vec<Seat>,
    /// Edits by the scopes that they lie in, as these were before.
    within: HashMap<Seat, Traces>,
    /// Edits that lie in no scope, or in the one around everything.
    anywhere: Traces,
    /// By the scopes as they are afterwards.
    came: Vec<Came>,
}

/// Where a scope comes from.
#[derive(Clone, Copy)]
enum Came {
    Was(Seat),
    Written(u32),
    Unknown,
}

impl<'s> Scene<'s> {
    pub(super) fn new(texts: Texts<'s>, files: &[FileId], before: &'s Proxy, after: &'s Proxy) -> Self {
        let heads: HashMap<(u32, &str), Seat> =
            (0..before.scopes.len() as u32).map(Seat).map(|s| ((before.scope(s).span.start, before.scope(s).noun), s)).collect();
        let came = after.scopes.iter().map(|scope| match texts.shifts.source(texts.before, texts.after, scope.span.start) {
            Some(Source::Written(edit)) => Came::Written(edit),
            Some(Source::Stood(at)) => heads.get(&(at, scope.noun)).map_or(Came::Unknown, |s| Came::Was(*s)),
            None => Came::Unknown,
        });
        let mut scene = Self {
            texts,
            before,
            after,
            order_before: before.scopes_in_text(),
            order_after: after.scopes_in_text(),
            within: HashMap::new(),
            anywhere: Vec::new(),
            came: came.collect(),
        };
        scene.find(&files.iter().copied().collect());
        scene
    }

    /// Finds the scopes that edits lie in.
    fn find(&mut self, files: &HashSet<FileId>) {
        for (index, edit) in (0u32..).zip(self.texts.edits.iter()) {
            let Some((id, _)) = self.texts.before.file_at(edit.span.start).filter(|(id, _)| files.contains(id)) else { continue };
            let text = edit.text.trim();
            let mut seats: Vec<Option<Seat>> = Vec::new();
            if edit.span.len > 0 || text.is_empty() {
                seats.push(self.before.innermost(&self.order_before, edit.span));
            }
            if !text.is_empty() {
                let lead = (edit.text.len() - edit.text.trim_start().len()) as u32;
                let start = self.texts.after.file(id).base() + self.texts.shifts.written(id, index) + lead;
                let around = self.after.innermost(&self.order_after, Span { start, len: text.len() as u32 });
                let was = around.and_then(|s| self.after.outward(s).find_map(|s| self.was(s)));
                seats.push(was);
            }
            for seat in seats {
                match seat.filter(|s| self.before.scope(*s).parent.is_some()) {
                    Some(seat) => self.within.entry(seat).or_default().push(index),
                    None => self.anywhere.push(index),
                }
            }
        }
    }

    fn was(&self, seat: Seat) -> Option<Seat> {
        if let Came::Was(seat) = self.came[seat.0 as usize] { Some(seat) } else { None }
    }

    fn around_before(&self, seat: Seat, out: &mut Traces) {
        for scope in self.before.outward(seat) {
            out.extend(self.within.get(&scope).into_iter().flatten());
        }
    }

    fn around_after(&self, seat: Seat, out: &mut Traces) {
        for scope in self.after.outward(seat) {
            match self.came[scope.0 as usize] {
                Came::Was(was) => out.extend(self.within.get(&was).into_iter().flatten()),
                Came::Written(edit) => out.push(edit),
                Came::Unknown => {}
            }
        }
    }

    fn all(&self, mut out: Traces) -> Traces {
        out.extend(&self.anywhere);
        out.sort_unstable();
        out.dedup();
        out
    }

    /// What a request may have fared otherwise by.
    pub(super) fn request(&self, listener: usize, old: &[Branch], new: &[Branch]) -> Traces {
        let mut out = Vec::new();
        self.ways(listener, old, new, &mut out);
        self.all(out)
    }

    fn ways(&self, listener: usize, old: &[Branch], new: &[Branch], out: &mut Traces) {
        for seat in seats(self.before, &self.order_before, listener, old) {
            self.around_before(seat, out);
        }
        for seat in seats(self.after, &self.order_after, listener, new) {
            self.around_after(seat, out);
        }
    }

    /// What something that is found afterwards may come from.
    pub(super) fn brought(&self, before: &Machine<'_>, after: &Machine<'_>, f: &Finding) -> Traces {
        let source = |span: Span| self.texts.shifts.source(self.texts.before, self.texts.after, span.start);
        let mut out = Vec::new();
        // How a text reads is a matter of the whole file.
        if let Some((id, _)) = self.texts.after.file_at(f.span.start).filter(|_| f.rule.starts_with("syntax/")) {
            out.extend(self.texts.shifts.at(self.texts.before, self.texts.before.file(id).span()));
        }
        for span in spans(f) {
            if let Some(Source::Written(edit)) = source(span) {
                out.push(edit);
            }
            if let Some(seat) = self.after.innermost(&self.order_after, span) {
                self.around_after(seat, &mut out);
            }
        }
        self.trials(before, after, f, &mut out);
        self.all(out)
    }

    /// By what something that was found may be there still.
    pub(super) fn stayed(&self, before: &Machine<'_>, after: &Machine<'_>, f: &Finding) -> Traces {
        let mut out = Vec::new();
        for span in spans(f) {
            out.extend(self.texts.shifts.at(self.texts.before, span));
            if let Some(seat) = self.before.innermost(&self.order_before, span) {
                self.around_before(seat, &mut out);
            }
        }
        self.trials(before, after, f, &mut out);
        self.all(out)
    }

    fn trials(&self, before: &Machine<'_>, after: &Machine<'_>, f: &Finding, out: &mut Traces) {
        for t in f.intent.iter().flat_map(|i| &i.trials) {
            let (old, new) = (trial::send(before, t.kind, &t.request), trial::send(after, t.kind, &t.request));
            self.ways(t.request.listener, &old, &new, out);
        }
    }
}

/// All bytes that a finding speaks of.
fn spans(f: &Finding) -> impl Iterator<Item = Span> {
    let because = f.intent.iter().flat_map(|i| &i.because).map(|b| b.origin.span);
    std::iter::once(f.span).chain(f.related.iter().map(|r| r.span)).chain(because)
}

/// The scopes that a request goes by.
fn seats(proxy: &Proxy, order: &[Seat], listener: usize, branches: &[Branch]) -> Vec<Seat> {
    let mut out: Vec<Seat> = proxy.listeners.get(listener).map(|l| l.seat).into_iter().collect();
    for b in branches {
        out.extend(b.routes.iter().map(|r| proxy.route(*r).seat));
        out.extend(proxy.innermost(order, b.ended_at));
        out.extend(b.jumps.iter().filter_map(|j| proxy.innermost(order, j.span)));
        out.extend(b.cached.iter().filter_map(|c| proxy.innermost(order, c.span)));
        out.extend(b.gates.iter().map(|(g, _)| proxy.gate(*g).deny.origin.seat));
        for policy in b.policy.iter().chain(&b.through).copied() {
            settings(proxy, policy, &mut out);
        }
        for sent in b.sent.iter().chain(b.errands.iter().filter_map(|e| e.sent.as_ref())) {
            sending(proxy, order, sent, &mut out);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// The scopes that settings come from.
fn settings(proxy: &Proxy, id: PolicyId, out: &mut Vec<Seat>) {
    fn origins<K>(clocks: &[Clock<K>]) -> impl Iterator<Item = Origin> {
        clocks.iter().map(|c| c.limit.origin)
    }
    let policy = proxy.policy(id);
    out.push(policy.seat);
    for list in [Some(policy.outgoing), policy.relayed, Some(policy.answer)].into_iter().flatten() {
        out.push(proxy.list(list).seat);
        out.extend(proxy.ops(list).map(|op| op.value.origin.seat));
    }
    let clocks = proxy.clocks_of(policy.clocks);
    out.extend(origins(&clocks.idle).chain(origins(&clocks.lifetime)).chain(origins(&clocks.handshake)).map(|o| o.seat));
}

/// The scopes that what goes upstream comes from.
fn sending(proxy: &Proxy, order: &[Seat], sent: &Sent, out: &mut Vec<Seat>) {
    let hop = proxy.hop(sent.hop);
    out.extend([hop.wire.origin, hop.upgrade.origin, hop.buffered.origin, hop.packed.origin, hop.client_headers.origin].map(|o| o.seat));
    out.extend(sent.upstream.map(|u| proxy.upstream(u).seat));
    out.push(proxy.list(sent.list).seat);
    out.extend(proxy.innermost(order, sent.span));
    out.extend(sent.headers.iter().filter_map(|l| l.origin).chain(sent.removed.iter().map(|r| r.1)).map(|o| o.seat));
}
