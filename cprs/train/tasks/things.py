"""Things that a text mentions: dates, people, sums, addresses, ... in the ways they are written."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from cprs.train.tasks.marked import Maker

_GIVEN = (
    "Aaliyah Abena Aiko Alejandro Alice Amara Amir Ana Andrzej Anh Anita Ayşe Babak Beatriz Bjørn "
    "Brandon Carmen Charlotte Chidi Chloé Claire Daisuke Daniel Deepika Diego Dmitri Eleni Elif "
    "Emeka Emily Enrique Eun-ji Fatima Fernanda Finn Gabriela George Giulia Grace Hana Haruto "
    "Hassan Heather Hiroshi Hyun-woo Imran Ingrid Isabel Ivan Jacques Jamal James Javier Jin "
    "Joanna João Joseph Jun Kamala Katarzyna Kevin Khadija Kofi Kwame Lakshmi Laura Layla Li "
    "Linh Lucas Luis Mahmoud Maja Malik Margaret Maria Mateo Matthew Mei Michael Mohammed Monika "
    "Naomi Nikhil Nina Noah Noor Oksana Oliver Olu Patrick Priya Rachel Raj Ravi Rebecca Robert "
    "Rosalind Ruth Ryan Sanjay Sarah Sean Sofia Sophie Svetlana Takeshi Tariq Thomas Tunde "
    "Uchenna Victoria Vikram Walter Wei Wen Xiu Yasmin Yiannis Yuki Yusra Zainab Zoe"
).split()
_FAMILY = (
    "Abbasi Achebe Adeyemi Ahmed Andersson Baker Banerjee Becker Bianchi Botha Brown Campbell "
    "Carter Castillo Chen Choi Costa Cruz Da_Silva Davies Demir Diallo Dubois Edwards El-Sayed "
    "Evans Fernandes Fischer Fitzgerald Fujimoto Gallagher García González Gupta Haddad Hansen "
    "Harris Hoang Hughes Ibrahim Ivanova Jackson Jensen Johnson Jones Kamau Kaplan Khan Kim "
    "Kowalski "
    "Kumar Larsen Le_Goff Lee Lefebvre Levy Liu López MacDonald Mahlangu Martínez Mbeki McCarthy "
    "Mehta Mendes Meyer Mitchell Morales Müller Mwangi Nakamura Nguyen Nielsen Novotná O'Brien "
    "O'Connor Oduya Okonkwo Olsen Osei Ozturk Papadopoulos Park Patel Petrov Phillips Popescu "
    "Rahman Ramírez Reddy Ricci Rivera Roberts Rossi Sánchez Santos Sato Schneider Shah Sharma "
    "Singh Smith Suzuki Svensson Takahashi Taylor Thompson Tran Turner Van_den_Berg Walker Wang "
    "Weber Williams Wilson Wong Wright Yang Yılmaz Young Zhang Zhou"
).split()
_PLACES = (
    "Accra Amsterdam Athens Auckland Bangkok Barcelona Belfast Bergen Berlin Bogotá Boston "
    "Brazil Brussels Budapest Cairo Canada Cape_Town Chicago Chile Copenhagen Dallas Denver Dublin "
    "Edinburgh Egypt Finland Geneva Ghana Glasgow Gothenburg Hamburg Hanoi Helsinki Hong_Kong "
    "Iceland Istanbul Jakarta Japan Kenya Kraków Kyoto Lagos Leeds Lima Lisbon London Lyon Madrid "
    "Manchester Manila Marseille Melbourne Mexico_City Milan Montreal Mumbai Munich Nairobi Naples "
    "New_Delhi New_York Norway Osaka Oslo Paris Peru Portugal Prague Quito Rome Rotterdam "
    "San_Francisco Santiago Seattle Seoul Seville Singapore Stockholm Sydney Tallinn Tokyo Toronto "
    "Toulouse Turin Uganda Valencia Vancouver Vienna Vietnam Warsaw Zagreb Zurich"
).split()
_FIRMS = (
    "Acton Aerodyne Alpenrose Bluepeak Borealis Brightwater Caldera Cobaltline Corvid Deltaform "
    "Eastbrook Evergrid Fairhaven Ferrovia Glasswing Greenfield Halcyon Helix Ironbridge Kestrel "
    "Lumen Meridian Northwind Novaterra Orchard Pinnacle Quantia Redwood Riverton Sable Silverlake "
    "Solstice Stonegate Summit Tidewater Trident Umbra Vantage Westmark Zephyr"
).split()
_SORTS = (
    "Logistics Group Ltd Inc. GmbH Bank Foundation Systems Energy Pharma Airlines Insurance "
    "Partners Holdings Laboratories Motors Foods Media Consulting Robotics Textiles Shipping"
).split()
_BODIES = (
    "Ministry of {}", "Institute for {}", "Department of {}", "Federal Office for {}",
    "Association of {}", "Council for {}",
)  # fmt: skip
_FIELDS = (
    "Transport", "Public Health", "Soil Research", "Education", "Marine Biology", "Agriculture",
    "Labour", "Statistics", "Clean Energy", "Water Management", "Forestry", "Digital Affairs",
)  # fmt: skip
MONTHS = (
    "January February March April May June July August September October November December"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_STEMS = (
    "archive billing catalog delta echo forge garden harbor index junction ledger mercury nimbus "
    "orbit portal quarry relay studio tracker union vector willow yard zenith"
).split()
_UNITS = (
    " km", " kg", " mg", " metres", " miles", " litres", " tonnes", " GB", " MB", " kWh", " volts",
    " °C", " hectares", " square metres", " pounds", " cm", " mm", "kg", "km", "GB", " watts",
    " psi",
)  # fmt: skip
_SPELT = ("two", "three", "four", "five", "six", "ten", "twelve", "fifteen", "twenty", "forty")


def _spaced(words: list[str]) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in words)


GIVEN, FAMILY, PLACES = _spaced(_GIVEN), _spaced(_FAMILY), _spaced(_PLACES)


def date(rng: random.Random) -> str:
    """A day, as it goes with "on"."""
    day, month, year = rng.randrange(1, 29), rng.randrange(1, 13), rng.randrange(1890, 2045)
    name = MONTHS[month - 1]
    weekday = rng.choice(_DAYS)
    return rng.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{year}-{month:02}-{day:02}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{day:02}/{month:02}/{year}",
            f"{month}/{day}/{year % 100:02}",
            f"{day}.{month}.{year}",
            f"{day} {name}",
            f"{name} {day}",
            f"{weekday}, {day} {name} {year}",
            f"{weekday}, {name} {day}",
            f"the {_ordinal(day)} of {name}",
            f"{_ordinal(day)} {name} {year}",
            f"{name[:3]} {day}, {year}",
            f"{day}-{name[:3]}-{year}",
            f"{year}/{month:02}/{day:02}",
        )
    )


def period(rng: random.Random) -> str:
    """A year, a month of a year, as it goes with "in"."""
    year = rng.randrange(1850, 2045)
    return rng.choice((f"{year}", f"{year}", f"{rng.choice(MONTHS)} {year}"))


def clock(rng: random.Random) -> str:
    """A time of day."""
    hour, minute = rng.randrange(24), rng.choice((0, 5, 10, 15, 20, 30, 40, 45, 50))
    half = hour % 12 or 12
    return rng.choice(
        (
            f"{hour:02}:{minute:02}",
            f"{half}:{minute:02} {'am' if hour < 12 else 'pm'}",
            f"{half} {'am' if hour < 12 else 'pm'}",
            f"{half}.{minute:02} {'am' if hour < 12 else 'pm'}",
            f"{hour}:{minute:02} UTC",
        )
    )


def person(rng: random.Random) -> str:
    """Somebody, by full name, with a title, with initials."""
    first, family = rng.choice(GIVEN), rng.choice(FAMILY)
    return rng.choice(
        (
            f"{first} {family}",
            f"{first} {family}",
            f"{first} {family}",
            f"{first} {rng.choice('ABCDEFGHJKLMNPRST')}. {family}",
            f"{first[0]}. {family}",
            f"{rng.choice(('Dr.', 'Dr', 'Prof.', 'Mr', 'Mr.', 'Ms', 'Ms.', 'Mrs.'))} {family}",
            f"{rng.choice(('Dr.', 'Professor', 'Sir', 'Captain', 'Judge'))} {first} {family}",
            f"{first} {family} {rng.choice(FAMILY)}",
        )
    )


def email(rng: random.Random) -> str:
    """An e-mail address, at a domain that nobody has."""
    first, family = _plain(rng.choice(GIVEN)), _plain(rng.choice(FAMILY))
    stem = rng.choice(_STEMS)
    who = rng.choice(
        (f"{first}.{family}", f"{first}", f"{first[0]}{family}", "info", "support", stem,
         f"{family}_{first}", f"{first}{rng.randrange(10, 99)}")
    )  # fmt: skip
    return f"{who}@{rng.choice((f'{stem}.example', f'{stem}.test', 'example.org', 'example.com'))}"


def url(rng: random.Random) -> str:
    """A web address."""
    stem, page = rng.choice(_STEMS), rng.choice(_STEMS)
    host = rng.choice((f"{stem}.example", f"www.{stem}.example.com", f"docs.{stem}.test"))
    tail = rng.choice(
        ("", f"/{page}", f"/{page}/{rng.randrange(9999)}", f"/{page}.html", f"?q={page}")
    )
    return f"{rng.choice(('https://', 'https://', 'http://'))}{host}{tail}"


def money(rng: random.Random) -> str:
    """A sum of money."""
    small = f"{rng.randrange(1, 990)}"
    cents = f"{small}.{rng.randrange(100):02}"
    large = f"{rng.randrange(1, 990)},{rng.randrange(1000):03}"
    return rng.choice(
        (
            f"${rng.choice((small, cents, large))}",
            f"€{rng.choice((small, cents, large))}",
            f"£{rng.choice((small, cents, large))}",
            f"{rng.choice((small, large))} euros",
            f"{rng.choice((small, large))} dollars",
            f"USD {rng.choice((small, large))}",
            f"{large} EUR",
            f"${rng.randrange(2, 90)}.{rng.randrange(1, 9)} million",
            f"£{rng.randrange(2, 900)}k",
            f"{rng.choice(_SPELT)} thousand dollars",
            f"¥{large}",
            f"{large} rupees",
        )
    )


def phone(rng: random.Random) -> str:
    """A telephone number."""
    a, b, c = rng.randrange(20, 99), rng.randrange(100, 999), rng.randrange(1000, 9999)
    return rng.choice(
        (
            f"+{a} {b} {c}{rng.randrange(10, 99)}",
            f"({b}) 555-{c}",
            f"555-{c}",
            f"{b}-555-{c}",
            f"0{a} {rng.randrange(1000, 9999)} {c}",
            f"+1 {b} 555 {c}",
            f"+{a}-{b}-{c}-{rng.randrange(100, 999)}",
        )
    )


def percent(rng: random.Random) -> str:
    """A percentage."""
    whole = rng.randrange(1, 100)
    return rng.choice(
        (f"{whole}%", f"{whole} percent", f"{whole}.{rng.randrange(1, 9)}%", f"{whole} per cent",
         f"{rng.choice(_SPELT)} percent", f"{whole} %")
    )  # fmt: skip


def quantity(rng: random.Random) -> str:
    """A number with its unit, but no span of time."""
    number = rng.choice(
        (f"{rng.randrange(2, 990)}", f"{rng.randrange(2, 90)}.{rng.randrange(1, 9)}")
    )
    return f"{number}{rng.choice(_UNITS)}"


def duration(rng: random.Random) -> str:
    """A span of time."""
    unit = rng.choice(("seconds", "minutes", "hours", "days", "weeks", "months", "years"))
    return f"{rng.choice((str(rng.randrange(2, 90)), *_SPELT[:6]))} {unit}"


def place(rng: random.Random) -> str:
    """A town or a country."""
    return rng.choice(PLACES)


def organisation(rng: random.Random) -> str:
    """A firm or a public body."""
    if rng.random() < 0.25:
        return rng.choice(_BODIES).format(rng.choice(_FIELDS))
    return f"{rng.choice(_FIRMS)} {rng.choice(_SORTS)}"


def reference(rng: random.Random) -> str:
    """The number something is filed under."""
    n = rng.randrange(1_000, 999_999)
    letters = "".join(rng.choices("ABCDEFGHKLMNPQRSTUVWX", k=rng.randrange(2, 5)))
    return rng.choice(
        (f"{letters}-{n}", f"INV-{n}", f"#{n}", f"{letters}{n}",
         f"{letters}-{n % 900 + 100}/{n % 7}",
         f"PO-{n}")
    )  # fmt: skip


def address(rng: random.Random) -> str:
    """An IP address."""
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def path(rng: random.Random) -> str:
    """A file, with its folders."""
    a, b = rng.choice(_STEMS), rng.choice(_STEMS)
    ending = rng.choice(("txt", "csv", "yaml", "log", "py", "json", "pdf"))
    return rng.choice(
        (f"/var/{a}/{b}.{ending}", f"/home/{a}/{b}.{ending}", f"C:\\{a}\\{b}.{ending}",
         f"./{a}/{b}.{ending}", f"/etc/{a}.{ending}", f"src/{a}/{b}.{ending}")
    )  # fmt: skip


def version(rng: random.Random) -> str:
    """A version number."""
    a, b, c = rng.randrange(12), rng.randrange(30), rng.randrange(20)
    return rng.choice((f"v{a}.{b}.{c}", f"{a}.{b}.{c}", f"version {a}.{b}", f"v{a}.{b}"))


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if "a" <= c <= "z") or "post"


THINGS: Mapping[str, tuple[str, Maker]] = MappingProxyType(
    {
        "date": ("date", date),
        "period": ("date", period),
        "time": ("time", clock),
        "person": ("person", person),
        "email": ("email", email),
        "url": ("url", url),
        "money": ("money", money),
        "phone": ("phone", phone),
        "percent": ("percent", percent),
        "quantity": ("quantity", quantity),
        "duration": ("duration", duration),
        "place": ("place", place),
        "org": ("organisation", organisation),
        "ref": ("reference", reference),
        "ip": ("address", address),
        "path": ("path", path),
        "version": ("version", version),
    }
)
"""The slots of a template: what kind of thing, and how one is made."""
