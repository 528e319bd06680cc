//! HAProxy 2.0 to 3.5.

use hoplint::proxy::haproxy::syntax::{Fault, Style, Tree, Variable, line};
use serde_json::Value;

/// Words, and kind and place of errors, of every recorded line equal those of HAProxy's own tokeniser.
#[test]
fn recorded_words_of_haproxy_are_split() {
    let text = include_str!("haproxy/tokens.jsonl");
    let head: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let variable = |name: &str| match head["env"][name].as_str() {
        Some(value) => Variable::Is(value.to_owned()),
        // Pseudo-variables, as the measurement set them.
        None => match name {
            ".LINE" => Variable::Is("1".to_owned()),
            ".FILE" => Variable::Is("f.cfg".to_owned()),
            ".SECTION" => Variable::Is("sec".to_owned()),
            _ => Variable::Unset,
        },
    };
    let mut compared = 0;
    for recorded in text.lines().skip(1) {
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let input = recorded["in"].as_str().unwrap().as_bytes();
        for version in ["2.6.0", "3.0.0", "3.2.0", "dev"] {
            let said = if recorded[version].is_object() { &recorded[version] } else { &recorded["dev"] };
            let style = Style { variable: &variable, swallows: matches!(version, "3.0.0" | "3.2.0"), drops_last_empty: version == "3.0.0" };
            let mut tree = Tree::default();
            line(input, 0, input.len(), &style, &mut tree);
            let id = &recorded["id"];
            if let Some(kinds) = said["error"].as_array() {
                let ours: Vec<(&str, u64)> = tree
                    .errors
                    .iter()
                    .map(|e| {
                        let kind = match e.fault {
                            Fault::Quote => "quote",
                            Fault::Brace => "brace",
                            Fault::Hex => "hex",
                            Fault::VariableName => "varname",
                            other => panic!("{id}: {other:?}"),
                        };
                        (kind, u64::from(e.at))
                    })
                    .collect();
                let theirs: Vec<(&str, u64)> = kinds.iter().map(|k| (k.as_str().unwrap(), said["pos"].as_u64().unwrap())).collect();
                assert_eq!(ours, theirs, "{id} at {version}: {}", recorded["in"]);
            } else {
                let ours: Vec<&str> = tree.words.iter().map(|w| &*w.text).collect();
                let theirs: Vec<&str> = said["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
                assert_eq!((ours, tree.errors.len()), (theirs, 0), "{id} at {version}: {}", recorded["in"]);
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 1379 * 4, "lines and versions compared");
}
