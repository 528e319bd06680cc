//! What a text is to Envoy: a bootstrap, resources of a discovery file, an admin dump, patches, a ConfigMap that holds some of
//! these; told by its content.

use super::schema::schema;
use super::view::View;
use super::yaml::{NodeId, Tree};

/// Who reads a [`Unit`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Envoy at its start.
    Bootstrap,
    /// Envoy, from a discovery file.
    Discovery,
    /// Resources without what wraps them: who reads them is not known.
    Bare,
    /// A running Envoy printed it.
    Dump,
    /// A control plane merges it into a configuration that is not seen.
    Patch,
}

/// A message that stands in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// The map (for a broken text perhaps something else).
    pub node: NodeId,
    /// `envoy.config.listener.v3.Listener`
    pub message: Box<str>,
    /// Who reads it.
    pub role: Role,
}

/// What a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Messages.
    Units(Vec<Unit>),
    /// Scalars whose text may be one of these in turn: their keys and values.
    Embedded(Vec<(NodeId, NodeId)>),
    /// Nothing of Envoy's.
    Other,
}

/// `envoy.config.bootstrap.v3.Bootstrap`
pub const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";
/// `envoy.config.listener.v3.Listener`
pub const LISTENER: &str = "envoy.config.listener.v3.Listener";
/// `envoy.config.cluster.v3.Cluster`
pub const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
/// `envoy.config.route.v3.RouteConfiguration`
pub const ROUTES: &str = "envoy.config.route.v3.RouteConfiguration";
/// `envoy.config.endpoint.v3.ClusterLoadAssignment`
pub const ENDPOINTS: &str = "envoy.config.endpoint.v3.ClusterLoadAssignment";
/// `envoy.service.discovery.v3.DiscoveryResponse`
pub const DISCOVERY: &str = "envoy.service.discovery.v3.DiscoveryResponse";

/// Tells what a document is.
pub fn content(tree: &Tree, root: NodeId) -> Content {
    let view = View::new(tree, root);
    let word = |key: &str| tree.get(root, key).and_then(|v| tree.text(v));
    match word("kind") {
        Some("ConfigMap") => return embedded(view),
        Some("EnvoyFilter") => return units(patches(view)),
        Some(_) if tree.get(root, "apiVersion").is_some() => return Content::Other,
        _ => {}
    }
    if tree.is_list(root) {
        let kinds: Vec<Option<&str>> = tree.items(root).iter().map(|i| bare(View::new(tree, *i))).collect();
        return match kinds.first() {
            Some(Some(first)) if kinds.iter().all(|k| *k == Some(first)) => {
                units(tree.items(root).iter().map(|i| unit(*i, first, Role::Bare)).collect())
            }
            _ => Content::Other,
        };
    }
    if is_dump(view) {
        return units(dump(view));
    }
    if is_bootstrap(view) {
        return units(vec![unit(root, BOOTSTRAP, Role::Bootstrap)]);
    }
    if is_discovery(view) {
        return units(vec![unit(root, DISCOVERY, Role::Discovery)]);
    }
    match bare(view) {
        Some(message) => units(vec![unit(root, message, Role::Bare)]),
        None => units(snapshot(view)),
    }
}

fn units(units: Vec<Unit>) -> Content {
    if units.is_empty() { Content::Other } else { Content::Units(units) }
}

fn unit(node: NodeId, message: &str, role: Role) -> Unit {
    Unit { node, message: message.into(), role }
}

/// The resources of a discovery file, each with the name of its message.
pub fn resources(response: View<'_>) -> Vec<(String, View<'_>)> {
    let all = response.list("resources").into_iter().filter_map(View::any);
    all.map(|(name, body)| (name.into_owned(), body)).collect()
}

/// Fields of a bootstrap that nothing else has.
const OWN: &[&str] =
    &["bootstrap_extensions", "layered_runtime", "overload_manager", "stats_config", "stats_sinks", "cluster_manager", "hds_config"];

fn is_bootstrap(view: View<'_>) -> bool {
    let table = schema();
    let all_known = || {
        let id = table.find(BOOTSTRAP);
        id.is_some_and(|id| view.pairs().iter().all(|(k, _)| k.text().is_some_and(|k| table.field(id, k).is_some())))
    };
    if OWN.iter().any(|f| view.field(f).is_some()) && all_known() {
        return true;
    }

    let known = |field: &str, inside: &[&str]| view.field(field).is_some_and(|v| v.is_map() && inside.iter().any(|f| v.entry(f).is_some()));
    known("static_resources", &["listeners", "clusters", "secrets"])
        || known("dynamic_resources", &["lds_config", "cds_config", "ads_config"])
        || known("admin", &["address", "access_log_path", "access_log"])
            && view.field("admin").and_then(|a| a.find(&["address", "socket_address"])).is_some()
}

fn is_discovery(view: View<'_>) -> bool {
    view.list("resources").iter().any(|r| names_envoy(*r))
}

/// Whether `@type` names a message of Envoy's.
fn names_envoy(view: View<'_>) -> bool {
    let url = view.tree.get(view.id, "@type").and_then(|t| view.tree.text(t)).unwrap_or_default();
    url.rsplit('/').next().is_some_and(|name| name.starts_with("envoy."))
}

/// A resource that stands alone, by its fields.
fn bare(view: View<'_>) -> Option<&'static str> {
    let has = |field: &str| view.entry(field).is_some();
    let items = |field: &str, inside: &str| view.list(field).iter().any(|i| i.entry(inside).is_some());
    if !view.is_map() {
        return None;
    }
    if names_envoy(view) {
        let (name, _) = view.any()?;
        return [LISTENER, CLUSTER, ROUTES, ENDPOINTS].into_iter().find(|m| *m == name);
    }
    if has("filter_chains") && (has("address") || has("name")) && items("filter_chains", "filters") {
        return Some(LISTENER);
    }
    if items("virtual_hosts", "domains") {
        return Some(ROUTES);
    }
    if items("endpoints", "lb_endpoints") && has("cluster_name") {
        return Some(ENDPOINTS);
    }
    let endpoints = view.field("load_assignment").is_some_and(|l| l.entry("endpoints").is_some());
    let discovered = has("eds_cluster_config") && (has("type") || has("connect_timeout"));
    if has("name") && (endpoints || discovered) {
        return Some(CLUSTER);
    }
    None
}

/// Several lists of resources under the names that `static_resources` or a snapshot gives them.
fn snapshot(view: View<'_>) -> Vec<Unit> {
    let lists = [("listeners", LISTENER), ("clusters", CLUSTER), ("routes", ROUTES), ("endpoints", ENDPOINTS)];
    let mut out = Vec::new();
    let mut sure = false;
    for (field, message) in lists {
        let items = view.list(field);
        sure |= !items.is_empty() && items.iter().all(|i| bare(*i) == Some(message));
        out.extend(items.iter().filter(|i| i.is_map()).map(|i| unit(i.id, message, Role::Bare)));
    }
    if sure { out } else { Vec::new() }
}

fn is_dump(view: View<'_>) -> bool {
    view.list("configs")
        .iter()
        .any(|c| c.any().is_some_and(|(name, _)| name.starts_with("envoy.admin.v3.") && name.ends_with("ConfigDump")))
}

/// The resources of an admin dump, as far as they say something: what runs, not what was given up.
fn dump(view: View<'_>) -> Vec<Unit> {
    let mut out = Vec::new();
    let mut bootstrap = None;
    let mut take = |resource: Option<View<'_>>| {
        if let Some((name, body)) = resource.and_then(View::any) {
            out.push(unit(body.id, &name, Role::Dump));
        }
    };
    for config in view.list("configs") {
        let Some((name, body)) = config.any() else { continue };
        match name.rsplit('.').next().unwrap_or_default() {
            "BootstrapConfigDump" => bootstrap = body.field("bootstrap"),
            "ListenersConfigDump" => {
                body.list("static_listeners").iter().for_each(|l| take(l.field("listener")));
                body.list("dynamic_listeners").iter().for_each(|l| take(l.find(&["active_state", "listener"])));
            }
            "ClustersConfigDump" => {
                body.list("static_clusters").iter().for_each(|c| take(c.field("cluster")));
                body.list("dynamic_active_clusters").iter().for_each(|c| take(c.field("cluster")));
            }
            // Static routes are printed inside of their listeners as well.
            "RoutesConfigDump" => body.list("dynamic_route_configs").iter().for_each(|r| take(r.field("route_config"))),
            "EndpointsConfigDump" => {
                body.list("static_endpoint_configs").iter().for_each(|e| take(e.field("endpoint_config")));
                body.list("dynamic_endpoint_configs").iter().for_each(|e| take(e.field("endpoint_config")));
            }
            _ => {}
        }
    }
    if out.is_empty() {
        out.push(bootstrap.map_or_else(|| unit(view.id, "envoy.admin.v3.ConfigDump", Role::Dump), |b| unit(b.id, BOOTSTRAP, Role::Dump)));
    }
    out
}

/// The patches of Istio's `EnvoyFilter`.
fn patches(view: View<'_>) -> Vec<Unit> {
    let Some(spec) = view.field("spec") else { return Vec::new() };
    let one = |p: &View<'_>| {
        let message = match &*p.field("apply_to")?.str()? {
            "LISTENER" => LISTENER,
            "FILTER_CHAIN" => "envoy.config.listener.v3.FilterChain",
            "LISTENER_FILTER" => "envoy.config.listener.v3.ListenerFilter",
            "NETWORK_FILTER" => "envoy.config.listener.v3.Filter",
            "HTTP_FILTER" => "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
            "ROUTE_CONFIGURATION" => ROUTES,
            "VIRTUAL_HOST" => "envoy.config.route.v3.VirtualHost",
            "HTTP_ROUTE" => "envoy.config.route.v3.Route",
            "CLUSTER" => CLUSTER,
            "EXTENSION_CONFIG" => "envoy.config.core.v3.TypedExtensionConfig",
            "BOOTSTRAP" => BOOTSTRAP,
            _ => return None,
        };
        let value = p.find(&["patch", "value"]).filter(|v| v.is_map())?;
        Some(unit(value.id, message, Role::Patch))
    };
    spec.list("config_patches").iter().filter_map(one).collect()
}

/// The texts of a ConfigMap that are long enough to be one.
fn embedded(view: View<'_>) -> Content {
    let texts: Vec<(NodeId, NodeId)> = view
        .field("data")
        .map(View::pairs)
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, v)| v.text().is_some_and(|t| t.contains('\n') || t.contains('{')))
        .map(|(k, v)| (k.id, v.id))
        .collect();
    if texts.is_empty() { Content::Other } else { Content::Embedded(texts) }
}
