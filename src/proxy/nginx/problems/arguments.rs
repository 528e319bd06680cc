//! Where directives stand, how many arguments they have, and whether they were ended.

use super::{Check, table, table::Form, unknown::BOM};
use crate::model::ProblemKind;
use crate::proxy::nginx::conf::{Context, DirId};
use crate::source::Span;
use std::collections::BTreeSet;

impl Check<'_> {
    /// Every directive against the table.
    pub(super) fn directives(&mut self) {
        let loaded = !self.index.named("load_module").is_empty();
        let data = self.is_mostly_data();
        let mut seen = BTreeSet::new();
        let conf = self.conf;
        for id in conf.all() {
            let (name, context, block) = (conf.name(id), self.context(id), conf.is_block(id));
            if context == Context::Free && block {
                self.nested_data(id);
                continue;
            }
            if Self::is_data(context) || name.opaque || data && conf.parent(id).is_none() {
                continue;
            }
            let Some((_, entry)) = self.entry(id) else {
                if name.text.ends_with("_by_lua_block") {
                    continue;
                }
                self.unknown(id, loaded, &mut seen);
                continue;
            };
            self.released(id, entry);
            let contexts = self.candidates(id);
            let fitting = entry.forms.iter().filter(|f| contexts.is_empty() || contexts.iter().any(|c| f.fits(*c)));
            if fitting.clone().next().is_none() {
                self.misplaced(id, entry);
                continue;
            }
            let count = conf.args(id).len();
            let form = fitting.clone().find(|f| f.takes(count) && f.block == block);
            if self.unended(id, &contexts, form.is_some()) || conf.args(id).opaque() {
                continue;
            }
            let Some(form) = form else {
                let forms: Vec<&Form> = fitting.collect();
                self.wrong_arguments(id, &forms);
                continue;
            };
            self.value(id, form.value);
            self.enumerated(id, entry);
            self.control_flow(id);
        }
    }

    /// A fragment of which nobody said where it belongs, and whose lines are no directives: the content of a `map`, say.
    fn is_mostly_data(&self) -> bool {
        let (known, other): (Vec<DirId>, Vec<DirId>) =
            self.conf.top().partition(|d| table::find(self.name(*d).trim_start_matches(BOM)).is_some());
        self.guessed && other.len() > known.len()
    }

    /// Blocks of data have no blocks inside `[file-types-block]`.
    fn nested_data(&mut self, id: DirId) {
        let Some(parent) = self.dir(id).parent else { return };
        if self.context(parent) == Context::Free || matches!(self.name(parent), "match") {
            return;
        }
        let dir = self.dir(id);
        let brace = dir.body.map_or(dir.span, |b| Span { start: b.start, len: 1 });
        let message = format!("unexpected `{{` inside `{}`", self.name(parent));
        self.report(
            ProblemKind::UnexpectedToken,
            true,
            brace,
            message,
            "lines here are data and end with `;`: put a regular expression with braces in quotes",
        );
    }

    fn misplaced(&mut self, id: DirId, entry: &table::Entry) {
        // Where a template puts its blocks, only the template knows.
        if !self.sure {
            return;
        }
        let mut places: Vec<&str> = entry.forms.iter().flat_map(Form::places).collect();
        places.dedup();
        let message = format!("`{}` is not allowed in {}", entry.name, table::called(self.context(id)));
        let help = format!("nginx takes it in {}: move it there", places.join(", "));
        let (span, parent) = (self.dir(id).name.span, self.dir(id).parent);
        let around = parent.map(|p| self.dir(p).span);
        let found = self.report(ProblemKind::MisplacedDirective, true, span, message, help);
        found.problem.related.extend(around.map(|s| (s, "the block around it".to_owned())));
    }

    fn wrong_arguments(&mut self, id: DirId, forms: &[&Form]) {
        let dir = self.dir(id);
        let (name, span, count) = (dir.name.text, dir.span, dir.args.len());
        let right = forms.iter().find(|f| f.block == dir.body.is_some());
        let (message, help) = match right {
            None if dir.body.is_some() => (
                format!("`{name}` opens no block: it is ended with `;`"),
                "write `;` behind it, or look for a `;` that is missing in a line above".to_owned(),
            ),
            None => (format!("`{name}` has no opening `{{`"), format!("write `{name} … {{ … }}`")),
            Some(form) => (
                format!("`{name}` has {count} argument{}", if count == 1 { "" } else { "s" }),
                format!("it takes {}{}", form.counts(), if form.counts() == "no" { " arguments" } else { "" }),
            ),
        };
        self.report(ProblemKind::WrongArguments, true, span, message, help);
    }

    /// A directive that swallowed the next line, because its `;` is missing: one of its words begins a line, is the name of
    /// a directive that may stand here, and the whole is not what nginx takes. nginx names the wrong line or directive.
    fn unended(&mut self, id: DirId, contexts: &[Context], right: bool) -> bool {
        let conf = self.conf;
        let mut before = conf.name(id).span;
        let mut swallowed = None;
        for arg in conf.args(id) {
            if arg.begins_line && !arg.quoted && !arg.opaque {
                let known = table::find(arg.text).map(|i| &table::DIRECTIVES[i]);
                if known.is_some_and(|e| e.forms.iter().any(|f| contexts.iter().any(|c| f.fits(*c)))) {
                    swallowed = Some((before, arg));
                    break;
                }
            }
            before = arg.span;
        }
        let Some((before, arg)) = swallowed else { return false };
        let name = conf.name(id);
        // With any number of arguments nginx may take the words for values.
        let certain = !right || name.text == "listen";
        let place = name.span.to(before);
        self.unended.insert(id);
        let (message, next) = (format!("`{}` is not ended with `;`", name.text), arg.span);
        let found = self.report(ProblemKind::Unterminated, certain, place, message, "write `;` behind it");
        found.problem.related.push((next, "this line is read as a part of it".to_owned()));
        true
    }
}
