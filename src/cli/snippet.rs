//! `hoplint snippet`

use super::CLEAN;
use super::args::Snippet;
use crate::config::Order;
use crate::output;
use crate::proxy::dialect;

pub(super) fn run(args: &Snippet) -> Result<u8, String> {
    let room = dialect(&args.dialect).ok_or_else(|| format!("`{}` is no proxy that hoplint knows", args.dialect))?;
    let serves = args.kind.into();
    let mut order = Order {
        serves,
        path: args.path.clone().unwrap_or_else(|| serves.path().to_owned()),
        upstream: args.upstream.clone(),
        heartbeat: args.heartbeat,
        origins: args.origin.clone(),
    };
    if serves == crate::config::Serves::Cors && order.origins.is_empty() {
        order.origins.push("https://app.example.com".to_owned());
    }
    order.check()?;
    if let Some((other, _)) = args.target.iter().find(|t| t.0 != room.name()) {
        return Err(format!("the target names `{other}`, the dialect is {}", room.name()));
    }
    let text = match args.target.last() {
        Some((_, target)) => room.snippet(&order, *target),
        // For as many releases as can be.
        None => {
            let all: Vec<_> = room.versions().iter().map(|v| room.snippet(&order, *v)).collect();
            all.iter().find(|t| t.is_ok()).or(all.first()).cloned().unwrap_or(Err("no release is supported"))
        }
    }
    .map_err(ToOwned::to_owned)?;
    output::to_stdout(false, |out| out.write_all(text.as_bytes())).map_err(|e| e.to_string())?;
    Ok(CLEAN)
}
