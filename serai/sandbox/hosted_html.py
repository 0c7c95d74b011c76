"""The HTML of the payment pages: no scripts, responsive, with a dark theme."""

from __future__ import annotations

from html import escape

from serai.sandbox.money import display
from serai.sandbox.store import Json

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--desk:#f3f1ec;--ink:#1d1b16;--soft:#6a6559;--line:#ddd8cc;--edge:#8a8474;
--accent:#1f5c4d;--on-accent:#fff;--bad:#b3261e;--bad-bg:#fdecea;--note:#fff6d6;--note-ink:#5c4a00}
@media (prefers-color-scheme:dark){:root{--paper:#211f1b;--desk:#161512;--ink:#f1eee6;--soft:#a8a294;
--line:#3b3831;--edge:#7d776a;--accent:#6fc3ab;--on-accent:#0d231d;--bad:#ffb4ab;--bad-bg:#3c1a17;--note:#3a3113;--note-ink:#f5e3a1}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--desk);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:24px 16px 48px}
.note{margin:0 0 20px;padding:10px 14px;border-radius:10px;background:var(--note);color:var(--note-ink);font-size:14px}
.note code{font-size:13px;white-space:nowrap}
.sheet{background:var(--paper);border:1px solid var(--line);border-radius:16px;overflow:hidden}
.summary,.pay{padding:24px}
.summary{border-bottom:1px solid var(--line)}
h1{margin:0;font-size:15px;font-weight:600;color:var(--soft);overflow-wrap:anywhere}
h2{margin:0 0 16px;font-size:18px}
.total{margin:4px 0 20px;font-size:34px;font-weight:700;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
ul{list-style:none;margin:0;padding:0}
li{display:flex;justify-content:space-between;gap:16px;padding:10px 0;border-top:1px solid var(--line)}
li span{overflow-wrap:anywhere}
li small{display:block;color:var(--soft)}
li b{font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
label{display:block;margin:0 0 14px;font-size:14px;font-weight:600}
input{display:block;width:100%;margin-top:6px;padding:11px 12px;border:1px solid var(--edge);border-radius:10px;
background:var(--paper);color:var(--ink);font:inherit;font-size:16px;font-weight:400;font-variant-numeric:tabular-nums}
input::placeholder{color:var(--soft);opacity:1}
input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
input[aria-invalid=true]{border-color:var(--bad)}
.two{display:grid;grid-template-columns:1fr 1fr;gap:14px}
.error{color:var(--bad);font-weight:500;font-size:13px}
.alert{margin:0 0 16px;padding:11px 14px;border-radius:10px;background:var(--bad-bg);color:var(--bad);font-weight:600}
button,a.button{display:block;width:100%;padding:13px;border:1px solid transparent;border-radius:10px;font:inherit;
font-weight:650;text-align:center;text-decoration:none;cursor:pointer;background:var(--accent);color:var(--on-accent)}
button.quiet,a.quiet{margin-top:10px;background:none;border-color:var(--edge);color:var(--ink)}
p.soft{color:var(--soft);margin:0 0 18px}
.narrow{max-width:520px;margin:0 auto}
@media (min-width:760px){main{padding-top:56px}.sheet.split{display:grid;grid-template-columns:1fr 1fr}
.split .summary{border:0;border-right:1px solid var(--line)}.summary,.pay{padding:36px}}
"""

_NOTE = (
    '<p class="note"><b>Sandbox: no real money.</b> Test cards: <code>4242 4242 4242 4242</code> succeeds, '
    "<code>4000 0000 0000 0002</code> is declined, <code>4000 0025 0000 3155</code> requires 3-D Secure. "
    "Use any future date and any CVC.</p>"
)


def document(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body><main>{content}</main></body></html>"
    )


def card_form(
    session: Json,
    lines: list[Json],
    shop: str,
    *,
    given: dict[str, str],
    problems: dict[str, str],
    alert: str | None,
) -> str:
    """The page with the card form. Typed values are shown again, except the security code."""
    email = session["customer_email"]
    fields = (
        _field("number", "Card number", "1234 1234 1234 1234", "cc-number", "numeric", given, problems)
        + '<div class="two">'
        + _field("exp", "Expires", "MM / YY", "cc-exp", "text", given, problems)
        + _field("cvc", "CVC", "123", "cc-csc", "numeric", {}, problems)
        + "</div>"
        + _field("name", "Name on card", "", "cc-name", "text", given, problems)
    )
    cancel = (
        '<button class="quiet" name="action" value="cancel" formnovalidate>Back to the shop</button>'
        if session["cancel_url"]
        else ""
    )
    total = display(session["amount_total"], session["currency"])
    return document(
        f"Pay {total} · {shop}",
        _NOTE
        + '<div class="sheet split"><section class="summary">'
        + f'<h1>{escape(shop)}</h1><p class="total">{escape(total)}</p><ul>{_lines(lines)}</ul></section>'
        + '<section class="pay"><h2>Pay by card</h2>'
        + (f'<p class="alert" role="alert">{escape(alert)}</p>' if alert else "")
        + (f'<p class="soft">{escape(email)}</p>' if email else "")
        + f'<form method="post" autocomplete="on">{fields}'
        + f'<button name="action" value="pay">Pay {escape(total)}</button>{cancel}</form></section></div>',
    )


def challenge(shop: str, total: str) -> str:
    return document(
        "Confirm the payment",
        _NOTE
        + '<div class="sheet narrow"><section class="pay"><h2>Confirm this payment</h2>'
        + f'<p class="soft">{escape(shop)} wants to charge <b>{escape(total)}</b>. This page simulates '
        "the 3-D Secure check of the card's bank.</p>"
        + '<form method="post"><button name="action" value="approve">Approve the payment</button>'
        + '<button class="quiet" name="action" value="fail">Fail the check</button></form></section></div>',
    )


def notice(title: str, text: str, *, link: str | None = None, link_text: str = "Back to the shop") -> str:
    button = f'<a class="button" rel="noreferrer" href="{escape(link)}">{escape(link_text)}</a>' if link else ""
    return document(
        title,
        '<div class="sheet narrow"><section class="pay">'
        f'<h2>{escape(title)}</h2><p class="soft">{escape(text)}</p>{button}</section></div>',
    )


def _lines(lines: list[Json]) -> str:
    shown = []
    for line in lines:
        unit = display(line["price"]["unit_amount"], line["currency"])
        count = f"<small>{line['quantity']} × {escape(unit)}</small>" if line["quantity"] > 1 else ""
        amount = escape(display(line["amount_total"], line["currency"]))
        shown.append(f"<li><span>{escape(line['description'])}{count}</span><b>{amount}</b></li>")
    return "".join(shown)


def _field(
    name: str,
    label: str,
    hint: str,
    autocomplete: str,
    keyboard: str,
    given: dict[str, str],
    problems: dict[str, str],
) -> str:
    problem = problems.get(name)
    invalid = f' aria-invalid="true" aria-describedby="{name}-error"' if problem else ""
    message = f'<span class="error" id="{name}-error">{escape(problem)}</span>' if problem else ""
    return (
        f'<label>{label}<input name="{name}" value="{escape(given.get(name, ""))}" placeholder="{hint}" '
        f'autocomplete="{autocomplete}" inputmode="{keyboard}" maxlength="80"{invalid}>{message}</label>'
    )
