from __future__ import annotations

from serai.demo.products.product import SHOES, DemoProduct, coloured

OUTDOOR = [
    DemoProduct(
        "Two-person tent",
        34900,
        "Stands in four minutes, weighs less than two bottles of wine, and has survived a night on Skye.",
        {"weight": "1.9 kg", "water column": "4,000 mm"},
        coloured("Moss", "Sand"),
    ),
    DemoProduct(
        "Down sleeping bag",
        27900,
        "Comfortable down to zero degrees and packs to the size of a melon.",
        {"filling": "Duck down, 700 cuin", "weight": "0.9 kg"},
        {"length": ["Regular", "Long"]},
        2000,
    ),
    DemoProduct(
        "Insulated sleeping mat",
        12900,
        "Eight centimetres between you and the ground, inflated in fifteen breaths.",
        {"weight": "0.5 kg", "R value": "4.2"},
    ),
    DemoProduct(
        "Roll-top backpack",
        13900,
        "Welded seams, a frame that carries and a back that breathes.",
        {"material": "Recycled nylon"},
        {"volume": ["25 l", "35 l", "45 l"]} | coloured("Black", "Spruce"),
        2000,
    ),
    DemoProduct(
        "Trail running shoes",
        13900,
        "Five-millimetre lugs, a rock plate, and a tongue that keeps the grit out.",
        {"drop": "6 mm"},
        SHOES,
    ),
    DemoProduct(
        "Leather hiking boots",
        22900,
        "One piece of leather, one seam. Can be resoled as long as you can be.",
        {"material": "Nubuck leather"},
        SHOES,
    ),
    DemoProduct(
        "Titanium camp mug",
        3900,
        "Boils half a litre on any stove and weighs as much as a letter.",
        {"material": "Titanium", "volume": "0.55 l"},
    ),
    DemoProduct(
        "Folding camp stove",
        5900,
        "Three legs, one valve, and a roar that means tea in three minutes.",
        {"power": "2.6 kW", "weight": "86 g"},
    ),
    DemoProduct(
        "Insulated bottle",
        3400,
        "Hot for twelve hours, cold for twenty-four, and never wet on the outside.",
        {"material": "Stainless steel"},
        {"volume": ["0.5 l", "0.75 l", "1 l"]} | coloured("Steel", "Red"),
        500,
    ),
    DemoProduct(
        "Headlamp",
        4900,
        "Four hundred lumens for the path, one red one for the map.",
        {"light": "400 lm", "charging": "USB-C"},
    ),
    DemoProduct(
        "Pocket knife",
        4500,
        "One blade that locks, an olive handle, and a ring to hang it by.",
        {"blade": "8 cm", "handle": "Olive wood"},
    ),
    DemoProduct(
        "Trekking poles, pair",
        8900,
        "Carbon in three sections with cork grips; half a kilogram for both.",
        {"material": "Carbon", "length": "105–135 cm"},
    ),
    DemoProduct(
        "Cotton hammock",
        7900,
        "Woven wide, so you lie across it and lie flat.",
        {"material": "Cotton", "load": "160 kg"},
        coloured("Natural", "Blue stripes"),
    ),
    DemoProduct(
        "Picnic blanket",
        5900,
        "Wool above, waxed cotton below, leather straps around.",
        {"size": "140 × 180 cm"},
    ),
    DemoProduct(
        "Watering can",
        3900,
        "Five litres, balanced at the handle, with a rose of brass.",
        {"material": "Galvanised steel", "volume": "5 l"},
        coloured("Zinc", "Green"),
    ),
]
