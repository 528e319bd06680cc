//! The releases in which nginx changed what it does.

use crate::model::Version;

/// HTTP/1.1 and kept connections to upstreams, and no `Connection` line, by default `[hs-none]`; `keepalive 0`.
pub(super) const MODERN_UPSTREAMS: Version = Version(1, 29, 7);
/// `HTTP_HOST` for FastCGI, uwsgi and SCGI is the host that was asked for, and no longer the client's own line `[mod-cgi-host]`.
pub(super) const CGI_HOST: Version = Version(1, 29, 5);
/// Exactly one `Host` line, the last written `[hs-host-twice]`.
pub(super) const ONE_HOST: Version = Version(1, 31, 4);
/// `add_header_inherit` `[inh-add_header_inherit]`.
pub(super) const HEADER_MERGE: Version = Version(1, 29, 3);
/// `$request_port`, `$is_request_port` `[host-request_port]`.
pub(super) const REQUEST_PORT: Version = Version(1, 29, 3);
/// `listen … http2` also takes HTTP/1.1 without TLS `[tls-h2-cleartext]`.
pub(super) const SHARED_PORT: Version = Version(1, 25, 1);
