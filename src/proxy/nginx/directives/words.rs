//! Values out of closed lists.

use crate::model::Version;

/// Words that a directive takes, in any letter case; some only since a release.
#[derive(Debug)]
pub(in crate::proxy::nginx) struct Words {
    pub(in crate::proxy::nginx) directive: &'static str,
    pub(in crate::proxy::nginx) words: &'static [&'static str],
    pub(in crate::proxy::nginx) later: &'static [(&'static str, Version)],
}

const fn words(directive: &'static str, words: &'static [&'static str]) -> Words {
    Words { directive, words, later: &[] }
}

const TLS: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// From the `ngx_conf_enum_t` and `ngx_conf_bitmask_t` tables of the source.
pub(in crate::proxy::nginx) static ENUMERATED: &[Words] = &[
    Words { directive: "proxy_http_version", words: &["1.0", "1.1"], later: &[("2", Version(1, 29, 4))] },
    words("satisfy", &["all", "any"]),
    words("if_modified_since", &["off", "exact", "before"]),
    words("add_header_inherit", &["on", "off", "merge"]),
    words("add_trailer_inherit", &["on", "off", "merge"]),
    words("gzip_http_version", &["1.0", "1.1"]),
    words("gzip_static", &["off", "on", "always"]),
    words("lingering_close", &["off", "on", "always"]),
    words("client_body_in_file_only", &["off", "on", "clean"]),
    words("autoindex_format", &["html", "json", "jsonp", "xml"]),
    words("ssl_verify_client", &["off", "on", "optional", "optional_no_ca"]),
    words("ssl_protocols", TLS),
    words("proxy_ssl_protocols", TLS),
    words("keepalive_disable", &["none", "msie6", "safari"]),
    words("gzip_proxied", &["off", "expired", "no-cache", "no-store", "private", "no_last_modified", "no_etag", "auth", "any"]),
    words(
        "proxy_next_upstream",
        &[
            "error",
            "timeout",
            "invalid_header",
            "non_idempotent",
            "updating",
            "http_500",
            "http_502",
            "http_503",
            "http_504",
            "http_403",
            "http_404",
            "http_429",
            "off",
            "denied",
        ],
    ),
    words(
        "proxy_ignore_headers",
        &[
            "X-Accel-Redirect",
            "X-Accel-Expires",
            "X-Accel-Limit-Rate",
            "X-Accel-Buffering",
            "X-Accel-Charset",
            "Expires",
            "Cache-Control",
            "Set-Cookie",
            "Vary",
        ],
    ),
];
