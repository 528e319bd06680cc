//! How long one large nginx configuration takes: read, lowered, judged. `cargo bench` runs it.
//!
//! The text is made here: servers with twenty locations each, one location in a hundred with a fault of one of four kinds, the
//! same on every machine. The faults are counted, so that what is measured is known to have worked. Sizes may be given as numbers
//! of servers: `cargo bench --bench scale -- 10000` is the 200,000 locations of a very large site.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark that prints its numbers"
)]

use hoplint::{
    audit::audit,
    config::Settings,
    model::Era,
    proxy::{Reading, dialect},
    source::Files,
};
use std::{fmt::Write, time::Instant};

const LOCATIONS: usize = 20;

/// A linear congruential generator (Numerical Recipes): repeatable, and random enough to spread faults.
struct Dice(u32);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }
}

/// A configuration, and how many faults of each rule were put into it.
fn configuration(servers: usize) -> (String, [(&'static str, usize); 4]) {
    let mut dice = Dice(1);
    let mut planted = [
        ("websocket/upgrade-not-forwarded", 0),
        ("websocket/connection-not-forwarded", 0),
        ("timeout/idle-below-heartbeat", 0),
        ("cors/wildcard-with-credentials", 0),
    ];
    let mut text = String::from("events {}\nhttp {\n    upstream app { server 10.0.0.1:8080; }\n");
    for s in 0..servers {
        writeln!(text, "    server {{\n        listen 80;\n        server_name s{s}.example.com;\n        proxy_http_version 1.1;")
            .unwrap();
        for l in 0..LOCATIONS {
            writeln!(text, "        location /service-{l}/ {{\n            proxy_set_header Host $host;").unwrap();
            let fault = if dice.below(100) == 0 { Some(dice.below(4) as usize) } else { None };
            if let Some(fault) = fault {
                planted[fault].1 += 1;
            }
            let kind = fault.map_or(l % 3, |f| usize::from(f == 3));
            if kind == 0 {
                if fault != Some(0) {
                    text.push_str("            proxy_set_header Upgrade $http_upgrade;\n");
                }
                if fault != Some(1) {
                    text.push_str("            proxy_set_header Connection \"upgrade\";\n");
                }
                text.push_str(if fault == Some(2) {
                    "            proxy_read_timeout 10s;\n"
                } else {
                    "            proxy_read_timeout 5m;\n"
                });
            } else if kind == 1 {
                let origin = if fault == Some(3) { "*" } else { "https://app.example.com" };
                writeln!(text, "            add_header Access-Control-Allow-Origin \"{origin}\" always;").unwrap();
                text.push_str("            add_header Access-Control-Allow-Credentials \"true\" always;\n");
            }
            text.push_str("            proxy_pass http://app;\n        }\n");
        }
        text.push_str("    }\n");
    }
    text.push_str("}\n");
    (text, planted)
}

fn measure(servers: usize) {
    let (text, planted) = configuration(servers);
    let size = text.len();
    let room = dialect("nginx").unwrap();
    let mut settings = Settings::default();
    settings.targets.push(("nginx".into(), "1.26".parse().unwrap()));
    let mut files = Files::new();
    let started = Instant::now();
    let file = files.add("nginx.conf", text.into_bytes()).unwrap();
    let sites = room.read(&mut files, &[file], &Reading::default());
    let read = started.elapsed();
    let started = Instant::now();
    let routes = sites[0].lower(&Era::new("1.26.0".parse().unwrap())).routes.len();
    let lowered = started.elapsed();
    let started = Instant::now();
    let report = audit(files.map(), room, &sites, &settings);
    let judged = started.elapsed();
    println!(
        "{servers:>6} servers, {routes:>7} routes, {:>5.1} MB: read {read:>9.2?}, lowered {lowered:>9.2?}, lowered and judged {judged:>9.2?}, {} findings",
        size as f64 / 1e6,
        report.findings.len()
    );
    for (rule, count) in planted {
        let found = report.findings.iter().filter(|f| f.rule == rule).count();
        assert_eq!(found, count, "{rule}: found, and planted");
    }
}

fn main() {
    // Cargo passes `--bench`.
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    for servers in if sizes.is_empty() { vec![100, 400, 1600] } else { sizes } {
        measure(servers);
    }
}
