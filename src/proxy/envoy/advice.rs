//! How Envoy is told what rules advise. The texts are the fix texts of its fact sheet.

use crate::model::Advice;

pub(super) fn words(advice: Advice) -> Option<&'static str> {
    Some(match advice {
        Advice::IgnoreCase => "compare without regard to case (`ignore_case: true` beside `exact`)",
        Advice::CarryUpgrades | Advice::SpeakHttp11 => {
            "speak HTTP/1.1 to the cluster (`explicit_http_config: {http_protocol_options: {}}`, the default)"
        }
        Advice::NameOrigins => {
            "allow only origins that are named: `exact`, or a `safe_regex` with its dots escaped (it matches the whole value)"
        }
        Advice::AnswerPreflight => {
            "put the filter `envoy.filters.http.cors` in front of the one that refuses, and give the route a `CorsPolicy`, so that it \
             answers preflights by itself"
        }
        Advice::SendVary => "send `Vary: Origin` with it (`response_headers_to_add`, appended)",
        _ => return None,
    })
}
