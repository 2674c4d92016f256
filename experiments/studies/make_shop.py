"""Make the raw files of a shop that does not exist, for the tutorials: a grocer, or a shop for fashion.

``python experiments/studies/make_shop.py grocer --out shop`` writes ``purchases.csv`` and ``products.csv``:
receipts with coupons, returns, guests, double rows and lines of quantity 0. ``fashion`` writes
``verlauf.csv``, ``artikel.csv`` and ``kunden.csv``: views, carts, purchases and returns with stars and
reviews, in German, with semicolons, decimal commas, dates with the day first, and Latin-1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

AISLES = {
    "Fruit": ["Bananas", "Apples", "Grapes", "Lemons", "Berries", "Pears"],
    "Dairy": ["Milk", "Butter", "Yoghurt", "Cream", "Cheddar", "Eggs"],
    "Bakery": ["White bread", "Rye bread", "Bagels", "Croissants", "Rolls", "Muffins"],
    "Drinks": ["Coffee", "Tea", "Cola", "Orange juice", "Water", "Beer"],
    "Pantry": ["Rice", "Pasta", "Olive oil", "Tomatoes", "Lentils", "Salt"],
    "Household": ["Soap", "Sponges", "Foil", "Candles", "Bin bags", "Detergent"],
}
GARMENTS = {
    "Kleider": ["Sommerkleid", "Abendkleid", "Strickkleid", "Wickelkleid", "Midikleid"],
    "Hosen": ["Jeans", "Chino", "Leinenhose", "Jogginghose", "Cordhose"],
    "Schuhe": ["Stiefel", "Sneaker", "Sandalen", "Halbschuhe", "Hausschuhe"],
    "Jacken": ["Regenjacke", "Daunenjacke", "Blazer", "Jeansjacke", "Lederjacke"],
    "Wäsche": ["Strümpfe", "Nachthemd", "Unterhemd", "Bademantel", "Leggings"],
}
COLOURS = ["weiß", "schwarz", "grün", "blau", "beige"]
PRAISE = ["Schöner Stoff, sitzt gut", "Gerne wieder", "Wie beschrieben, große Freude"]
BLAME = ["Fällt zu klein aus", "Naht löst sich; enttäuschend", "Farbe ist anders als auf dem Bild"]


def grocer(out: Path, seed: int = 7, customers: int = 150, weeks: int = 60, visits: int = 2400) -> list[Path]:
    """Write the receipts of a grocer, with the damage that tills do.

    Args:
        out: Folder of the files.
        seed: The same seed gives the same files.
        customers: Number of people with a card.
        weeks: Length of the log.
        visits: Receipts.
    """
    rng = np.random.default_rng(seed)
    products = pd.DataFrame(
        [(aisle, name) for aisle, names in AISLES.items() for name in names], columns=["category", "name"]
    )
    products.insert(0, "sku", [f"{4000 + code:05d}" for code in range(len(products))])
    usual = rng.uniform(0.8, 9.0, len(products)).round(2)
    depth = rng.choice([0.0, 0.1, 0.2, 0.3], p=[0.7, 0.1, 0.1, 0.1], size=(weeks, len(products)))
    aisle = products["category"].astype("category").cat.codes.to_numpy()
    taste = rng.dirichlet(np.full(len(AISLES), 0.4), customers)[:, aisle] * rng.lognormal(
        0, 0.8, (customers, len(products))
    )
    rows = []
    for receipt in range(visits):
        who, week = int(rng.integers(customers)), receipt * weeks // visits
        want = taste[who] * np.exp(4 * depth[week])
        bought = rng.choice(len(products), size=int(rng.integers(1, 8)), replace=False, p=want / want.sum())
        when = pd.Timestamp("2023-01-02 08:00") + pd.Timedelta(
            minutes=int(week * 10_080 + rng.integers(7) * 1440 + rng.integers(720))
        )
        guest = rng.random() < 0.06
        for item in bought:
            off = round(float(usual[item] * depth[week, item]), 2)
            coupon = round(float(0.1 * usual[item]), 2) if rng.random() < 0.04 else 0.0
            rows.append(
                {
                    "receipt": str(500_000 + receipt),
                    "customer": "0" if guest else f"{who + 1:04d}",
                    "sku": products["sku"][item],
                    "sold_at": when,
                    "qty": int(rng.choice([1, 1, 1, 2, 3])),
                    "list_price": usual[item],
                    "discount": off,
                    "coupon": coupon,
                    "paid": round(float(usual[item]) - off - coupon, 2),
                    "till": int(rng.integers(1, 5)),
                }
            )
    log = pd.DataFrame(rows)
    back = log[log["customer"] != "0"].sample(60, random_state=seed)
    back = back.assign(
        receipt="C" + back["receipt"], qty=-back["qty"], sold_at=back["sold_at"] + pd.Timedelta("2h")
    )
    nothing = log.sample(25, random_state=seed + 1).assign(qty=0)
    twice = log.sample(40, random_state=seed + 2)
    log = pd.concat([log, back, nothing, twice]).sort_values("sold_at", kind="stable", ignore_index=True)
    log.loc[log.sample(20, random_state=seed + 3).index, "customer"] = ""
    log["sold_at"] = log["sold_at"].dt.strftime("%Y-%m-%d %H:%M")
    return [_write(log, out / "purchases.csv"), _write(products, out / "products.csv")]


def fashion(
    out: Path, seed: int = 7, customers: int = 180, weeks: int = 40, visits: int = 2600
) -> list[Path]:
    """Write what people did in a shop for fashion, as a German export has it.

    Args:
        out: Folder of the files.
        seed: The same seed gives the same files.
        customers: Number of people.
        weeks: Length of the log.
        visits: Sessions, each with some views.
    """
    rng = np.random.default_rng(seed)
    goods = pd.DataFrame(
        [
            (kind, f"{name} {colour}", colour)
            for kind, names in GARMENTS.items()
            for name in names
            for colour in COLOURS[:3]
        ],
        columns=["Kategorie", "Bezeichnung", "Farbe"],
    )
    goods.insert(0, "Artikelnr", [f"{code:06d}" for code in range(71, 71 + len(goods))])
    usual = rng.choice([19.99, 29.99, 49.95, 89.9, 129.0], len(goods))
    kind = goods["Kategorie"].astype("category").cat.codes.to_numpy()
    taste = rng.dirichlet(np.full(len(GARMENTS), 0.3), customers)[:, kind] * rng.lognormal(
        0, 1, (customers, len(goods))
    )
    much = np.quantile(taste, 0.85, axis=1)
    rows = []
    for visit in range(visits):
        who = int(rng.integers(customers))
        want = taste[who]
        when = pd.Timestamp("2024-01-08 07:00") + pd.Timedelta(
            minutes=int(visit * weeks * 10_080 // visits + rng.integers(960))
        )
        reduced = 0.8 if when.month in (1, 7) else 1.0
        for item in rng.choice(len(goods), size=int(rng.integers(1, 5)), replace=False, p=want / want.sum()):
            liked = want[item] > much[who]
            seen = {"Kundennr": f"K{who + 1:04d}", "Artikelnr": goods["Artikelnr"][item], "UVP": usual[item]}
            seen["Preis"] = round(float(usual[item]) * reduced, 2)
            steps = ["Ansicht", *(["Warenkorb"] if rng.random() < 0.35 + 0.3 * liked else [])]
            steps += ["Kauf"] if len(steps) > 1 and rng.random() < 0.7 else []
            for minute, step in enumerate(steps):
                at = when + pd.Timedelta(minutes=minute)
                rows.append(
                    {**seen, "Zeitpunkt": at, "Vorgang": step, "Menge": 1 if step == "Kauf" else None}
                )
            if steps[-1] == "Kauf":
                stars = int(rng.choice([4, 5, 5]) if liked else rng.choice([1, 2, 3, 4]))
                if rng.random() < 0.6:
                    text = rng.choice(PRAISE if stars > 3 else BLAME)
                    rows[-1] |= {"Sterne": stars, "Rezension": text}
                if not liked and rng.random() < 0.3:
                    later = when + pd.Timedelta(days=int(rng.integers(3, 14)))
                    rows.append({**seen, "Zeitpunkt": later, "Vorgang": "Retoure", "Menge": 1})
    log = pd.DataFrame(rows).sort_values("Zeitpunkt", kind="stable", ignore_index=True)
    log["Zeitpunkt"] = log["Zeitpunkt"].dt.strftime("%d.%m.%Y %H:%M")
    log["Menge"], log["Sterne"] = log["Menge"].astype("Int64"), log["Sterne"].astype("Int64")
    names = ["Kundennr", "Artikelnr", "Zeitpunkt", "Vorgang", "Menge", "Preis", "UVP", "Sterne", "Rezension"]
    people = pd.DataFrame({"Kundennr": [f"K{code + 1:04d}" for code in range(customers)]})
    people["Ort"] = rng.choice(["München", "Köln", "Zürich", "Wien"], customers)
    german: dict[str, str] = {"sep": ";", "decimal": ",", "encoding": "latin-1"}
    return [
        _write(log[names], out / "verlauf.csv", **german),
        _write(goods, out / "artikel.csv", **german),
        _write(people, out / "kunden.csv", **german),
    ]


def _write(frame: pd.DataFrame, file: Path, **form: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False, **form)  # type: ignore[call-overload]
    return file


SHOPS: dict[str, Callable[[Path, int], list[Path]]] = {"grocer": grocer, "fashion": fashion}


def main() -> None:
    """Write the files of a shop and name them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shop", choices=sorted(SHOPS))
    parser.add_argument("--out", type=Path, default=Path("shop"), help="folder of the files (default shop)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same files")
    given = parser.parse_args()
    for file in SHOPS[given.shop](given.out, given.seed):
        print(file)


if __name__ == "__main__":
    main()
