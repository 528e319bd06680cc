//! A sign of life on a terminal, when a run takes longer than a second.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Before that nothing is shown.
const QUIET: Duration = Duration::from_secs(1);
/// Between two pictures.
const STEP: Duration = Duration::from_millis(120);
/// Cells of the bar.
const CELLS: usize = 24;

/// Shows that something goes on until it is dropped. How long the rest takes is not known, so the bar moves to and fro.
#[derive(Debug)]
pub struct Progress {
    done: Arc<(Mutex<bool>, Condvar)>,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins; nothing is ever shown where nobody looks.
    pub fn start(what: &str, terminal: bool) -> Self {
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let painter = terminal.then(|| {
            let (done, what) = (Arc::clone(&done), what.to_owned());
            std::thread::spawn(move || paint(&done, &what, &mut std::io::stderr()))
        });
        Self { done, painter }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Ok(mut done) = self.done.0.lock() {
            *done = true;
        }
        self.done.1.notify_all();
        if let Some(painter) = self.painter.take() {
            let _ = painter.join();
        }
    }
}

/// Nothing is left to tell when the terminal does not take it.
fn paint(done: &(Mutex<bool>, Condvar), what: &str, out: &mut impl Write) {
    let started = Instant::now();
    let mut shown = false;
    let mut wait = QUIET;
    loop {
        let Ok(guard) = done.0.lock() else { return };
        let Ok((guard, _)) = done.1.wait_timeout_while(guard, wait, |done| !*done) else { return };
        if *guard {
            break;
        }
        drop(guard);
        let _ = write!(out, "\r{}", picture(what, started.elapsed())).and_then(|()| out.flush());
        shown = true;
        wait = STEP;
    }
    if shown {
        let _ = write!(out, "\r\u{1b}[K").and_then(|()| out.flush());
    }
}

fn picture(what: &str, since: Duration) -> String {
    let step = (since.as_millis() / STEP.as_millis()) as usize % (2 * CELLS);
    let at = if step < CELLS { step } else { 2 * CELLS - 1 - step };
    let bar: String = (0..CELLS).map(|i| if i.abs_diff(at) < 2 { '=' } else { ' ' }).collect();
    format!("{what} [{bar}] {} s", since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_stays_within_its_frame() {
        for ms in (0..20_000).step_by(60) {
            let picture = picture("checking", Duration::from_millis(ms));
            assert_eq!(picture.find(']').unwrap_or_default() - picture.find('[').unwrap_or_default(), CELLS + 1, "{picture}");
            assert!(picture.contains('='), "{picture}");
        }
    }

    #[test]
    fn a_short_run_shows_nothing() {
        let mut out = Vec::new();
        paint(&(Mutex::new(true), Condvar::new()), "checking", &mut out);
        assert!(out.is_empty());
    }
}
