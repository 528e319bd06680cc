//! What a listener does with a request before anything of the configuration is asked.

use super::{End, Flow, Line, Run};
use crate::model::{Dial, ExtendedConnect, Intake, Listener, PathForm, Proxy, Text};
use crate::probe::{asked::Asked, path::Path, path::path_form, value::Val};

impl Run<'_> {
    /// What the listener does with the request before anything is asked; whether that ended it.
    pub(super) fn take_in(&mut self, listener: &Listener) -> bool {
        let intake = &listener.intake;
        let at = self.proxy.scope(listener.seat).span;
        let dial = self.request.dial;
        let refuse = |run: &mut Self, status: Option<u16>| {
            run.status = status;
            if let Some(errors) = intake.errors.filter(|_| status.is_some()) {
                run.failing = true;
                if run.block(errors) == Flow::Done {
                    return true;
                }
            }
            run.stop(if status.is_some() { End::Answered } else { End::Closed }, at) == Flow::Done
        };
        if dial != Dial::Fitting && intake.proxy_protocol
            || dial == Dial::Plain && intake.only_http2 && !listener.tls && &*self.request.http != "2"
            || dial != Dial::Fitting && intake.without_http1 && &*self.request.http != "2"
            || dial == Dial::Tls && intake.offers_http2 && &*self.request.http != "2" && self.request.offers.iter().any(|p| &**p == "h2")
            || dial == Dial::Tls && intake.without_http2 && &*self.request.http == "2"
            || dial == Dial::Tls && !listener.tls
        {
            return refuse(self, None);
        }
        if dial == Dial::Plain && listener.tls {
            return refuse(self, intake.plain_on_tls);
        }
        if let Some(rest) = self.target.split_once("://").map(|(_, rest)| rest.to_owned())
            && !self.target.starts_with('/')
            && (intake.malformed.is_some() || intake.absolute_form)
        {
            let (authority, target) = rest.find(['/', '?']).map_or((&*rest, ""), |i| rest.split_at(i));
            self.named = Some(authority.into());
            self.target = if target.starts_with('/') { target.into() } else { format!("/{target}").into() };
        }
        if let Some(status) = intake.malformed {
            let hosts = self.request.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("host"));
            let named = hosts.clone().any(|(_, v)| !v.is_empty() || intake.empty_host);
            let doubled = hosts.count() > 1;
            if doubled || &*self.request.http == "1.1" && !named {
                return refuse(self, Some(status));
            }
        }
        if intake.nearly_full(&self.request.headers) {
            self.asked = Asked::ALL;
        }
        if let Some(longest) = intake.longest_line
            && self.request.headers.iter().any(|(n, v)| n.len() + v.len() + 4 > longest as usize)
        {
            return refuse(self, intake.malformed);
        }
        if let Some(status) = intake.odd_names
            && self.request.headers.iter().any(|(n, _)| n.bytes().any(|b| b <= b' ' || b >= 0x7f))
        {
            return refuse(self, Some(status));
        }
        if let Some((most, status)) = intake.most_lines
            && self.request.headers.len() > most as usize
        {
            return refuse(self, Some(status));
        }
        if let Some((largest, status)) = intake.largest_head
            && self.request.headers.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() > largest as usize
        {
            return refuse(self, Some(status));
        }
        let target = self.target.clone();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        if path.len() == target.len() {
            self.path = target.clone();
        } else {
            (self.path, self.query) = (path.into(), Val::Is(query.into()));
            self.marked = query.is_empty() && intake.path != PathForm::Decoded;
        }
        if path != "*" && intake.path != PathForm::AsSent || intake.merge_slashes {
            match path_form(path, intake.path, intake.merge_slashes) {
                Path::AsIs => {}
                Path::Is(path) => self.path = path.into(),
                Path::Malformed => return refuse(self, intake.malformed),
                Path::Binary => {
                    self.stop(End::Unknown(Proxy::RUNTIME), at);
                    return true;
                }
            }
            self.untouched = intake.path == PathForm::Decoded || *self.path == *path;
        }
        match self.headers.iter().position(|l| &*l.name == ":protocol").map(|i| (i, intake.extended_connect)) {
            None if intake.extended_connect.is_some() && &*self.request.http == "2" && &*self.method == "CONNECT" => {
                return refuse(self, None);
            }
            Some((_, Some(ExtendedConnect::Closes))) => return refuse(self, None),
            Some((i, Some(ExtendedConnect::Taken))) => {
                let value = self.headers.remove(i).value;
                self.method = "GET".into();
                self.headers.push(Line { name: "upgrade".into(), value, origin: None });
                self.headers.push(Line { name: "connection".into(), value: Val::Is("upgrade".into()), origin: None });
            }
            _ => {}
        }
        false
    }
}

/// How much longer a request gets by the lines of a handshake or of a preflight: more than enough.
const ROOM: usize = 1024;

impl Intake {
    /// Whether a few more lines might be too many, or too long.
    fn nearly_full(&self, headers: &[(Text, Text)]) -> bool {
        let size = || headers.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        self.longest_line.is_some_and(|most| (most as usize) < ROOM)
            || self.most_lines.is_some_and(|(most, _)| headers.len() + 8 > most as usize)
            || self.largest_head.is_some_and(|(most, _)| size() + ROOM > most as usize)
    }
}
