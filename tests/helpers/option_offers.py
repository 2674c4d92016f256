"""What shows of every option of `graphrec offers` that it holds, under each kind of promotion."""

from __future__ import annotations

from option_checks import Check, names, printed

WRITES = "--ckpt {best} --out {out}.parquet"
UNITS = f"{WRITES} --policy uniform knapsack --objective units"
AMOUNT = f"{UNITS} --promotion amount"
COUPON = f"{UNITS} --promotion coupon"
THRESHOLD = f"{WRITES} --policy none knapsack greedy_roi --objective units --promotion threshold"
OF_ITEMS = (UNITS, AMOUNT, COUPON)
EVERY = (*OF_ITEMS, THRESHOLD)
PAST = "--exposure {exposure}"
CHANCE = f"{WRITES} --explore 0.3"
KINDS = ("", "--promotion amount", "--promotion coupon")


def changes(given: str, *words: str) -> list[Check]:
    """The option changes the result of each of these command lines."""
    return [Check(given, line) for line in words]


def refuses(given: str, line: str, *words: str) -> list[Check]:
    """The option is refused with this line beside each of these words."""
    return [Check(given, other, refused=line) for other in words]


def only_items(given: str, *words: str) -> list[Check]:
    """The option changes offers on items, and a threshold on a basket refuses it."""
    return [*changes(given, *(words or OF_ITEMS)), *refuses(given, "on a whole basket", THRESHOLD)]


OFFERS: dict[str, list[Check]] = {
    "--ckpt_path": [Check("--ckpt_path {other}", "--out {out}.parquet", instead="--ckpt_path {best}")],
    "--out": [
        Check("--out {dir}/a.csv", "--ckpt {best}", "--out {dir}/b.tsv", result=names),
        Check("--out {dir}/a.xlsx", "--ckpt {best}", refused="a table cannot be written as '.xlsx'"),
    ],
    "--policy": [
        *changes("--policy uniform", WRITES),
        *refuses("--policy uniform uniform", "named twice", WRITES),
        *refuses("--policy linear_rate", "has no thresholds", f"{WRITES} --promotion threshold"),
    ],
    "--scenario": [
        *changes("--scenario cross_sell", *OF_ITEMS),
        *refuses("--scenario clearance", "clearance chooses items", THRESHOLD),
        *refuses("--scenario promotions", "there is no scenario", WRITES),
    ],
    "--objective": [
        *changes("--objective units", WRITES, f"{WRITES} --promotion threshold"),
        *refuses("--objective units", "follows an objective", f"{WRITES} --policy uniform"),
    ],
    "--promotion": [
        *changes("--promotion amount", UNITS),
        *changes("--promotion coupon", UNITS),
        *changes("--promotion threshold", f"{WRITES} --policy knapsack"),
    ],
    "--budget": [*changes("--budget 1", *EVERY), *refuses("--budget inf", "0 or more", WRITES)],
    "--users": changes("--users {some_users}", *EVERY),
    "-k": only_items("-k 3"),
    "--items": [
        *only_items("--items new", UNITS),
        *refuses("--items repeat", "leave none of them", f"{WRITES} --scenario cross_sell"),
    ],
    "--week": [
        *changes("--week 30", *EVERY),
        *refuses("--week 17", "trained on weeks to 17", WRITES),
        *refuses("--week 20", "of week 20 or later", f"{UNITS} {PAST} --cool_down_weeks 2"),
    ],
    "--date": [
        *changes("--date 2023-08-01", *EVERY),
        *refuses("--date 2023-04-27", "so week 17 is past", WRITES),
        *refuses("--date 2023-08-01 --week 30", "is in week 31, and --week says 30", WRITES),
        *refuses("--date Tuesday", "is no date", WRITES),
    ],
    "--weeks": [
        *changes("--weeks 4", *EVERY),
        *refuses("--weeks 0", "1 or more", WRITES),
    ],
    "--satisfaction": [
        *refuses("--satisfaction {best}", "only the scenario retention asks", WRITES, THRESHOLD),
        *refuses("--satisfaction {best}", "holds no satisfaction", f"{WRITES} --scenario retention"),
    ],
    "--response": [
        *refuses("--response {best}", "holds no response", WRITES),
        *refuses("--response {config}", "lightgcn.yaml", WRITES),
        *refuses("--response {best}", "holds no response", THRESHOLD),
    ],
    "--serving": [
        *refuses("--serving {loop}/serving.json", "has promoted nothing yet", WRITES),
        *changes("--serving {loop}/serving.json", f"{CHANCE} --policy knapsack"),
        *refuses("--serving {config}", "says of no policy", WRITES),
    ],
    "--explore": [
        *changes("--explore 0.3", *(f"{WRITES} --policy knapsack {kind}" for kind in KINDS)),
        *refuses("--explore 0.3", "several are named", UNITS),
        *refuses("--explore 0.3", "does not choose among levels", f"{WRITES} --policy uniform"),
        *refuses("--explore 0.3", "whole basket", f"{WRITES} --policy knapsack --promotion threshold"),
        *refuses("--explore 0.3", "gap", f"{WRITES} --parity income --max_parity_gap 0.1"),
        *refuses("--explore 0.3", "half of it is left to chance", f"{WRITES} --policy knapsack --budget 0.1"),
        *refuses("--explore 1", "between 0 and 1", WRITES),
    ],
    "--explore_seed": [
        *changes("--explore_seed 1", CHANCE),
        *refuses("--explore_seed 1", "nothing is drawn", WRITES),
        *refuses("--explore_seed -1", "0 or more", CHANCE),
    ],
    "--rate": [
        *changes("--rate 0.2", *OF_ITEMS),
        *refuses("--rate 0.2", "only the policy uniform", WRITES),
        *refuses("--rate nan", "from 0 to less than 1", UNITS),
    ],
    "--margin": [
        *changes("--margin 0.5", UNITS, THRESHOLD),
        *refuses("--margin 1", "between 0 and 1", WRITES),
    ],
    "--funded_share": changes("--funded_share 1", *EVERY),
    "--max_rate": [*changes("--max_rate 0.06", *EVERY), *refuses("--max_rate 1", "less than 1", WRITES)],
    "--min_margin": [*changes("--min_margin 0.28", *EVERY), *refuses("--min_margin nan", "nan", WRITES)],
    "--depths": only_items("--depths any", *(f"{words} --rate 0.3" for words in OF_ITEMS)),
    "--max_spread": [
        *only_items("--max_spread 0.01", *(f"{words} --budget 3" for words in OF_ITEMS)),
        *changes("--max_spread 0.01", f"{WRITES} --policy linear_rate affinity"),
        *refuses("--max_spread 1.5", "from 0 to 1", UNITS),
    ],
    "--max_offers_per_user": [
        *changes("--max_offers_per_user 2", *OF_ITEMS),
        *changes("--max_offers_per_user 0", THRESHOLD),
        *refuses("--max_offers_per_user -1", "0 or more", WRITES),
    ],
    "--exposure": [
        *changes(f"{PAST} --cool_down_weeks 8", *OF_ITEMS),
        *changes(
            f"{PAST} --window_weeks 8", *(f"{words} --max_offers_per_user 14" for words in OF_ITEMS[:2])
        ),
        *changes(f"{PAST} --window_weeks 8", f"{COUPON} --max_offers_per_user 3"),
        *changes(f"{PAST} --window_weeks 8", f"{THRESHOLD} --max_offers_per_user 1"),
        *refuses(PAST, "past offers change nothing", UNITS),
    ],
    "--window_weeks": [
        *changes("--window_weeks 8", f"{UNITS} {PAST} --cool_down_weeks 1 --max_offers_per_user 2"),
        *refuses("--window_weeks 8", "counts past offers", UNITS),
        *refuses("--window_weeks 0", "1 or more", UNITS),
    ],
    "--cool_down_weeks": [
        *changes("--cool_down_weeks 8", f"{UNITS} {PAST} --max_offers_per_user 20 --window_weeks 8"),
        *refuses("--cool_down_weeks 8", "needs past offers", UNITS),
    ],
    "--campaign": [
        Check(
            "--campaign product_category",
            f"{UNITS} --campaign_budgets c0=0.1",
            allows="no candidate is in 'c0'",
        ),
        *refuses("--campaign department", "budgets of theirs alone", WRITES),
    ],
    "--campaign_budgets": [
        *only_items("--campaign_budgets PRODUCE=0.1", UNITS, AMOUNT),
        *refuses("--campaign_budgets PRODUCE=0.1", "several campaigns", COUPON),
        *changes("--campaign_budgets c0=0.1 --campaign product_category", COUPON),
        *refuses("--campaign_budgets PRODUCE=1 PRODUCE=2", "named twice", UNITS),
        *refuses("--campaign_budgets PRODUCE=nan", "is no budget", UNITS),
    ],
    "--costs": [
        *changes("--costs {costs}", *EVERY),
        *changes("--costs {stock}", *OF_ITEMS),
        *refuses("--costs {stock}", "no stock of items", THRESHOLD),
        *refuses("--costs {few_items}", "holds no fact", UNITS),
    ],
    "--amounts": [
        *changes("--amounts 0.3 0.6", AMOUNT),
        *refuses("--amounts 0.3", "only the promotion amount", UNITS, COUPON, THRESHOLD),
        *refuses("--amounts -1", "-1 is no money above 0", AMOUNT),
    ],
    "--stock": only_items("--stock {stock}"),
    "--product_set": [
        *changes("--product_set department", COUPON),
        *refuses("--product_set department", "only coupons", UNITS),
        *refuses("--product_set department", "only coupons", THRESHOLD),
    ],
    "--parity": [
        *(Check("--parity income", words, result=printed) for words in (UNITS, THRESHOLD)),
        *refuses("--parity nope", "no such attribute", UNITS),
    ],
    "--max_parity_gap": [
        *changes("--max_parity_gap 0.001", *(f"{words} --parity income" for words in EVERY)),
        *refuses("--max_parity_gap 0.1", "needs groups", UNITS),
    ],
    "--sentences": changes("--sentences", WRITES, THRESHOLD),
    "--name_column": [
        *changes("--name_column department", f"{UNITS} --sentences"),
        *refuses("--name_column department", "names stand in sentences", UNITS),
        *refuses("--name_column nope", "there is no column 'nope'", f"{UNITS} --sentences"),
    ],
    "--trust": [Check("--trust", "--ckpt {own} --out {out}.parquet", allows="give --trust")],
    "--strict": [Check("--strict", "--ckpt {lossy} --out {out}.parquet", refused="2 rows would be lost")],
    "--columns": [
        Check("--columns user_id=kunde", f"{WRITES} --users {{german}} --encoding latin-1", allows="user_id"),
    ],
    "--delimiter": [Check("--delimiter ;", f"{WRITES} --users {{semicolons}}", allows="semicolons.csv")],
    "--encoding": [Check("--encoding utf-16-le", f"{WRITES} --users {{utf16}}", allows="utf16.csv")],
    "--decimal": [Check("--decimal ;;", f"{WRITES} --stock {{stock}}", refused="decimal")],
}
