//! The answer of `hoplint trace`, for people and (version 1) for programs.

use super::text::clean_line;
use crate::model::Request;
use crate::probe::trace::{Ground, HeaderLine, Timer, Trace};
use crate::source::{SourceMap, Span};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The version of the form.
pub const VERSION: u32 = 1;

/// What was asked.
#[derive(Debug)]
pub struct About<'a> {
    /// The dialect.
    pub proxy: &'static str,
    /// The release.
    pub target: String,
    /// The request.
    pub request: &'a Request,
}

/// Prints the answer for programs.
///
/// # Errors
/// What the writer reports.
pub fn json(out: &mut dyn Write, map: &SourceMap, about: &About<'_>, t: &Trace) -> io::Result<()> {
    let lines = |list: &[HeaderLine]| list.iter().map(|(n, v)| json!([n, v])).collect::<Vec<_>>();
    let timer = |timer: Option<&Timer>| {
        timer.map(|t| json!({"milliseconds": t.milliseconds, "name": t.name, "origin": t.origin, "span": span(map, t.span), "rearmed_by": t.rearmed_by}))
    };
    let document = json!({
        "version": VERSION,
        "proxy": about.proxy,
        "target": about.target,
        "listener": t.listener,
        "virtual_host": t.virtual_host,
        "route": t.route.as_ref().map(|(name, at)| json!({"name": name, "span": span(map, Some(*at))})),
        "why": t.why.iter().map(|(text, at)| json!({"text": text, "span": span(map, *at)})).collect::<Vec<_>>(),
        "action": t.action,
        "upstream": t.upstream.as_ref().map(|u| json!({
            "name": u.name, "addresses": u.addresses, "request": {"line": u.line, "headers": lines(&u.headers)},
        })),
        "response": {"status": t.status, "headers": lines(&t.headers), "body": t.body},
        "handshake": t.handshake.as_ref().map(|h| json!({
            "verdict": h.verdict, "reason": h.reason,
            "because": h.because.iter().map(|g| json!({
                "what": g.what, "value": g.value, "origin": g.origin, "span": span(map, g.span),
            })).collect::<Vec<_>>(),
        })),
        "timers": {"idle": timer(t.idle.as_ref()), "handshake": timer(t.shake.as_ref()), "lifetime": timer(t.lifetime.as_ref())},
        "unknown": t.unknown.iter().map(|(pointer, reason)| json!({"pointer": pointer, "reason": reason})).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn span(map: &SourceMap, span: Option<Span>) -> Value {
    let Some((span, (_, file))) = span.and_then(|s| map.file_at(s.start).map(|f| (s, f))) else { return Value::Null };
    let start = span.start - file.base();
    let place = |at: u32| {
        let p = file.position(at);
        json!({"offset": p.offset, "line": p.line, "column": p.column})
    };
    json!({"file": file.name(), "start": place(start), "end": place(start.saturating_add(span.len))})
}

/// Prints the answer for people.
///
/// # Errors
/// What the writer reports.
pub fn text(out: &mut dyn Write, map: &SourceMap, about: &About<'_>, t: &Trace) -> io::Result<()> {
    let at = |s: Option<Span>| s.map_or_else(String::new, |s| format!("  [{}]", map.place(s)));
    let Request { method, target, http, .. } = about.request;
    writeln!(out, "{} {}: {method} {} HTTP/{http}", about.proxy, about.target, clean_line(target))?;
    writeln!(out, "\nWho takes it")?;
    writeln!(out, "  listener {}", t.listener)?;
    if let Some(host) = &t.virtual_host {
        writeln!(out, "  virtual host {}", clean_line(host))?;
    }
    for (why, span) in &t.why {
        writeln!(out, "  {}{}", clean_line(why), at(*span))?;
    }
    writeln!(out, "  => {}", t.action)?;
    if let Some(up) = &t.upstream {
        let name = if up.name.is_empty() { String::new() } else { format!(" {}", clean_line(&up.name)) };
        writeln!(out, "\nWhat reaches the upstream{name} ({})", up.addresses.join(", "))?;
        writeln!(out, "  {}", clean_line(up.line.as_deref().unwrap_or("(request line not known)")))?;
        header_lines(out, &up.headers)?;
    }
    writeln!(out, "\nWhat comes back")?;
    match t.status {
        Some(status) => writeln!(out, "  {status}")?,
        None if t.unknown.iter().any(|u| u.0 == "/response/status") => writeln!(out, "  (status not known)")?,
        None => writeln!(out, "  (the connection is closed without an answer)")?,
    }
    header_lines(out, &t.headers)?;
    if let Some(body) = &t.body {
        writeln!(out, "  body: {}", clean_line(body))?;
    }
    if let Some(h) = &t.handshake {
        writeln!(out, "\nHandshake: {}, because {}", h.verdict, clean_line(&h.reason))?;
        for Ground { what, value, origin, span } in &h.because {
            writeln!(out, "  {what}: {} ({origin}){}", clean_line(value.as_deref().unwrap_or("-")), at(*span))?;
        }
    }
    let timers = [("cut when silent", &t.idle), ("cut while waiting for the answer", &t.shake), ("cut in any case", &t.lifetime)];
    if timers.iter().any(|(_, timer)| timer.is_some()) {
        writeln!(out, "\nClocks")?;
        for (what, timer) in timers {
            let Some(timer) = timer else { continue };
            let limit = match timer.milliseconds {
                Some(ms) if ms % 1000 == 0 => format!("after {} s", ms / 1000),
                Some(ms) => format!("after {ms} ms"),
                None if timer.origin == "unknown" => "not known".to_owned(),
                None => "never".to_owned(),
            };
            writeln!(out, "  {what}: {limit} ({}, {}){}", timer.name, timer.origin, at(timer.span))?;
        }
    }
    if !t.unknown.is_empty() {
        writeln!(out, "\nNot known")?;
        for (pointer, reason) in &t.unknown {
            writeln!(out, "  {pointer}: {}", clean_line(reason))?;
        }
    }
    Ok(())
}

fn header_lines(out: &mut dyn Write, lines: &[HeaderLine]) -> io::Result<()> {
    for (name, value) in lines {
        writeln!(out, "  {}: {}", clean_line(name), clean_line(value.as_deref().unwrap_or("(not known)")))?;
    }
    Ok(())
}
