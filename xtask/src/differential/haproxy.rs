//! Random HAProxy configurations: conditions, rules in both directions, rewriting before routing, answers of its own, CORS forms.

use super::Places;
use super::random::Random;
use std::fmt::Write;

const HEADERS: [&str; 6] = ["X-One", "X-Two", "X-Three", "X-One", "Origin", "Host"];
const ANSWERED: [&str; 7] = [
    "X-One",
    "X-Two",
    "Vary",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Credentials",
    "X-Backend",
];
const TESTS: [&str; 51] = [
    "path /a /ws",
    "path /a/",
    "path -i /API/V1",
    "path_beg /a",
    "path_beg /ws/ /api",
    "path_beg -i /WS",
    "path_end .js .php",
    "path_sub b",
    "path_dir v1 chat",
    "path_reg ^/a/(.*)$",
    "path -m reg -i ^/(WS|API)/",
    "path,lower -m beg /api",
    "url_beg /a",
    "url /a?x=1",
    "base_beg a.test/a",
    "query -m found",
    "query x=1",
    "hdr(host) -i a.test b.test",
    "hdr(host) a.test",
    "hdr_beg(host) -i www.",
    "hdr_end(host) .test",
    "hdr_dom(host) b.test",
    "hdr_dom(host) -i d",
    "hdr(host),field(1,:) -i www.b.test",
    "hdr(origin) https://app.example.com",
    "hdr(origin) -m found",
    "hdr(origin) -m end .example.com",
    "hdr(origin) -m reg ^https://([a-z]+\\.)?example\\.com$",
    "hdr(upgrade) -i websocket",
    "hdr(upgrade) websocket",
    "hdr(connection) -i upgrade",
    "hdr_sub(connection) -i upgrade",
    "hdr_cnt(x-one) gt 0",
    "hdr_cnt(host) 1",
    "hdr(x-one) -m found",
    "hdr(x-one) one two",
    "hdr(x-two) -i TWO",
    "method GET HEAD",
    "method OPTIONS",
    "method -i post",
    "url_param(x) 1",
    "urlp(x) -m found",
    "urlp(y) -m str 2",
    "var(txn.v) -m str one",
    "var(txn.v) -m found",
    "var(req.w) -m found",
    "var(txn.v) -m beg /a",
    "src 127.0.0.0/8",
    "src 10.0.0.0/8 192.168.1.1",
    "always_true",
    "always_false",
];
const KNOWN: [&str; 10] =
    ["TRUE", "FALSE", "METH_GET", "METH_POST", "METH_OPTIONS", "METH_HEAD", "HTTP_1.1", "HTTP_URL_SLASH", "LOCALHOST", "METH_DELETE"];
/// What can be told of an answer.
const ANSWERS: [&str; 11] = [
    "status 200",
    "status 404 500",
    "status ge 400",
    "status 101",
    "res.hdr(x-backend) b1",
    "res.hdr(vary) -m found",
    "res.hdr(access-control-allow-origin) -m found",
    "var(txn.v) -m str one",
    "var(txn.v) -m found",
    "var(txn.o) -m found",
    "method OPTIONS",
];
const VALUES: [&str; 20] = [
    "one",
    "two",
    "%[req.hdr(host)]",
    "%[req.hdr(host),lower]",
    "%[req.hdr(origin)]",
    "%[req.hdr(x-one)]",
    "%[path]",
    "%[path,regsub(^/a,/)]",
    "%[query]",
    "%[urlp(x)]",
    "%[method]",
    "%[src]",
    "%[var(txn.v)]",
    "a-%[var(req.w)]-%[urlp(y)]",
    "%[url]",
    "%[base]",
    "%[str(three)]",
    "%[req.hdr(host),field(1,:)]",
    "%[req.hdr(upgrade)]",
    "%[path,upper]",
];
const TOLD: [&str; 6] = ["one", "two", "%[var(txn.v)]", "%[var(txn.o)]", "%[res.hdr(x-backend)]", "%[status]"];
const KEPT: [&str; 12] = [
    "path",
    "str(one)",
    "str(two)",
    "req.hdr(host)",
    "req.hdr(host),lower",
    "urlp(x)",
    "method",
    "req.hdr(x-one)",
    "query",
    "src",
    "req.hdr(origin)",
    "path,field(2,/)",
];

struct Writer<'a> {
    r: &'a mut Random,
    out: String,
    /// How many conditions have names here.
    named: usize,
}

/// One whole configuration.
pub(super) fn configuration(r: &mut Random, places: &Places) -> String {
    let mut w = Writer { r, out: String::new(), named: 0 };
    w.out.push_str("global\n    maxconn 100\n\ndefaults\n    mode http\n    retries 0\n");
    w.out.push_str("    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n");
    for option in ["option forwardfor", "option httpclose", "option http-server-close", "timeout tunnel 1h"] {
        w.sometimes(12, option);
    }
    w.out.push_str("\nfrontend front\n");
    w.line(&format!("bind 127.0.0.1:{}", places.front));
    w.names();
    w.rules(5, false);
    let groups = ["one", "two", "pair", "dead"];
    for _ in 0..w.r.below(4) {
        let (group, condition) = (groups[w.r.below(4)], w.condition());
        w.line(&format!("use_backend {group}{condition}"));
    }
    if w.r.percent(85) {
        let group = groups[w.r.below(3)];
        w.line(&format!("default_backend {group}"));
    }
    for group in groups {
        w.out.push_str(&format!("\nbackend {group}\n"));
        if w.r.percent(60) {
            w.names();
            w.rules(3, true);
        }
        w.sometimes(10, "option forwardfor");
        match group {
            "one" => w.line(&format!("server s 127.0.0.1:{}", places.backends[0])),
            "two" => w.line(&format!("server s 127.0.0.1:{}", places.backends[1])),
            "dead" => w.line(&format!("server s {}", super::DEAD)),
            _ => {
                w.line(&format!("server s 127.0.0.1:{}", places.backends[0]));
                w.line(&format!("server t 127.0.0.1:{} backup", places.backends[1]));
            }
        }
    }
    w.out
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "    {text}");
    }

    fn sometimes(&mut self, percent: usize, text: &str) {
        if self.r.percent(percent) {
            self.line(text);
        }
    }

    fn of<'b>(&mut self, list: &[&'b str]) -> &'b str {
        list[self.r.below(list.len())]
    }

    /// Conditions with names; two lines of one name are one condition.
    fn names(&mut self) {
        self.named = 1 + self.r.below(4);
        for i in 0..self.named {
            for _ in 0..=usize::from(self.r.percent(25)) {
                let test = self.of(&TESTS);
                self.line(&format!("acl c{i} {test}"));
            }
        }
    }

    fn term(&mut self) -> String {
        let not = if self.r.percent(25) { "!" } else { "" };
        match self.r.below(4) {
            0 => format!("{not}{}", self.of(&KNOWN)),
            1 => format!("{not}{{ {} }}", self.of(&TESTS)),
            _ if self.named == 0 => format!("{not}{{ {} }}", self.of(&TESTS)),
            _ => format!("{not}c{}", self.r.below(self.named)),
        }
    }

    /// With ` if ` before it, or nothing.
    fn condition(&mut self) -> String {
        if self.r.percent(12) {
            return String::new();
        }
        let mut out = if self.r.percent(80) { " if " } else { " unless " }.to_owned();
        out.push_str(&self.term());
        while self.r.percent(30) {
            out.push_str(if self.r.percent(65) { " " } else { " || " });
            out.push_str(&self.term());
        }
        out
    }

    /// The same of an answer.
    fn of_answer(&mut self) -> String {
        if self.r.percent(45) {
            return String::new();
        }
        let mut out = if self.r.percent(80) { " if " } else { " unless " }.to_owned();
        let not = if self.r.percent(25) { "!" } else { "" };
        let _ = write!(out, "{not}{{ {} }}", self.of(&ANSWERS));
        out
    }

    /// Rules on requests and answers; `behind` the choice of a backend, or before it.
    fn rules(&mut self, most: usize, behind: bool) {
        for _ in 0..self.r.below(most + 1) {
            let action = self.on_request(behind);
            let condition = self.condition();
            self.line(&format!("http-request {action}{condition}"));
        }
        self.sometimes(8, "http-request set-var(txn.o) req.hdr(origin)");
        for word in ["http-response", "http-after-response"] {
            for _ in 0..self.r.below(3) {
                let (action, condition) = (self.on_answer(word == "http-response"), self.of_answer());
                self.line(&format!("{word} {action}{condition}"));
            }
        }
    }

    fn on_request(&mut self, behind: bool) -> String {
        let (name, value) = (self.of(&HEADERS), self.of(&VALUES));
        match self.r.below(if behind { 21 } else { 26 }) {
            0..3 => format!("set-header {name} {value}"),
            3 | 4 => format!("add-header {name} {value}"),
            5 | 6 => format!("del-header {}", self.of(&["X-One", "X-Two", "Origin", "X-One -m beg", "x-o -m beg", "two -m end"])),
            7 => format!("replace-header {name} {}", self.of(&["^(.*)$ a-\\1", "one two", "(o)(.) \\2\\1", "^a\\.(.*) \\1"])),
            8 => format!("replace-value {name} {}", self.of(&["^o(.*)$ \\1", "one two"])),
            9 => format!("set-path {}", self.of(&["/ws/", "/a%[path]", "/api%[path,regsub(^/a,)]", "%[path,lower]", "/fixed"])),
            10 => format!("replace-path {}", self.of(&["^/a(.*) /b\\1", "/(.*) /api/\\1", "(.*) /x\\1", "/b /c"])),
            11 => format!("replace-pathq {}", self.of(&["^/a(.*) /b\\1", "(.*)\\?(.*) \\1?z=9&\\2"])),
            12 => format!("set-query {}", self.of(&["z=1", "%[query]&z=1", "x=2"])),
            13 => format!("set-uri {}", self.of(&["/fixed?q=1", "/u%[path]"])),
            14 | 15 => format!("set-var(txn.v) {}", self.of(&KEPT)),
            16 => format!("set-var(req.w) {}", self.of(&KEPT)),
            17 => self.of(&["unset-var(txn.v)", "unset-var(req.w)"]).to_owned(),
            18 => format!("set-var(txn.o) {}", self.of(&["req.hdr(origin)", "str(https://app.example.com)"])),
            19 => "set-method GET".to_owned(),
            20 => "allow".to_owned(),
            21 | 22 => self.answers(),
            23 => format!(
                "redirect {}",
                self.of(&[
                    "location /moved",
                    "location https://%[req.hdr(host)]%[path] code 308",
                    "prefix /pre",
                    "prefix https://www.test code 301 drop-query",
                    "scheme https",
                    "scheme https code 307",
                    "location /x append-slash",
                    "prefix / append-slash",
                ])
            ),
            24 => format!("deny{}", self.of(&["", " deny_status 429", " deny_status 401"])),
            _ => self.answers(),
        }
    }

    /// An answer of its own.
    fn answers(&mut self) -> String {
        let status = self.of(&["200", "204", "404", "503"]);
        let mut out = format!("return status {status}");
        for _ in 0..self.r.below(3) {
            let (name, value) = (self.of(&ANSWERED), self.of(&["one", "*", "%[req.hdr(origin)]", "%[var(txn.v)]", "%[path]"]));
            let _ = write!(out, " hdr {name} {value}");
        }
        if status != "204" && self.r.percent(40) {
            out.push_str(" content-type text/plain string told");
        }
        out
    }

    fn on_answer(&mut self, relayed: bool) -> String {
        let (name, value) = (self.of(&ANSWERED), self.of(&TOLD));
        match self.r.below(if relayed { 11 } else { 9 }) {
            0..3 => format!("set-header {name} {value}"),
            3..5 => format!("add-header {name} {value}"),
            5 => format!("del-header {name}"),
            6 => format!("replace-header {name} {}", self.of(&["^(.*)$ a-\\1", "b1 b9"])),
            7 => format!("replace-value {name} {}", self.of(&["^o(.*)$ \\1", "b1 b9"])),
            8 => format!("set-var(txn.v) {}", self.of(&["status", "res.hdr(x-backend)", "str(late)"])),
            9 => format!("set-status {}", self.of(&["202", "404", "503"])),
            _ => self.of(&["allow", "deny", "return status 418 hdr X-One own"]).to_owned(),
        }
    }
}
