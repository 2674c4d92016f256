from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from offer_pairs import candidate_frame

from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.offers.candidates.build import build_candidates
from graphrec.offers.candidates.calibrate import calibration_check, fit_calibrator
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.labelled import standing_of
from graphrec.offers.candidates.prices import regular_prices
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.policies.by_value import ExpectedProfit
from graphrec.offers.policies.rules import LinearRate, NoDiscount, Uniform
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.scenarios import SCENARIO_NAMES
from graphrec.offers.table import GAINS, OFFER_COLUMNS, Candidates, make_offers, policy_totals, write_offers
from graphrec.response.curves import SplineResponse
from graphrec.response.splines import KNOTS

POLICIES = [NoDiscount(), Uniform(), LinearRate(), ExpectedProfit()]
PROMISED = (
    "user_id, item_id, score, probability, rate, probability_at_rate, price, expected_units,"
    " expected_revenue, expected_profit, gain_low, gain_high, spend, promotion, threshold, amount, scenario,"
    " policy,"
    " propensity, reason, reason_code, disclosure, product_set, median_basket, week, horizon"
)


@pytest.fixture(scope="module")
def candidates():
    return Candidates(candidate_frame())


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize("scenario", SCENARIO_NAMES)
@pytest.mark.parametrize("budget", [None, 3.0])
def test_every_column_is_filled_and_adds_up(candidates, policy, scenario, budget):
    offers = make_offers(candidates, policy, scenario, budget)
    assert ", ".join(offers.columns) == PROMISED
    assert len(offers) == len(candidates.frame)
    assert not offers.duplicated(["user_id", "item_id"]).any()
    others = [*GAINS, "threshold", "amount", "product_set", "median_basket", "week", "horizon"]
    assert offers[others].isna().all(axis=None)
    filled = offers.drop(columns=others)
    assert filled.notna().all(axis=None)
    assert np.isfinite(filled.select_dtypes("number")).all(axis=None)
    highest = scenario_named(scenario).max_rate or 0.3
    assert offers["rate"].between(0, highest).all()
    assert (offers["reason"].str.split(":").str[0] == offers["reason_code"]).all()
    assert (offers["disclosure"] == (offers["rate"] > 0)).all()
    assert (offers["promotion"] == np.where(offers["rate"] > 0, "percent", "none")).all()
    assert (offers["propensity"] == 1).all()
    assert (offers["reason"].str.match(r"^[a-z_]+: \S")).all()
    assert (offers["probability_at_rate"] >= offers["probability"]).all()
    paid = offers["price"] * (1 - 0.5 * offers["rate"])
    assert np.allclose(offers["expected_revenue"], offers["probability_at_rate"] * paid)
    assert np.allclose(
        offers["expected_profit"],
        offers["expected_revenue"] - 0.7 * offers["price"] * offers["expected_units"],
    )
    full_revenue = offers["expected_units"] * offers["price"]
    assert np.allclose(offers["spend"], full_revenue - offers["expected_revenue"])
    if budget is not None:
        assert offers["spend"].sum() <= budget * (1 + 1e-12)
    allowed = {"all": True, "new": ~candidates.frame["seen"], "seen": candidates.frame["seen"]}
    eligible = pd.Series(allowed[scenario_named(scenario).pairs], index=offers.index)
    assert (offers.loc[~eligible, "rate"] == 0).all()
    assert (offers["reason"].str.startswith("not_eligible:") == ~eligible).all() or budget is not None


def test_the_documents_scores_become_the_documents_rates():
    frame = candidate_frame(1, 2).assign(unit_score=[0.7654, 0.8643])
    offers = make_offers(Candidates(frame), LinearRate())
    assert offers["rate"].tolist() == pytest.approx([0.07654, 0.08643], abs=1e-12)
    assert offers["reason"].tolist() == ["linear_rate: 0.1 x score 0.7654", "linear_rate: 0.1 x score 0.8643"]


def test_expected_profit_beats_every_other_policy_in_profit(candidates):
    totals = policy_totals(pd.concat(make_offers(candidates, policy) for policy in POLICIES))
    profit = totals.set_index("policy")["expected_profit"]
    assert profit["expected_profit"] > profit["none"] > profit["uniform"]
    assert profit["expected_profit"] > profit["linear_rate"]
    best = make_offers(candidates, ExpectedProfit())
    pairs, rates = candidates.pairs(), np.array(LEVELS)
    profit = Economics().profit(pairs.response.curve(rates), pairs.price[:, None], rates)
    assert (best["rate"].to_numpy() == rates[profit.argmax(axis=1)]).all()
    assert 0 < (best["rate"] > 0).mean() < 1


def test_reasons_tell_what_happened(candidates):
    best = make_offers(candidates, ExpectedProfit())
    nothing = best[best["rate"] == 0]["reason"].unique().tolist()
    assert nothing == ["no_level_pays: no level pays at 30 % margin"]
    gain = best["expected_profit"] - make_offers(candidates, NoDiscount())["expected_profit"]
    told = best.loc[best["rate"] > 0, "reason"].str.extract(r"^best_level: best of 7 levels: (\S+) profit$")[
        0
    ]
    assert np.allclose(told.astype(float), gain[best["rate"] > 0], rtol=0.06)

    tight = make_offers(candidates, ExpectedProfit(), guardrails=Guardrails(max_rate=0.05))
    assert set(tight["rate"]) == {0.0, 0.05}
    capped = tight["reason"] == "max_rate: capped at the maximum rate 5 %"
    assert (capped == (best["rate"] > 0.05)).all()

    uniform = make_offers(candidates, Uniform(0.5), economics=Economics(funded_share=1.0))
    assert (uniform["reason"] == "min_margin: capped at 26.32 % to leave a margin of 5 %").all()


def test_a_small_budget_goes_where_it_does_most(candidates):
    free = make_offers(candidates, ExpectedProfit())
    budget = 0.3 * free["spend"].sum()
    bought = make_offers(candidates, ExpectedProfit(), budget=budget)
    likeliest = make_offers(candidates, Uniform(0.1), budget=budget)
    assert bought["spend"].sum() <= budget
    assert bought["spend"].sum() > 0.9 * budget
    base = make_offers(candidates, NoDiscount())["expected_profit"].sum()
    assert bought["expected_profit"].sum() - base > 0.35 * (free["expected_profit"].sum() - base)
    assert bought["expected_profit"].sum() > likeliest["expected_profit"].sum()
    assert bought["reason"].str.startswith("budget:").any()
    served = likeliest["rate"] > 0
    assert likeliest.loc[served, "probability"].min() >= likeliest.loc[~served, "probability"].max()
    with pytest.raises(InputError, match="column 'budget'"):
        make_offers(candidates, NoDiscount(), budget=-1)


def test_clearance_sells_more_units_than_promotion(candidates):
    units = {
        scenario.name: make_offers(candidates, ExpectedProfit(), scenario.name)["expected_units"].sum()
        for scenario in map(scenario_named, SCENARIO_NAMES)
    }
    assert units["clearance"] > units["promotion"]
    with pytest.raises(InputError, match="choose one of promotion, clearance, launch, cross_sell, retention"):
        make_offers(candidates, ExpectedProfit(), "sale")


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 20), st.floats(0, 0.99), st.floats(0, 0.5), st.sampled_from(POLICIES), st.integers(0, 5))
def test_never_over_budget_or_limits(budget, max_rate, min_margin, policy, seed):
    frame = Candidates(candidate_frame(4, 5, seed))
    offers = make_offers(frame, policy, "clearance", budget, Guardrails(max_rate, min_margin))
    assert offers["spend"].sum() <= budget * (1 + 1e-12)
    assert offers["rate"].between(0, max_rate).all()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("price", 0.0, "column 'price'.*user 'u0', item 'i2'.*above 0"),
        ("probability", 1.5, "column 'probability'.*0..1"),
        ("elasticity", -1.0, "column 'elasticity'"),
        ("score", np.nan, "column 'score'.*finite"),
        ("unit_score", 7.0, "column 'unit_score'"),
        ("item_id", "i1", "column 'item_id'.*twice"),
        ("user_id", None, "column 'user_id'.*empty"),
    ],
)
def test_candidates_name_the_pair_and_column_that_is_wrong(column, value, says):
    frame = candidate_frame(2, 4)
    frame.loc[2, column] = value
    with pytest.raises(InputError, match=says):
        Candidates(frame)


def test_the_table_appears_under_its_name_only_when_complete(candidates, tmp_path, monkeypatch):
    written, to_parquet = [], pd.DataFrame.to_parquet

    def spy(self, target, **options):
        written.append(str(target))
        return to_parquet(self, target, **options)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", spy)
    path = write_offers(make_offers(candidates, Uniform()), tmp_path / "offers.parquet")
    assert path.exists()
    assert str(path) not in written


def test_candidates_name_a_missing_column():
    with pytest.raises(InputError, match="column 'seen'"):
        Candidates(candidate_frame(1, 2).drop(columns="seen"))


def test_written_table_reads_back_and_nothing_half_written_stays(candidates, tmp_path, monkeypatch):
    offers = pd.concat([make_offers(candidates, policy) for policy in POLICIES], ignore_index=True)
    path = write_offers(offers, tmp_path / "new" / "offers.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), offers)
    assert list(offers.columns) == OFFER_COLUMNS
    before = path.read_bytes()
    with pytest.raises(ValueError, match="twice"):
        write_offers(pd.concat([offers, offers.head(1)]), path)
    with pytest.raises(ValueError, match="columns"):
        write_offers(offers.drop(columns="reason"), path)
    with pytest.raises(ValueError, match="finite"):
        write_offers(offers.assign(spend=np.inf), path)
    with pytest.raises(InputError, match="folder"):
        write_offers(offers, tmp_path)

    def full_disk(self, target, **_):
        with open(target, "wb") as stream:
            stream.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full_disk)
    with pytest.raises(InputError, match="no space"):
        write_offers(offers, path)
    assert [file.name for file in path.parent.iterdir()] == ["offers.parquet"]
    assert path.read_bytes() == before


# --- from a recommender to candidates -------------------------------------------------------------------


class FakeRecommender:
    """Scores are given; ranking is a plain sort."""

    def __init__(self, scores, seen):
        self.scores, self.seen = torch.as_tensor(scores, dtype=torch.float32), torch.as_tensor(seen)
        self.asked = []

    def score(self, users):
        self.asked.extend(users.tolist())
        return self.scores[users]

    def recommend(self, users, k=20, candidates="new"):
        scores = self.scores[users].clone()
        if candidates != "all":
            scores[self.seen[users] if candidates == "new" else ~self.seen[users]] = -torch.inf
        top = scores.topk(min(k, scores.shape[1]), dim=1)
        return SimpleNamespace(
            users=users, items=top.indices.masked_fill(top.values.isneginf(), -1), scores=top.values
        )


class FakeGraph:
    edge_user = torch.zeros(1)

    def __init__(self, seen):
        self.seen = torch.as_tensor(seen)

    @property
    def bought(self):
        return self

    @property
    def num_users(self):
        return len(self.seen)

    def counts(self, users):
        return self.seen[users].sum(dim=1)

    def item_degree(self):
        return self.seen.sum(dim=0)

    def mask(self, users):
        return self.seen[users]


@pytest.fixture(scope="module")
def shop():
    """A log whose validation purchases follow a known probability of (score, seen)."""
    rng = np.random.default_rng(7)  # not the seed of the calibrator's own draws
    users, items = 300, 60
    seen = rng.random((users, items)) < 0.15
    seen[:, 0] = True  # every item and user is known to training
    seen[0, :] = True
    score = rng.normal(0, 2, (users, items)).astype(np.float32)
    truth = 1 / (1 + np.exp(-(score - np.where(seen, 1.0, 4.5))))
    rows = [
        pd.DataFrame({"user": pairs[0], "item": pairs[1], "week": week})
        for pairs, week in ((seen.nonzero(), 40), ((rng.random(truth.shape) < truth).nonzero(), 44))
    ]
    log = pd.concat(rows, ignore_index=True)
    price = 1.0 + log["item"] % 7
    saving = np.where(log["user"] % 2 == 0, 0.3, 0.05)
    log = pd.DataFrame(
        {
            "user_id": "u" + log["user"].astype(str).str.zfill(3),
            "item_id": "i" + log["item"].astype(str).str.zfill(2),
            "week": log["week"],
            "quantity": 1,
            "regular_price": price,
            "shelf_price": price * (1 - saving),
        }
    )
    split = Temporal(train_end=40, val_end=44, test_end=44)(log)
    return SimpleNamespace(
        split=split, model=FakeRecommender(score, seen), graph=FakeGraph(seen), truth=truth, seen=seen
    )


@pytest.mark.parametrize("max_pairs", [2_000_000, 6_000])
def test_calibrator_finds_the_planted_probabilities_also_from_a_thinned_sample(shop, max_pairs):
    calibrator = fit_calibrator(shop.model, shop.graph, shop.split, sample_users=None, max_pairs=max_pairs)
    probability = calibrator.probability(shop.model.scores.numpy().ravel(), shop.seen.ravel())
    for group in (shop.seen.ravel(), ~shop.seen.ravel()):
        truth = shop.truth.ravel()[group]
        assert probability[group].mean() == pytest.approx(truth.mean(), rel=0.1)
        assert np.corrcoef(probability[group], truth)[0, 1] > 0.95


def test_calibrator_samples_users_by_seed_in_batches(shop, monkeypatch):
    model = FakeRecommender(shop.model.scores, shop.seen)
    whole = fit_calibrator(model, shop.graph, shop.split, sample_users=40, seed=3)
    assert len(model.asked) == len(set(model.asked)) == 40
    monkeypatch.setattr("graphrec.offers.candidates.listed.BATCH_SCORES", 7 * 60)
    batched = fit_calibrator(model, shop.graph, shop.split, sample_users=40, seed=3)
    probe, new = np.linspace(-5, 5, 50), np.zeros(50, dtype=bool)
    assert (whole.probability(probe, new) == batched.probability(probe, new)).all()
    assert model.asked[:40] == model.asked[40:]


@pytest.mark.parametrize("max_pairs", [2_000_000, 6_000])
def test_a_calibration_is_checked_on_users_it_was_not_fitted_to(shop, max_pairs):
    model = FakeRecommender(shop.model.scores, shop.seen)
    table = calibration_check(model, shop.graph, shop.split, sample_users=300, max_pairs=max_pairs)
    fitted, judged = set(model.asked[:150]), set(model.asked[150:])
    assert not fitted & judged
    assert len(judged) == 150
    bought = sum(user in judged for user, _ in shop.split.val.pairs().tolist())
    assert table["observed"] @ table["rows"] == pytest.approx(bought)
    assert table["rows"].sum() == pytest.approx(150 * 60, rel=0.05)
    assert ((table["predicted"] - table["observed"]).abs() @ table["rows"]) / (150 * 60) < 0.02
    assert table["predicted"].is_monotonic_increasing


def test_calibrator_needs_a_validation_part(shop):
    refit = Temporal(train_end=40, val_end=44, test_end=44)(
        pd.concat([shop.split.train.frame, shop.split.val.frame]), refit=True
    )
    with pytest.raises(InputError, match="no validation part"):
        fit_calibrator(shop.model, shop.graph, refit)
    nobody = Eligibility(
        np.ones(len(shop.split.items), dtype=bool), np.zeros(len(shop.split.users), dtype=bool)
    )
    with pytest.raises(InputError, match="no user has an item that this scenario is for; choose another"):
        fit_calibrator(shop.model, shop.graph, shop.split, eligible=nobody)


def test_candidates_carry_what_policies_need(shop):
    calibrator = fit_calibrator(shop.model, shop.graph, shop.split, sample_users=None)
    users = np.array([5, 2, 299])
    frame = build_candidates(
        shop.model, shop.graph, shop.split, Calibration(calibrator, ""), users, k=4
    ).frame
    assert frame["user_id"].tolist() == ["u005"] * 4 + ["u002"] * 4 + ["u299"] * 4
    for _, row in frame.iterrows():
        user, item = int(row["user_id"][1:]), int(row["item_id"][1:])
        assert row["score"] == pytest.approx(float(shop.model.scores[user, item]))
        assert row["score"] >= np.sort(shop.model.scores[user])[-4]
        assert row["seen"] == shop.seen[user, item]
        assert row["price"] == 1 + item % 7
        kind = shop.model.scores[user].numpy()[shop.seen[user] == row["seen"]]
        standing = standing_of(shop.graph, *np.array([[user], [item], [(kind > row["score"]).sum()]]))
        assert row["probability"] == calibrator.probability([row["score"]], [row["seen"]], standing)[0]
    even = frame["user_id"] == "u002"
    assert frame.loc[even, "elasticity"].min() > frame.loc[~even, "elasticity"].max()
    offers = make_offers(Candidates(frame), ExpectedProfit())
    assert len(offers) == 12


@pytest.mark.parametrize("items", ["repeat", "new"])
def test_item_sets_and_users_with_fewer_items(shop, items):
    calibrator = fit_calibrator(shop.model, shop.graph, shop.split, sample_users=50)
    frame = build_candidates(
        shop.model, shop.graph, shop.split, Calibration(calibrator, ""), np.array([0, 1]), k=60, items=items
    ).frame
    assert (frame["seen"] == (items == "repeat")).all()
    wanted = shop.seen[:2] if items == "repeat" else ~shop.seen[:2]
    assert len(frame) == wanted.sum()
    if items == "new":  # user 0 has seen everything
        with pytest.raises(InputError, match="no user has an item"):
            build_candidates(
                shop.model, shop.graph, shop.split, Calibration(calibrator, ""), np.array([0]), items=items
            )


def test_without_shelf_prices_the_elasticity_is_the_median(shop):
    split = SimpleNamespace(
        users=shop.split.users,
        items=shop.split.items,
        train=SimpleNamespace(frame=shop.split.train.frame.drop(columns="shelf_price")),
    )
    calibrator = fit_calibrator(shop.model, shop.graph, shop.split, sample_users=50)
    frame = build_candidates(shop.model, shop.graph, split, Calibration(calibrator, ""), np.arange(3)).frame
    assert (frame["elasticity"] == 1.5).all()


def test_items_without_a_price_are_left_out_loudly(shop, capsys):
    train = shop.split.train.frame.copy()
    train.loc[train["item_id"] == "i00", "regular_price"] = np.nan
    split = SimpleNamespace(
        users=shop.split.users, items=shop.split.items, train=SimpleNamespace(frame=train)
    )
    calibrator = fit_calibrator(shop.model, shop.graph, shop.split, sample_users=50)
    frame = build_candidates(
        shop.model, shop.graph, split, Calibration(calibrator, ""), np.arange(3), k=60
    ).frame
    assert "1 items have no price in training and get no offer" in capsys.readouterr().err
    assert len(frame) == 3 * 59


def test_regular_price_is_that_of_the_last_weeks():
    log = pd.DataFrame(
        {
            "item_id": ["a", "a", "a", "b", "c", "c"],
            "week": [1, 39, 40, 2, 40, 40],
            "regular_price": [9.0, 3.0, 5.0, 7.0, 0.0, np.nan],
            "price": 1.0,
        }
    )
    assert regular_prices(log).to_dict() == {"a": 4.0, "b": 7.0}
    assert regular_prices(log.drop(columns=["regular_price", "week"])).to_dict() == {
        "a": 1.0,
        "b": 1.0,
        "c": 1.0,
    }
    with pytest.raises(InputError, match=r"column 'price'.*map a column"):
        regular_prices(log[["item_id", "week"]])
    with pytest.raises(InputError, match="no price is above 0"):
        regular_prices(log.assign(regular_price=0.0))


def test_offers_import_without_lightning_wandb_or_pyg():
    code = (
        "import sys, graphrec.offers.candidates.build, graphrec.offers.budget.knapsack;"
        "import graphrec.offers.limits.terms;"
        "heavy = {'pytorch_lightning', 'lightning', 'wandb', 'torch_geometric'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_gain_lies_between_its_ends_and_they_are_of_the_same_offers():
    frame = candidate_frame().assign(growth=0.8)
    logit = np.log(frame["probability"] / (1 - frame["probability"])).to_numpy()
    weights = np.ones((len(frame), len(KNOTS)))
    ends = tuple(SplineResponse(logit, factor * weights) for factor in (0.5, 2.0))
    curves = SplineResponse(logit, weights, ends=ends)
    offers = make_offers(Candidates(frame, curves, weeks=4), ExpectedProfit(), "promotion")
    none = make_offers(Candidates(frame, curves, weeks=4), NoDiscount(), "promotion")
    gain = offers["expected_profit"] - none["expected_profit"]
    given = offers["rate"] > 0
    assert given.any()
    assert (offers["gain_low"][given] < gain[given]).all()
    assert (gain[given] < offers["gain_high"][given]).all()
    assert (offers.loc[~given, list(GAINS)] == 0).all(axis=None)
    low = Candidates(frame, ends[0], weeks=4).pairs()
    profit = [
        low.economics.profit(low.units(rate), low.price, rate)
        for rate in (offers["rate"].to_numpy(), np.zeros(len(offers)))
    ]
    assert offers["gain_low"].to_numpy() == pytest.approx(profit[0] - profit[1])
