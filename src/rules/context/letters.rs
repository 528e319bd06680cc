//! Whether a configuration tells `Upgrade: websocket` from `Upgrade: WebSocket`.

use crate::model::{Act, Cond, Conv, Expr, ExprId, Matcher, Proxy, Step, Subject, Target};

/// Whether anything looks at the letters of the client's `Upgrade` line, or might: then both spellings must be tried.
pub(super) fn tells_apart(proxy: &Proxy) -> bool {
    let tested = proxy.conds.iter().any(|cond| match cond {
        Cond::Test(atom) => subject(proxy, &atom.of, 0) && tells(proxy, &atom.is, atom.fold),
        _ => false,
    });
    // A group of servers is found by its name, to the letter.
    let named = |step: &Step| matches!(&step.act, Act::Forward { to: Target::Named { name, .. }, .. } if reads(proxy, *name, 0));
    tested
        || proxy.steps().iter().any(named)
        || proxy.exprs.iter().any(|expr| match expr {
            Expr::Map(id, of) if reads(proxy, *of, 0) => {
                let map = proxy.map(*id);
                !map.fold && map.exact.iter().any(|e| !e.0.is_empty()) || map.rules.iter().any(|r| tells(proxy, &r.0, r.1))
            }
            Expr::Via(Conv::Replace { .. }, of) => reads(proxy, *of, 0),
            _ => false,
        })
}

/// Whether a test may pass for the one spelling and not for the other.
fn tells(proxy: &Proxy, is: &Matcher, fold: bool) -> bool {
    match is {
        Matcher::Any | Matcher::Present | Matcher::There | Matcher::Truthy | Matcher::Within(_) => false,
        Matcher::Regex(id) => !proxy.pattern(*id).fold,
        Matcher::Is(texts) => !fold && texts.iter().any(|t| !t.is_empty()),
        Matcher::Same(_) | Matcher::Starts(_) | Matcher::Ends(_) | Matcher::Has(_) | Matcher::Token(_) => !fold,
    }
}

fn subject(proxy: &Proxy, of: &Subject, depth: u32) -> bool {
    match of {
        Subject::Header(name) => &**name == "upgrade",
        Subject::Value(e) => reads(proxy, *e, depth),
        _ => false,
    }
}

/// Whether the letters of the line may come out of an expression. What was set before is not followed.
fn reads(proxy: &Proxy, expr: ExprId, depth: u32) -> bool {
    const DEEPEST: u32 = 32;
    if depth > DEEPEST {
        return true;
    }
    match proxy.expr(expr) {
        Expr::Read(of) => subject(proxy, of, depth + 1),
        Expr::Join(parts) => parts.iter().any(|p| reads(proxy, *p, depth + 1)),
        Expr::Via(Conv::Lower | Conv::Upper, _) | Expr::Text(_) | Expr::Map(..) | Expr::Opaque { .. } => false,
        Expr::Via(_, of) => reads(proxy, *of, depth + 1),
        Expr::Slot(_) | Expr::Capture(_) => true,
    }
}
