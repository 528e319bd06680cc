//! Corrections as edits of nginx's text. What is inherited as a whole list is the difficulty here: a first own
//! `proxy_set_header` or `add_header` drops what was inherited, so that the inherited lines come along, or the edit is made
//! where the list stands. Several ways are offered; which of them changes nothing else is proved elsewhere.

mod answer;
mod clock;
mod maps;
mod pen;
mod upgrade;

use super::conf::{Block, Conf, Context, DirId};
use crate::model::{Because, Correction, Edit, Era, Goal, Intent, NoFix, Request, Role};
use crate::source::{SourceMap, Span};
use pen::Pen;

type Ways = Result<Vec<Correction>, NoFix>;

/// No words for it, or no place.
const NO_PLACE: NoFix = NoFix::unwritten("the place of the setting was not found");
/// A duplicate would be refused by nginx.
const HOLE: NoFix = NoFix::hidden("an include in this block was not read: the line may be there already");
/// A tag may repeat or drop whatever stands near it.
const TEMPLATE: NoFix = NoFix::hidden("template tags stand in this block");

/// Ways to bring an intent about.
pub(super) fn fix(conf: &Conf, map: &SourceMap, era: &Era, intent: &Intent) -> Ways {
    let desk = Desk { conf, era, pen: Pen { conf, map }, intent };
    match &intent.goal {
        Goal::Upgrades | Goal::UpgradesOnly | Goal::CarriesUpgrade => desk.upgrade(),
        Goal::TakenLike(there) => desk.taken_like(there, intent),
        Goal::Uncached => desk.uncached(),
        Goal::SendsHost => desk.sends_host(),
        Goal::IdleAtLeast(milliseconds) => desk.idle(*milliseconds),
        Goal::AnswerHas(_) if desk.blamed(Role::Took).nth(1).is_some() => desk.carried("add_header"),
        Goal::AnswerHas(names) => desk.answer_has(names),
        Goal::SendsAll(_) => desk.carried("proxy_set_header"),
        Goal::AnswersPreflight => desk.preflight(),
        Goal::Streams => desk.stream(),
        Goal::SendsOne(name) => desk.one_of_two(name),
        Goal::Gone(span) => desk.gone(*span),
        Goal::Spelt(span, text) => desk.spelt(*span, text),
        Goal::AnswersOne(name) => desk.one_of_two(name),
        Goal::HidesTheirs(name) => desk.hides_theirs(name),
        Goal::ErrandsStayPlain => desk.errands_stay_plain(),
        Goal::KeepsConnection => desk.keeps_connection(),
        Goal::Waits => desk.waits(),
        Goal::FailureHas(_) | Goal::Forwards | Goal::LivesOn | Goal::Settled(..) | Goal::Comment { .. } => {
            Err(NoFix::unwritten("nginx has no such setting"))
        }
    }
}

/// Everything that is needed to write one correction.
struct Desk<'a> {
    conf: &'a Conf,
    era: &'a Era,
    pen: Pen<'a>,
    intent: &'a Intent,
}

impl Desk<'_> {
    /// The directive that begins with exactly these bytes.
    fn directive(&self, span: Span) -> Option<DirId> {
        self.conf.starting(span.start).filter(|d| self.conf.span(*d) == span)
    }

    /// What plays a part in the outcome.
    fn blamed(&self, role: Role) -> impl Iterator<Item = &Because> {
        self.intent.blamed(role)
    }

    /// Directives that play a part in the outcome.
    fn directives(&self, role: Role) -> Vec<DirId> {
        let mut out: Vec<DirId> = self.blamed(role).filter_map(|b| self.directive(b.origin.span)).collect();
        out.dedup();
        out
    }

    /// The block whose settings were in force.
    fn seat(&self) -> Result<Block, NoFix> {
        self.block(self.blamed(Role::Took).next().ok_or(NO_PLACE)?)
    }

    /// The block of a scope.
    fn block(&self, took: &Because) -> Result<Block, NoFix> {
        let block = match self.directive(took.origin.span) {
            Some(block) if self.conf.get(block).body.is_some() => Some(block),
            _ if took.origin.span.len == 0 && self.conf.context != Context::Main => None,
            _ => return Err(NO_PLACE),
        };
        self.untemplated(block)?;
        Ok(block)
    }

    /// The block itself, or the location around an `if`, where most settings are not allowed.
    fn settled(&self, block: Block) -> Block {
        std::iter::successors(block, |b| self.conf.get(*b).parent).find(|b| !matches!(self.conf.name(*b).text, "if" | "limit_except"))
    }

    fn untemplated(&self, block: Block) -> Result<(), NoFix> {
        let body = match block {
            Some(b) => self.conf.get(b).body,
            None => self.pen.map.file_at(self.pen.map.file(self.conf.root).base()).map(|(_, f)| f.span()),
        };
        let text = body.map(|b| self.pen.map.bytes(b)).unwrap_or_default();
        let has = |tag: &[u8]| memchr::memmem::find(text, tag).is_some();
        let statement = has(b"{%") || has(b"<%") || self.conf.templated && lines_of_tags(text);
        if statement { Err(TEMPLATE) } else { Ok(()) }
    }

    /// The nearest block, from this one outwards, that has directives of this name, and those.
    fn list(&self, from: Block, name: &str) -> Option<(Block, Vec<DirId>)> {
        let mut block = from;
        loop {
            let own: Vec<DirId> = self.conf.inside(block).filter(|c| self.conf.name(*c).text == name).collect();
            if !own.is_empty() {
                return Some((block, own));
            }
            block = self.conf.get(block?).parent;
        }
    }

    /// A directive of the block's own file that stands for another one: itself, or the include that brings it.
    fn anchor(&self, block: Block, id: DirId) -> Option<DirId> {
        let file = self.conf.file_of(block);
        if self.conf.get(id).file == file {
            return Some(id);
        }
        self.conf.inside(block).filter(|c| *c < id && self.conf.get(*c).file == file && self.conf.name(*c).text == "include").last()
    }

    /// Lines beside the directive that sends requests upstream, or else at the block's beginning.
    fn beside_pass(&self, block: Block, lines: &[String]) -> Option<Edit> {
        let pass = |d: &DirId| self.conf.name(*d).text.ends_with("_pass");
        let file = self.conf.file_of(block);
        let here = |d: &DirId| self.conf.get(*d).file == file;
        let found = self.conf.inside(block).filter(here).find(pass);
        let found = found.or_else(|| self.conf.inside(block).find(pass).and_then(|p| self.anchor(block, p)));
        match found {
            Some(pass) if self.pen.commented(pass) => self.pen.after(pass, lines),
            Some(pass) => self.pen.before(pass, lines),
            None => self.conf.inside(block).find(here).and_then(|first| self.pen.above(first, lines)),
        }
    }

    /// Whether a scalar may be added to a block: nginx refuses a second one.
    fn addable(&self, block: Block) -> Result<(), NoFix> {
        if self.conf.holes.iter().any(|h| h.0 == block) { Err(HOLE) } else { Ok(()) }
    }

    /// What a new line in this block may bring about that cannot be seen.
    fn caution(&self, block: Block) -> Option<String> {
        (block.is_none() && self.conf.context == Context::Location)
            .then(|| "this file is included elsewhere; a block that has such a line already would be refused".to_owned())
    }

    /// The path without the slash is rewritten before nginx can redirect it `[fix-slash]`.
    fn taken_like(&self, there: &Request, intent: &Intent) -> Ways {
        let path = &*there.target;
        let location = self.settled(self.seat()?).ok_or(NO_PLACE)?;
        let bare = intent.trials.first().map(|t| t.request.target.to_string()).ok_or(NO_PLACE)?;
        let plain = bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'~'));
        if self.conf.name(location).text != "location" || !plain || *bare == *path {
            return Err(NO_PLACE);
        }
        let step = self.pen.step(Some(location));
        let text = format!("location = {bare} {{\n{step}rewrite ^ {path} last;\n}}");
        let edit = self.pen.above(location, &[text, String::new()]).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("take `{bare}` like `{path}`"), None)])
    }

    /// Handshakes are neither looked up nor kept `[feat-cache-bypass]`.
    fn uncached(&self) -> Ways {
        let block = self.settled(self.seat()?);
        let mut edits = Vec::new();
        let mut lines = Vec::new();
        for name in ["proxy_cache_bypass", "proxy_no_cache"] {
            match self.list(block, name) {
                Some((at, own)) if at == block => {
                    let last = own.last().and_then(|d| self.conf.args(*d).last()).ok_or(NO_PLACE)?;
                    edits.push(Edit { span: Span { start: last.span.end(), len: 0 }, text: " $http_upgrade".to_owned() });
                }
                // What is inherited comes along.
                inherited => {
                    let own = inherited.map(|l| l.1).unwrap_or_default();
                    let words: Vec<String> =
                        own.iter().flat_map(|d| self.conf.args(*d).iter()).map(|a| self.pen.map.text(a.span)).collect();
                    let words: String = words.iter().map(|w| format!("{w} ")).collect::<Vec<_>>().concat();
                    lines.push(format!("{name} {words}$http_upgrade;"));
                }
            }
        }
        if !lines.is_empty() {
            edits.push(self.beside_pass(block, &lines).ok_or(NO_PLACE)?);
        }
        Ok(vec![Correction::of(edits, "let handshakes pass the cache by".to_owned(), self.caution(block))])
    }

    fn gone(&self, span: Span) -> Ways {
        let id = self.directive(span).ok_or(NO_PLACE)?;
        self.untemplated(self.conf.get(id).parent)?;
        let edit = self.pen.delete(id).ok_or(NO_PLACE)?;
        Ok(vec![Correction::of(vec![edit], format!("remove `{}`", self.pen.raw(id)), None)])
    }

    fn spelt(&self, span: Span, text: &str) -> Ways {
        let old = self.pen.map.text(span);
        if old.is_empty() || self.conf.all().any(|d| self.conf.args(d).iter().any(|a| a.opaque && a.span.holds(span))) {
            return Err(NO_PLACE);
        }
        let title = if text.is_empty() { format!("remove `{old}`") } else { format!("write `{text}` instead of `{old}`") };
        Ok(vec![Correction::of(vec![Edit { span, text: text.to_owned() }], title, None)])
    }

    /// Lines that own lists dropped are repeated behind each of those lists.
    fn carried(&self, name: &str) -> Ways {
        let lost = self.directives(Role::Displaced);
        let lines: Vec<String> = lost.iter().map(|d| self.pen.raw(*d)).collect();
        let mut edits = Vec::new();
        for took in self.blamed(Role::Took) {
            let block = self.block(took)?;
            let (host, list) = self.list(block, name).ok_or(NO_PLACE)?;
            let last = list.last().filter(|_| host == block).and_then(|last| self.anchor(host, *last)).ok_or(NO_PLACE)?;
            edits.push(self.pen.after(last, &lines).ok_or(NO_PLACE)?);
        }
        Ok(vec![Correction::of(edits, "send the lost lines here too".to_owned(), None)])
    }

    /// Only the last of several lines of one name stays, or only the first.
    fn one_of_two(&self, name: &str) -> Ways {
        let lines = self.directives(Role::Header);
        let (Some((_, but_last)), Some((_, but_first))) = (lines.split_last(), lines.split_first()) else { return Err(NO_PLACE) };
        let keep = |rest: &[DirId], which: &str| {
            let edits: Option<Vec<Edit>> = rest.iter().map(|d| self.pen.delete(*d)).collect();
            edits.filter(|e| !e.is_empty()).map(|edits| Correction::of(edits, format!("keep only the {which} `{name}` line"), None))
        };
        let ways: Vec<Correction> = [keep(but_last, "last"), keep(but_first, "first")].into_iter().flatten().collect();
        if ways.is_empty() { Err(NO_PLACE) } else { Ok(ways) }
    }

    /// Sets a directive with one value for a block: where it is written there, otherwise as a line of its own.
    fn set(&self, block: Block, name: &str, value: &str) -> Result<Option<Edit>, NoFix> {
        if let Some((at, own)) = self.list(block, name)
            && at == block
        {
            let word = own.last().and_then(|d| self.conf.args(*d).first()).ok_or(NO_PLACE)?;
            if word.opaque {
                return Err(TEMPLATE);
            }
            return Ok((*word.text != *value).then(|| Edit { span: word.span, text: value.to_owned() }));
        }
        self.addable(block)?;
        let line = self.pen.line(&self.conf.inside(block).collect::<Vec<_>>(), name, &[value]);
        self.beside_pass(block, &[line]).map(Some).ok_or(NO_PLACE)
    }
}

/// Whether some line begins with a tag: it may be a condition or a loop.
fn lines_of_tags(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|l| l.trim_ascii_start().starts_with(b"{{"))
}
