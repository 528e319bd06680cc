//! `cors/headers-lost-on-jump`

use super::super::{
    Confidence, Level, Related,
    context::{Context, CrossOrigin, is_cors, line, serves},
};
use crate::model::{Advice, HeaderOp, Kind};

const BEHIND_JUMP: &str = "write the lines where the request is answered: what is set beside a jump does not go along with it";

pub(in crate::rules) fn check(cx: &mut Context<'_>, c: &CrossOrigin<'_>) {
    if !serves(&c.plain) {
        return;
    }
    for b in &c.plain {
        let Some(list) = b.policy.map(|p| cx.proxy.policy(p).answer) else { continue };
        if line(b, "access-control-allow-origin").is_some() || cx.speaks(list) {
            continue;
        }
        let left = b.jumps.iter().find_map(|j| {
            let left = cx.proxy.policy(j.left?).answer;
            (cx.speaks(left) && !cx.displaced(list).contains(&left)).then_some((*j, left))
        });
        let Some((jump, left)) = left else { continue };
        let mut f = cx.finding("cors/headers-lost-on-jump", Level::Warning, jump.span);
        f.confidence = Confidence::Likely;
        f.message = format!("the jump leaves the `Access-Control-*` headers of {} behind", cx.title(c.witness.route));
        f.label = "jumps to a place with a list of its own".to_owned();
        for op in cx.proxy.list(left).ops.iter().filter(|op| is_cors(&op.name)) {
            f.related.push(Related { span: op.value.origin.span, message: format!("`{}` is set here, and in force only here", op.name) });
        }
        if let Some(sent) = &b.sent {
            f.related.push(Related { span: sent.span, message: "forwarded here, and answered without them".to_owned() });
        }
        f.help = cx.advice(Advice::WriteBehindJump, BEHIND_JUMP).to_owned();
        f.example = Some(format!("GET {} HTTP/1.1, Origin: {}", c.witness.path, c.origin));
        let lost: Vec<HeaderOp> = cx.proxy.list(left).ops.iter().filter(|op| super::speaks_of_origins(&op.name)).cloned().collect();
        f.intent = cx.must_answer(c.witness, &[Kind::CrossOrigin], b, &["Access-Control-Allow-Origin"], &lost, &c.origin);
        cx.report(f);
    }
}
