from __future__ import annotations

from serai.demo.products.product import DemoProduct, coloured

STATIONERY = [
    DemoProduct(
        "Clothbound notebook",
        1900,
        "Sewn, so that it lies flat at every page; paper that takes ink and shows none on the other side.",
        {"paper": "100 g/m²", "pages": "192"},
        {"ruling": ["Plain", "Lined", "Dotted", "Squared"]} | coloured("Slate", "Red"),
    ),
    DemoProduct(
        "Pocket notebooks, set of three",
        1200,
        "Forty-eight pages each for the things that would be gone by evening.",
        {"size": "9 × 14 cm"},
    ),
    DemoProduct(
        "Weekly planner",
        2400,
        "A week on the left, room to think on the right, and no motivational sayings.",
        {"pages": "160", "size": "A5"},
    ),
    DemoProduct(
        "Fountain pen",
        5900,
        "A steel nib that flatters every hand and a piston that drinks straight from the bottle.",
        {"filling": "Piston"},
        {"nib": ["EF", "F", "M", "B"]},
    ),
    DemoProduct(
        "Bottle of ink",
        1400,
        "Fifty millilitres that last a novel.",
        {"volume": "50 ml"},
        coloured("Blue-black", "Sepia", "Moss green", "Crimson"),
    ),
    DemoProduct(
        "Brass mechanical pencil",
        3900,
        "Heavy at the tip and quiet at the click.",
        {"material": "Brass"},
        {"lead": ["0.5 mm", "0.7 mm", "2.0 mm"]},
    ),
    DemoProduct(
        "Dozen cedar pencils",
        1600,
        "Graphite in cedar, nothing else; the shavings are worth keeping.",
        {"material": "Cedar"},
        {"grade": ["HB", "2B", "4B"]},
    ),
    DemoProduct(
        "Watercolour box",
        4900,
        "Twelve half pans in a tin with three mixing wells and a ring for the thumb.",
        {"colours": "12"},
    ),
    DemoProduct(
        "Letter writing set",
        2200,
        "Twenty sheets, twenty lined envelopes, and no more excuses.",
        {"paper": "Cotton, 120 g/m²"},
    ),
    DemoProduct(
        "Steel scissors",
        2900,
        "Made from one billet, ground by hand, and comfortable in either hand.",
        {"length": "18 cm", "material": "Stainless steel"},
    ),
    DemoProduct(
        "Desk tray of walnut",
        4900,
        "A place for keys, pens, and the thing you would otherwise be looking for.",
        {"material": "Walnut", "size": "28 × 14 cm"},
    ),
    DemoProduct(
        "Wool desk pad",
        5900,
        "Quietens keyboards and warms wrists.",
        {"material": "Wool felt"},
        {"size": ["60 × 35 cm", "90 × 40 cm"]} | coloured("Anthracite", "Light grey"),
        1500,
    ),
    DemoProduct(
        "Cork pinboard",
        3400,
        "Twelve millimetres of cork, so that pins go in and stay in.",
        {"material": "Cork, oak"},
        {"size": ["40 × 60 cm", "60 × 90 cm"]},
        1500,
    ),
    DemoProduct(
        "Year calendar, letterpress",
        2600,
        "One sheet, twelve months, pressed deep enough to feel.",
        {"size": "50 × 70 cm"},
    ),
    DemoProduct(
        "Leather pencil roll",
        4400,
        "Ten slots and a strap, in leather that grows darker where you hold it.",
        {"material": "Leather"},
    ),
]
