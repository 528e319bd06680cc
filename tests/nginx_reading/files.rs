//! Files: includes, dumps, fragments, discovery, and input that is no configuration.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A folder of files, and hoplint run in it.
struct Folder(tempfile::TempDir);

/// What a run said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// `file:line rule level` of each finding, from the JSON report.
    fn findings(&self) -> Vec<String> {
        let said: serde_json::Value = serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"));
        let of = |f: &serde_json::Value| {
            let word = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            format!("{}:{} {} {}", word(&f["span"]["file"]), f["span"]["start"]["line"], word(&f["rule"]), word(&f["level"]))
        };
        said["findings"].as_array().unwrap().iter().map(of).collect()
    }

    fn about(&self, rule: &str) -> Vec<String> {
        self.findings().into_iter().filter(|f| f.contains(rule)).collect()
    }
}

impl Folder {
    fn of(files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, bytes) in files {
            let path = folder.0.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str], stdin: &[u8]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hoplint"));
        command.current_dir(self.path()).arg("check").args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let text = stdin.to_vec();
        let writer = std::thread::spawn(move || drop(pipe.write_all(&text)));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let text = |b: Vec<u8>| String::from_utf8_lossy(&b).into_owned();
        Said { code: out.status.code().expect("no crash"), out: text(out.stdout), err: text(out.stderr) }
    }

    fn json(&self, arguments: &[&str]) -> Said {
        self.run(&[&["--isolated", "--format", "json"], arguments].concat(), b"")
    }
}

/// A whole configuration around the content of a server.
fn main_file(server: &str) -> Vec<u8> {
    format!("events {{\n}}\n\nhttp {{\n    server {{\n        listen 8080;\n        {server}\n    }}\n}}\n").into_bytes()
}

const BAD_TIMEOUT: &[u8] = b"proxy_read_timeout 30min;\n";
const FINE: &[u8] = b"server {\n    listen 8080;\n\n    location / {\n        return 204;\n    }\n}\n";

#[test]
fn includes_start_at_the_folder_of_the_main_file() {
    // The inner include is relative to nginx.conf, not to snippets/outer.conf.
    let main = main_file("include snippets/outer.conf;");
    let folder = Folder::of(&[
        ("nginx.conf", &main),
        ("snippets/outer.conf", b"include snippets/inner.conf;\n"),
        ("snippets/inner.conf", BAD_TIMEOUT),
    ]);
    let said = folder.json(&["nginx.conf"]);
    assert_eq!(said.findings(), ["snippets/inner.conf:1 syntax/bad-value error"]);
    // Beside the including file it is not looked for.
    let folder =
        Folder::of(&[("nginx.conf", &main), ("snippets/outer.conf", b"include inner.conf;\n"), ("snippets/inner.conf", BAD_TIMEOUT)]);
    let said = folder.json(&["nginx.conf"]);
    assert_eq!(said.findings(), ["snippets/outer.conf:1 syntax/include-not-found warning"]);
    assert_eq!(said.code, 0, "whether it exists on the server is not known");
}

#[test]
fn patterns_are_read_in_byte_order() {
    let names = ["10.conf", "2.conf", "B.conf", "_z.conf", "a-b.conf", "a.b.conf", "a.conf", "b.conf", "é.conf"];
    let mut files: Vec<(String, &[u8])> = names.iter().rev().map(|n| (format!("d/{n}"), b"".as_slice())).collect();
    files.push(("d/.hidden.conf".to_owned(), b""));
    files.push(("d/deeper/c.conf".to_owned(), b""));
    let folder = Folder::of(&files.iter().map(|(n, b)| (n.as_str(), *b)).collect::<Vec<_>>());
    let root = folder.path().to_str().unwrap();
    let found = hoplint::source::Files::new().glob(&format!("{root}/d/*.conf"));
    assert_eq!(found, names.map(|n| format!("{root}/d/{n}")));
    assert_eq!(hoplint::source::Files::new().glob(&format!("{root}/d/[ab].conf")).len(), 2);
    assert_eq!(hoplint::source::Files::new().glob(&format!("{root}/d/nothing*.conf")), [""; 0]);
    for pattern in ["\u{fffd}nippets*.conf", "é/*.conf", "/é*.conf", "*é", "é"] {
        assert_eq!(hoplint::source::Files::new().glob(pattern), [""; 0], "{pattern}");
    }
}

#[test]
fn a_file_that_is_included_twice_counts_twice() {
    let folder = Folder::of(&[
        ("nginx.conf", &main_file("location / {\n include p.conf;\n proxy_pass http://127.0.0.1:1;\n include p.conf;\n }")),
        ("p.conf", b"proxy_read_timeout 75s;\n"),
    ]);
    let said = folder.json(&["nginx.conf"]);
    assert_eq!(said.about("duplicate-directive"), ["p.conf:1 syntax/duplicate-directive error"]);
}

#[test]
fn circles_are_named_at_the_include_that_closes_them() {
    let folder = Folder::of(&[
        ("nginx.conf", &main_file("include a.conf;")),
        ("a.conf", b"# first\ninclude b.conf;\n"),
        ("b.conf", b"include a.conf;\n"),
    ]);
    let said = folder.json(&["nginx.conf"]);
    assert_eq!((said.about("include-cycle"), said.code), (vec!["b.conf:1 syntax/include-cycle error".to_owned()], 1));
    let folder = Folder::of(&[("nginx.conf", b"events { }\ninclude nginx.conf;\n")]);
    assert_eq!(folder.json(&["nginx.conf"]).about("include-cycle"), ["nginx.conf:2 syntax/include-cycle error"]);
    // A pattern may close it, too.
    let folder = Folder::of(&[("nginx.conf", &main_file("include conf.d/*.conf;")), ("conf.d/a.conf", b"include conf.d/*.conf;\n")]);
    assert_eq!(
        folder.json(&["."]).about("include-cycle"),
        ["./conf.d/a.conf:1 syntax/include-cycle error"].map(|s| s.trim_start_matches("./"))
    );
}

#[test]
fn paths_of_the_server_are_mapped() {
    let folder = Folder::of(&[
        ("deploy/nginx/nginx.conf", &main_file("include /etc/nginx/snippets/*.conf;")),
        ("deploy/nginx/snippets/x.conf", BAD_TIMEOUT),
    ]);
    let main = "deploy/nginx/nginx.conf";
    assert_eq!(folder.json(&[main]).findings(), [""; 0], "outside the tree: unknown, not wrong");
    let said = folder.json(&["--include-map", "/etc/nginx=./deploy/nginx", main]);
    assert_eq!(said.findings(), ["deploy/nginx/snippets/x.conf:1 syntax/bad-value error"]);
    // The longest one wins, and a part of a name is none.
    let maps = ["--include-map", "/etc=./nowhere", "--include-map", "/etc/nginx=./deploy/nginx", "--include-map", "/etc/ngi=./wrong", main];
    assert_eq!(folder.json(&maps).findings(), ["deploy/nginx/snippets/x.conf:1 syntax/bad-value error"]);
}

#[test]
fn a_dump_has_the_places_of_its_files() {
    let main = String::from_utf8(main_file("include conf.d/*.conf;\n        include /etc/nginx/snippets/p.conf;")).unwrap();
    // The last file has no line end of its own: the dump's is not a part of it.
    let dump = format!(
        "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is \
         successful\n# configuration file /etc/nginx/nginx.conf:\n{main}\n# configuration file /etc/nginx/conf.d/b.conf:\n\n\
         proxy_read_timeout 30min;\n\n# configuration file /etc/nginx/snippets/p.conf:\nproxy_send_timeout 1.5s;"
    );
    let folder = Folder::of(&[]);
    let said = folder.run(&["--isolated", "--format", "json", "-"], dump.as_bytes());
    assert_eq!(
        said.findings(),
        ["/etc/nginx/conf.d/b.conf:2 syntax/bad-value error", "/etc/nginx/snippets/p.conf:1 syntax/bad-value error"]
    );
    assert_eq!(said.code, 1);
    // In a file, too; and only what is in the dump is included.
    let folder = Folder::of(&[("dump.txt", dump.as_bytes()), ("conf.d/c.conf", BAD_TIMEOUT)]);
    assert_eq!(folder.json(&["dump.txt"]).findings().len(), 2);
    // A comment that looks like a header within an ordinary file makes no dump of it.
    let folder = Folder::of(&[("nginx.conf", &[main_file("").as_slice(), b"# configuration file /x:\n"].concat())]);
    assert_eq!(folder.json(&["nginx.conf"]).findings(), [""; 0]);
}

#[test]
fn fragments_are_read_where_they_belong() {
    let location: &[u8] = b"proxy_pass http://127.0.0.1:1;\nproxy_read_timeout 30min;\n";
    let folder = Folder::of(&[
        ("ws.conf", location),
        ("site.conf", b"server {\n    listen 80;\n    proxy_read_timeout 1.5s;\n}\n"),
        ("tcp.conf", b"server {\n    listen 80;\n    proxy_pass 127.0.0.1:1;\n    proxy_timeout 1.5s;\n}\n"),
    ]);
    for (file, line) in [("ws.conf", 2), ("site.conf", 3), ("tcp.conf", 4)] {
        assert_eq!(folder.json(&[file]).findings(), [format!("{file}:{line} syntax/bad-value error")]);
    }
    // Where somebody says where it belongs, what cannot be there is refused.
    assert_eq!(folder.json(&["--context", "server", "ws.conf"]).about("misplaced"), ["ws.conf:1 syntax/misplaced-directive error"]);
    assert_eq!(folder.json(&["--context", "location", "ws.conf"]).about("misplaced"), [""; 0]);
    assert_eq!(folder.json(&["--context", "stream", "tcp.conf"]).about("misplaced"), [""; 0]);
    assert_eq!(folder.json(&["--context", "http", "tcp.conf"]).about("misplaced").len(), 2);
}

#[test]
fn each_file_is_judged_once_where_it_is_included() {
    let main = main_file("include conf.d/*.conf;");
    let folder = Folder::of(&[
        ("one/nginx.conf", &main),
        ("one/conf.d/a.conf", BAD_TIMEOUT),
        ("two/nginx.conf", &main),
        ("two/conf.d/a.conf", BAD_TIMEOUT),
        ("loose/site.conf", b"server {\n    listen 80;\n    proxy_buffering true;\n}\n"),
    ]);
    let said = folder.json(&[]);
    assert_eq!(
        said.findings(),
        [
            "loose/site.conf:3 syntax/bad-value error",
            "one/conf.d/a.conf:1 syntax/bad-value error",
            "two/conf.d/a.conf:1 syntax/bad-value error"
        ]
    );
}

#[test]
fn what_a_template_fills_in_is_not_judged() {
    for line in [
        "proxy_read_timeout {{ timeout }};",
        "proxy_read_timeout ${WS_TIMEOUT};",
        "proxy_read_timeout @TIMEOUT@;",
        "proxy_read_timeout <%= @timeout %>;",
        "{% if long %}\n proxy_read_timeout 1h;\n {% else %}\n proxy_read_timeout 75s;\n {% endif %}",
        "proxy_buffering {{ buffering | default('on') }};",
        "{{ extra_lines }}",
        "${EXTRA_LINES}",
        "proxy_set_header {{ name }};",
    ] {
        let folder = Folder::of(&[("nginx.conf", &main_file(line))]);
        let said = folder.json(&["nginx.conf"]);
        assert_eq!(said.findings(), [""; 0], "{line}");
    }
    // What stands in clear text beside it still is.
    let folder = Folder::of(&[("nginx.conf", &main_file("server_name ${NAME};\n proxy_read_timeout 30min;"))]);
    assert_eq!(folder.json(&["nginx.conf"]).findings(), ["nginx.conf:8 syntax/bad-value error"]);
}

#[test]
fn a_walk_says_what_it_skips() {
    let site = b"server {\n    listen 80;\n    proxy_buffering true;\n}\n".as_slice();
    let folder = Folder::of(&[
        (".gitignore", b"build/\n"),
        ("sites/app.conf", site),
        ("sites/app.conf.bak", site),
        ("sites/app.conf~", site),
        ("build/app.conf", site),
        ("src/main.rs", b"fn main() { return 1; }\n"),
        ("prose.conf", b"Some words about a server, and nothing else.\n"),
        ("picture.conf", b"server { \0\x01 }"),
    ]);
    let said = folder.run(&["--isolated", "--format", "json", "-v"], b"");
    assert_eq!(said.findings(), ["sites/app.conf:3 syntax/bad-value error"]);
    for (file, why) in [
        ("sites/app.conf.bak", "a backup by its name"),
        ("sites/app.conf~", "a backup by its name"),
        ("prose.conf", "not a configuration of a known proxy by its content"),
        ("picture.conf", "not a text file"),
    ] {
        assert!(said.err.lines().any(|l| l.contains(file) && l.contains(why)), "{file}: {}", said.err);
    }
    assert!(!said.err.contains("build/app.conf"), "ignored files are not even looked at: {}", said.err);
}

#[test]
fn standard_input_has_a_name() {
    let folder = Folder::of(&[]);
    let text = b"server {\n    proxy_buffering true;\n}\n";
    assert_eq!(folder.run(&["--format", "json", "-"], text).findings(), ["<stdin>:2 syntax/bad-value error"]);
    let named = ["--format", "json", "--stdin-filename", "conf.d/x.conf", "-"];
    assert_eq!(folder.run(&named, text).findings(), ["conf.d/x.conf:2 syntax/bad-value error"]);
}

#[test]
fn what_cannot_be_read_is_said_and_exits_2() {
    let folder = Folder::of(&[("good.conf", FINE), ("bad.conf", b"server {\n    proxy_buffering true;\n}\n"), ("dir/x", b"")]);
    std::os::unix::fs::symlink("nowhere.conf", folder.path().join("dangling.conf")).unwrap();
    std::fs::write(folder.path().join("binary.conf"), b"server {\0}").unwrap();
    for (path, why) in [
        ("missing.conf", "no such file or directory"),
        ("dangling.conf", "no such file or directory"),
        ("binary.conf", "not a text file (NUL bytes)"),
    ] {
        let said = folder.run(&["--isolated", path], b"");
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(&format!("error: {path}: {why}")), "{said:?}");
        // Beside findings, too: they are still printed.
        let said = folder.json(&["bad.conf", path]);
        assert_eq!((said.code, said.findings().len()), (2, 1), "{said:?}");
        let said = folder.json(&["good.conf", path]);
        assert_eq!((said.code, said.findings().len()), (2, 0), "{said:?}");
    }
    // A folder without configurations, and an include that is a folder.
    let said = folder.run(&["--isolated", "dir"], b"");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nothing to check"), "{said:?}");
    let folder = Folder::of(&[("nginx.conf", &main_file("include conf.d;")), ("conf.d/x", b"")]);
    let said = folder.run(&["--isolated", "nginx.conf"], b"");
    assert!(said.out.contains("it is a directory"), "{said:?}");
}

#[test]
fn encodings_and_line_ends() {
    let folder = Folder::of(&[
        ("latin1.conf", b"server {\n    # caf\xe9\n    server_name caf\xe9.example;\n    proxy_buffering true;\n}\n"),
        ("crlf.conf", b"server {\r\n    listen 80;\r\n    proxy_buffering true;\r\n}\r\n"),
        ("bom.conf", b"\xef\xbb\xbfserver {\n    listen 80;\n}\n"),
        ("empty.conf", b""),
        ("blank.conf", b"\n\n# nothing\n"),
    ]);
    assert_eq!(folder.json(&["latin1.conf"]).findings(), ["latin1.conf:4 syntax/bad-value error"]);
    assert_eq!(folder.json(&["crlf.conf"]).findings(), ["crlf.conf:3 syntax/bad-value error"]);
    let said = folder.run(&["--isolated", "bom.conf"], b"");
    assert_eq!(said.code, 1);
    assert!(said.out.contains("a byte order mark stands before the first directive"), "{said:?}");
    for file in ["latin1.conf", "crlf.conf"] {
        assert_eq!(folder.run(&["--isolated", file], b"").code, 1, "the report is printed");
    }
    // nginx refuses it only as a main file.
    for file in ["empty.conf", "blank.conf"] {
        assert_eq!(folder.json(&[file]).code, 0);
        let said = folder.json(&["--context", "main", file]);
        assert_eq!((said.code, said.about("missing-block").len()), (1, 1), "{said:?}");
    }
}

#[test]
fn a_hundred_megabytes_are_read() {
    // One word too many for nginx, and as many bytes as a bad idea has.
    let mut text = b"server {\n    listen 80;\n    proxy_buffering true;\n}\n#".to_vec();
    text.resize(100 << 20, b'x');
    let folder = Folder::of(&[("large.conf", &text)]);
    let said = folder.json(&["large.conf"]);
    assert_eq!(said.findings(), ["large.conf:3 syntax/bad-value error", "large.conf:5 syntax/token-too-long error"]);
}
