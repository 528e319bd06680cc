//! Every kind of snippet in every dialect that writes them: the real proxy accepts it, and its route does what it is for.

use super::{
    backend::{Backend, Events, Manner},
    client::{self, Request},
    proxies::{Ground, Release},
};
use hoplint::{
    config::{Order, Serves},
    proxy::dialect,
};
use std::{collections::BTreeSet, time::Duration};

const ORIGIN: &str = "https://app.example.com";

/// Tries all kinds on a release: the text for the oldest release that can do it and all later ones, and the one for this release
/// and later ones. How many texts were tried, and what this release cannot do.
///
/// # Errors
/// What did not work.
pub(crate) fn run(release: &Release) -> Result<(usize, Vec<String>), String> {
    let room = dialect(release.dialect()).unwrap();
    let (mut tried, mut cannot) = (0, Vec::new());
    for serves in Serves::ALL {
        for origins in [Vec::new(), vec![ORIGIN.to_owned()]] {
            if serves == Serves::Cors && origins.is_empty() {
                continue;
            }
            let order = Order {
                serves,
                path: serves.path().into(),
                upstream: "127.0.0.1:3000".into(),
                heartbeat: Some(Duration::from_secs(30).as_millis() as u64),
                origins,
            };
            let can = room.versions().iter().filter(|v| **v <= release.version).find_map(|v| room.snippet(&order, *v).ok());
            let texts: BTreeSet<String> = match room.snippet(&order, release.version) {
                Ok(text) => can.into_iter().chain([text]).collect(),
                Err(why) => {
                    cannot.push(format!("{}: {why}", serves.word()));
                    continue;
                }
            };
            for text in texts {
                let manner = Manner { events: (serves == Serves::Events).then_some(Events::Watched), ..Manner::default() };
                works(release, &order, &text, &Backend::start(manner)).map_err(|e| format!("{release}: {}: {e}\n{text}", serves.word()))?;
                tried += 1;
            }
        }
    }
    Ok((tried, cannot))
}

fn works(release: &Release, order: &Order, text: &str, backend: &Backend) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let ground = Ground::new(dir.path(), backend);
    let staged = release.stage(text, &ground).map_err(|s| s.0)?;
    let said = release.check(&staged)?;
    if !said.accepted {
        return Err(said.text);
    }
    let _running = release.serve(&staged, dir.path())?;
    let at = staged.listener(None).ok_or("no listener")?;
    let host = "www.example.com";
    if order.upgrades() {
        let request = Request::handshake(&order.path, host);
        let opens = |request: &Request| client::open(at, request).socket.as_mut().is_some_and(client::echoes);
        if !opens(&request) {
            return Err("the handshake was refused".into());
        }
        if let Some(origin) = order.origins.first()
            && (!opens(&request.clone().with("Origin", origin)) || opens(&request.with("Origin", "https://evil.example.org")))
        {
            return Err("the origin check is wrong".into());
        }
    }
    match order.serves {
        Serves::Cors => {
            let preflight = Request::preflight(&order.path, host, ORIGIN, "authorization,content-type");
            let answer = client::ask(at, &preflight).map_err(|e| e.to_string())?;
            client::preflight_check(&answer.head, &preflight)?;
            let plain = |origin: &str| client::ask(at, &Request::get(&order.path, host).with("Origin", origin)).map_err(|e| e.to_string());
            client::cors_check(&plain(ORIGIN)?.head, ORIGIN)?;
            let foreign = "https://evil.example.org";
            if client::cors_check(&plain(foreign)?.head, foreign).is_ok() {
                return Err("any origin is let in".into());
            }
        }
        Serves::Events => {
            client::listen(at, &Request::get(&order.path, host), &|| backend.hear()).map_err(|e| e.to_string())?;
            if !backend.heard_in_time() {
                return Err("events are held back".into());
            }
        }
        Serves::SocketIo => {
            let answer =
                client::ask(at, &Request::get(&format!("{}?EIO=4&transport=polling", order.path), host)).map_err(|e| e.to_string())?;
            let line = backend.seen().last().map(|s| s.head.headers.iter().any(|h| h.0.eq_ignore_ascii_case("upgrade")));
            if answer.head.status() != Some(200) || line != Some(false) {
                return Err("polling does not arrive as it should".into());
            }
        }
        Serves::WebSocket => {}
    }
    Ok(())
}
