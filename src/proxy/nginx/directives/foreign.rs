//! Directives of modules that are not part of nginx's own source.

/// Beginnings and ends of the directives of well-known modules that are not part of nginx's own source.
const FOREIGN_BEGINNINGS: &[&str] = &[
    "accesskey",
    "acme_",
    "ajp_",
    "api",
    "app_protect",
    "array_",
    "auth_digest",
    "auth_gss",
    "auth_jwt",
    "auth_ldap",
    "auth_oidc",
    "auth_pam",
    "auth_spnego",
    "aws_",
    "brotli",
    "cache_purge",
    "check",
    "concat",
    "cookie_flag",
    "ct",
    "dash",
    "datadog_",
    "dav_ext",
    "deny_",
    "drizzle_",
    "dynamic_",
    "echo",
    "encrypted_session",
    "eval",
    "fair",
    "fancyindex",
    "f4f",
    "geoip2",
    "health_check",
    "hls",
    "iconv_",
    "jdomain",
    "js_",
    "jwt",
    "keyval",
    "length_hiding",
    "limit_traffic_rate",
    "live",
    "lua_",
    "memc_",
    "mgmt",
    "modsecurity",
    "more_",
    "mruby_",
    "nchan_",
    "ndk_",
    "njs",
    "ntlm",
    "opentelemetry",
    "opentracing",
    "otel",
    "pagespeed",
    "passenger",
    "pg_",
    "postgres_",
    "push_stream",
    "queue",
    "rds_",
    "redis",
    "rtmp",
    "secure_token",
    "security_headers",
    "session_log",
    "set_",
    "shib_",
    "slowfs_",
    "srcache_",
    "ssl_ct",
    "ssl_dyn_rec",
    "state",
    "status_zone",
    "sticky_",
    "subs_filter",
    "sysguard",
    "testcookie",
    "track_uploads",
    "upload_",
    "upstream_",
    "vhost_traffic_status",
    "vod",
    "waf",
    "xss_",
    "zone_sync",
    "zstd",
];
const FOREIGN_ENDS: &[&str] = &["_by_lua", "_by_lua_block", "_by_lua_file", "_cache_purge", "_limit_status", "_req_status"];

/// Blocks whose name nginx reserves for modules outside its main source, or that lie outside what hoplint reads.
const FOREIGN_BLOCKS: &[&str] = &["mail", "match", "rtmp", "application", "otel_exporter", "acme_issuer", "wasm", "mgmt"];

/// Whether a directive belongs to a well-known module.
pub(in crate::proxy::nginx) fn is_foreign(name: &str) -> bool {
    FOREIGN_BEGINNINGS.iter().any(|f| name.starts_with(f))
        || FOREIGN_ENDS.iter().any(|f| name.ends_with(f))
        || FOREIGN_BLOCKS.contains(&name)
        // naxsi
        || name.ends_with("Rule") || name.starts_with("SecRules") || matches!(name, "LearningMode" | "DeniedUrl")
}

#[cfg(test)]
mod tests {
    use super::is_foreign;

    #[test]
    fn names_of_modules_are_no_slips() {
        for name in ["more_set_headers", "content_by_lua_block", "subs_filter", "proxy_cache_purge", "js_content", "set_escape_uri"] {
            assert!(is_foreign(name), "{name}");
        }
        assert!(!is_foreign("proxy_set_headers"));
    }
}
