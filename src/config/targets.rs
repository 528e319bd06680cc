//! Releases that container files name.

use crate::model::Version;

/// Releases from `FROM nginx:1.22` and `image: nginx:1.22`: dialect, release, path, line. Tags without a number say nothing.
pub fn image_targets(files: &[(String, String)]) -> Vec<(String, Version, String, u32)> {
    let mut out = Vec::new();
    for (path, text) in files {
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            let from = line
                .get(..5)
                .filter(|h| h.eq_ignore_ascii_case("from "))
                .map(|_| line[5..].split_whitespace().find(|w| !w.starts_with("--")));
            let image =
                from.flatten().or_else(|| line.trim_start_matches("- ").strip_prefix("image:").map(|r| r.trim().trim_matches(['"', '\''])));
            let Some((name, tag)) = image.and_then(|i| i.rsplit_once(':')) else { continue };
            let dialect = match name.rsplit('/').next().unwrap_or(name) {
                "nginx" | "nginx-unprivileged" => "nginx",
                "haproxy" => "haproxy",
                "envoy" => "envoy",
                _ => continue,
            };
            let number: String = tag.trim_start_matches('v').chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            if number.contains('.')
                && let Ok(version) = number.trim_end_matches('.').parse()
            {
                out.push((dialect.to_owned(), version, path.clone(), i as u32 + 1));
            }
        }
    }
    out
}
