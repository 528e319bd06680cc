//! The documents as an mdBook, the pages of the rules among them, and the manual page.

use hoplint::rules::RULES;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Documents before the rules: file, title.
const CHAPTERS: &[(&str, &str)] =
    &[("docs/adopting.md", "Adopting it"), ("docs/architecture.md", "Architecture"), ("CONTRIBUTING.md", "Contributing")];

/// Writes the sources of the book into a folder; `mdbook build FOLDER` makes it.
///
/// # Errors
/// Says what could not be read or written.
pub(crate) fn book(folder: &str) -> Result<(), String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = Path::new(folder).join("src");
    let read = |name: &str| fs::read_to_string(top.join(name)).map_err(|e| format!("{name}: {e}"));
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    for file in ["README.md", "CHANGELOG.md"].into_iter().chain(CHAPTERS.iter().map(|c| c.0)) {
        pages.insert(file.to_owned(), read(file)?);
    }
    pages.extend(RULES.iter().map(|r| (format!("rules/{}.md", r.id), r.page.to_owned())));
    let mut summary = String::from("# Summary\n\n[hoplint](README.md)\n\n");
    for (file, title) in CHAPTERS {
        let _ = writeln!(summary, "- [{title}]({file})");
    }
    let mut category = "";
    for rule in RULES {
        let own = rule.id.split('/').next().unwrap_or_default();
        if own != category {
            category = own;
            let _ = write!(summary, "\n# {category}\n\n");
        }
        let _ = writeln!(summary, "- [{}](rules/{}.md)", rule.id, rule.id);
    }
    summary.push_str("\n---\n\n[Changes](CHANGELOG.md)\n");
    let put = |name: &str, text: &str| -> Result<(), String> {
        let path = source.join(name);
        let parent = path.parent().unwrap_or(&source);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).map_err(|e| format!("{}: {e}", path.display()))
    };
    for (name, text) in &pages {
        put(name, &within(name, text, &|page| pages.contains_key(page)))?;
    }
    put("SUMMARY.md", &summary)?;
    let settings = "[book]\ntitle = \"hoplint\"\nlanguage = \"en\"\n\n[output.html]\nno-section-label = true\n";
    fs::write(Path::new(folder).join("book.toml"), settings).map_err(|e| format!("book.toml: {e}"))?;
    println!("{} chapters in {folder}: `mdbook build {folder}`", pages.len());
    Ok(())
}

/// A page of which only those links are left that lead into the book or away from the repository: of the others the words stay.
fn within(page: &str, text: &str, known: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fenced = false;
    for line in text.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        let mut rest = line;
        while let Some(at) = rest.find("](").filter(|_| !fenced) {
            let (open, close) = (rest[..at].rfind('['), rest[at..].find(')').map(|c| at + c));
            let (Some(open), Some(close)) = (open, close) else { break };
            let target = &rest[at + 2..close];
            let path = target.split('#').next().unwrap_or_default();
            out.push_str(&rest[..open]);
            if path.is_empty() || path.contains("://") || known(&joined(page, path)) {
                out.push_str(&rest[open..=close]);
            } else {
                out.push_str(&rest[open + 1..at]);
            }
            rest = &rest[close + 1..];
        }
        out.push_str(rest);
    }
    out
}

/// A relative path from a page, from the root of the book.
fn joined(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Writes the manual pages of the program and its commands into a folder.
///
/// # Errors
/// Says what could not be written.
pub(crate) fn man(folder: &str) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|e| format!("{folder}: {e}"))?;
    let command = <hoplint::cli::args::Cli as clap::CommandFactory>::command();
    clap_mangen::generate_to(command, folder).map_err(|e| format!("{folder}: {e}"))?;
    println!("manual pages in {folder}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Relative links of a page, outside of fences, without their anchors.
    fn links(text: &str) -> Vec<String> {
        let mut fenced = false;
        let mut out = Vec::new();
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            for (at, _) in line.match_indices("](").filter(|_| !fenced) {
                let link = line[at + 2..].split([')', '#', ' ']).next().unwrap_or_default();
                if !link.is_empty() && !link.contains("://") {
                    out.push(link.to_owned());
                }
            }
        }
        out
    }

    #[test]
    fn links_out_of_the_book_become_words() {
        let known = |page: &str| page == "README.md" || page == "rules/a/b.md";
        let page = |text: &str| within("docs/x.md", text, &known);
        assert_eq!(page("see [it](../README.md#top) or [b](../rules/a/b.md).\n"), "see [it](../README.md#top) or [b](../rules/a/b.md).\n");
        assert_eq!(page("a [test](../tests/x.rs) of [rules](../rules)"), "a test of rules");
        assert_eq!(page("[there](https://x.test/) and [here](#below)"), "[there](https://x.test/) and [here](#below)");
        assert_eq!(page("```\n[a](b.rs)\n```\n[a](b.rs)\n"), "```\n[a](b.rs)\n```\na\n");
    }

    #[test]
    fn every_page_is_in_the_book_and_no_link_between_pages_is_dead() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/book-of-the-test");
        let _ = fs::remove_dir_all(&folder);
        book(folder.to_str().unwrap()).unwrap();
        let source = folder.join("src");
        let summary = fs::read_to_string(source.join("SUMMARY.md")).unwrap();
        let chapters = links(&summary);
        for rule in RULES {
            assert!(chapters.contains(&format!("rules/{}.md", rule.id)), "{} is not in the book", rule.id);
        }
        let mut checked = 0;
        for chapter in &chapters {
            let path = source.join(chapter);
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{chapter}: {e}"));
            for link in links(&text) {
                checked += 1;
                assert!(path.parent().unwrap().join(&link).exists(), "{chapter} links to `{link}`, which is no page of the book");
            }
        }
        assert!(checked > RULES.len(), "{checked}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
