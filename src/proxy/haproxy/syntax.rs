//! HAProxy's tokeniser (`parse_line()` of its `src/tools.c`), lossless: tokens tile the text without gaps, and parsing never
//! fails. A statement is a line; words are split by blanks and made of quoted and bare parts.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Blanks between words.
    Blank,
    /// A word, quotes included.
    Word,
    /// `# …` up to the end of the line.
    Comment,
    /// What HAProxy does not read: everything behind a carriage return or a NUL byte.
    Unread,
    /// The line feed.
    Newline,
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

/// A word as HAProxy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
    /// Its text; a variable of unknown value stands in it as written.
    pub text: Box<str>,
    /// Whether a part of it comes from the environment and is not known.
    pub unknown: bool,
    /// Whether any part of it is quoted.
    pub quoted: bool,
}

/// What is wrong with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A quote that is not closed on its line.
    Quote,
    /// `${` without `}`.
    Brace,
    /// `\x` without two hexadecimal digits.
    Hex,
    /// `$` before something that begins no name, inside double quotes.
    VariableName,
    /// `[` without `*]` in `${NAME[*]}`.
    Expansion,
    /// More than 64 words.
    TooManyWords,
    /// A NUL byte.
    Nul,
    /// The last line does not end with a line feed.
    NoNewline,
}

/// An error and its place: the byte that HAProxy points at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// What.
    pub fault: Fault,
    /// First byte.
    pub at: u32,
}

/// Value of an environment variable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variable {
    /// Set.
    Is(String),
    /// Not set.
    Unset,
    /// Known only where HAProxy runs.
    Unknown,
}

/// What differs between releases and machines.
pub struct Style<'a> {
    /// Values of environment variables.
    pub variable: &'a dyn Fn(&str) -> Variable,
    /// An unset variable at the end of double quotes swallows the quote and the blanks behind it (3.0 to 3.2).
    pub swallows: bool,
    /// An empty last word does not count (3.0).
    pub drops_last_empty: bool,
}

impl Default for Style<'_> {
    fn default() -> Self {
        Self { variable: &|_| Variable::Unknown, swallows: false, drops_last_empty: false }
    }
}

/// A line: ranges into [`Tree::tokens`] and [`Tree::words`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Its tokens.
    pub tokens: (u32, u32),
    /// Its words.
    pub words: (u32, u32),
    /// Whether it holds an error, so that HAProxy does not read it.
    pub broken: bool,
}

/// A file's lines.
#[derive(Debug, Default)]
pub struct Tree {
    /// They tile the file.
    pub tokens: Vec<Token>,
    /// All words, in the order of the text.
    pub words: Vec<Word>,
    /// All lines.
    pub lines: Vec<Line>,
    /// Errors in the order of the text.
    pub errors: Vec<SyntaxError>,
}

impl Tree {
    /// The words of a line.
    pub fn words(&self, line: &Line) -> &[Word] {
        &self.words[line.words.0 as usize..line.words.1 as usize]
    }

    /// The comment of a line.
    pub fn comment(&self, line: &Line) -> Option<Token> {
        self.tokens[line.tokens.0 as usize..line.tokens.1 as usize].iter().copied().find(|t| t.kind == Kind::Comment)
    }
}

/// HAProxy reads at most so many words of a line.
pub const MOST_WORDS: usize = 64;

/// Parses a whole file.
pub fn parse(text: &[u8], style: &Style<'_>) -> Tree {
    let mut tree = Tree::default();
    let mut at = 0;
    while at < text.len() {
        let end = text[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n);
        let (tokens, words, errors) = (tree.tokens.len() as u32, tree.words.len() as u32, tree.errors.len());
        line(text, at, end, style, &mut tree);
        if end == text.len() {
            tree.errors.push(SyntaxError { fault: Fault::NoNewline, at: end as u32 });
        } else {
            tree.tokens.push(Token { kind: Kind::Newline, start: end as u32, end: end as u32 + 1 });
        }
        let broken = tree.errors[errors..].iter().any(|e| e.fault != Fault::NoNewline);
        tree.lines.push(Line { tokens: (tokens, tree.tokens.len() as u32), words: (words, tree.words.len() as u32), broken });
        at = end + 1;
    }
    tree
}

/// The white space of C's `isspace`; carriage returns and line feeds have ended the line before.
fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | 0x0b | 0x0c)
}

/// Splits one line, without its line feed.
pub fn line(text: &[u8], from: usize, to: usize, style: &Style<'_>, tree: &mut Tree) {
    let mut s = Split { text, at: from, to, style, tree, out: Vec::new(), begun: None, unknown: false, was_quoted: false, words: 0 };
    s.run();
}

struct Split<'a, 'b> {
    text: &'a [u8],
    at: usize,
    to: usize,
    style: &'a Style<'b>,
    tree: &'a mut Tree,
    /// The word at hand.
    out: Vec<u8>,
    /// Where it begins.
    begun: Option<usize>,
    unknown: bool,
    was_quoted: bool,
    words: usize,
}

impl Split<'_, '_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text[..self.to].get(self.at + ahead).copied()
    }

    fn token(&mut self, kind: Kind, start: usize, end: usize) {
        if end > start {
            self.tree.tokens.push(Token { kind, start: start as u32, end: end as u32 });
        }
    }

    fn error(&mut self, fault: Fault, at: usize) {
        self.tree.errors.push(SyntaxError { fault, at: at as u32 });
    }

    fn emit(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Ends the word at hand; `covers` is false for all but the last of the words that one source word expands to.
    fn end_word(&mut self, end: usize, covers: bool) {
        let Some(start) = self.begun else { return };
        if covers {
            self.begun = None;
            self.token(Kind::Word, start, end);
        }
        self.words += 1;
        if self.words == MOST_WORDS + 1 {
            self.error(Fault::TooManyWords, start);
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.out)).into_owned().into_boxed_str();
        self.tree.words.push(Word { start: start as u32, end: end as u32, text, unknown: self.unknown, quoted: self.was_quoted });
        if covers {
            (self.unknown, self.was_quoted) = (false, false);
        }
    }

    /// What is left of a line that cannot be split further.
    fn give_up(&mut self, fault: Fault, at: usize) {
        self.error(fault, at);
        let start = self.begun.take().unwrap_or(self.at);
        self.token(Kind::Word, start, self.to);
        self.out.clear();
        self.at = self.to;
    }

    fn run(&mut self) {
        let mut quote: Option<(u8, usize)> = None;
        while let Some(b) = self.byte(0) {
            let single = quote.is_some_and(|q| q.0 == b'\'');
            let double = quote.is_some_and(|q| q.0 == b'"');
            if b == b'\r' || b == 0 {
                break;
            }
            if b == b'#' && quote.is_none() {
                break;
            }
            if is_blank(b) && quote.is_none() {
                let at = self.at;
                self.end_word(at, true);
                while self.byte(0).is_some_and(is_blank) {
                    self.at += 1;
                }
                self.token(Kind::Blank, at, self.at);
                continue;
            }
            self.begun.get_or_insert(self.at);
            match b {
                b'"' if !single => {
                    self.was_quoted = true;
                    quote = if double { None } else { Some((b, self.at)) };
                    self.at += 1;
                }
                b'\'' if !double => {
                    self.was_quoted = true;
                    quote = if single { None } else { Some((b, self.at)) };
                    self.at += 1;
                }
                b'\\' if !single => {
                    if !self.escape(double) {
                        return;
                    }
                }
                b'$' if double => match self.variable() {
                    Ok(closed) => {
                        if closed {
                            quote = None;
                        }
                    }
                    Err((fault, at)) => return self.give_up(fault, at),
                },
                _ => {
                    self.emit(b);
                    self.at += 1;
                }
            }
        }
        let at = self.at;
        if let Some((_, start)) = quote {
            self.error(Fault::Quote, start);
        }
        if self.style.drops_last_empty && self.begun.is_some() && self.out.is_empty() {
            let start = self.begun.take().unwrap_or(at);
            self.token(Kind::Word, start, at);
        }
        self.end_word(at, true);
        match self.byte(0) {
            Some(b'#') => self.token(Kind::Comment, at, self.to),
            Some(0) => {
                self.error(Fault::Nul, at);
                self.token(Kind::Unread, at, self.to);
            }
            Some(_) => self.token(Kind::Unread, at, self.to),
            None => {}
        }
    }

    /// A backslash; whether the line can be read on.
    fn escape(&mut self, double: bool) -> bool {
        let (byte, length) = match self.byte(1) {
            Some(b @ (b' ' | b'\\' | b'#' | b'\'' | b'"')) => (b, 2),
            Some(b't') => (b'\t', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'r') => (b'\r', 2),
            Some(b'$') if double => (b'$', 2),
            Some(b'x') => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(self.byte(2)), digit(self.byte(3))) else {
                    self.give_up(Fault::Hex, self.at);
                    return false;
                };
                ((high * 16 + low) as u8, 4)
            }
            _ => (b'\\', 1),
        };
        self.emit(byte);
        self.at += length;
        true
    }

    /// A variable inside double quotes; whether it swallowed the closing quote.
    fn variable(&mut self) -> Result<bool, (Fault, usize)> {
        let from = self.at;
        self.at += 1;
        let brace = (self.byte(0) == Some(b'{')).then_some(self.at);
        if brace.is_some() {
            self.at += 1;
        }
        let start = self.at;
        if !self.byte(0).is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'.') {
            return Err((Fault::VariableName, start));
        }
        self.at += 1;
        while self.byte(0).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        let mut value = (self.style.variable)(&name);
        let mut expand = false;
        if let Some(open) = brace {
            if self.byte(0) == Some(b'[') {
                if self.byte(1) != Some(b'*') || self.byte(2) != Some(b']') {
                    return Err((Fault::Expansion, self.at));
                }
                expand = true;
                self.at += 3;
            }
            if self.byte(0) == Some(b'-') {
                let default = self.at + 1;
                while self.byte(0).is_some_and(|b| b != b'}') {
                    self.at += 1;
                }
                if value == Variable::Unset && self.byte(0).is_some() {
                    value = Variable::Is(String::from_utf8_lossy(&self.text[default..self.at]).into_owned());
                }
            }
            if self.byte(0) != Some(b'}') {
                return Err((Fault::Brace, open));
            }
            self.at += 1;
        }
        match value {
            Variable::Is(value) => self.put(&value, expand),
            Variable::Unknown => {
                self.unknown = true;
                let text = self.text;
                self.out.extend_from_slice(&text[from..self.at]);
            }
            Variable::Unset if self.style.swallows && !name.starts_with('.') && self.byte(0) == Some(b'"') => {
                self.at += 1;
                while self.byte(0).is_some_and(is_blank) {
                    self.at += 1;
                }
                return Ok(true);
            }
            Variable::Unset => {}
        }
        Ok(false)
    }

    fn put(&mut self, value: &str, expand: bool) {
        let mut bytes = value.bytes().peekable();
        while let Some(b) = bytes.next() {
            if expand && (is_blank(b) || matches!(b, b'\n' | b'\r')) {
                let at = self.at;
                self.end_word(at, false);
                while bytes.peek().is_some_and(|b| is_blank(*b) || matches!(b, b'\n' | b'\r')) {
                    bytes.next();
                }
            } else {
                self.emit(b);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tiles(text: &[u8]) {
        let tree = parse(text, &Style::default());
        let mut at = 0;
        for t in &tree.tokens {
            assert_eq!(t.start, at, "a gap in {:?}", String::from_utf8_lossy(text));
            assert!(t.end > t.start);
            at = t.end;
        }
        assert_eq!(at as usize, text.len(), "{:?}", String::from_utf8_lossy(text));
        for l in &tree.lines {
            assert!(tree.words(l).iter().all(|w| w.start <= w.end && w.end as usize <= text.len()));
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_in_the_tree(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            tiles(&bytes);
        }

        #[test]
        fn every_byte_of_likely_text_is_in_the_tree(text in "[ab \t\"'\\\\$#{}\\[\\]*x0\r\n.-]{0,60}") {
            tiles(text.as_bytes());
        }
    }

    #[test]
    fn the_65th_word_is_the_error() {
        let text = format!("{}\n", vec!["w"; 65].join(" "));
        let tree = parse(text.as_bytes(), &Style::default());
        assert_eq!(tree.errors, [SyntaxError { fault: Fault::TooManyWords, at: 128 }]);
    }
}
