//! One configuration: a bootstrap with the discovery files that it names, or resources that were given without one.

use super::input::{self, Content, DISCOVERY, Role, Unit, content};
use super::view::View;
use super::yaml::{NodeId, Source, Tree, parse};
use crate::source::{FileId, Files, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A text: a file, or an entry of a ConfigMap.
#[derive(Debug)]
pub struct Text {
    /// Its path, or the entry's key.
    pub name: String,
    /// The file it lies in.
    pub file: FileId,
    /// Its tree.
    pub tree: Tree,
    /// Its messages; of a file with several documents those of the first that has any, as Envoy reads no other.
    pub units: Vec<Unit>,
    /// Whether it lies inside of another text.
    pub embedded: bool,
}

/// A message of a configuration: the index of its text, and the message.
#[derive(Clone, Debug)]
pub struct Part {
    /// Index into [`Conf::texts`].
    pub text: usize,
    /// The message.
    pub unit: Unit,
}

/// A configuration.
#[derive(Debug)]
pub struct Conf {
    /// All files, that of the root first.
    pub files: Vec<FileId>,
    /// All texts, the root first.
    pub texts: Vec<Arc<Text>>,
    /// Trees around embedded texts: they hold comments.
    pub hosts: Vec<Arc<Text>>,
    /// Discovery files by the paths that name them: indexes into `texts`.
    named: BTreeMap<String, usize>,
    /// Files that are named and not there: the path's bytes and text. What they hold is unknown.
    pub holes: Vec<(Span, String)>,
    /// Whether there is no bootstrap: what is not written may stand elsewhere.
    pub fragment: bool,
}

impl Conf {
    /// All messages; those of the root first.
    pub fn parts(&self) -> Vec<Part> {
        let of = |(i, t): (usize, &Arc<Text>)| t.units.iter().map(|u| Part { text: i, unit: u.clone() }).collect::<Vec<_>>();
        self.texts.iter().enumerate().flat_map(of).collect()
    }

    /// A message, to be read.
    pub fn view(&self, part: &Part) -> View<'_> {
        View::new(&self.texts[part.text].tree, part.unit.node)
    }

    /// Every resource of that message that does not stand inside of `static_resources`: those of discovery files, dumps and
    /// fragments, in order.
    pub fn resources(&self, message: &str) -> Vec<View<'_>> {
        let mut out = Vec::new();
        for part in self.parts() {
            let view = self.view(&part);
            if &*part.unit.message == message {
                out.push(view);
            } else if &*part.unit.message == DISCOVERY {
                out.extend(input::resources(view).into_iter().filter(|(name, _)| name == message).map(|(_, body)| body));
            }
        }
        out
    }

    /// The text of the discovery file that is named by that path, if it was found.
    pub fn named(&self, path: &str) -> Option<&Text> {
        self.named.get(path).map(|i| &*self.texts[*i])
    }
}

/// The last part of a path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Reads all given files and sorts them into configurations. A file that a person names and that is nothing known counts as a
/// bootstrap, as it does for Envoy.
pub fn read(files: &mut Files, given: &[FileId], explicit: bool) -> Vec<Conf> {
    let mut texts: Vec<(Arc<Text>, Option<Arc<Text>>)> = Vec::new();
    for id in given {
        texts.extend(load(files, *id, explicit));
    }
    let mut used = vec![false; texts.len()];
    let mut out: Vec<Conf> = Vec::new();
    for i in 0..texts.len() {
        if texts[i].0.units.iter().any(|u| matches!(u.role, Role::Bootstrap | Role::Dump)) {
            used[i] = true;
            let conf = gather(files, &texts, i, &mut used);
            out.push(conf);
        }
    }
    // What no bootstrap names: files of one set together.
    let mut sets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for i in (0..texts.len()).filter(|i| !used[*i]) {
        sets.entry(set_of(files, &texts[i].0)).or_default().push(i);
    }
    for members in sets.into_values() {
        let mut conf =
            Conf { files: Vec::new(), texts: Vec::new(), hosts: Vec::new(), named: BTreeMap::new(), holes: Vec::new(), fragment: true };
        for i in members {
            add(&mut conf, &texts[i]);
        }
        out.push(conf);
    }
    out.sort_by_key(|c| c.texts.first().map(|t| t.tree.span));
    out
}

fn add(conf: &mut Conf, (text, host): &(Arc<Text>, Option<Arc<Text>>)) {
    if !conf.files.contains(&text.file) {
        conf.files.push(text.file);
    }
    conf.texts.push(Arc::clone(text));
    if let Some(host) = host
        && !conf.hosts.iter().any(|h| Arc::ptr_eq(h, host))
    {
        conf.hosts.push(Arc::clone(host));
    }
}

/// Which texts without a bootstrap belong together.
fn set_of(files: &Files, text: &Text) -> String {
    let role = text.units.first().map(|u| u.role);
    let dir = if text.embedded { format!("{}#{}", text.file.0, text.tree.span.start) } else { files.dir(text.file) };
    match role {
        Some(Role::Discovery) if text.embedded => format!("{}:", text.file.0),
        Some(Role::Discovery) => format!("{dir}/"),
        // `x.listeners.yaml`, `x.routes.yaml`, `x.clusters.yaml` are one set.
        Some(Role::Bare) => {
            let stem = base(&text.name);
            let stem = stem.rsplit_once('.').map_or(stem, |s| s.0);
            let kind = |k: &str| matches!(k, "listeners" | "routes" | "clusters" | "endpoints" | "secrets");
            let stem = stem.rsplit_once('.').filter(|(_, k)| kind(k)).map_or(stem, |(s, _)| s);
            format!("{dir}/{stem}")
        }
        _ => format!("{}:{}", text.file.0, text.tree.span.start),
    }
}

/// A bootstrap with the discovery files that it names, and those that these name.
fn gather(files: &mut Files, texts: &[(Arc<Text>, Option<Arc<Text>>)], root: usize, used: &mut [bool]) -> Conf {
    let mut conf =
        Conf { files: Vec::new(), texts: Vec::new(), hosts: Vec::new(), named: BTreeMap::new(), holes: Vec::new(), fragment: false };
    add(&mut conf, &texts[root]);
    let mut at = 0;
    while at < conf.texts.len() {
        let text = Arc::clone(&conf.texts[at]);
        at += 1;
        for (span, path) in paths(&text.tree) {
            if conf.named.contains_key(&path) {
                continue;
            }
            let beside = (0..texts.len()).find(|i| {
                let other = &texts[*i].0;
                let near = other.embedded == text.embedded
                    && if text.embedded { other.file == text.file } else { files.dir(other.file) == files.dir(text.file) };
                *i != root && near && base(&other.name) == base(&path) && !conf.texts.iter().any(|t| Arc::ptr_eq(t, other))
            });
            if let Some(i) = beside {
                used[i] = true;
                conf.named.insert(path, conf.texts.len());
                if texts[i].0.embedded {
                    add(&mut conf, &texts[i]);
                } else {
                    add(&mut conf, &(Arc::new(load_whole(files, texts[i].0.file, true)), None));
                }
                continue;
            }
            let dir = files.dir(text.file);
            let join = |name: &str| if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
            let tries = if path.starts_with('/') {
                vec![path.clone(), join(base(&path))]
            } else {
                vec![join(&path), path.clone(), join(base(&path))]
            };
            let found = if text.embedded { None } else { tries.iter().find_map(|t| files.read(t).ok()) };
            match found {
                // A file that names itself brings nothing new.
                Some(id) if id == texts[root].0.file => {}
                Some(id) => {
                    conf.named.insert(path, conf.texts.len());
                    // Given as well: it is read here.
                    for i in (0..texts.len()).filter(|i| texts[*i].0.file == id && !texts[*i].0.embedded && *i != root) {
                        used[i] = true;
                    }
                    let text = load_whole(files, id, true);
                    add(&mut conf, &(Arc::new(text), None));
                }
                None => conf.holes.push((span, path)),
            }
        }
    }
    conf
}

/// Paths of discovery files that a text names.
fn paths(tree: &Tree) -> Vec<(Span, String)> {
    let mut out = Vec::new();
    for id in tree.all().filter(|id| tree.is_map(*id)) {
        for e in tree.entries(id) {
            let Some(key) = tree.text(e.key) else { continue };
            let source = matches!(key, "path_config_source" | "pathConfigSource")
                || key.ends_with("config_source")
                || key.ends_with("configSource")
                || matches!(key, "lds_config" | "cds_config" | "eds_config" | "ldsConfig" | "cdsConfig" | "edsConfig");
            if let Some(path) = source.then(|| tree.get(e.value, "path")).flatten()
                && let Some(text) = tree.text(path)
                && !tree.is_opaque(path)
                && !text.is_empty()
            {
                out.push((tree.span(path), text.to_owned()));
            }
        }
    }
    out.sort_by_key(|p| p.0);
    out.dedup_by(|a, b| a.1 == b.1);
    out
}

/// Whether a file is parsed by YAML's rules: JSON files are, as far as their tree goes.
fn load_whole(files: &Files, id: FileId, named_by_bootstrap: bool) -> Text {
    let file = files.map().file(id);
    let tree = parse(&Source::whole(file.bytes(), file.base()));
    let name = file.name().to_owned();
    let units = if named_by_bootstrap {
        // Whatever it holds, Envoy reads it as the answer of a discovery service.
        tree.root().map(|node| Unit { node, message: DISCOVERY.into(), role: Role::Discovery }).into_iter().collect()
    } else {
        Vec::new()
    };
    Text { name, file: id, tree, units, embedded: false }
}

/// A file, and the texts inside of it; each with the text around it.
fn load(files: &Files, id: FileId, explicit: bool) -> Vec<(Arc<Text>, Option<Arc<Text>>)> {
    let mut whole = load_whole(files, id, false);
    let mut out = Vec::new();
    let mut inside: Vec<Text> = Vec::new();
    let roots: Vec<NodeId> = whole.tree.documents().iter().copied().flatten().collect();
    let mut others = false;
    for root in roots {
        match content(&whole.tree, root) {
            Content::Units(units) if whole.units.is_empty() || units.iter().all(|u| u.role == Role::Patch) => whole.units.extend(units),
            Content::Units(_) => {}
            Content::Embedded(texts) => {
                others = true;
                for (key, value) in texts {
                    inside.extend(load_embedded(files, &whole, key, value));
                }
            }
            Content::Other => others |= whole.tree.get(root, "kind").is_some(),
        }
    }
    if inside.is_empty() && whole.units.is_empty() && !others {
        // Given as it is, Envoy would read it as a bootstrap.
        let units =
            whole.tree.root().filter(|_| explicit).map(|node| Unit { node, message: input::BOOTSTRAP.into(), role: Role::Bootstrap });
        whole.units.extend(units);
        return vec![(Arc::new(whole), None)];
    }
    let units = !whole.units.is_empty();
    let whole = Arc::new(whole);
    if units {
        out.push((Arc::clone(&whole), None));
    }
    out.extend(inside.into_iter().map(|t| (Arc::new(t), Some(Arc::clone(&whole)))));
    if out.is_empty() {
        out.push((whole, None));
    }
    out
}

fn load_embedded(files: &Files, host: &Text, key: NodeId, value: NodeId) -> Option<Text> {
    let span = host.tree.span(host.tree.resolve(value));
    let source = Source::embedded(&host.tree, host.tree.resolve(value), files.map().bytes(span))?;
    let tree = parse(&source);
    let root = tree.documents().iter().copied().flatten().next()?;
    let Content::Units(units) = content(&tree, root) else { return None };
    let name = host.tree.text(key).unwrap_or_default().to_owned();
    Some(Text { name, file: host.file, tree, units, embedded: true })
}

/// Ends of names that Envoy's configuration goes by, templates included; a name without an end as well.
const ENDS: &[&str] =
    &["yaml", "yml", "json", "yaml.tmpl", "yml.tmpl", "tmpl", "tpl", "template", "j2", "yaml.in", "in", "conf", "gotmpl", "erb"];

/// Whether a text of that name holds something of Envoy's.
pub fn claims(name: &str, head: &[u8]) -> bool {
    let file = base(name);
    let end = file.split_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, e)| e).to_ascii_lowercase();
    let known = end.is_empty() || ENDS.iter().any(|e| end == *e || end.ends_with(&format!(".{e}")));
    // Cheap words first: most files are something else.
    let hint = |word: &[u8]| head.windows(word.len()).any(|w| w == word);
    let hints: [&[u8]; 11] = [
        b"bootstrap_extensions",
        b"static_resources",
        b"staticResources",
        b"dynamic_resources",
        b"dynamicResources",
        b"envoy.",
        b"virtual_hosts",
        b"virtualHosts",
        b"load_assignment",
        b"loadAssignment",
        b"EnvoyFilter",
    ];
    let hinted = hints.iter().any(|h| hint(h)) || hint(b"admin") && hint(b"address");
    if !known || !hinted {
        return false;
    }
    let tree = parse(&Source::whole(head, 0));
    let found = |root: NodeId| match content(&tree, root) {
        Content::Units(_) => true,
        Content::Embedded(texts) => texts.iter().any(|(_, value)| {
            let node = tree.resolve(*value);
            let span = tree.span(node);
            let raw = head.get(span.start as usize..span.end() as usize).unwrap_or_default();
            let Some(source) = Source::embedded(&tree, node, raw) else { return false };
            let inner = parse(&source);
            inner.documents().iter().flatten().any(|r| matches!(content(&inner, *r), Content::Units(_)))
        }),
        Content::Other => false,
    };
    // A broken text is claimed by the line that a bootstrap has.
    let lines = || head.split(|b| *b == b'\n').any(|l| l.starts_with(b"static_resources:") || l.starts_with(b"dynamic_resources:"));
    tree.documents().iter().flatten().any(|r| found(*r)) || !tree.errors.is_empty() && lines()
}
