from __future__ import annotations

from serai.demo.products.product import DemoProduct, coloured

AUDIO = [
    DemoProduct(
        "Open-back headphones",
        24900,
        "They let the room in and the music breathe. For long evenings at home, not for trains.",
        {"impedance": "80 Ω", "weight": "270 g"},
    ),
    DemoProduct(
        "Wireless headphones",
        19900,
        "Thirty hours of quiet on one charge. Two microphones listen to the outside so that you need not.",
        {"battery": "30 h", "charging": "USB-C"},
        coloured("Black", "Silver", "Sand"),
    ),
    DemoProduct(
        "In-ear monitors",
        9900,
        "A single driver tuned by somebody with patience, and a cable that can be replaced.",
        {"driver": "10 mm", "cable": "1.2 m"},
    ),
    DemoProduct(
        "Bookshelf speakers, pair",
        39900,
        "Small boxes, large room: wood veneer, a silk dome, and ten centimetres of air to the wall.",
        {"power": "60 W", "height": "29 cm"},
        {"finish": ["Walnut", "White", "Black"]},
    ),
    DemoProduct(
        "Kitchen radio",
        12900,
        "One knob for the station, one for the loudness. FM, DAB+ and an input for everything else.",
        {"power": "10 W"},
        coloured("Cream", "Mint", "Red"),
    ),
    DemoProduct(
        "Portable speaker",
        8900,
        "Swims, falls off tables, and plays for fifteen hours.",
        {"battery": "15 h", "protection": "IP67"},
        coloured("Orange", "Graphite"),
    ),
    DemoProduct(
        "Turntable",
        34900,
        "Belt drive, a straight arm and a heavy platter; comes aligned, so that you can put on a record.",
        {"speeds": "33⅓, 45"},
        {"finish": ["Walnut", "Black"]},
    ),
    DemoProduct(
        "Phono preamplifier",
        12900,
        "A small box that makes a large difference between needle and amplifier.",
        {"cartridge": "MM, MC"},
    ),
    DemoProduct(
        "Stereo amplifier",
        45900,
        "Two times forty watts, five inputs and a volume knob you will want to turn for its own sake.",
        {"power": "2 × 40 W"},
        coloured("Silver", "Black"),
    ),
    DemoProduct(
        "Record brush",
        1900,
        "A million carbon fibres for two turns before each side.",
        {"material": "Carbon fibre"},
    ),
    DemoProduct(
        "Record crate",
        4900,
        "Holds eighty albums at the angle for leafing through.",
        {"material": "Birch plywood"},
    ),
    DemoProduct(
        "Speaker cable",
        2400,
        "Copper, thick enough and not a myth thicker.",
        {"cross-section": "2.5 mm²"},
        {"length": ["2 × 2 m", "2 × 3 m", "2 × 5 m"]},
        600,
    ),
    DemoProduct(
        "Condenser microphone",
        14900,
        "For voices, guitars and the third episode of your podcast.",
        {"pattern": "Cardioid", "connection": "XLR"},
    ),
    DemoProduct(
        "USB audio interface",
        15900,
        "Two inputs, two outputs, and preamplifiers that keep quiet.",
        {"connection": "USB-C", "resolution": "24 bit, 192 kHz"},
    ),
    DemoProduct(
        "Metronome",
        6900,
        "Wound by hand, swings from forty to two hundred and eight, and cannot be updated.",
        {"material": "Mahogany", "height": "22 cm"},
    ),
]
