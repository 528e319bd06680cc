//! The table itself, and the walk over small texts.

use super::*;
use crate::model::ProblemKind;
use crate::proxy::envoy::scalar::camel_case;
use crate::yaml::{Source, parse};
use proptest::prelude::*;

const STRICT: Strictness =
    Strictness { unknown_is_fatal: true, bad_value_is_fatal: true, complete: true, unknown_effect: "refused", bad_effect: "refused" };

/// Kind, bytes and help of what is said of a text as that message.
fn said(message: &str, text: &str) -> Vec<(ProblemKind, String, String)> {
    let tree = parse(&Source::whole(text.as_bytes(), 0));
    let found = walk(&tree, tree.root().unwrap(), message, STRICT);
    found.into_iter().map(|f| (f.kind, text[f.span.start as usize..f.span.end() as usize].to_owned(), f.help)).collect()
}

#[test]
fn the_table_is_whole_and_its_references_lead_somewhere() {
    let s = schema();
    assert_eq!((s.messages.len(), s.fields.len(), s.enums.len()), (1452, 4892, 173));
    for (id, message) in s.messages.iter().enumerate() {
        let fields = s.fields(id as u32);
        assert!(fields.is_sorted_by(|a, b| a.name < b.name), "{} cannot be searched", message.name);
        for (i, field) in fields.iter().enumerate() {
            match field.of {
                Type::Message(to) => assert!((to as usize) < s.messages.len()),
                Type::Enum(to) => assert!((to as usize) < s.enums.len()),
                _ => {}
            }
            assert_eq!(s.field(id as u32, field.name), Some(i));
            assert_eq!(s.field(id as u32, &camel_case(field.name)), Some(i), "{} of {}", field.name, message.name);
        }
        for group in &message.required {
            assert!(fields.iter().any(|f| f.oneof == Some(group)), "{group} of {}", message.name);
        }
    }
}

const ROUTE: &str = "envoy.config.route.v3.Route";

#[test]
fn a_field_in_the_wrong_place_is_told_where_it_belongs() {
    let text = "match: {prefix: /}\nroute: {cluster: a}\nupgrade_configs: [{upgrade_type: websocket}]\n";
    let all = said(ROUTE, text);
    assert_eq!(all, [(ProblemKind::MisplacedDirective, "upgrade_configs".to_owned(), "move it into `route`".to_owned())]);
    let text = "match: {prefix: /}\nroute: {cluster: a, typed_per_filter_config: {}}\n";
    assert_eq!(said(ROUTE, text)[0].2, "move it one level out, into Route");
}

#[test]
fn both_spellings_of_a_member_of_a_group_are_a_conflict_and_null_is_none() {
    let conflicts = |text| said(ROUTE, text).into_iter().filter(|f| f.0 == ProblemKind::ConflictingSettings).count();
    assert_eq!(conflicts("match: {prefix: /}\ndirect_response: {status: 200}\ndirectResponse: {status: 201}\n"), 1);
    assert_eq!(conflicts("match: {prefix: /, path: null}\ndirect_response: {status: 200}\n"), 0);
}

#[test]
fn of_two_equal_keys_only_the_last_value_is_looked_at() {
    let text = "match: {prefix: /}\nroute: {cluster: a, timeout: soon, timeout: 1s}\n";
    assert_eq!(said(ROUTE, text), []);
}

#[test]
fn what_an_anchor_holds_is_judged_once() {
    let text = "match: {prefix: /}\nroute:\n  cluster: a\n  request_mirror_policies:\n  - &m {cluster: b, clutser: c}\n  - *m\n";
    assert_eq!(said(ROUTE, text).iter().map(|f| &*f.1).collect::<Vec<_>>(), ["clutser"]);
}

#[test]
fn missing_parts_are_said_at_what_lacks_them() {
    let all = said("envoy.config.route.v3.RouteConfiguration", "virtual_hosts:\n- name: v\n  routes:\n  - name: r\n");
    let short: Vec<(&str, &str)> = all.iter().map(|f| (&*f.1, &*f.2)).collect();
    assert_eq!(short[0], ("name", "add `domains`"));
    assert_eq!(short[1], ("name", "add `match`"));
    assert!(short[2].1.contains("`direct_response`"));
}

#[test]
fn struct_values_and_keys_of_maps_are_data() {
    let text = "name: a\nmetadata:\n  filter_metadata:\n    any.key: {anything: [1, {x: ~}]}\n";
    assert_eq!(said("envoy.config.cluster.v3.Cluster", text), []);
}

#[test]
fn what_is_inside_of_a_typed_struct_is_judged_as_its_type() {
    let text = "name: r\ntyped_config:\n  \"@type\": type.googleapis.com/xds.type.v3.TypedStruct\n  type_url: type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n  value: {dynamic_statss: true}\n";
    let all = said("envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter", text);
    assert_eq!(all.iter().map(|f| &*f.1).collect::<Vec<_>>(), ["dynamic_statss"]);
}

proptest! {
    #[test]
    fn any_text_is_walked_without_a_panic(parts in proptest::collection::vec(prop::sample::select(vec![
        "static_resources", "listeners", "clusters", "name", "\"@type\"", ": ", ":\n  ", "- ", "\n", "\n  ", "\n    ", "[", "]", "{", "}", ", ",
        "&x ", "*x", "!!str ", "1s", "-1s", "yes", "7", "0x", "9e99", "''", "~", "<<", "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "connect_timeout", "load_assignment", "{{ t }}", "\u{e9}", "metadata",
    ]), 0..60)) {
        let text = parts.concat();
        let tree = parse(&Source::whole(text.as_bytes(), 0));
        for root in tree.documents().iter().flatten() {
            for message in ["envoy.config.bootstrap.v3.Bootstrap", "envoy.config.cluster.v3.Cluster", "google.protobuf.Any"] {
                for f in walk(&tree, *root, message, STRICT) {
                    prop_assert!(f.span.end() as usize <= text.len());
                    prop_assert!(!f.message.is_empty());
                }
            }
        }
    }
}
