//! Filters as they are written, and what the levels around a request say of them.

use super::At;

/// What the levels around a request say of filters, the most specific first: weighted cluster, route, virtual host, route
/// configuration.
#[derive(Clone, Default)]
pub(super) struct Levels<'a> {
    /// Maps of per-filter configuration.
    pub(super) maps: Vec<At<'a>>,
    /// Policies in the deprecated fields.
    pub(super) cors: Vec<At<'a>>,
}

/// A filter of a chain.
#[derive(Clone)]
pub(super) struct Filter<'a> {
    pub(super) name: &'a str,
    /// Last part of its message's name; none: it comes from elsewhere, or is none.
    pub(super) kind: Option<&'a str>,
    pub(super) config: At<'a>,
    disabled: bool,
    pub(super) at: At<'a>,
}

/// What a level says of a filter.
#[derive(Clone)]
pub(super) struct Override<'a> {
    /// Last part of its message's name.
    pub(super) kind: &'a str,
    pub(super) config: At<'a>,
    disabled: bool,
}

impl<'a> Filter<'a> {
    pub(super) fn read(at: At<'a>) -> Self {
        let (kind, config) = match at.get("typed_config").and_then(At::any) {
            Some((name, config)) => (name.rsplit('.').next(), config),
            // Older releases took a well-known name alone; what it means is clear.
            None if at.get("config_discovery").is_none() => (by_name(at.str("name").unwrap_or_default()), at),
            None => (None, at),
        };
        Self { name: at.str("name").unwrap_or_default(), kind, config, disabled: at.bool("disabled") == Some(true), at }
    }

    pub(super) fn routes(&self) -> bool {
        self.kind == Some("Router")
    }

    /// What the levels say of it, the most specific first.
    pub(super) fn overrides(&self, levels: &Levels<'a>) -> Vec<Override<'a>> {
        let found = levels.maps.iter().filter_map(|l| l.entries().into_iter().find(|e| e.0 == self.name).map(|e| e.1));
        found
            .filter_map(|at| {
                let (name, config) = at.any()?;
                if name != "envoy.config.route.v3.FilterConfig" {
                    return Some(Override { kind: name.rsplit('.').next()?, config, disabled: false });
                }
                let inner = config.get("config").and_then(At::any);
                let (kind, inner) = inner.map_or(("", config), |(n, c)| (n.rsplit('.').next().unwrap_or_default(), c));
                Some(Override { kind, config: inner, disabled: config.bool("disabled") == Some(true) })
            })
            .collect()
    }

    /// Whether it takes part: the most specific level decides `[m-filter-disabled-route-enables, cors-route-disable]`.
    pub(super) fn is_on(&self, over: &[Override<'a>]) -> bool {
        over.first().map_or(!self.disabled, |o| !o.disabled)
    }
}

/// The kind of a filter that has only its well-known name.
fn by_name(name: &str) -> Option<&'static str> {
    Some(match name.rsplit('.').next()? {
        "router" => "Router",
        "cors" => "Cors",
        "buffer" => "Buffer",
        "grpc_web" => "GrpcWeb",
        _ => return None,
    })
}
