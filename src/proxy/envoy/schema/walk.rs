//! Walks a text along the field table and says what Envoy's loader would refuse or read over, all of it, with places.

use super::constraint;
use super::suggest::nearest;
use super::value::{self, describe};
use super::{Field, Message, Schema, Shape, Type, schema, v2};
use crate::model::{Problem, ProblemKind, Remedy, Version};
use crate::proxy::envoy::scalar::{self, Scalar};
use crate::proxy::envoy::yaml::{Entry, NodeId, Tree};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What happens to faults where this text is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strictness {
    /// An unknown field makes the text refused; otherwise it is read over.
    pub unknown_is_fatal: bool,
    /// A value of the wrong type or outside its limits makes the text refused.
    pub bad_value_is_fatal: bool,
    /// The messages are whole: what is not written is missing.
    pub complete: bool,
    /// Who reads it so, for messages: "Envoy refuses the file".
    pub unknown_effect: &'static str,
    /// The same for bad values.
    pub bad_effect: &'static str,
}

/// Something that the loader would not take as meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which rule speaks of it.
    pub kind: ProblemKind,
    /// Whether the text is refused for certain.
    pub certain: bool,
    /// The key or value.
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Other places.
    pub related: Vec<(Span, String)>,
    /// What Envoy takes instead, where that is known.
    pub remedy: Option<Remedy>,
    /// The first release that takes it.
    pub until: Option<Version>,
}

impl Finding {
    /// As the rules see it.
    pub fn problem(self) -> Problem {
        let Self { kind, certain, span, message, help, related, remedy, until: _ } = self;
        Problem { kind, certain, span, message, help, related, remedy }
    }
}

/// Checks a node as a message of that full name. The message must be in the table; otherwise nothing is said.
pub fn walk(tree: &Tree, node: NodeId, message: &str, strictness: Strictness) -> Vec<Finding> {
    let schema = schema();
    let Some(id) = schema.find(message) else { return Vec::new() };
    let mut walk = Walk { schema, tree, strictness, out: Vec::new(), jobs: Vec::new(), done: HashSet::new() };
    walk.jobs.push(Job { node, of: Type::Message(id), around: None, name: "", at: node });
    while let Some(job) = walk.jobs.pop() {
        walk.value(&job);
    }
    walk.out.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
    walk.out
}

/// Something that is still to be looked at.
struct Job {
    node: NodeId,
    of: Type,
    /// The message around it.
    around: Option<u32>,
    /// The field that holds it.
    name: &'static str,
    /// Where to point when a part of it is missing.
    at: NodeId,
}

struct Walk<'a> {
    schema: &'static Schema,
    tree: &'a Tree,
    strictness: Strictness,
    out: Vec<Finding>,
    jobs: Vec<Job>,
    /// An anchored node is looked at once for each type that it stands for.
    done: HashSet<(NodeId, Type, bool)>,
}

impl Walk<'_> {
    fn bad(&mut self, kind: ProblemKind, at: NodeId, message: String, help: String) {
        self.bad_at(kind, self.tree.span(at), message, help);
    }

    fn bad_at(&mut self, kind: ProblemKind, span: Span, message: String, help: String) {
        let message = message + ": " + self.strictness.bad_effect;
        let certain = self.strictness.bad_value_is_fatal;
        self.out.push(Finding { kind, certain, span, message, help, related: Vec::new(), remedy: None, until: None });
    }

    /// The node, or a place beside its key if it has no bytes of its own.
    fn value(&mut self, job: &Job) {
        let node = self.tree.resolve(job.node);
        let scalar = scalar::scalar(self.tree, node);
        if self.tree.is_opaque(node) || scalar == Some(Scalar::Null) || !self.readable(node) {
            return;
        }
        match job.of {
            Type::Message(id) => match self.schema.message(id).shape {
                Shape::Free => {}
                Shape::Any => self.any(job, node, id),
                Shape::Wrapper(of) => {
                    if self.tree.is_map(node) {
                        self.wrapper(node, of, job, id);
                    } else {
                        self.scalar(job, node, of);
                    }
                }
                Shape::Duration if scalar.is_some() => {
                    let raw = self.tree.text(node).unwrap_or_default();
                    let checked = value::duration(&scalar.unwrap_or(Scalar::Null), raw);
                    self.refused(job, node, checked);
                }
                Shape::Struct | Shape::Fields | Shape::Duration if !self.tree.is_map(node) => self.wrong_shape(job, node, "a map", id),
                Shape::List if !self.tree.is_list(node) => self.wrong_shape(job, node, "a list", id),
                Shape::Struct | Shape::List => {}
                Shape::Fields | Shape::Duration => self.message(node, id, job, false),
            },
            of => self.scalar(job, node, of),
        }
    }

    /// Whether a node is known: a broken alias is an error of its own.
    fn readable(&self, node: NodeId) -> bool {
        self.tree.is_map(node) || self.tree.is_list(node) || self.tree.text(node).is_some()
    }

    fn wrong_shape(&mut self, job: &Job, node: NodeId, wanted: &str, id: u32) {
        let got = self.got(node);
        let short = self.schema.message(id).short();
        let subject = if job.name.is_empty() { "this text".to_owned() } else { format!("`{}`", job.name) };
        let message = format!("{subject} takes {wanted} ({short}), not {got}");
        let help = match only_map_item(self.tree, node) {
            Some(_) if wanted == "a map" => "a single message belongs here: leave the list's `-` away".to_owned(),
            _ => format!("write {wanted}"),
        };
        let at = self.visible(job.node, job.at);
        self.bad_at(ProblemKind::WrongType, at, message, help);
    }

    fn got(&self, node: NodeId) -> String {
        match scalar::scalar(self.tree, node) {
            Some(s) => describe(&s, self.tree.text(node).unwrap_or_default()),
            None if self.tree.is_list(node) => "a list".to_owned(),
            None => "a map".to_owned(),
        }
    }

    /// Where to point for a value: its first line, for a collection its first key or item; its key if it has no bytes.
    fn visible(&self, node: NodeId, key: NodeId) -> Span {
        let mut at = node;
        for _ in 0..64 {
            at = match (self.tree.entries(at).first(), self.tree.items(at).first()) {
                _ if matches!(self.tree.node(at).kind, crate::proxy::envoy::yaml::Kind::Alias { .. }) => break,
                (Some(e), _) => e.key,
                (_, Some(i)) => *i,
                _ => break,
            };
        }
        let span = self.tree.span(at);
        if span.len == 0 { self.tree.span(key) } else { span }
    }

    fn refused(&mut self, job: &Job, node: NodeId, checked: Result<(), value::Refusal>) {
        if let Err(r) = checked {
            let subject = if job.name.is_empty() { "this text".to_owned() } else { format!("`{}`", job.name) };
            let at = if self.tree.span(node).len == 0 { job.at } else { node };
            self.bad(r.kind, at, format!("{subject} {}", r.reason), r.help);
            // A tag takes its part in what the text is read as: `!!str 7` is a number to Envoy.
            let span = self.tree.node(node).tag.map_or(self.tree.span(node), |tag| tag.to(self.tree.span(node)));
            if let Some(last) = self.out.last_mut() {
                last.until = r.until;
                last.remedy = r.instead.filter(|_| span.len > 0).map(|(text, guessed)| Remedy { span, text, guessed });
            }
        }
    }

    fn scalar(&mut self, job: &Job, node: NodeId, of: Type) {
        match scalar::scalar(self.tree, node) {
            Some(s) => {
                let checked = value::check(self.schema, of, &s, self.tree.text(node).unwrap_or_default());
                self.refused(job, node, checked);
            }
            None => {
                let wanted = match of {
                    Type::Text => "a string",
                    Type::Bool => "`true` or `false`",
                    Type::Bytes => "bytes in base64",
                    Type::Enum(_) => "a name",
                    _ => "a number",
                };
                let message = format!("`{}` takes {wanted}, not {}", job.name, self.got(node));
                let help = self.inside_hint(of, node);
                let at = self.visible(job.node, job.at);
                self.bad_at(ProblemKind::WrongType, at, message, help);
                let one = self.parts(job.name, node).map(|text| Remedy { span: self.tree.span(node), text, guessed: false });
                if let Some(last) = self.out.last_mut() {
                    last.remedy = one;
                }
            }
        }
    }

    /// The one string that a list on one line was written for, where it is a list of names with commas.
    fn parts(&self, field: &str, node: NodeId) -> Option<String> {
        let flow = matches!(self.tree.node(node).kind, crate::proxy::envoy::yaml::Kind::List { flow: true, .. });
        if !flow || !matches!(field, "allow_methods" | "allow_headers" | "expose_headers") {
            return None;
        }
        let name = |t: &&str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'));
        let texts = self.tree.items(node).iter().map(|i| self.tree.text(*i).filter(name));
        texts.collect::<Option<Vec<&str>>>().filter(|t| !t.is_empty()).map(|t| format!("\"{}\"", t.join(", ")))
    }

    fn inside_hint(&self, of: Type, node: NodeId) -> String {
        match of {
            Type::Text if self.tree.is_list(node) => "write one string, its parts with commas".to_owned(),
            _ => "write a single value".to_owned(),
        }
    }

    fn wrapper(&mut self, node: NodeId, of: Type, job: &Job, id: u32) {
        for e in self.tree.entries(node) {
            match self.tree.text(e.key) {
                Some("value") => self.jobs.push(Job { node: e.value, of, around: Some(id), name: job.name, at: e.key }),
                Some(key) => {
                    let help = format!("write the value alone: `{}: ...`", job.name);
                    self.unknown(e.key, key, id, None, Some(help));
                }
                None => {}
            }
        }
    }

    fn any(&mut self, job: &Job, node: NodeId, id: u32) {
        if !self.tree.is_map(node) {
            return self.wrong_shape(job, node, "a map with `@type`", id);
        }
        let Some(entry) = self.tree.entry(node, "@type") else {
            if !self.tree.entries(node).is_empty() && !self.tree.has_hole(node) {
                let at = self.visible(node, job.at);
                let message = format!("`{}` has no `@type`", job.name);
                let help = "name the type: `\"@type\": type.googleapis.com/envoy.extensions...`".to_owned();
                self.bad_at(ProblemKind::MissingSetting, at, message, help);
            }
            return;
        };
        if self.tree.is_opaque(entry.value) {
            return;
        }
        let Some(Scalar::Str(url)) = scalar::scalar(self.tree, entry.value) else {
            let at = self.visible(entry.value, entry.key);
            return self.bad_at(ProblemKind::WrongType, at, "`@type` takes a string".to_owned(), "write the type's URL".to_owned());
        };
        if url.find('/').is_none_or(|at| at == 0) {
            let help = format!("write `type.googleapis.com/{}`", url.trim_start_matches('/'));
            let at = if url.is_empty() { entry.key } else { entry.value };
            return self.bad(ProblemKind::BadValue, at, "`@type` takes a URL with a host and a `/`".to_owned(), help);
        }
        let name = url.rsplit('/').next().unwrap_or_default();
        if matches!(name, "xds.type.v3.TypedStruct" | "udpa.type.v1.TypedStruct") {
            return self.typed_struct(node, id);
        }
        match self.schema.find(name) {
            Some(inner) if !name.starts_with("google.protobuf.") => self.message(node, inner, job, true),
            _ if name.starts_with("google.protobuf.") => {}
            _ => self.unknown_type(entry, name),
        }
    }

    /// An extension that the table does not have: one of v2, a slip, or of another build.
    fn unknown_type(&mut self, entry: Entry, name: &str) {
        let old = v2::message(name);
        let near = if old { v2::successor(name, self.schema.names()) } else { None };
        let near = near.or_else(|| nearest(name, self.schema.names().filter(|n| n.starts_with("envoy."))));
        // Builds with extensions of their own are common: only what looks like Envoy's is a matter.
        if near.is_none() && !name.starts_with("envoy.") {
            return;
        }
        let help = match near {
            Some(near) if old => format!("write `type.googleapis.com/{near}`"),
            Some(near) => format!("did you mean `{near}`?"),
            None => "an Envoy built with this extension takes it".to_owned(),
        };
        let message = if old && near.is_some() {
            format!("`{name}` is a type of the v2 API, which Envoy no longer has")
        } else {
            format!("`{name}` is no type that Envoy 1.40 is built with")
        };
        self.bad(ProblemKind::BadValue, entry.value, message, help);
        if let Some(last) = self.out.last_mut() {
            last.certain &= near.is_some();
        }
    }

    fn typed_struct(&mut self, node: NodeId, id: u32) {
        let mut inner = None;
        let mut body = None;
        for e in self.tree.entries(node) {
            match self.tree.text(e.key) {
                Some("@type") | None => {}
                Some("type_url" | "typeUrl") => inner = self.tree.text(e.value),
                Some("value") => body = Some((e.key, e.value)),
                Some(key) => self.unknown(e.key, key, id, None, Some("a TypedStruct has `type_url` and `value`".to_owned())),
            }
        }
        let named = inner.and_then(|url| self.schema.find(url.rsplit('/').next().unwrap_or_default()));
        if let (Some(inner), Some((key, body))) = (named, body)
            && self.tree.is_map(body)
        {
            self.jobs.push(Job { node: body, of: Type::Message(inner), around: None, name: "value", at: key });
        }
    }

    fn message(&mut self, node: NodeId, id: u32, job: &Job, in_any: bool) {
        if !self.done.insert((node, Type::Message(id), in_any)) {
            return;
        }
        let tree = self.tree;
        // Of one spelling the last counts; the earlier are not even looked at.
        let mut last: HashMap<&str, usize> = HashMap::new();
        let entries = tree.entries(node);
        for (i, e) in entries.iter().enumerate() {
            if let Some(key) = tree.text(e.key) {
                last.insert(key, i);
            }
        }
        let fields = self.schema.fields(id);
        let mut written: BTreeMap<usize, Entry> = BTreeMap::new();
        let mut groups: BTreeMap<&str, (usize, Entry)> = BTreeMap::new();
        let mut open = tree.has_hole(node);
        for (i, e) in entries.iter().enumerate() {
            let Some(key) = tree.text(e.key) else { continue };
            if tree.is_opaque(e.key) {
                open = true;
                continue;
            }
            if in_any && key == "@type" {
                continue;
            }
            let Some(at) = self.schema.field(id, key) else {
                // An unknown key is refused even where a later one of the same name counts.
                self.unknown(e.key, key, id, job.around, None);
                open |= key == "<<";
                continue;
            };
            if last.get(key) != Some(&i) {
                continue;
            }
            let field = &fields[at];
            let unset = tree.text(e.value).is_some() && !tree.is_opaque(e.value) && scalar::scalar(tree, e.value) == Some(Scalar::Null);
            if unset {
                continue;
            }
            if let Some(group) = field.oneof {
                match groups.get(group) {
                    // Tags may choose between the two.
                    Some((other, first)) if !tree.has_hole(node) => self.conflict(*first, *e, &fields[*other], field),
                    Some(_) => {}
                    None => {
                        groups.insert(group, (at, *e));
                    }
                }
            }
            written.insert(at, *e);
            self.field(id, field, *e);
        }
        if self.strictness.complete && !open {
            self.absent(node, id, &written, &groups, job);
        }
    }

    fn conflict(&mut self, first: Entry, second: Entry, a: &Field, b: &Field) {
        let message = if a.name == b.name {
            format!("`{}` is set twice, in both spellings", a.name)
        } else {
            format!("`{}` and `{}` exclude each other", a.name, b.name)
        };
        let related = (self.tree.span(first.key), format!("`{}` is set here", a.name));
        self.bad(ProblemKind::ConflictingSettings, second.key, message, "keep one of them".to_owned());
        if let Some(last) = self.out.last_mut() {
            last.related.push(related);
        }
    }

    fn field(&mut self, id: u32, field: &'static Field, e: Entry) {
        let tree = self.tree;
        let job = |node, at| Job { node, of: field.of, around: Some(id), name: field.name, at };
        let before = self.out.len();
        let mut items = 0;
        if field.map {
            if tree.is_map(e.value) {
                let pairs = crate::proxy::envoy::view::View::new(tree, e.value).pairs();
                self.jobs.extend(pairs.into_iter().map(|(k, v)| job(v.id, k.id)));
            } else if !tree.is_opaque(e.value) && self.readable(e.value) {
                let at = self.visible(e.value, e.key);
                let message = format!("`{}` takes a map, not {}", field.name, self.got(e.value));
                self.bad_at(ProblemKind::WrongType, at, message, "write a map".to_owned());
            }
        } else if field.repeated {
            for item in crate::proxy::envoy::view::View::new(tree, e.value).items() {
                items += 1;
                if let Some(reason) = self.limit(|w| constraint::item_broken(w.schema, tree, field, item.id)) {
                    let at = if item.span().len == 0 { e.key } else { item.id };
                    self.bad(ProblemKind::BadValue, at, format!("an item of `{}` {reason}", field.name), String::new());
                }
                self.jobs.push(job(item.id, item.id));
            }
        } else {
            if field.name == "regex"
                && self.schema.message(id).short() == "RegexMatcher"
                && let Some(what) = tree.text(e.value).filter(|_| !tree.is_opaque(e.value)).and_then(value::beyond_re2)
            {
                let message = format!("`regex` has {what}, which RE2 does not know");
                self.bad(ProblemKind::BadValue, e.value, message, "write the expression without it".to_owned());
            }
            self.jobs.push(job(e.value, e.key));
        }
        if self.out.len() == before
            && !tree.is_opaque(e.value)
            && !tree.has_hole(e.value)
            && let Some(reason) = self.limit(|w| constraint::broken(w.schema, tree, field, e.value, items))
        {
            let at = self.visible(e.value, e.key);
            self.bad_at(ProblemKind::BadValue, at, format!("`{}` {reason}", field.name), String::new());
        }
    }

    /// Constraints hold where messages are whole.
    fn limit(&self, check: impl FnOnce(&Self) -> Option<String>) -> Option<String> {
        self.strictness.complete.then(|| check(self)).flatten()
    }

    /// Fields without which the message is refused.
    fn absent(&mut self, node: NodeId, id: u32, written: &BTreeMap<usize, Entry>, groups: &BTreeMap<&str, (usize, Entry)>, job: &Job) {
        let message: &'static Message = self.schema.message(id);
        let at = if job.at == node { self.visible(node, node) } else { self.tree.span(job.at) };
        let at = if at.len == 0 { self.visible(node, node) } else { at };
        for (i, field) in self.schema.fields(id).iter().enumerate() {
            if !written.contains_key(&i) && constraint::missing(self.schema, field) {
                let text = format!("{} without `{}`", message.short(), field.name);
                self.bad_at(ProblemKind::MissingSetting, at, text, format!("add `{}`", field.name));
            }
        }
        for group in message.required.iter().filter(|g| !groups.contains_key(*g)) {
            let members: Vec<&str> = self.schema.fields(id).iter().filter(|f| f.oneof == Some(group)).map(|f| f.name).collect();
            let listed: Vec<String> = members.iter().take(6).map(|m| format!("`{m}`")).collect();
            let text = format!("{} without any of {}", message.short(), listed.join(", "));
            self.bad_at(ProblemKind::MissingSetting, at, text, format!("add {}", listed.join(" or ")));
        }
    }

    fn unknown(&mut self, key: NodeId, written: &str, id: u32, around: Option<u32>, help: Option<String>) {
        let schema = self.schema;
        let short = schema.message(id).short();
        let span = if self.tree.span(key).len == 0 { self.visible(key, key) } else { self.tree.span(key) };
        let mut kind = ProblemKind::UnknownDirective;
        let mut message = format!("{short} has no field `{written}`");
        let names = || schema.fields(id).iter().map(|f| f.name);
        let mut help = help.unwrap_or_default();
        let mut meant = None;
        if !help.is_empty() {
        } else if written == "<<" {
            message = "`<<` is no merge key to Envoy".to_owned();
            help = "write the fields out".to_owned();
        } else if let Some(instead) = v2::field(short, written) {
            message = format!("`{written}` is a field of the v2 API, which Envoy no longer has");
            help = instead.to_owned();
        } else if let Some(near) = nearest(written, names()) {
            help = format!("did you mean `{near}`?");
            // Where that one is there as well, something else was meant.
            let there = self.tree.node(key).parent.is_some_and(|map| self.tree.entry(map, near).is_some());
            meant = (!there).then(|| Remedy { span, text: near.to_owned(), guessed: true });
        } else if let Some(place) = self.right_place(written, id, around) {
            kind = ProblemKind::MisplacedDirective;
            message = format!("`{written}` does not belong in {short}");
            help = place;
        } else {
            let few: Vec<String> = names().take(12).map(|n| format!("`{n}`")).collect();
            help = if few.is_empty() {
                format!("{short} has no fields")
            } else {
                format!("its fields are {}{}", few.join(", "), if names().count() > 12 { ", ..." } else { "" })
            };
        }
        let message = format!("{message}: {}", self.strictness.unknown_effect);
        let certain = self.strictness.unknown_is_fatal;
        self.out.push(Finding { kind, certain, span, message, help, related: Vec::new(), remedy: meant, until: None });
    }

    /// Where a field of that name would be known: one message further out or further in.
    fn right_place(&self, key: &str, id: u32, around: Option<u32>) -> Option<String> {
        let schema = self.schema;
        if let Some(outer) = around
            && schema.field(outer, key).is_some()
        {
            return Some(format!("move it one level out, into {}", schema.message(outer).short()));
        }
        let inner = schema.fields(id).iter().find(|f| match f.of {
            Type::Message(m) => !f.map && schema.message(m).shape == Shape::Fields && schema.field(m, key).is_some(),
            _ => false,
        })?;
        (!matches!(key, "name" | "type" | "value" | "key" | "config" | "typed_config")).then(|| format!("move it into `{}`", inner.name))
    }
}

/// The only item of a list, if it is a map.
fn only_map_item(tree: &Tree, node: NodeId) -> Option<NodeId> {
    match tree.items(node) {
        [one] if tree.is_map(*one) => Some(*one),
        _ => None,
    }
}
