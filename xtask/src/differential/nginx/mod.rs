//! Random nginx configurations: nesting, inheritance, maps, conditions, jumps, header lists, CORS forms.

mod words;

use super::Places;
use super::random::Random;
use std::fmt::Write;
use words::{CONDITIONS, EXPRESSIONS, HEADERS, ORIGINS, PREFIXES, VALUES};

struct Writer<'a> {
    r: &'a mut Random,
    places: &'a Places,
    out: String,
    depth: usize,
    /// Named locations of the server at hand.
    named: Vec<String>,
}

/// Kinds of block, as far as they take different directives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Http,
    Server,
    Prefix,
    Regex,
    Named,
    If,
}

/// One whole configuration; the paths in it are relative to the prefix.
pub(super) fn configuration(r: &mut Random, places: &Places) -> String {
    let mut w = Writer { r, places, out: String::new(), depth: 0, named: Vec::new() };
    w.line("daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log;");
    w.line("events { worker_connections 64; }");
    w.open("http");
    w.line("access_log off; lingering_close off; root empty;");
    for (name, dir) in [("client_body", "t1"), ("proxy", "t2"), ("fastcgi", "t3"), ("uwsgi", "t4"), ("scgi", "t5")] {
        w.line(&format!("{name}_temp_path {dir};"));
    }
    for kind in ["fastcgi", "uwsgi", "scgi"] {
        w.line(&format!("{kind}_param REQUEST_METHOD $request_method; {kind}_param REQUEST_URI $request_uri; {kind}_param CONTENT_LENGTH $content_length;"));
    }
    w.maps();
    w.open("upstream pair");
    w.line(&format!("server 127.0.0.1:{}; server 127.0.0.1:{};", places.backends[0], places.backends[1]));
    if w.r.percent(30) {
        w.line("keepalive 4;");
    }
    w.close();
    w.settings(In::Http);
    let names = ["a.test", "b.test www.b.test", "*.c.test", "~^(?<sub>[a-z]+)\\.d\\.test$", "c.*", ".e.test"];
    let default = if w.r.percent(30) { w.r.below(3) } else { names.len() };
    for i in 0..=w.r.below(3) {
        let name = names[i * 2 + w.r.below(2)];
        w.server(name, i == default);
    }
    w.close();
    w.out
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:width$}{text}", "", width = self.depth * 4);
    }

    fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    fn maps(&mut self) {
        self.open("map $http_upgrade $connection_upgrade");
        let first = self.r.pick(&["default upgrade;", "default close;", "default '';"]);
        self.line(first);
        if self.r.percent(70) {
            let empty = self.r.pick(&["'' close;", "'' '';", "'' keep-alive;"]);
            self.line(empty);
        }
        if self.r.percent(50) {
            let socket = self.r.pick(&["websocket upgrade;", "~^websocket$ upgrade;", "~*^WEBSOCKET$ Upgrade;"]);
            self.line(socket);
        }
        self.close();
        self.open("map $http_origin $origin_ok");
        if self.r.percent(70) {
            let default = self.r.pick(&["default '';", "default '*';", "default $http_origin;"]);
            self.line(default);
        }
        self.line("https://app.example.com $http_origin;");
        if self.r.percent(60) {
            let rule = self.r.pick(&[
                "~^https://.*\\.example\\.com$ $http_origin;",
                "~*example\\.com $http_origin;",
                "~(?<dom>[a-z]+)\\.test$ 'at-$dom';",
            ]);
            self.line(rule);
        }
        self.close();
        self.open("map $uri $kind");
        self.line("default plain;");
        self.line("/a/ exact;");
        self.line("~^/ws upgrade;");
        self.line("~/b/?$ tail;");
        self.close();
        self.open("map $host$kind $area");
        if self.r.percent(30) {
            self.line("volatile;");
        }
        let first = self.r.pick(&["default far;", "default $kind;", "~plain$ $uri;"]);
        self.line(first);
        self.line("a.testplain near; ~^b\\.test near; ~^(?<who>[a-z]+)\\.c $who;");
        self.close();
        self.line("map $http_host $tenant { hostnames; default none; *.c.test wild; .e.test dot; c.* \"tail-$scheme\"; }");
        let volatile = self.r.pick(&["", "volatile; "]);
        self.line(&format!("map $request_uri $first {{ {volatile}default ''; \"~^/([a-z]+)(/?)\" $1; }}"));
        if self.r.percent(20) {
            // The last one wins.
            self.line("map $arg_x $kind { default twice; 1 one; }");
        }
    }

    fn header_value(&mut self) -> &'static str {
        self.r.pick(&VALUES)
    }

    /// Settings that are inherited, each with some chance.
    fn settings(&mut self, place: In) {
        if place != In::If {
            if self.r.percent(25) {
                let version = self.r.pick(&["1.0", "1.1"]);
                self.line(&format!("proxy_http_version {version};"));
            }
            if self.r.percent(30) {
                self.outgoing();
            }
            if self.r.percent(8) {
                self.line("proxy_hide_header X-Backend;");
            }
            if self.r.percent(10) {
                let on = self.r.pick(&["on", "off"]);
                self.line(&format!("proxy_intercept_errors {on};"));
            }
            if self.r.percent(5) {
                let form = self.r.pick(&["absolute_redirect off;", "port_in_redirect off;", "server_name_in_redirect on;"]);
                self.line(form);
            }
        }
        if place != In::If {
            if self.r.percent(3) {
                let form = self.r.pick(&["proxy_method PUT;", "proxy_method $request_method;"]);
                self.line(form);
            }
            if self.r.percent(3) {
                self.line("auth_basic \"who\"; auth_basic_user_file nobody;");
            }
            if self.r.percent(3) {
                let form = self.r.pick(&["satisfy any;", "auth_request off;", "allow 127.0.0.1;", "deny 10.0.0.0/8;"]);
                self.line(form);
            }
            if self.r.percent(5) {
                let form = self.r.pick(&["client_max_body_size 10;", "client_max_body_size 1k;", "client_max_body_size 0;"]);
                self.line(form);
            }
            if self.r.percent(5) {
                let form = self.r.pick(&[
                    "fastcgi_intercept_errors on;",
                    "uwsgi_intercept_errors on;",
                    "uwsgi_hide_header X-Backend;",
                    "scgi_hide_header Access-Control-Allow-Origin;",
                    "proxy_hide_header Access-Control-Allow-Origin;",
                    "proxy_pass_header X-Accel-Buffering;",
                    "proxy_ignore_headers X-Accel-Redirect;",
                    "recursive_error_pages on;",
                    "slice 1m;",
                ]);
                self.line(form);
            }
        }
        if self.r.percent(if place == In::If { 40 } else { 30 }) && place != In::Http || self.r.percent(15) && place != In::If {
            self.answer();
        }
    }

    fn outgoing(&mut self) {
        for _ in 0..=self.r.below(3) {
            let line = match self.r.below(8) {
                0 | 1 => "Upgrade $http_upgrade".to_owned(),
                2 => format!("Connection {}", self.r.pick(&["upgrade", "$connection_upgrade", "''", "$http_connection"])),
                3 => format!("Host {}", self.r.pick(&["$host", "$http_host", "fixed.test", "$host:$server_port"])),
                4 => "Origin ''".to_owned(),
                _ => {
                    let name = self.r.pick(&HEADERS);
                    format!("{name} \"{}\"", self.header_value())
                }
            };
            self.line(&format!("proxy_set_header {line};"));
        }
    }

    fn answer(&mut self) {
        for _ in 0..=self.r.below(3) {
            let always = self.r.pick(&["", " always"]);
            let line = match self.r.below(6) {
                0 | 1 => format!("Access-Control-Allow-Origin \"{}\"", self.r.pick(&ORIGINS)),
                2 => "Access-Control-Allow-Methods \"GET, PUT\"".to_owned(),
                3 => "Vary Origin".to_owned(),
                _ => {
                    let name = self.r.pick(&HEADERS);
                    format!("{name} \"{}\"", self.header_value())
                }
            };
            self.line(&format!("add_header {line}{always};"));
        }
    }

    fn server(&mut self, name: &str, default: bool) {
        self.open("server");
        let front = self.places.front;
        self.line(&format!("listen 127.0.0.1:{front}{};", if default { " default_server" } else { "" }));
        if name.starts_with('~') {
            self.line(&format!("server_name \"{name}\";"));
        } else {
            self.line(&format!("server_name {name};"));
        }
        if self.r.percent(8) {
            self.line("merge_slashes off;");
        }
        self.named = (0..self.r.below(3)).map(|i| format!("@n{i}")).collect();
        self.settings(In::Server);
        self.error_page(20);
        self.line("set $v server; set $asked '';");
        if self.r.percent(12) {
            self.condition(In::Server);
        }
        if self.r.percent(12) {
            self.rewrite();
        }
        let mut used: Vec<String> = Vec::new();
        if self.r.percent(70) {
            used.push("/".to_owned());
            self.open("location /");
            self.body(In::Prefix);
            self.close();
        }
        for _ in 0..2 + self.r.below(5) {
            self.location(&mut used, "/", 0);
        }
        self.open("location = /auth");
        self.line("internal;");
        // None of those around it: a request of the proxy's own would reach a server of the client's.
        self.line("error_page 599 /none;");
        if self.r.percent(30) {
            let own = self.places.own;
            self.line(&format!("proxy_pass http://127.0.0.1:{own}/auth;"));
        } else {
            let verdict = self.r.pick(&["return 204;", "return 401;", "return 403;", "return 500;"]);
            self.line(verdict);
        }
        self.close();
        self.open("location = /mirror");
        let own = self.places.own;
        self.line(&format!("internal; error_page 599 /none; proxy_pass http://127.0.0.1:{own}/mirror;"));
        self.close();
        for named in self.named.clone() {
            self.open(&format!("location {named}"));
            self.body(In::Named);
            self.close();
        }
        self.close();
    }

    fn location(&mut self, used: &mut Vec<String>, within: &str, depth: usize) {
        let regex = self.r.percent(30);
        let (head, place) = if regex {
            let mark = self.r.pick(&["~", "~*"]);
            (format!("location {mark} \"{}\"", self.r.pick(&EXPRESSIONS)), In::Regex)
        } else {
            let fitting: Vec<&str> = PREFIXES.iter().copied().filter(|p| p.starts_with(within)).collect();
            let text = self.r.pick(&fitting);
            let mark = self.r.pick(&["", "", "", "= ", "^~ "]);
            let key = format!("{}{text}", if mark == "= " { "=" } else { "" });
            if used.contains(&key) {
                return;
            }
            used.push(key);
            (format!("location {mark}{text}"), In::Prefix)
        };
        self.open(&head);
        self.body(place);
        if place == In::Prefix && !head.contains('=') && depth < 2 {
            let text = head.rsplit(' ').next().unwrap_or("/").to_owned();
            let mut inner = vec![text.clone()];
            while self.r.percent(25) {
                self.location(&mut inner, &text, depth + 1);
            }
        }
        self.close();
    }

    fn body(&mut self, place: In) {
        self.settings(place);
        self.error_page(15);
        if self.r.percent(15) {
            self.line("set $v place;");
        }
        while self.r.percent(25) {
            self.condition(place);
        }
        if self.r.percent(12) {
            self.rewrite();
        }
        match self.r.below(40) {
            0 => self.line("deny all;"),
            1 if place != In::Named => self.line("internal;"),
            2 => self.line("auth_request /auth;"),
            3 => {
                let but = self.r.pick(&[
                    "GET { deny all; }",
                    "GET POST { deny all; }",
                    "GET { allow 127.0.0.1; deny all; }",
                    "GET { auth_basic who; auth_basic_user_file nobody; }",
                    "OPTIONS { allow 10.0.0.0/8; }",
                ]);
                self.line(&format!("limit_except {but}"));
            }
            4 => self.line("allow 127.0.0.1; deny all;"),
            5 => self.line("mirror /mirror;"),
            6 => {
                self.line("auth_request /auth;");
                let set = self.r.pick(&["$asked $upstream_status", "$asked yes", "$v $upstream_http_x_backend"]);
                self.line(&format!("auth_request_set {set};"));
            }
            7 => {
                let rules = self.r.pick(&["allow 10.0.0.0/8;", "deny all;", "allow 127.0.0.1; deny all;", "deny 127.0.0.1;", ""]);
                let asks = self.r.pick(&["auth_request /auth;", "auth_basic who; auth_basic_user_file nobody;"]);
                let both = self.r.pick(&["", "", "auth_basic realm; auth_basic_user_file nobody; auth_request /auth;"]);
                self.line(&format!("satisfy any; {rules} {}", if both.is_empty() { asks } else { both }));
            }
            _ => {}
        }
        self.content(place);
    }

    fn content(&mut self, place: In) {
        let backend = self.places.backends[self.r.below(2)];
        match self.r.below(16) {
            12 => {
                let dead =
                    self.r.pick(&["proxy_pass http://127.0.0.1:1;", "fastcgi_pass 127.0.0.1:1;", "proxy_pass http://127.0.0.1:1$uri;"]);
                self.line(dead);
            }
            14 | 15 => {
                let kind = self.r.pick(&["fastcgi", "uwsgi", "scgi"]);
                self.line(&format!("{kind}_pass 127.0.0.1:{backend};"));
            }
            13 => {
                let uri = self.r.pick(&["", "/fixed", "$uri$is_args$args"]);
                self.line(&format!("set $to 127.0.0.1:{backend}; proxy_pass http://$to{uri};"));
            }
            0 => {
                let answer = self.r.pick(&[
                    "return 200 \"text $uri\";",
                    "return 204;",
                    "return 404;",
                    "return 301 /moved$request_uri;",
                    "return 302 https://other.test/;",
                ]);
                self.line(answer);
            }
            1 if !self.named.is_empty() => {
                let to = self.named[self.r.below(self.named.len())].clone();
                self.line(&format!("try_files /missing$uri {to};"));
            }
            2 => {
                let to = self.r.pick(&["=404", "=403", "/a/b/?from=$uri", "/static/none"]);
                self.line(&format!("try_files /missing$uri {to};"));
            }
            3 => {}
            4 => self.line("proxy_pass http://pair;"),
            5 if place == In::Prefix => {
                let uri = self.r.pick(&["/", "/up", "/up/", "/up?y=2"]);
                self.line(&format!("proxy_pass http://127.0.0.1:{backend}{uri};"));
            }
            6 => {
                let uri = self.r.pick(&["", "$request_uri", "/fixed?$args", "/q$uri"]);
                self.line(&format!("proxy_pass http://127.0.0.1:{backend}{uri};"));
            }
            _ => self.line(&format!("proxy_pass http://127.0.0.1:{backend};")),
        }
    }

    fn error_page(&mut self, chance: usize) {
        if !self.r.percent(chance) {
            return;
        }
        let codes = self.r.pick(&["404", "403 404", "426", "401 403", "405", "502", "404 500 502", "400 401", "413", "302 503", "413 500"]);
        let to = if !self.named.is_empty() && self.r.percent(50) {
            self.named[self.r.below(self.named.len())].clone()
        } else {
            self.r.pick(&["/a/b/", "/static/none", "https://other.test/gone", "/a/b/?was=$uri", "$uri/again"]).to_owned()
        };
        let change = self.r.pick(&["", "", "=200 ", "= ", "=404 "]);
        self.line(&format!("error_page {codes} {change}{to};"));
    }

    fn rewrite(&mut self) {
        let flag = self.r.pick(&["last", "break", "redirect", "permanent", ""]);
        let rule = self.r.pick(&["^/a/(.*)$ /api/$1", "^/api/v1(.*)$ /ws$1?n=1", "^/static /a/b/?", "/b/?$ /changed", "^/ws/(.+)$ /$1"]);
        self.line(&format!("rewrite {rule} {flag};"));
    }

    fn condition(&mut self, place: In) {
        let test = self.r.pick(&CONDITIONS);
        self.open(&format!("if ({test})"));
        if place != In::Server {
            self.settings(In::If);
            self.error_page(5);
        }
        match self.r.below(10) {
            0 => self.line("return 204;"),
            1 => self.line("return 403;"),
            2 => self.line("return 200 \"in if $v\";"),
            3 | 4 => self.line("set $v \"if-$http_origin\";"),
            5 => self.rewrite(),
            6 if place != In::Server => {
                let backend = self.places.backends[self.r.below(2)];
                self.line(&format!("proxy_pass http://127.0.0.1:{backend};"));
            }
            7 => self.line("break;"),
            8 => self.line("set $v \"$1\";"),
            9 if place != In::Server => {
                let backend = self.places.backends[self.r.below(2)];
                let kind = self.r.pick(&["fastcgi", "uwsgi"]);
                self.line(&format!("{kind}_pass 127.0.0.1:{backend};"));
            }
            _ => {}
        }
        self.close();
    }
}
