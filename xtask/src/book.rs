//! The documents as an mdBook, the pages of the rules among them, and the manual page.

use hoplint::rules::RULES;
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
    let put = |name: &str, text: &str| -> Result<(), String> {
        let path = source.join(name);
        let parent = path.parent().unwrap_or(&source);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).map_err(|e| format!("{}: {e}", path.display()))
    };
    let read = |name: &str| fs::read_to_string(top.join(name)).map_err(|e| format!("{name}: {e}"));
    let mut summary = String::from("# Summary\n\n[hoplint](README.md)\n\n");
    put("README.md", &read("README.md")?)?;
    for (file, title) in CHAPTERS {
        put(file, &read(file)?)?;
        let _ = writeln!(summary, "- [{title}]({file})");
    }
    put("CHANGELOG.md", &read("CHANGELOG.md")?)?;
    let mut category = "";
    for rule in RULES {
        let own = rule.id.split('/').next().unwrap_or_default();
        if own != category {
            category = own;
            let _ = write!(summary, "\n# {category}\n\n");
        }
        put(&format!("rules/{}.md", rule.id), rule.page)?;
        let _ = writeln!(summary, "- [{}](rules/{}.md)", rule.id, rule.id);
    }
    summary.push_str("\n---\n\n[Changes](CHANGELOG.md)\n");
    put("SUMMARY.md", &summary)?;
    let settings = "[book]\ntitle = \"hoplint\"\nlanguage = \"en\"\n\n[output.html]\nno-section-label = true\n";
    fs::write(Path::new(folder).join("book.toml"), settings).map_err(|e| format!("book.toml: {e}"))?;
    println!("{} chapters in {folder}: `mdbook build {folder}`", RULES.len() + CHAPTERS.len() + 2);
    Ok(())
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
