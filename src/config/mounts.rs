//! Where container files put the files of the repository: `include /etc/nginx/conf.d/*.conf` is found although the folder is
//! called otherwise there.

use crate::source::IncludeMap;
use crate::yaml::{Source, Tree, parse};
use std::path::Path;

/// Mounts of compose files (`./nginx:/etc/nginx:ro`) and copies of container files (`COPY nginx/ /etc/nginx/`): path and text.
pub fn mounts(files: &[(String, String)]) -> Vec<IncludeMap> {
    let mut out: Vec<IncludeMap> = Vec::new();
    for (path, text) in files {
        let folder = Path::new(path).parent().unwrap_or_else(|| Path::new(""));
        let yaml = Path::new(path).extension().is_some_and(|e| e.eq_ignore_ascii_case("yml") || e.eq_ignore_ascii_case("yaml"));
        let pairs = if yaml { volumes(text) } else { copies(text) };
        for (here, there) in pairs {
            let here = folder.join(here.trim_start_matches("./")).to_string_lossy().into_owned();
            let map = IncludeMap { from: there.trim_end_matches('/').to_owned(), to: here.trim_end_matches('/').to_owned() };
            if !out.contains(&map) {
                out.push(map);
            }
        }
    }
    out
}

/// Host path and container path of each mount of each service.
fn volumes(text: &str) -> Vec<(String, String)> {
    let tree = parse(&Source::whole(text.as_bytes(), 0));
    let mut out = Vec::new();
    let Some(services) = tree.root().and_then(|r| tree.get(r, "services")) else { return out };
    for service in tree.entries(services) {
        let Some(list) = tree.get(service.value, "volumes") else { continue };
        for item in tree.items(list) {
            if let Some(short) = tree.text(*item) {
                let mut parts = short.split(':');
                if let (Some(from), Some(to)) = (parts.next(), parts.next()) {
                    out.push((from.to_owned(), to.to_owned()));
                }
            } else if let (Some(from), Some(to)) = (text_of(&tree, *item, "source"), text_of(&tree, *item, "target")) {
                out.push((from, to));
            }
        }
    }
    // A name without a slash is a volume of the engine; a home or a variable is nobody's repository.
    out.retain(|(from, to)| from.starts_with('.') && to.starts_with('/'));
    out
}

fn text_of(tree: &Tree, map: crate::yaml::NodeId, key: &str) -> Option<String> {
    tree.get(map, key).and_then(|v| tree.text(v)).map(ToOwned::to_owned)
}

/// Sources and destination of each `COPY` and `ADD` that takes files of the repository.
fn copies(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|w| w.eq_ignore_ascii_case("copy") || w.eq_ignore_ascii_case("add")) {
            continue;
        }
        let words: Vec<&str> = words.collect();
        if words.iter().any(|w| w.starts_with("--from") || w.contains(['$', '*', '[', '"']) || w.contains("://")) {
            continue;
        }
        let words: Vec<&str> = words.into_iter().filter(|w| !w.starts_with("--")).collect();
        let [sources @ .., to] = &words[..] else { continue };
        if !to.starts_with('/') {
            continue;
        }
        for from in sources {
            let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            // A file that is copied into a folder keeps its name; the content of a folder goes into the folder.
            let into = if to.ends_with('/') && name.contains('.') { format!("{to}{name}") } else { (*to).to_owned() };
            out.push(((*from).to_owned(), into));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(path: &str, text: &str) -> Vec<(String, String)> {
        mounts(&[(path.to_owned(), text.to_owned())]).into_iter().map(|m| (m.from, m.to)).collect()
    }

    fn owned(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn mounts_of_compose_files_are_read() {
        let text = "services:\n  web:\n    image: nginx\n    volumes:\n      - ./nginx/conf.d:/etc/nginx/conf.d:ro\n      - data:/var/data\n      - ~/x:/y\n      - {type: bind, source: ./site.conf, target: /etc/nginx/nginx.conf}\n";
        let expected = [("/etc/nginx/conf.d", "deploy/nginx/conf.d"), ("/etc/nginx/nginx.conf", "deploy/site.conf")];
        assert_eq!(pairs("deploy/compose.yaml", text), owned(&expected));
    }

    #[test]
    fn copies_of_container_files_are_read() {
        let text = "FROM nginx:1.27\nCOPY --chown=1 nginx.conf /etc/nginx/nginx.conf\ncopy a.conf b.conf /etc/nginx/conf.d/\nCOPY --from=build /x /y\nCOPY snippets /etc/nginx/snippets/\nCOPY $A /z\n";
        let expected = [
            ("/etc/nginx/nginx.conf", "nginx.conf"),
            ("/etc/nginx/conf.d/a.conf", "a.conf"),
            ("/etc/nginx/conf.d/b.conf", "b.conf"),
            ("/etc/nginx/snippets", "snippets"),
        ];
        assert_eq!(pairs("Dockerfile", text), owned(&expected));
    }
}
