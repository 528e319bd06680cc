//! Configurations from outside: set `NGINX_CORPUS` to a folder with `nginx/` and `nginx_labels.tsv` (file, context, accepted,
//! line, error: the verdict of nginx 1.22.1) and run with `--ignored --nocapture`.

use super::{problems, round_trip};
use hoplint::model::Version;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The context that nginx was given the file in; `None` where it is to be worked out.
fn told(context: &str) -> Option<&str> {
    match context {
        "http+env" => Some("http"),
        "mainev" => None,
        other => Some(other),
    }
}

#[test]
#[ignore = "needs a corpus"]
fn what_nginx_accepts_has_no_syntax_error() {
    let base = PathBuf::from(std::env::var("NGINX_CORPUS").expect("NGINX_CORPUS names a folder"));
    let labels = std::fs::read_to_string(base.join("nginx_labels.tsv")).unwrap();
    let (mut files, mut accepted, mut refused, mut named) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    for line in labels.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let path = base.join(cells[0]);
        let bytes = std::fs::read(&path).unwrap();
        round_trip(&bytes);
        files += 1;
        accepted += usize::from(cells[2] == "yes");
        for context in [told(cells[1]), None] {
            let found = problems(path.to_str().unwrap(), context, Version(1, 22, 1));
            let errors: Vec<_> = found.iter().filter(|p| p.certain).collect();
            if cells[2] == "yes" {
                wrong.extend(errors.iter().map(|p| format!("{} {context:?}: {}: {}", p.place, p.rule, p.message)));
                for p in found.iter().filter(|p| !p.certain && context.is_some()) {
                    *warnings.entry(p.rule.clone()).or_default() += 1;
                    println!("warning {}: {}: {}", p.place, p.rule, p.message);
                }
            } else if context == told(cells[1]) {
                refused += 1;
                named += usize::from(!found.is_empty());
                match found.first() {
                    Some(p) => println!("named {}: {} {}, nginx line {}: {}", p.place, p.rule, p.message, cells[3], cells[4]),
                    None => println!("silent {}:{}: {}", cells[0], cells[3], cells[4]),
                }
            }
        }
    }
    println!("{files} files, {accepted} accepted, {refused} refused of which {named} are named; warnings on accepted: {warnings:?}");
    assert!(wrong.is_empty(), "{} errors on accepted files:\n{}", wrong.len(), wrong.join("\n"));
}
