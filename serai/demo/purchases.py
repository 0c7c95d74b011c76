"""The past orders of the two demo customers: what they bought, when, and the final status of each order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purchase:
    """`buyer` is the index of the demo customer; `lines` are slugs and quantities. `outcome` is an order status, or
    `returned` (fully refunded after delivery) or `part refunded`."""

    buyer: int
    lines: dict[str, int]
    outcome: str = "delivered"


#: In chronological order. The customer orders again what was cancelled or rejected.
PURCHASES = (
    Purchase(0, {"brass-desk-lamp": 1, "clothbound-notebook": 2}),
    Purchase(1, {"hand-coffee-grinder": 1}),
    Purchase(0, {"kitchen-scale": 1, "bread-knife": 1}),
    Purchase(1, {"open-back-headphones": 1}),
    Purchase(0, {"jute-doormat": 1}, "returned"),
    Purchase(1, {"three-legged-stool": 2}),
    Purchase(1, {"steel-scissors": 1, "letter-writing-set": 3}),
    Purchase(0, {"picnic-blanket": 1, "folding-camp-stove": 1}, "part refunded"),
    Purchase(1, {"insulated-sleeping-mat": 2}),
    Purchase(0, {"condenser-microphone": 1}, "cancelled"),
    Purchase(0, {"condenser-microphone": 1, "record-brush": 1}),
    Purchase(1, {"entryway-bench": 1}),
    Purchase(0, {"desk-tray-of-walnut": 1}),
    Purchase(1, {"paring-knife": 2, "granite-mortar": 1}),
    Purchase(0, {"string-of-ten-lights": 2}),
    Purchase(1, {"bedside-table-with-drawer": 1}, "part refunded"),
    Purchase(0, {"phono-preamplifier": 1}, "refunded"),
    Purchase(1, {"hurricane-lantern": 2}),
    Purchase(0, {"quilted-bedspread": 1}),
    Purchase(1, {"headlamp": 1, "pocket-knife": 1}),
    Purchase(0, {"in-ear-monitors": 1}, "rejected"),
    Purchase(0, {"in-ear-monitors": 1}),
    Purchase(1, {"stoneware-table-lamp": 2}, "shipped"),
    Purchase(0, {"tea-towel-with-herringbone": 4, "merino-throw": 1}, "shipped"),
    Purchase(1, {"record-crate": 2}, "cancelled"),
    Purchase(1, {"record-crate": 1}, "paid"),
    Purchase(0, {"usb-audio-interface": 1, "leather-pencil-roll": 1}, "paid"),
)
#: Age of each in days. None is left unpaid, because its buyer could not check out again until it is cancelled.
DAYS_AGO = (
    *(28.6, 27.2, 25.8, 25.1, 23.9, 22.1, 20.6, 19.4, 19.3, 18.2, 16.8, 16.5, 15.1, 13.7, 13.2, 11.9, 10.8),
    *(9.4, 8.4, 7.3, 6.2, 6.1, 4.9, 3.8, 3.1, 1.9, 0.3),
)
ADDRESSES = (
    {"line1": "14 Marina Walk", "city": "Lagos", "postal_code": "101241", "country": "NG"},
    {"line1": "Storgatan 12", "city": "Umeå", "postal_code": "903 26", "country": "SE"},
)
