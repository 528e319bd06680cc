//! Conditions: names that are defined, brackets that close, fetches that exist.

use super::Check;
use crate::model::ProblemKind;
use crate::proxy::haproxy::conf::{Stmt, Word};

/// ACLs that HAProxy brings along.
const PREDEFINED: &[&str] = &[
    "FALSE",
    "TRUE",
    "HTTP",
    "HTTP_1.0",
    "HTTP_1.1",
    "HTTP_2.0",
    "HTTP_3.0",
    "HTTP_CONTENT",
    "HTTP_URL_ABS",
    "HTTP_URL_SLASH",
    "HTTP_URL_STAR",
    "LOCALHOST",
    "METH_CONNECT",
    "METH_DELETE",
    "METH_GET",
    "METH_HEAD",
    "METH_OPTIONS",
    "METH_POST",
    "METH_PUT",
    "METH_TRACE",
    "RDP_COOKIE",
    "REQ_CONTENT",
    "WAIT_END",
];

impl<'a> Check<'a> {
    /// The condition of a statement, behind its word `from`.
    pub(super) fn condition(&mut self, section: usize, stmt: &'a Stmt, from: usize) {
        let at = (from..stmt.words.len()).find(|i| matches!(&*stmt.words[*i].text, "if" | "unless") && !stmt.words[*i].quoted);
        let Some(at) = at else { return };
        let words = &stmt.words[at + 1..];
        let mut i = 0;
        while let Some(word) = words.get(i) {
            i += 1;
            let text = word.text.trim_start_matches('!');
            if text.is_empty() || matches!(text, "or" | "OR" | "||") || word.unknown {
                continue;
            }
            if text == "{" {
                let end = (i..words.len()).find(|j| &*words[*j].text == "}");
                let Some(end) = end else {
                    self.say(ProblemKind::Unterminated, word.span, "`{` without `}`", "close the condition: ` }` is a word of its own");
                    return;
                };
                self.test(&words[i..end], word);
                i = end + 1;
                continue;
            }
            if !self.defined(section, text) {
                let help = match text {
                    "and" | "AND" | "&&" => "remove it: terms that stand side by side must all hold",
                    _ if text.starts_with('(') || text.ends_with(')') => "conditions know no parentheses: name each alternative with `or`",
                    _ if text.starts_with('{') => "`{` and `}` are words of their own: put blanks around them",
                    _ => "define it with `acl` in this section, or write the test in `{ }`",
                };
                self.say(ProblemKind::UndefinedName, word.span, format!("no ACL `{text}` in this section"), help);
                return;
            }
        }
    }

    fn defined(&self, section: usize, name: &str) -> bool {
        if PREDEFINED.contains(&name) {
            return true;
        }
        let has = |at: usize| self.sections[at].acls.contains_key(name);
        // A template or an unreadable line may define it.
        if self.conf.fragment && self.sections[section].has_hole() {
            return true;
        }
        has(section) || self.sections[section].defaults.is_some_and(has)
    }

    pub(super) fn acl(&mut self, _section: usize, stmt: &'a Stmt) {
        if stmt.words.len() < 3 {
            self.say(ProblemKind::WrongArguments, stmt.span, "`acl` takes a name and a test", "write `acl NAME FETCH [FLAGS] VALUES`");
            return;
        }
        let name = stmt.words[1].clone();
        self.test(&stmt.words[2..], &name);
    }

    fn test(&mut self, words: &[Word], beside: &Word) {
        let Some(first) = words.first() else {
            self.say(ProblemKind::WrongArguments, beside.span, "an empty test", "name what is tested");
            return;
        };
        if first.unknown {
            return;
        }
        let open = first.text.matches('(').count();
        if open > first.text.matches(')').count() && !first.text.contains(['"', '\'']) && !words.iter().any(|w| w.text.contains(')')) {
            self.say(ProblemKind::WrongArguments, first.span, format!("`{}` lacks `)`", first.text), "close the argument");
            return;
        }
        let name = first.text.split(['(', ',']).next().unwrap_or_default();
        let bare = ["_beg", "_dir", "_dom", "_end", "_len", "_reg", "_sub"].iter().find_map(|s| name.strip_suffix(s));
        let usual = ["path", "url", "hdr", "base", "method"];
        let near = bare.is_none()
            && usual.iter().any(|u| name.starts_with(&format!("{u}_")))
            && !matches!(
                name,
                "url_param"
                    | "url_ip"
                    | "url_port"
                    | "url32"
                    | "url32+src"
                    | "hdr_cnt"
                    | "hdr_val"
                    | "hdr_ip"
                    | "base32"
                    | "base32+src"
                    | "url_len"
                    | "path_len"
                    | "urlp_val"
            );
        if near {
            self.say(
                ProblemKind::UnknownDirective,
                first.span,
                format!("`{name}` is no fetch"),
                "match methods are `_beg`, `_end`, `_sub`, `_dir`, `_dom`, `_reg` and `_len`",
            );
        }
    }
}
