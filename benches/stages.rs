//! How long each stage takes, and how much memory is held after it: `cargo bench --bench stages -- [PATH]`, a file or a directory.
//! Without one, a configuration of some thousand servers is made up.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench")]

use hoplint::audit::audit;
use hoplint::config::Settings;
use hoplint::model::Era;
use hoplint::probe::{Machine, witnesses};
use hoplint::proxy::{Reading, dialect};
use hoplint::rules::Context;
use hoplint::source::{FileId, Files, discover};
use std::fmt::Write as _;
use std::time::Instant;

/// Servers with a WebSocket route, an API with CORS headers, a regular expression and plain routes.
fn made_up(servers: usize) -> String {
    let mut text = String::from("events {}\nhttp {\nmap $http_upgrade $connection_upgrade { default upgrade; '' close; }\n");
    for i in 0..servers {
        write!(text, "server {{\n listen 80;\n server_name s{i}.test;\n location ~ \\.php$ {{ return 403; }}\n").unwrap();
        text.push_str(
            " location /ws/ {\n proxy_pass http://127.0.0.1:9;\n proxy_http_version 1.1;\n proxy_set_header Upgrade $http_upgrade;\n",
        );
        text.push_str(" proxy_set_header Connection $connection_upgrade;\n }\n");
        text.push_str(
            " location /api/ {\n add_header Access-Control-Allow-Origin https://app.test always;\n proxy_pass http://127.0.0.1:9;\n }\n",
        );
        for j in 0..17 {
            write!(text, " location /p{j}/ {{\n proxy_pass http://127.0.0.1:9;\n proxy_set_header Host $host;\n }}\n").unwrap();
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    text
}

/// Megabytes held, where the system says so.
fn held() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|s| s.split(' ').nth(1)?.parse::<u64>().ok()).map_or(0, |pages| (pages * 4096) >> 20)
}

fn stage<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("{name:12} {:8.3} s {:6} MB", start.elapsed().as_secs_f64(), held());
    done
}

fn main() {
    let file = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let nginx = dialect("nginx").unwrap();
    let settings = Settings::default();
    let mut files = Files::new();
    let given: Vec<FileId> = match file {
        Some(path) => {
            let mut found = stage("discover", || discover(&[path], false, &|name, head| nginx.claims(name, head)));
            files.seen(std::mem::take(&mut found.texts));
            stage("load", || found.files.iter().filter_map(|path| files.read(path).ok()).collect())
        }
        None => vec![files.add("nginx.conf", made_up(2000).into_bytes()).unwrap()],
    };
    let mut sites = stage("read", || nginx.read(&mut files, &given, &Reading::default()));
    // The largest comes first: of a tree, it is the one that includes the others.
    sites.sort_by_key(|s| std::cmp::Reverse(s.files().len()));
    let newest = *nginx.versions().last().unwrap();
    let proxy = stage("lower", || sites[0].lower(&Era::new(newest)));
    stage("problems", || sites[0].problems(files.map(), &Era::new(newest)));
    println!(
        "{} routes, {} policies, {} expressions, {} lists",
        proxy.routes.len(),
        proxy.policies.len(),
        proxy.exprs.len(),
        proxy.lists.len()
    );
    let machine = Machine::new(&proxy);
    let found = stage("witnesses", || witnesses(&machine));
    println!("{} witnesses", found.len());
    drop(found);
    drop(stage("context", || Context::new(&proxy, &settings)));
    drop(machine);
    drop(proxy);
    let report = stage("audit", || audit(files.map(), nginx, &sites, &settings));
    println!("{} findings", report.findings.len());
}
