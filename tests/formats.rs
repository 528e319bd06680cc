//! Every format for programs: it keeps to its schema, and who reads its places and suggestions as that format counts them ends
//! up at the same bytes as `--fix`, in lines that are not ASCII, with CRLF, and in a file that ends without a line end.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const MAIN: &str = "events {}\nhttp {\n    include conf.d/*.conf;\n}\n";
/// One fault in a line behind letters of two, three and four bytes, with CRLF; a useless comment in a last line without an end.
const SITE: &str = "# Größe: ½ … 🐙\r\nserver {\r\n    listen 8080;\r\n    location = /ws {\r\n        proxy_http_version 1.1;\r\n        proxy_set_header X-Ö \"…🐙\"; proxy_set_header Upgrade $http_upgrade; # hoplint: ignore[timeout/zero] -- ½\r\n        proxy_set_header Host $http_host; proxy_read_timeout 1h;\r\n        proxy_pass http://127.0.0.1:3000;\r\n    }\r\n}\r\n# hoplint: ignore[cors] -- 🐙";
const FILE: &str = "conf.d/ä 1.conf";
const JSON_FORMATS: [(&str, &str); 4] = [
    ("json", "report.schema.json"),
    ("sarif", "tests/formats/sarif-2.1.0.schema.json"),
    ("gitlab", "tests/formats/gitlab-code-quality.schema.json"),
    ("rdjson", "tests/formats/rdjson.schema.json"),
];

fn site(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("conf.d")).unwrap();
    fs::write(dir.path().join("nginx.conf"), MAIN).unwrap();
    fs::write(dir.path().join(FILE), text).unwrap();
    dir
}

fn run(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
    command.args(["check", "--isolated"]).args(arguments).current_dir(dir).env_remove("GITHUB_ACTIONS");
    let out = command.output().unwrap();
    (out.status.code(), String::from_utf8(out.stdout).unwrap())
}

fn report(dir: &Path, format: &str) -> Value {
    let (_, text) = run(dir, &["--format", format]);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{format}: {e}: {text}"))
}

fn number(at: &Value) -> usize {
    usize::try_from(at.as_u64().unwrap_or_else(|| panic!("{at} is no number"))).unwrap()
}

/// Where a line begins, and what stands in it.
fn line(text: &[u8], number: usize) -> (usize, &[u8]) {
    let start = text.split_inclusive(|b| *b == b'\n').take(number - 1).map(<[u8]>::len).sum();
    (start, text[start..].split_inclusive(|b| *b == b'\n').next().unwrap_or_default())
}

/// The offset of a column that counts characters, from 1.
fn by_characters(text: &[u8], at: &Value, line_key: &str, column_key: &str) -> usize {
    let (start, line) = line(text, number(&at[line_key]));
    let line = std::str::from_utf8(line).unwrap();
    start + line.char_indices().map(|c| c.0).chain([line.len()]).nth(number(&at[column_key]) - 1).unwrap()
}

/// The offset of a column that counts bytes, from 1.
fn by_bytes(text: &[u8], at: &Value) -> usize {
    let (start, line) = line(text, number(&at["line"]));
    assert!(number(&at["column"]) <= line.len() + 1);
    start + number(&at["column"]) - 1
}

/// Texts of files with some ranges replaced.
fn replaced(dir: &Path, edits: &[Edit]) -> BTreeMap<String, Vec<u8>> {
    let mut out: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut edits = edits.to_vec();
    edits.sort();
    for (file, from, to, text) in edits.iter().rev() {
        let bytes = out.entry(file.clone()).or_insert_with(|| fs::read(dir.join(file)).unwrap());
        bytes.splice(from..to, text.bytes());
    }
    out
}

/// A reference of SARIF as a path.
fn path_of(uri: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = uri.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn formats_in_json_keep_to_their_schemas() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (broken, clean) = (site(SITE), site("server {\n    listen 8080;\n}\n"));
    fs::write(broken.path().join("conf.d/binary.conf"), b"server {\0}").unwrap();
    for (format, schema) in JSON_FORMATS {
        let schema: Value = serde_json::from_str(&fs::read_to_string(top.join(schema)).unwrap()).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let unreadable = {
            let (code, text) = run(broken.path(), &["--format", format, ".", "conf.d/binary.conf"]);
            assert_eq!(code, Some(2), "{format}");
            serde_json::from_str(&text).unwrap()
        };
        for (what, report) in
            [("faults", report(broken.path(), format)), ("none", report(clean.path(), format)), ("unreadable", unreadable)]
        {
            let wrong: Vec<String> = schema.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path)).collect();
            assert!(wrong.is_empty(), "{format}, {what}: {wrong:?}");
        }
        // A schema that takes everything proves nothing.
        let mut wrong = report(broken.path(), format);
        let place = match format {
            "json" => &mut wrong["findings"][0]["span"],
            "sarif" => &mut wrong["runs"][0]["results"][0]["locations"],
            "gitlab" => &mut wrong[0]["location"]["path"],
            _ => &mut wrong["diagnostics"][0]["location"]["range"]["start"],
        };
        assert!(!place.is_null(), "{format}");
        *place = "nowhere".into();
        assert_eq!(schema.is_valid(&wrong), format == "gitlab", "{format}");
        if format == "gitlab" {
            wrong[0]["severity"] = "fatal".into();
            assert!(!schema.is_valid(&wrong));
        }
    }
}

#[test]
fn every_format_counts_columns_as_its_readers_do() {
    let dir = site(SITE);
    let text = fs::read(dir.path().join(FILE)).unwrap();
    let plain = report(dir.path(), "json");
    let (sarif, rdjson) = (report(dir.path(), "sarif"), report(dir.path(), "rdjson"));
    let (results, diagnostics) = (sarif["runs"][0]["results"].as_array().unwrap(), rdjson["diagnostics"].as_array().unwrap());
    assert_eq!(sarif["runs"][0]["columnKind"], "unicodeCodePoints");
    let findings = plain["findings"].as_array().unwrap();
    assert!(findings.len() >= 3, "{plain}");
    let mut behind_letters = 0;
    for (i, finding) in findings.iter().enumerate() {
        let (start, end) = (number(&finding["span"]["start"]["offset"]), number(&finding["span"]["end"]["offset"]));
        assert_eq!(by_characters(&text, &finding["span"]["start"], "line", "column"), start);
        assert_eq!(by_characters(&text, &finding["span"]["end"], "line", "column"), end);
        let region = &results[i]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(by_characters(&text, region, "startLine", "startColumn"), start);
        assert_eq!(by_characters(&text, region, "endLine", "endColumn"), end);
        assert_eq!((number(&region["byteOffset"]), number(&region["byteLength"])), (start, end - start));
        let range = &diagnostics[i]["location"]["range"];
        assert_eq!((by_bytes(&text, &range["start"]), by_bytes(&text, &range["end"])), (start, end));
        behind_letters += usize::from(range["start"]["column"] != region["startColumn"]);
        // Annotations and Checkstyle count characters too.
        let at = (number(&region["startLine"]), number(&region["startColumn"]));
        let github = run(dir.path(), &["--format", "github"]).1;
        assert!(github.lines().nth(i).unwrap().contains(&format!(",line={},col={},", at.0, at.1)), "{github}");
        let checkstyle = run(dir.path(), &["--format", "checkstyle"]).1;
        assert!(checkstyle.contains(&format!("line=\"{}\" column=\"{}\"", at.0, at.1)), "{checkstyle}");
    }
    let related = results.iter().flat_map(|r| r["relatedLocations"].as_array().into_iter().flatten());
    let other = diagnostics.iter().flat_map(|d| d["related_locations"].as_array().into_iter().flatten());
    for (sarif, rdjson) in related.zip(other) {
        let region = &sarif["physicalLocation"]["region"];
        assert_eq!(by_characters(&text, region, "startLine", "startColumn"), by_bytes(&text, &rdjson["location"]["range"]["start"]));
        behind_letters += usize::from(rdjson["location"]["range"]["start"]["column"] != region["startColumn"]);
    }
    assert!(behind_letters > 0, "nothing stands behind letters of several bytes: {plain}");
}

/// A file, what goes in it, and what comes there.
type Edit = (String, usize, usize, String);

/// The edits of one correction, read from a SARIF log by the places of characters or by offsets.
fn of_sarif(dir: &Path, result: &Value, by_offset: bool) -> Vec<Edit> {
    let mut out = Vec::new();
    for change in result["fixes"][0]["artifactChanges"].as_array().unwrap() {
        let file = path_of(change["artifactLocation"]["uri"].as_str().unwrap());
        let text = fs::read(dir.join(&file)).unwrap();
        for replacement in change["replacements"].as_array().unwrap() {
            let region = &replacement["deletedRegion"];
            let (from, to) = if by_offset {
                let offset = number(&region["byteOffset"]);
                (offset, offset + number(&region["byteLength"]))
            } else {
                (by_characters(&text, region, "startLine", "startColumn"), by_characters(&text, region, "endLine", "endColumn"))
            };
            out.push((file.clone(), from, to, replacement["insertedContent"]["text"].as_str().unwrap().to_owned()));
        }
    }
    out
}

#[test]
fn suggestions_give_the_bytes_that_a_correction_gives() {
    let dir = site(SITE);
    let (plain, sarif, rdjson) = (report(dir.path(), "json"), report(dir.path(), "sarif"), report(dir.path(), "rdjson"));
    let read = |file: &str| fs::read(dir.path().join(file)).unwrap();
    let mut by_rule: BTreeMap<&str, BTreeMap<&str, Vec<Edit>>> = BTreeMap::new();
    let mut suggested = 0;
    for (i, finding) in plain["findings"].as_array().unwrap().iter().enumerate() {
        if finding["fix"]["applicability"] != "safe" {
            continue;
        }
        let all = by_rule.entry(finding["rule"].as_str().unwrap()).or_default();
        for edit in finding["fix"]["edits"].as_array().unwrap() {
            let (span, text) = (&edit["span"], edit["text"].as_str().unwrap());
            let (from, to) = (number(&span["start"]["offset"]), number(&span["end"]["offset"]));
            all.entry("json").or_default().push((span["file"].as_str().unwrap().to_owned(), from, to, text.to_owned()));
        }
        let result = &sarif["runs"][0]["results"][i];
        all.entry("sarif by characters").or_default().extend(of_sarif(dir.path(), result, false));
        all.entry("sarif by offsets").or_default().extend(of_sarif(dir.path(), result, true));
        let text = read(FILE);
        for suggestion in rdjson["diagnostics"][i]["suggestions"].as_array().into_iter().flatten() {
            suggested += 1;
            let (from, to) = (by_bytes(&text, &suggestion["range"]["start"]), by_bytes(&text, &suggestion["range"]["end"]));
            all.entry("rdjson").or_default().push((FILE.to_owned(), from, to, suggestion["text"].as_str().unwrap().to_owned()));
        }
    }
    for (rule, formats) in &by_rule {
        // What the program itself writes when it is asked for this rule.
        let fixed = site(SITE);
        run(fixed.path(), &["--fix", "--select", rule]);
        for (format, edits) in formats {
            let made = replaced(dir.path(), edits);
            for file in ["nginx.conf", FILE] {
                let made = made.get(file).cloned().unwrap_or_else(|| read(file));
                let wanted = fs::read(fixed.path().join(file)).unwrap();
                assert_eq!(String::from_utf8_lossy(&made), String::from_utf8_lossy(&wanted), "{rule}: {format}");
            }
        }
    }
    assert!(by_rule.len() > 1 && suggested > 1, "{suggested}: {plain}");
}

#[test]
fn a_junit_report_is_red_exactly_when_the_run_is() {
    let dir =
        site(&SITE.replace("        proxy_http_version 1.1;\r\n", "").replace("proxy_set_header Upgrade", "proxy_set_header Updrade"));
    for (from, code) in [("error", 0), ("hint", 1), ("never", 0)] {
        let (exit, text) = run(dir.path(), &["--format", "junit", "--fail-on", from]);
        assert_eq!(exit, Some(code), "{text}");
        assert_eq!(text.contains("<failure "), code == 1, "{from}: {text}");
        assert_eq!(text.contains("<skipped "), code == 0, "{from}: {text}");
        assert_eq!(text.contains("failures=\"0\""), code == 0, "{from}: {text}");
    }
}
