//! nginx's lexical grammar (`ngx_conf_read_token`), lossless: tokens tile the text without gaps, the tree is flat, and
//! parsing never fails.

use nom::{
    IResult, Parser,
    bytes::complete::{take_till, take_while1},
};

/// A token of nginx must be shorter than this, comments included `[lex-*]`.
const LONGEST: usize = 4096;

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Space, tab, CR, LF.
    Space,
    /// `# …` up to the end of the line.
    Comment,
    /// A word without quotes.
    Word,
    /// A word in quotes.
    Quoted,
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
    /// The text inside a `*_by_lua_block`.
    Script,
    /// Template tags on a line of their own.
    Template,
}

/// A run of bytes of one kind; offsets are local to the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its kind.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

/// No token, no node.
pub const NONE: u32 = u32::MAX;

/// A directive: indexes into [`Tree::tokens`] and [`Tree::nodes`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// First and last word token; equal for a single word.
    pub words: (u32, u32),
    /// The token that ends the head: `;` or `{`; [`NONE`] if it is missing.
    pub head_end: u32,
    /// The token that ends the block; [`NONE`] without block or when it is missing.
    pub close: u32,
    /// Whether there is a block.
    pub block: bool,
    /// The enclosing node.
    pub parent: u32,
    /// The first node inside.
    pub first: u32,
    /// The next node in the same block.
    pub next: u32,
}

/// What is wrong with the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `;` or `{` without a directive before it.
    Unexpected,
    /// Text right after a closing quote.
    AfterQuote,
    /// `}` before the directive was ended with `;`.
    MissingSemicolon,
    /// `}` without an open block.
    StrayClose,
    /// A quote that never closes.
    OpenQuote,
    /// A block that never closes.
    OpenBlock,
    /// The last directive is not ended.
    OpenDirective,
    /// A token of 4096 bytes or more.
    TooLong,
}

/// An error and its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// What.
    pub fault: Fault,
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
}

/// A file's tokens and directives.
#[derive(Debug, Default)]
pub struct Tree {
    /// They tile the file.
    pub tokens: Vec<Token>,
    /// In the order of the text.
    pub nodes: Vec<Node>,
    /// The first top-level node.
    pub first: u32,
    /// Errors in the order of the text.
    pub errors: Vec<SyntaxError>,
    /// Whether template tags were seen.
    pub templated: bool,
}

impl Tree {
    /// The nodes of a block ([`NONE`]: the top level), in order.
    pub fn children(&self, of: u32) -> impl Iterator<Item = u32> + '_ {
        let first = if of == NONE { self.first } else { self.nodes[of as usize].first };
        let some = |i: u32| (i != NONE).then_some(i);
        std::iter::successors(some(first), move |i| some(self.nodes[*i as usize].next))
    }

    /// The word tokens of a node.
    pub fn words(&self, node: u32) -> impl Iterator<Item = Token> + '_ {
        let (from, to) = self.nodes[node as usize].words;
        let range = if from == NONE { 0..0 } else { from as usize..to as usize + 1 };
        self.tokens[range].iter().copied().filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
    }
}

const SPACE: u8 = 1;
const ENDS_WORD: u8 = 2;
const SPECIAL: u8 = 4;

/// Classes of bytes inside a bare word.
static CLASS: [u8; 256] = {
    let mut t = [0; 256];
    t[b' ' as usize] = SPACE | ENDS_WORD;
    t[b'\t' as usize] = SPACE | ENDS_WORD;
    t[b'\r' as usize] = SPACE | ENDS_WORD;
    t[b'\n' as usize] = SPACE | ENDS_WORD;
    t[b';' as usize] = ENDS_WORD;
    t[b'{' as usize] = ENDS_WORD;
    t[b'\\' as usize] = SPECIAL;
    t[b'$' as usize] = SPECIAL;
    t
};

fn class(byte: u8, of: u8) -> bool {
    CLASS[byte as usize] & of != 0
}

fn plain(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|b| CLASS[b as usize] == 0).parse(input)
}

fn spaces(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while1(|b| class(b, SPACE)).parse(input)
}

fn line(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_till(|b| b == b'\n').parse(input)
}

/// Parses a whole file.
pub fn parse(text: &[u8]) -> Tree {
    let tags = tags(text);
    // As much as a text of short lines has.
    let (tokens, nodes) = (Vec::with_capacity(text.len() / 8), Vec::with_capacity(text.len() / 32));
    let mut p = Parse {
        text,
        at: 0,
        tree: Tree { tokens, nodes, first: NONE, templated: !tags.is_empty(), ..Tree::default() },
        tags,
        next_tag: 0,
        mixed_until: 0,
        stack: Vec::new(),
        last: NONE,
        head: (NONE, NONE),
    };
    p.run();
    p.tree
}

struct Parse<'a> {
    text: &'a [u8],
    at: usize,
    tree: Tree,
    tags: Vec<(usize, usize)>,
    next_tag: usize,
    /// Up to there the line is known to hold more than tags.
    mixed_until: usize,
    /// Open blocks, each with the last node inside it.
    stack: Vec<u32>,
    /// The last node of the block at hand.
    last: u32,
    /// Words of the directive at hand.
    head: (u32, u32),
}

impl Parse<'_> {
    fn push(&mut self, kind: Kind, end: usize) -> u32 {
        let (start, len) = (self.at as u32, end - self.at);
        // The limit is that of the text between the quotes.
        let text = if kind == Kind::Quoted { len.saturating_sub(2) } else { len };
        if text >= LONGEST && !matches!(kind, Kind::Space | Kind::Script) {
            self.error(Fault::TooLong, self.at, end);
        }
        self.tree.tokens.push(Token { kind, start, end: end as u32 });
        self.at = end;
        self.tree.tokens.len() as u32 - 1
    }

    fn error(&mut self, fault: Fault, start: usize, end: usize) {
        self.tree.errors.push(SyntaxError { fault, start: start as u32, end: end as u32 });
    }

    fn word(&mut self, token: u32) {
        if self.head.0 == NONE {
            self.head.0 = token;
        }
        self.head.1 = token;
    }

    /// Puts the directive at hand into the tree.
    fn finish(&mut self, head_end: u32, block: bool) -> u32 {
        let parent = self.stack.last().copied().unwrap_or(NONE);
        let node = Node { words: self.head, head_end, close: NONE, block, parent, first: NONE, next: NONE };
        self.tree.nodes.push(node);
        let id = self.tree.nodes.len() as u32 - 1;
        if self.last != NONE {
            self.tree.nodes[self.last as usize].next = id;
        } else if parent != NONE {
            self.tree.nodes[parent as usize].first = id;
        } else {
            self.tree.first = id;
        }
        self.last = id;
        self.head = (NONE, NONE);
        id
    }

    /// The tag that begins here.
    fn tag_here(&mut self) -> Option<usize> {
        while self.tags.get(self.next_tag).is_some_and(|t| t.0 < self.at) {
            self.next_tag += 1;
        }
        self.tags.get(self.next_tag).filter(|t| t.0 == self.at).map(|t| t.1)
    }

    /// The end of a line that holds nothing but tags from here on.
    fn only_tags(&mut self) -> Option<usize> {
        // Once for a line: a line may be the whole file.
        if self.head.0 != NONE || self.at < self.mixed_until || !begins_line(self.text, self.at) && !self.ends_in_tag() {
            return None;
        }
        let mut end = self.at;
        for tag in &self.tags[self.next_tag..] {
            let gap = self.text.get(end..tag.0)?;
            if !gap.iter().all(|b| *b != b'\n' && class(*b, SPACE)) {
                break;
            }
            end = tag.1;
        }
        let rest = &self.text[end..];
        let line = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        if rest[..line].iter().all(|b| class(*b, SPACE)) {
            return Some(end);
        }
        self.mixed_until = end + line;
        None
    }

    /// `${NAME}`, `@NAME@` or `%%NAME%%` alone on its line: directives are put there.
    fn is_placeholder(&self, end: usize) -> bool {
        let word = &self.text[self.at..end];
        let marks: [(&[u8], &[u8]); 3] = [(b"${", b"}"), (b"@", b"@"), (b"%%", b"%%")];
        let name = marks.iter().find_map(|(open, close)| word.strip_prefix(*open)?.strip_suffix(*close));
        let ends_line = || self.text[end..].iter().take_while(|b| **b != b'\n').all(|b| class(*b, SPACE));
        name.is_some_and(|n| !n.is_empty() && n.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_'))
            && begins_line(self.text, self.at)
            && ends_line()
    }

    fn ends_in_tag(&self) -> bool {
        self.tree.tokens.last().is_some_and(|t| t.kind == Kind::Template)
    }

    fn run(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if self.tag_here().is_some()
                && let Some(end) = self.only_tags()
            {
                self.push(Kind::Template, end);
                continue;
            }
            match rest[0] {
                b if class(b, SPACE) => {
                    let n = spaces(rest).map_or(1, |(_, s)| s.len());
                    self.push(Kind::Space, self.at + n);
                }
                b'#' => {
                    let n = line(rest).map_or(rest.len(), |(_, s)| s.len());
                    self.push(Kind::Comment, self.at + n);
                }
                b';' => self.semicolon(),
                b'{' if self.tag_here().is_none() => self.open(),
                b'}' => self.close(),
                b'"' | b'\'' => self.quoted(),
                _ => {
                    let end = self.bare();
                    if self.head.0 == NONE && self.is_placeholder(end) {
                        self.push(Kind::Template, end);
                        self.tree.templated = true;
                        continue;
                    }
                    let token = self.push(Kind::Word, end);
                    self.word(token);
                }
            }
        }
        self.end();
    }

    fn semicolon(&mut self) {
        let token = self.push(Kind::Semicolon, self.at + 1);
        if self.head.0 == NONE {
            let at = self.at;
            self.error(Fault::Unexpected, at - 1, at);
        } else {
            self.finish(token, false);
        }
    }

    fn open(&mut self) {
        let at = self.at;
        let empty = self.head.0 == NONE;
        let script = self.is_script();
        let token = self.push(Kind::Open, at + 1);
        if empty {
            self.error(Fault::Unexpected, at, at + 1);
        }
        let node = self.finish(token, true);
        if script {
            let end = script_end(self.text, self.at);
            if end > self.at {
                self.push(Kind::Script, end);
            }
        }
        self.stack.push(node);
        self.last = NONE;
    }

    fn is_script(&self) -> bool {
        let Some(name) = self.tree.tokens.get(self.head.0 as usize) else { return false };
        let name = &self.text[name.start as usize..name.end as usize];
        let name = name.strip_suffix(b"\"").or_else(|| name.strip_suffix(b"'")).unwrap_or(name);
        name.ends_with(b"_by_lua_block")
    }

    fn close(&mut self) {
        let at = self.at;
        if self.head.0 != NONE {
            let (from, to) = (self.tree.tokens[self.head.0 as usize].start, self.tree.tokens[self.head.1 as usize].end);
            self.error(Fault::MissingSemicolon, from as usize, to as usize);
            self.finish(NONE, false);
        }
        let token = self.push(Kind::Close, at + 1);
        match self.stack.pop() {
            Some(node) => {
                self.tree.nodes[node as usize].close = token;
                self.last = node;
            }
            None => self.error(Fault::StrayClose, at, at + 1),
        }
    }

    fn quoted(&mut self) {
        let quote = self.text[self.at];
        let start = self.at;
        let mut i = start + 1;
        let end = loop {
            match self.text.get(i) {
                None => break None,
                Some(b'\\') => i += 2,
                Some(b) if *b == quote => break Some(i + 1),
                Some(_) => i += 1,
            }
        };
        let close = end.unwrap_or(self.text.len());
        let token = self.push(Kind::Quoted, close);
        self.word(token);
        if end.is_none() {
            self.error(Fault::OpenQuote, start, start + 1);
            return;
        }
        if let Some(b) = self.text.get(close)
            && !class(*b, SPACE)
            && !matches!(b, b';' | b'{' | b')')
            && self.tag_here().is_none()
        {
            self.error(Fault::AfterQuote, close, close + 1);
        }
    }

    /// The end of a bare word.
    fn bare(&mut self) -> usize {
        let from = self.at;
        let mut i = from;
        let mut dollar = false;
        let mut next_tag = self.next_tag;
        while let Some(&b) = self.text.get(i) {
            while self.tags.get(next_tag).is_some_and(|t| t.0 < i) {
                next_tag += 1;
            }
            if let Some(tag) = self.tags.get(next_tag).filter(|t| t.0 == i) {
                i = tag.1;
                dollar = false;
                continue;
            }
            if b == b'{' && dollar {
                dollar = false;
                i += 1;
                continue;
            }
            if class(b, ENDS_WORD) {
                break;
            }
            dollar = b == b'$';
            match b {
                b'\\' => i += 2,
                b'$' => i += 1,
                _ => i += plain(&self.text[i..]).map_or(1, |(_, s)| if self.tags.is_empty() { s.len() } else { 1 }),
            }
        }
        i.min(self.text.len()).max(from + 1)
    }

    fn end(&mut self) {
        let end = self.text.len();
        if self.head.0 != NONE {
            let from = self.tree.tokens[self.head.0 as usize].start as usize;
            let to = self.tree.tokens[self.head.1 as usize].end as usize;
            if !self.tree.errors.iter().any(|e| e.fault == Fault::OpenQuote) {
                self.error(Fault::OpenDirective, from, to);
            }
            self.finish(NONE, false);
        }
        if let Some(node) = self.stack.last() {
            let open = self.tree.nodes[*node as usize].head_end;
            let at = self.tree.tokens.get(open as usize).map_or(end, |t| t.start as usize);
            self.error(Fault::OpenBlock, at, (at + 1).min(end));
        }
    }
}

/// Template tags that close: `{{ }}`, `{% %}`, `<% %>`; `{# #}` at the beginning of a line, where it is no comment behind a
/// block's `{`; `{NAME}` in capitals.
fn tags(text: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut closes = [b"}}", b"%}", b"%>", b"#}"].map(|needle| Next { needle, at: 0 });
    let mut i = 0;
    while i + 1 < text.len() {
        if !matches!(text[i], b'{' | b'<') {
            i += memchr::memchr2(b'{', b'<', &text[i..]).unwrap_or(text.len() - i);
            continue;
        }
        let close = match &text[i..i + 2] {
            b"{{" => 0,
            b"{%" => 1,
            b"<%" => 2,
            b"{#" if begins_line(text, i) => 3,
            [b'{', b'A'..=b'Z'] if i == 0 || text[i - 1] != b'$' => {
                let len = text[i + 1..].iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b'_').count();
                if len > 2 && text.get(i + 1 + len) == Some(&b'}') {
                    out.push((i, i + len + 2));
                }
                i += len + 1;
                continue;
            }
            _ => {
                i += 1;
                continue;
            }
        };
        let end = closes[close].from(text, i + 2) + 2;
        // A tag ends on its line; statements and comments may run on for some lines.
        let near = end <= text.len() && end - i <= 2000 && (close != 0 || !text[i..end].contains(&b'\n'));
        if near {
            out.push((i, end));
        }
        i = if near { end } else { i + 1 };
    }
    out
}

/// The next place of two bytes; asked with growing offsets, so that the text is searched once.
struct Next {
    needle: &'static [u8; 2],
    at: usize,
}

impl Next {
    /// At or behind `from`; the length of the text if there is none.
    fn from(&mut self, text: &[u8], from: usize) -> usize {
        if self.at < from {
            let found = text.get(from..).and_then(|t| t.windows(2).position(|w| w == self.needle));
            self.at = found.map_or(text.len(), |n| from + n);
        }
        self.at
    }
}

fn begins_line(text: &[u8], at: usize) -> bool {
    text[..at].iter().rev().take_while(|b| **b != b'\n').all(|b| class(*b, SPACE))
}

/// The end of a Lua body: the `}` that balances, strings and comments aside.
fn script_end(text: &[u8], from: usize) -> usize {
    let mut depth = 0u32;
    let mut i = from;
    let long = |i: usize| -> Option<usize> {
        // `[[ … ]]`, `[=[ … ]=]`
        let eq = text.get(i + 1..)?.iter().take_while(|b| **b == b'=').count();
        (text.get(i + 1 + eq) == Some(&b'[')).then_some(eq)
    };
    let skip_long = |i: usize, eq: usize| -> usize {
        let mut close = vec![b']'];
        close.extend(std::iter::repeat_n(b'=', eq));
        close.push(b']');
        let body = i + 2 + eq;
        text.get(body..).and_then(|t| t.windows(close.len()).position(|w| w == close)).map_or(text.len(), |n| body + n + close.len())
    };
    while let Some(b) = text.get(i) {
        match b {
            b'{' => depth += 1,
            b'}' if depth == 0 => return i,
            b'}' => depth -= 1,
            b'"' | b'\'' => {
                let quote = *b;
                i += 1;
                while let Some(c) = text.get(i) {
                    if *c == b'\\' {
                        i += 1;
                    } else if *c == quote || *c == b'\n' {
                        break;
                    }
                    i += 1;
                }
            }
            b'-' if text.get(i + 1) == Some(&b'-') => {
                if text.get(i + 2) == Some(&b'[')
                    && let Some(eq) = long(i + 2)
                {
                    i = skip_long(i + 2, eq);
                    continue;
                }
                i += text[i..].iter().position(|c| *c == b'\n').unwrap_or(text.len() - i);
                continue;
            }
            b'[' => {
                if let Some(eq) = long(i) {
                    i = skip_long(i, eq);
                    continue;
                }
            }
            _ => {}
        }
        i += 1;
    }
    text.len().min(i)
}

/// The text that a word token stands for.
pub fn decode(raw: &[u8], kind: Kind) -> Vec<u8> {
    let inner = match kind {
        Kind::Quoted => {
            let closed = raw.len() > 1 && raw.last() == raw.first();
            &raw[1..raw.len() - usize::from(closed)]
        }
        _ => raw,
    };
    if !inner.contains(&b'\\') {
        return inner.to_vec();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        let next = if b == b'\\' { bytes.peek().copied() } else { None };
        let plain = match next {
            Some(q @ (b'"' | b'\'' | b'\\')) => Some(q),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'n') => Some(b'\n'),
            _ => None,
        };
        match (plain, next) {
            (Some(p), _) => {
                out.push(p);
                bytes.next();
            }
            // Kept, but the next byte is not looked at again.
            (None, Some(n)) => {
                out.extend([b, n]);
                bytes.next();
            }
            (None, None) => out.push(b),
        }
    }
    out
}
