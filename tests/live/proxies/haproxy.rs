//! HAProxy, and how a fragment becomes a whole configuration for it.

use super::{Addresses, CERTIFICATE, Ground, KEY, Proxy, Release, Skip, Staged};
use std::{fs, process::Command};

pub(crate) struct Haproxy;

/// Words that begin a section.
const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "cache",
    "ring",
    "program",
    "http-errors",
    "log-forward",
    "fcgi-app",
    "crt-store",
    "traces",
];

impl Proxy for Haproxy {
    fn dialect(&self) -> &'static str {
        "haproxy"
    }

    fn asks_version(&self) -> &'static str {
        "-v"
    }

    fn stage(&self, _: &Release, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip> {
        let mut addresses = Addresses::default();
        let words = |line| str::split_whitespace(line).take_while(|w| !w.starts_with('#')).collect::<Vec<&str>>();
        let listens: Vec<&str> = text.lines().map(words).filter(|w| w.first() == Some(&"bind")).filter_map(|w| w.get(1).copied()).collect();
        let mut section = "";
        let mut out = String::new();
        for line in text.lines() {
            // Quoting and escaping matter little to the few words that are changed here.
            let words = words(line);
            let indent = &line[..line.len() - line.trim_start().len()];
            let changed = match words[..] {
                [name, ..] if SECTIONS.contains(&name) => {
                    section = name;
                    None
                }
                ["bind", at, ref rest @ ..] => Some(bind(&mut addresses, at, rest, ground)),
                ["server" | "default-server", name, ref rest @ ..] if words[0] == "server" && !rest.is_empty() => {
                    // One section may be the next hop of another.
                    let at = if listens.contains(&rest[0]) { addresses.of(rest[0]) } else { ground.upstreams.at(rest[0]) };
                    Some(format!("server {name} {at} {}", plain(&rest[1..], ground.checks)))
                }
                ["timeout", which, time] if ground.faster > 1 => Some(format!("timeout {which} {}", faster(time, ground.faster)?)),
                // No log service, no rights to change, no other process.
                ["log" | "user" | "group" | "chroot" | "daemon" | "stats" | "pidfile", ..] if section == "global" => Some(String::new()),
                ["log", "global"] => Some(String::new()),
                _ => None,
            };
            match changed {
                Some(changed) => out.push_str(&format!("{indent}{changed}\n")),
                None => out.push_str(&format!("{line}\n")),
            }
        }
        let main = ground.dir.join("haproxy.cfg");
        fs::write(&main, out).unwrap();
        fs::write(ground.dir.join("cert.pem"), format!("{CERTIFICATE}{KEY}")).unwrap();
        Ok(Staged { listeners: addresses.given, ..Staged::of(main) })
    }

    fn check(&self, release: &Release, staged: &Staged) -> Command {
        release.command(&["-c", "-f", staged.main.to_str().unwrap()])
    }

    fn serve(&self, release: &Release, staged: &Staged) -> Command {
        release.command(&["-db", "-f", staged.main.to_str().unwrap()])
    }
}

/// A `bind` line at free addresses, with the test certificate or without TLS.
fn bind(addresses: &mut Addresses, at: &str, rest: &[&str], ground: &Ground<'_>) -> String {
    let at: Vec<String> = at.split(',').map(|one| addresses.of(one).to_string()).collect();
    let mut line = format!("bind {}", at.join(","));
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match *word {
            "ssl" if !ground.tls => {}
            "crt" | "ca-file" | "alpn" => {
                let value = words.next().copied().unwrap_or_default();
                if ground.tls {
                    let value = if *word == "alpn" { value.to_owned() } else { ground.dir.join("cert.pem").display().to_string() };
                    line.push_str(&format!(" {word} {value}"));
                }
            }
            word => line.push_str(&format!(" {word}")),
        }
    }
    line
}

/// The words of a `server` line without TLS, which the backend does not speak; with many checks or with none.
fn plain(words: &[&str], checks: bool) -> String {
    let mut out = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "check" if checks => out.push("check inter 100ms"),
            "ssl" | "check" | "check-ssl" => {}
            "verify" | "ca-file" | "sni" | "alpn" | "check-sni" | "inter" | "fall" | "rise" => {
                words.next();
            }
            word => out.push(word),
        }
    }
    out.join(" ")
}

/// A time divided; without a unit it is milliseconds.
fn faster(time: &str, by: u32) -> Result<String, Skip> {
    let time = if time.bytes().all(|b| b.is_ascii_digit()) { format!("{time}ms") } else { time.to_owned() };
    let ms = hoplint::config::parse_duration(&time).map_err(|e| Skip(format!("a timer that cannot be shortened ({e})")))?;
    Ok(format!("{}ms", ms / u64::from(by)))
}
