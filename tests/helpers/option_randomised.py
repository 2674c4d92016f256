"""Options of `graphrec policy` and `graphrec experiment` with their checks."""

from __future__ import annotations

from option_checks import Check, names, printed

LOG = "evaluate --log {decisions} --randomised"
DECIDE = "decide --log {decisions} --randomised --facts age --out {out}.csv"


def only_decide(given: str) -> list[Check]:
    """The option is of no use to `evaluate`, and refused there."""
    return [Check(given, LOG, refused="has no use for it")]


POLICY: dict[str, list[Check]] = {
    "action": [Check("judge", "--log {decisions}", refused="there is no action 'judge'")],
    "--log": [Check("--log {outcomes}", "evaluate", refused="this column is missing")],
    "--randomised": [Check("--randomised", "evaluate --log {decisions}", result=printed)],
    "--policy": [Check("--policy rule", LOG, result=printed)],
    "--facts": [
        Check("--facts age", LOG, result=printed),
        Check("--facts agee", LOG, refused="the log has no such column"),
    ],
    "--score": [Check("--score points", LOG, result=printed)],
    "--control": [
        Check("--control ten", f"{LOG} --score points", result=printed),
        Check("--control five", f"{LOG} --score points", refused="there is no arm 'five'"),
    ],
    "--model": [Check("--model boosting", f"{LOG} --facts age", result=printed)],
    "--seed": [
        Check("--seed 3", f"{LOG} --facts age", result=printed),
        Check("--seed -3", LOG, refused="-3 is no seed"),
    ],
    "--out": [Check("--out {dir}/a", LOG, "--out {dir}/b", result=names)],
    "--wandb": [
        Check("--wandb offers", LOG, refused="give --out"),
        Check("--wandb offers", f"{LOG} --out {{dir}}", result=lambda ran: list(ran.place.rglob("*.wandb"))),
    ],
    "--users": [Check("--users {known}", DECIDE), *only_decide("--users {known}")],
    "--learner": [Check("--learner t", DECIDE), *only_decide("--learner t")],
    "--cost": [
        Check("--cost ten=9", f"{DECIDE} --columns cost="),
        Check("--cost ten=9", DECIDE, refused="the log says what each decision cost"),
        *only_decide("--cost ten=9"),
    ],
    "--budget": [Check("--budget 3", DECIDE), *only_decide("--budget 3")],
    "--explore": [Check("--explore 0.3", DECIDE), *only_decide("--explore 0.3")],
    "--explore_seed": [
        Check("--explore_seed 4", f"{DECIDE} --explore 0.3"),
        Check("--explore_seed 4", DECIDE, refused="draws nothing"),
        *only_decide("--explore_seed 4"),
    ],
    "--columns": [Check("--columns reward=points", LOG, result=printed)],
    "--delimiter": [Check("--delimiter ;", LOG, refused="arm")],
    "--encoding": [Check("--encoding utf-16-le", LOG, refused="UTF-16-LE")],
    "--decimal": [Check("--decimal ;;", LOG, refused="decimal")],
}

FED = "--offers {sent} --log {sold} --out {dir}"
FEEDBACK: dict[str, list[Check]] = {
    "--offers": [Check("--offers {offers}", "--log {sold} --out {dir}", refused="left to chance")],
    "--log": [
        Check("--log {few_sold} --encoding utf-16-le", "--offers {sent} --out {dir}", "--log {sold}"),
        Check("--log {log}", "--offers {sent} --out {dir}", refused="spans"),
    ],
    "--out": [
        Check("--out {dir}/a", "--offers {sent} --log {sold}", "--out {dir}/b", result=names),
        Check("--out {loop}", "--offers {sent} --log {sold}", refused="was fed before"),
    ],
    "--promote": [Check("--promote", FED, result=names)],
    "--columns": [
        Check("--columns user_id=kunde", FED.replace("sold", "verkauft"), allows="user_id"),
        Check("--columns quantity=", FED, result=printed),
    ],
    "--delimiter": [Check("--delimiter |", FED, refused="sold.csv")],
    "--decimal": [Check("--decimal ;;", FED, refused="decimal")],
    "--encoding": [Check("--encoding utf-16-le", FED, refused="sold.csv")],
}

SIZE = "--baseline 0.1 --effect 0.02"
ASSIGN = f"{SIZE} --users {{users}} --out {{dir}}"
PLAN: dict[str, list[Check]] = {
    "--baseline": [Check("--baseline 0.2", "--effect 0.02", "--baseline 0.1", result=printed)],
    "--sd": [Check("--sd 2", SIZE, result=printed)],
    "--past": [
        Check("--past {outcomes}", "--measure spend --effect 1", "--past {outcomes} --sd 99", result=printed),
        Check("--past {outcomes}", SIZE, refused="not said, or twice"),
    ],
    "--measure": [
        Check("--measure bought", "--past {outcomes} --effect 0.1", "--measure spend", result=printed),
        Check("--measure spend", SIZE, refused="names a column of --past"),
    ],
    "--explained": [Check("--explained 0.5", SIZE, result=printed)],
    "--effect": [Check("--effect 0.03", "--baseline 0.1", "--effect 0.02", result=printed)],
    "--lift": [
        Check("--lift 10%", "--baseline 0.1", "--effect 0.02", result=printed),
        Check("--lift 10%", SIZE, refused="the effect is given twice"),
        Check("--lift ten", "--baseline 0.1", refused="'ten' is no lift in per cent"),
    ],
    "--people": [Check("--people 900", SIZE, result=printed)],
    "--power": [
        Check("--power 0.9", SIZE, result=printed),
        Check("--power 0.9", f"{SIZE} --people 900", refused="people, effect and power are all given"),
    ],
    "--arms": [Check("--arms 2", SIZE, result=printed)],
    "--ratio": [Check("--ratio 3", SIZE, result=printed)],
    "--level": [Check("--level 0.01", SIZE, result=printed)],
    "--users": [
        Check("--users {users}", f"{SIZE} --out {{dir}}", result=names),
        Check("--users {users}", SIZE, refused="needs a folder"),
    ],
    "--names": [
        Check("--names a b", ASSIGN),
        Check("--names a a", ASSIGN, refused="2 different names"),
        Check("--names a b", SIZE, refused="give --users"),
    ],
    "--stratify": [
        Check("--stratify income", ASSIGN),
        Check("--stratify pay", ASSIGN, refused="no such column"),
    ],
    "--salt": [Check("--salt {dir}/our.salt", ASSIGN, result=names)],
    "--out": [Check("--out {dir}/a", SIZE, "--out {dir}/b", result=names)],
    "--columns": [
        Check(
            "--columns user_id=kunde",
            f"{SIZE} --users {{german}} --encoding latin-1 --out {{dir}}",
            allows="user_id",
        ),
    ],
    "--delimiter": [Check("--delimiter |", ASSIGN, refused="users.csv")],
    "--encoding": [Check("--encoding utf-16-le", ASSIGN, refused="UTF-16-LE")],
    "--decimal": [Check("--decimal ;;", ASSIGN, refused="decimal")],
}

RESULT = "--log {outcomes} --measures spend"
ANALYSE: dict[str, list[Check]] = {
    "--log": [Check("--log {decisions}", "--measures reward", refused="is in two arms")],
    "--measures": [
        Check("--measures bought", "--log {outcomes}", "--measures spend", result=printed),
        Check("--measures city", "--log {outcomes}", refused="is not a finite number"),
    ],
    "--ratings": [Check("--ratings survey", RESULT, result=printed)],
    "--control": [Check("--control offer", RESULT, result=printed)],
    "--shares": [
        Check("--shares none=0.7 offer=0.3", RESULT, result=printed),
        Check("--shares none=0.7", RESULT, refused="'offer' is not in both"),
        Check("--shares none", RESULT, refused="is no pair"),
    ],
    "--before": [
        Check("--before spend=before", RESULT, result=printed),
        Check("--before bought=before", RESULT, refused="'bought' is no measure"),
    ],
    "--segments": [Check("--segments city", RESULT, result=printed)],
    "--level": [Check("--level 0.2", RESULT, result=printed), Check("--level 0", RESULT, refused="--level")],
    "--any_time": [Check("--any_time 600", RESULT, result=printed)],
    "--out": [Check("--out {dir}/a", RESULT, "--out {dir}/b", result=names)],
    "--wandb": [
        Check("--wandb offers", RESULT, refused="give --out"),
        Check(
            "--wandb offers", f"{RESULT} --out {{dir}}", result=lambda ran: list(ran.place.rglob("*.wandb"))
        ),
    ],
    "--columns": [Check("--columns arm=city", RESULT, refused="no one arm is called")],
    "--delimiter": [Check("--delimiter ;", RESULT, refused="user_id")],
    "--encoding": [Check("--encoding utf-16-le", RESULT, refused="outcomes.csv")],
    "--decimal": [Check("--decimal ;;", RESULT, refused="decimal")],
}
