"""What shops call their columns and events, in the languages that logs come in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import DISCOUNT, DISCOUNT_PCT, INTERACTION_ID, LIST_PRICE

TOTAL = "total"
"""Money of a whole line, which is divided by its quantity."""

COLUMN_WORDS: Mapping[str, tuple[str, ...]] = {
    Columns.USER: (
        *("user", "user id", "customer", "customer id", "client", "shopper", "household", "household id"),
        *("member", "visitor", "card", "loyalty card", "account", "buyer", "uid"),
        *("kunde", "kundennr", "kundennummer", "kunden id", "kundin", "nutzer", "haushalt", "kartennummer"),
        *("client id", "acheteur", "utilisateur", "cliente", "usuario", "utente", "klant", "klient"),
        *(
            "客户",
            "用户",
            "顾客",
            "会员",
            "会员号",
            "客户编号",
            "用户编号",
            "用户id",
            "顧客",
            "покупатель",
            "клиент",
        ),
    ),
    Columns.ITEM: (
        *("item", "item id", "product", "product id", "sku", "article", "article id", "stock code", "asin"),
        *("isbn", "ean", "gtin", "movie", "movie id", "book id", "goods", "upc"),
        *("artikel", "artikelnr", "artikelnummer", "artikel id", "produkt", "produktnummer", "ware"),
        *("produit", "reference", "articulo", "producto", "prodotto", "produto", "towar", "product code"),
        *("商品", "产品", "物品", "商品编号", "商品id", "产品编号", "货号", "товар", "артикул"),
    ),
    Columns.TIMESTAMP: (
        *("timestamp", "date", "datetime", "time", "when", "invoice date", "order date", "purchase date"),
        *("transaction date", "created at", "ts", "event time", "sold at", "bought on"),
        *("datum", "zeit", "zeitpunkt", "zeitstempel", "kaufdatum", "bestelldatum", "verkaufsdatum", "tag"),
        *("fecha", "data", "heure", "date heure", "date achat"),
        *("日期", "时间", "购买日期", "购买时间", "下单时间", "交易时间", "时间戳", "日時", "дата", "время"),
    ),
    Columns.WEEK: (
        "week",
        "week no",
        "woche",
        "kw",
        "kalenderwoche",
        "semaine",
        "semana",
        "周",
        "周次",
        "星期",
    ),
    Columns.BASKET: (
        *("basket", "basket id", "order", "order id", "invoice", "invoice no", "receipt", "transaction"),
        *("transaction id", "ticket", "cart id", "bill", "order number", "session", "session id"),
        *("bon", "bonnr", "bonnummer", "beleg", "belegnr", "belegnummer", "bestellung", "bestellnummer"),
        *(
            "rechnung",
            "rechnungsnummer",
            "warenkorb",
            "kassenbon",
            "auftrag",
            "commande",
            "pedido",
            "factura",
        ),
        *("订单", "订单号", "订单编号", "小票", "小票号", "单号", "发票", "заказ", "чек"),
    ),
    INTERACTION_ID: (
        "interaction id",
        "row id",
        "line id",
        "event id",
        "zeilennummer",
        "zeile",
        "行号",
        "id",
    ),
    Columns.QUANTITY: (
        *("quantity", "qty", "units", "pieces", "amount of items", "count", "number of items"),
        *("menge", "anzahl", "stueck", "stueckzahl", "quantite", "cantidad", "quantita", "aantal", "ilosc"),
        *("数量", "件数", "购买数量", "количество", "個数"),
    ),
    Columns.PRICE: (
        *(
            "price",
            "unit price",
            "paid",
            "paid price",
            "price paid",
            "net price",
            "sale price",
            "final price",
        ),
        *("preis", "einzelpreis", "bezahlt", "verkaufspreis", "stueckpreis", "endpreis", "zahlpreis"),
        *("prix", "precio", "prezzo", "preco", "prijs", "cena", "prix unitaire"),
        *("价格", "单价", "售价", "实付", "实付价", "成交价", "цена", "価格"),
    ),
    LIST_PRICE: (
        *("list price", "base price", "rrp", "msrp", "original price", "full price"),
        *("listenpreis", "uvp", "normalpreis", "originalpreis", "grundpreis", "regulaerer preis", "altpreis"),
        *("原价", "标价", "吊牌价", "prix de base", "precio original", "定価"),
    ),
    Columns.REGULAR_PRICE: ("regular price",),
    Columns.SHELF_PRICE: ("shelf price", "regalpreis", "aktionspreis", "promo price", "促销价"),
    DISCOUNT: (
        *("discount", "discount amount", "markdown", "reduction", "rabatt", "nachlass", "ermaessigung"),
        *("remise", "descuento", "sconto", "desconto", "korting", "折扣", "优惠", "优惠金额", "скидка"),
    ),
    DISCOUNT_PCT: (
        *("discount pct", "discount percent", "discount percentage", "pct off", "rabatt prozent"),
        *("rabatt in prozent", "rabattsatz", "discount rate", "折扣率"),
    ),
    TOTAL: (
        *("total", "amount", "sales", "sales value", "revenue", "line total", "turnover", "value", "spend"),
        *("umsatz", "betrag", "summe", "gesamt", "gesamtpreis", "montant", "importe", "totale"),
        *("金额", "总价", "销售额", "сумма"),
    ),
    Columns.RATING: (
        *("rating", "stars", "score", "review score", "bewertung", "sterne", "note", "valoracion", "voto"),
        *("评分", "评价", "星级", "打分", "оценка", "評価"),
    ),
    Columns.EVENT: (
        *("event", "event type", "action", "behavior", "behaviour", "activity", "interaction type", "type"),
        *("ereignis", "aktion", "vorgang", "vorgangsart", "aktivitaet", "typ", "evenement", "evento"),
        *("行为", "行为类型", "事件", "操作", "событие"),
    ),
    Columns.PART: ("part", "split", "fold"),
}
"""Our name → what it is called elsewhere, written as `plain` writes it."""

VIEW, CART, PURCHASE, RETURN = "view", "cart", "purchase", "return"
EVENT_WORDS: Mapping[str, tuple[str, ...]] = {
    VIEW: (
        *("view", "click", "pv", "pageview", "page view", "impression", "visit", "detail", "look", "seen"),
        *("ansicht", "angesehen", "klick", "aufruf", "gesehen", "vue", "vista"),
        *("浏览", "查看", "点击", "просмотр"),
    ),
    CART: (
        *("cart", "add to cart", "basket", "add", "addtocart", "wishlist", "fav", "favorite", "wish"),
        *("warenkorb", "in den warenkorb", "merkzettel", "panier", "carrito"),
        *("加购", "加入购物车", "收藏", "购物车", "корзина"),
    ),
    PURCHASE: (
        *("purchase", "buy", "bought", "order", "sale", "transaction", "sold", "checkout"),
        *("kauf", "gekauft", "verkauf", "bestellung", "achat", "compra", "acquisto"),
        *("购买", "下单", "支付", "покупка", "購入"),
    ),
    RETURN: (
        *("return", "returned", "refund", "cancel", "cancelled", "cancellation"),
        *("retoure", "rueckgabe", "storno", "storniert", "retour", "devolucion"),
        *("退货", "退款", "возврат", "返品"),
    ),
}
"""Kind of event → its words."""
EVENT_WEIGHTS = {VIEW: 0.1, CART: 0.3, PURCHASE: 1.0, RETURN: 0.0}
GUESTS = frozenset(
    {"guest", "guests", "gast", "anonymous", "anonym", "anon", "unknown", "unbekannt", "none"}
    | {"invite", "invitado", "walk in", "walkin", "laufkunde", "匿名", "游客", "散客", "гость"}
)
"""Ids that stand for nobody."""
_SPELLED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}


def plain(name: str) -> str:
    """Write a name in small letters without accents, its words apart: ``CustomerID`` is ``customer id``."""
    text = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.strip())
    text = "".join(_SPELLED.get(letter, letter) for letter in text.casefold())
    text = "".join(
        letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
    )
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text)))


def fit(name: str, words: tuple[str, ...]) -> int:
    """Tell how well a name fits some words: 3 as a whole, 2 by words of it, 1 by a part; 0 not at all."""
    said = plain(name)
    if said in words or said.replace(" ", "") in {word.replace(" ", "") for word in words}:
        return 3
    if any(f" {word} " in f" {said} " for word in words):
        return 2
    parts = [word for word in words if len(word) >= (2 if not word.isascii() else 5)]
    return 1 if any(word.replace(" ", "") in said.replace(" ", "") for word in parts) else 0


def event_kind(value: str) -> str | None:
    """Find what kind of event a value names."""
    fits = {kind: fit(value, words) for kind, words in EVENT_WORDS.items()}
    best = max(fits, key=lambda kind: fits[kind])
    return best if fits[best] else None
