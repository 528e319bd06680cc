//! Envoy, and how an example is moved to addresses of this machine.

use super::{Addresses, CERTIFICATE, Edits, Ground, KEY, Proxy, Release, Skip, Staged};
use std::{ffi::OsString, fs, process::Command};

pub(crate) struct Envoy;

/// Limits on an open WebSocket.
const TIMERS: &[&str] = &["idle_timeout:", "stream_idle_timeout:", "max_stream_duration:"];

impl Proxy for Envoy {
    fn dialect(&self) -> &'static str {
        "envoy"
    }

    fn installed(&self) -> OsString {
        std::env::var_os("HOPLINT_ENVOY").unwrap_or_else(|| "envoy".into())
    }

    fn asks_version(&self) -> &'static str {
        "--version"
    }

    /// Whole configurations only: every `socket_address` of the listeners becomes a free one, every other the backend's.
    fn stage(&self, _: &Release, text: &str, ground: &Ground<'_>) -> Result<Staged, Skip> {
        let found = discovered(text);
        // What a discovery service sends may hold fields that Envoy does not know.
        let args = if found.is_some() { &["--allow-unknown-static-fields"][..] } else { &[] };
        let text = &*found.unwrap_or_else(|| text.to_owned());
        if !text.lines().any(|l| l.trim_end() == "static_resources:") {
            return Err(Skip("an Envoy example that is no whole configuration".into()));
        }
        let mut addresses = Addresses::default();
        let mut edits = Edits::of(text);
        // `address: A` and `port_value: N` of one socket address stand beside each other, on one line or on two.
        let mut at = 0;
        let mut host: Option<std::ops::Range<usize>> = None;
        let mut in_clusters = false;
        for line in text.split_inclusive('\n') {
            match line.trim() {
                "clusters:" => in_clusters = true,
                "listeners:" => in_clusters = false,
                _ => {}
            }
            if let Some(range) = value(line, "address:") {
                host = Some(at + range.start..at + range.end);
            }
            if let (Some(port), Some(name)) = (value(line, "port_value:"), host.clone()) {
                let port = at + port.start..at + port.end;
                let written = format!("{}:{}", &text[name.clone()], &text[port.clone()]);
                let to = if in_clusters { ground.upstreams.at(&written) } else { addresses.of(&written) };
                edits.replace(name, to.ip().to_string());
                edits.replace(port, to.port().to_string());
                host = None;
            }
            for key in TIMERS.iter().filter(|_| ground.faster > 1) {
                if let Some(range) = value(line, key) {
                    let whole: f64 = line[range.clone()].trim_end_matches('s').parse().map_err(|_| Skip(format!("`{key}` is no time")))?;
                    edits.replace(at + range.start..at + range.end, format!("{:.3}s", whole / f64::from(ground.faster)));
                }
            }
            at += line.len();
        }
        let main = ground.dir.join("envoy.yaml");
        fs::write(&main, edits.done()).unwrap();
        fs::write(ground.dir.join("cert.pem"), CERTIFICATE).unwrap();
        fs::write(ground.dir.join("key.pem"), KEY).unwrap();
        Ok(Staged { listeners: addresses.given, args, ..Staged::of(main) })
    }

    fn check(&self, release: &Release, staged: &Staged) -> Command {
        configured(release, staged, &["--mode", "validate"])
    }

    fn serve(&self, release: &Release, staged: &Staged) -> Command {
        configured(release, staged, &["--concurrency", "1", "--disable-hot-restart"])
    }
}

/// A bootstrap with the one resource of a discovery file: a listener, or routes.
fn discovered(text: &str) -> Option<String> {
    let rest = text.strip_prefix("resources:\n- \"@type\": type.googleapis.com/envoy.config.")?;
    let (kind, fields) = rest.split_once('\n')?;
    let indented = |by: usize| {
        let margin = " ".repeat(by);
        fields.lines().flat_map(|l| [&*margin, l, "\n"]).map(ToOwned::to_owned).collect::<String>()
    };
    match kind.trim_end() {
        "listener.v3.Listener" => Some(LISTENER.replace("@fields\n", &indented(2))),
        "route.v3.RouteConfiguration" => Some(ROUTES.replace("@fields\n", &indented(10))),
        _ => None,
    }
}

/// Surroundings of a listener, which may ask for its routes.
const LISTENER: &str = "\
node: {id: staged, cluster: staged}
dynamic_resources:
  ads_config: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: ads}}]}
static_resources:
  clusters:
  - name: ads
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: ads
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9}}}}]}]
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 80}}
@fields
";

/// Surroundings of routes.
const ROUTES: &str = "\
static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 0.0.0.0, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          http_filters:
          - name: router
            typed_config:
              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            validate_clusters: false
@fields
";

/// In the folder of the configuration, which its own paths are relative to.
fn configured(release: &Release, staged: &Staged, args: &[&str]) -> Command {
    let mut command = release.command(args);
    command
        .args(staged.args)
        .args(["--log-level", "warning", "-c", staged.main.to_str().unwrap()])
        .current_dir(staged.main.parent().unwrap());
    command
}

/// The scalar behind a key on a line, in block or flow style.
fn value(line: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let keys = line.match_indices(key).map(|(i, _)| i).filter(|i| {
        let before = line[..*i].chars().next_back();
        before.is_none_or(|c| matches!(c, ' ' | '{' | ','))
    });
    keys.map(|i| {
        let rest = &line[i + key.len()..];
        let from = i + key.len() + rest.len() - rest.trim_start().len();
        let scalar = &line[from..];
        from..from + scalar.find([',', '}', '#', '\n', ' ']).unwrap_or(scalar.len())
    })
    .find(|range| !range.is_empty() && !line[range.start..].starts_with('{'))
}
