//! The same work on many things, on all processors; the results come in the order of the things.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many things are worth a thread's turn.
const TURN: usize = 512;

/// Does something for each thing.
pub(crate) fn each<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(things.len());
    if threads < 2 {
        return things.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let turns = || {
        let mut done = Vec::new();
        while let Some((i, thing)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, things.get(i)?))) {
            done.push((i, work(thing)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = Vec::with_capacity(things.len());
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(turns)).collect();
        all.extend(turns());
        for helper in helpers {
            match helper.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    all.sort_unstable_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, r)| r).collect()
}

/// Does something for many small things, some hundred at a time.
pub(crate) fn many<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> Option<R> + Sync) -> Vec<R> {
    turns(things, |turn| turn.iter().filter_map(&work).collect::<Vec<R>>())
}

/// The same, for whoever does some hundred small things with one preparation.
pub(crate) fn turns<T: Sync, R: Send>(things: &[T], work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let turns: Vec<&[T]> = things.chunks(TURN).collect();
    each(&turns, |turn| work(turn)).into_iter().flatten().collect()
}

/// Two things at once.
pub(crate) fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let helper = scope.spawn(other);
        let one = one();
        match helper.join() {
            Ok(other) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Gives back what something large holds while other work goes on.
pub(crate) fn give_back<T: Send + 'static>(large: T) {
    thread::spawn(move || drop(large));
}

#[cfg(test)]
mod tests {
    use super::{both, each, many};

    #[test]
    fn results_come_in_the_order_of_the_things() {
        let things: Vec<usize> = (0..3000).collect();
        let doubled: Vec<usize> = things.iter().map(|n| n * 2).collect();
        assert_eq!(each(&things, |n| n * 2), doubled);
        let odd: Vec<usize> = things.iter().copied().filter(|n| n % 2 == 1).collect();
        assert_eq!(both(|| things.len(), || things[1]), (3000, 1));
        assert_eq!(many(&things, |n| (n % 2 == 1).then_some(*n)), odd);
    }
}
