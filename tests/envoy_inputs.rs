//! What hoplint takes for Envoy's configuration, how files are joined, and where the findings point.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use hoplint::model::{Era, Problem, ProblemKind, Version};
use hoplint::proxy::{Dialect, Reading, Site, dialect};
use hoplint::source::{FileId, Files, IncludeMap};
use std::path::Path;

const NEWEST: Version = Version(1, 40, 0);

fn envoy() -> &'static dyn Dialect {
    dialect("envoy").unwrap()
}

fn sites(files: &mut Files, given: &[FileId]) -> Vec<Box<dyn Site>> {
    envoy().read(files, given, &Reading { explicit: true, ..Reading::default() })
}

/// Kind, certainty, the bytes, line and column of every finding.
fn said(name: &str, text: &str) -> Vec<(ProblemKind, bool, String, String)> {
    let mut files = Files::new();
    let id = files.add(name, text.as_bytes().to_vec()).unwrap();
    let sites = sites(&mut files, &[id]);
    let all: Vec<Problem> = sites.iter().flat_map(|s| s.problems(files.map(), &Era::new(NEWEST))).collect();
    all.into_iter().map(|p| (p.kind, p.certain, files.map().text(p.span), files.map().place(p.span))).collect()
}

fn peer(name: &str) -> Vec<(ProblemKind, bool, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/env").join(name);
    said("envoy.yaml", &std::fs::read_to_string(path).unwrap())
}

#[test]
fn the_faults_of_the_classic_files_are_found_and_no_other() {
    assert_eq!(
        peer("08_unknown_cluster.yaml").iter().map(|p| (p.0, p.1, &*p.2)).collect::<Vec<_>>(),
        [(ProblemKind::UndefinedName, true, "nope")]
    );
    let typo = peer("09_typo_field.yaml");
    assert_eq!(typo.iter().map(|p| (p.0, p.1, &*p.2)).collect::<Vec<_>>(), [(ProblemKind::UnknownDirective, true, "stream_idel_timeout")]);
    let twice = peer("10_dup_route_key.yaml");
    assert_eq!(twice.iter().map(|p| (p.0, p.1, &*p.2)).collect::<Vec<_>>(), [(ProblemKind::DuplicateDirective, false, "stat_prefix")]);
    let mut others = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/env")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !["08", "09", "10"].iter().any(|n| name.starts_with(n)) {
            others += 1;
            assert_eq!(peer(&name), [], "{name}");
        }
    }
    assert_eq!(others, 9);
}

const CONFIG_MAP: &str = r#"apiVersion: v1
kind: Service
metadata: {name: edge}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: edge
data:
  readme: |
    not a configuration: {at all
  envoy.yaml: |
    ---
    # the edge
    static_resources:
      clusters:
      - name: app
        connect_timeout: 1m
        conect_timeout: 1s
    dynamic_resources:
      lds_config:
        path_config_source: {path: /etc/envoy/lds.yaml}
  lds.yaml: |
    resources:
    - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
      name: web
      stat_prefixx: a
"#;

#[test]
fn findings_inside_of_a_config_map_point_into_the_manifest() {
    let all = said("edge.yaml", CONFIG_MAP);
    let short: Vec<(ProblemKind, bool, &str, &str)> = all.iter().map(|p| (p.0, p.1, &*p.2, &*p.3)).collect();
    assert_eq!(
        short,
        [
            (ProblemKind::BadValue, true, "1m", "edge.yaml:18:26"),
            (ProblemKind::UnknownDirective, true, "conect_timeout", "edge.yaml:19:9"),
            (ProblemKind::UnknownDirective, false, "stat_prefixx", "edge.yaml:27:7"),
        ]
    );
    // Both entries are one configuration: the first names the second.
    let mut files = Files::new();
    let id = files.add("edge.yaml", CONFIG_MAP.as_bytes().to_vec()).unwrap();
    assert_eq!(sites(&mut files, &[id]).len(), 1);
}

const LDS: &str =
    "resources:\n- \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n  name: web\n  tiemout: 1s\n  stat_prefix: [a]\n";
const BOOTSTRAP: &str =
    "dynamic_resources:\n  lds_config:\n    path_config_source: {path: /etc/envoy/lds.yaml}\n  cds_config: {path: /etc/envoy/cds.yaml}\n";

#[test]
fn discovery_files_are_read_where_the_bootstrap_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("conf")).unwrap();
    std::fs::write(at("conf/lds.yaml"), LDS).unwrap();
    std::fs::write(at("envoy.yaml"), BOOTSTRAP).unwrap();
    let maps = vec![IncludeMap { from: "/etc/envoy".to_owned(), to: at("conf") }];
    let mut files = Files::with_include_maps(maps);
    let root = files.read(&at("envoy.yaml")).unwrap();
    let sites = sites(&mut files, &[root]);
    assert_eq!(sites.len(), 1);
    let names: Vec<&str> = sites[0].files().iter().map(|f| files.map().file(*f).name().rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["envoy.yaml", "lds.yaml"]);
    let all: Vec<(ProblemKind, bool, String)> =
        sites[0].problems(files.map(), &Era::new(NEWEST)).into_iter().map(|p| (p.kind, p.certain, files.map().text(p.span))).collect();
    assert_eq!(all, [(ProblemKind::UnknownDirective, false, "tiemout".to_owned()), (ProblemKind::WrongType, true, "a".to_owned())]);
}

#[test]
fn discovery_files_beside_the_bootstrap_belong_to_it_and_others_to_each_other() {
    let mut files = Files::new();
    let mut add = |name: &str, text: &str| files.add(name, text.as_bytes().to_vec()).unwrap();
    let lds = add("a/lds.yaml", LDS);
    let root = add("a/envoy.yaml", BOOTSTRAP);
    let one = add("b/lds.yaml", LDS);
    let two = add("b/cds.yaml", "resources:\n- \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: app\n");
    let sites = sites(&mut files, &[lds, root, one, two]);
    let sets: Vec<&[FileId]> = sites.iter().map(|s| s.files()).collect();
    assert_eq!(sets, [&[root, lds][..], &[one, two][..]]);
}

#[test]
fn patches_are_never_asked_for_what_they_lack() {
    let patch = "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec:\n  configPatches:\n  - applyTo: VIRTUAL_HOST\n    patch:\n      operation: MERGE\n      value:\n        retry_policy: {num_retries: 1}\n        retry_polcy: {}\n";
    let all = said("filter.yaml", patch);
    assert_eq!(all.iter().map(|p| (p.0, p.1, &*p.2)).collect::<Vec<_>>(), [(ProblemKind::UnknownDirective, false, "retry_polcy")]);
}

#[test]
fn what_a_running_envoy_printed_is_not_judged() {
    let dump = r#"{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
        {"name": "l", "active_state": {"listener": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "brand_new": 1}}}]}]}"#;
    assert!(envoy().claims("config_dump.json", dump.as_bytes()));
    assert_eq!(said("config_dump.json", dump), []);
    // Its clusters may have been left out by whoever saved it.
    let routes = r#"{"configs": [{"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{"active_state": {"listener":
        {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "address": {"socket_address": {"address": "0.0.0.0", "port_value": 80}},
        "filter_chains": [{"filters": [{"name": "h", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "h",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "gone"}}]}]}
        }}]}]}}}]}, {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "static_clusters": [{"cluster":
        {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "there"}}]}]}"#;
    assert_eq!(said("config_dump.json", routes), []);
}

#[test]
fn both_spellings_count_and_templates_are_left_alone() {
    let text = "static_resources:\n  clusters:\n  - name: {{ .Values.name }}\n    connectTimeout: {{ .Values.timeout | quote }}\n    lb_policy: ${POLICY}\n    {{- if .Values.tls }}\n    type: STATIC\n    {{- else }}\n    type: EDS\n    {{- end }}\n";
    assert_eq!(said("envoy.yaml", text), []);
    let broken = "static_resources:\n{{ range .All }}\n  {{ . }}: [\n{{ end }}\n";
    assert_eq!(said("envoy.yaml.tmpl", broken), []);
}

#[test]
fn json_is_held_to_its_own_rules_by_its_name() {
    let text = "{\n  // the edge\n  \"static_resources\": {\"clusters\": [{\"name\": \"app\"}]}\n}\n";
    assert_eq!(said("envoy.json", text).iter().map(|p| &*p.2).collect::<Vec<_>>(), ["// the edge"]);
    assert_eq!(said("envoy.json", "{\"static_resources\": {\"clusters\": [{\"name\": \"app\"},]}}\n"), []);
}

#[test]
fn an_alias_that_holds_itself_is_said_and_does_not_hang() {
    let all = said("envoy.yaml", "static_resources: &a\n  clusters: [*a]\n");
    assert!(all.iter().any(|p| p.1 && p.2 == "*a"), "{all:?}");
    // Each level holds the one before twice: 2^40 nodes if aliases were spelt out.
    let mut bomb = "node: &n0 {metadata: {a: b}}\nstatic_resources:\n  clusters:\n  - &c0 {name: app}\n".to_owned();
    for i in 0..40 {
        bomb.push_str(&format!("  - &c{} [*c{i}, *c{i}]\n", i + 1));
    }
    said("envoy.yaml", &bomb);
}

#[test]
fn files_are_claimed_by_what_they_hold() {
    let claims = |name: &str, text: &str| envoy().claims(name, text.as_bytes());
    assert!(claims("edge.yaml", BOOTSTRAP));
    assert!(claims("lds.yaml", LDS));
    assert!(claims("manifest.yaml", CONFIG_MAP));
    assert!(claims("envoy.yaml.tmpl", "static_resources:\n  listeners: {{ x }}\n"));
    assert!(claims("x.json", "{\"virtual_hosts\": [{\"domains\": [\"*\"]}]}"));
    for (name, text) in [
        ("values.yaml", "envoy.filters: true\nlisteners: 3\nadmin: {address: here}\n"),
        (
            "deployment.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{image: envoyproxy/envoy.x}]}}}\n",
        ),
        (
            "crd.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {properties: {static_resources: {}, virtual_hosts: {}}}\n",
        ),
        ("compose.yaml", "services:\n  envoy: {image: envoy, command: envoy -c /etc/envoy.yaml, depends_on: [static_resources]}\n"),
        ("config.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  nginx.conf: |\n    # envoy.\n    server { listen 80; }\n"),
        ("README.md", BOOTSTRAP),
        ("main.go", BOOTSTRAP),
        ("nginx.conf", "server { # envoy.\n  listen 80;\n}\n"),
    ] {
        assert!(!claims(name, text), "{name}: {text}");
    }
}
