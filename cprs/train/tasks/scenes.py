"""Sentences and lines of reports, minutes, letters, lists and tables, and what each of them is.

All that a sentence mentions comes from `{slots}`, so that every thing in a text is known. A
sentence is a decision, an open task, a question, a definition, a warning, or nothing of note.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from cprs.train.tasks.marked import Mark, Marked, fill
from cprs.train.tasks.things import THINGS

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "job": (
            "supplier", "auditor", "tenant", "driver", "librarian", "site manager", "treasurer",
            "night nurse", "technician", "coach", "pharmacist", "surveyor", "caretaker",
        ),
        "thing": (
            "report", "boiler", "contract", "prototype", "budget", "roof", "brochure",
            "server room",
            "questionnaire", "lease", "bicycle shed", "sample", "invoice", "training plan", "lift",
            "warehouse", "catalogue", "fire alarm", "shipment", "draft", "payroll", "website",
        ),
        "topic": (
            "parking", "the canteen", "recruitment", "safety", "the archive", "heating", "travel",
            "the newsletter", "insurance", "data protection", "the summer school", "recycling",
        ),
        "do": (
            "check", "update", "order", "rewrite", "repair", "translate", "review", "replace",
            "publish", "cancel", "test", "collect", "renew", "compare",
        ),
        "be": ("late", "incomplete", "ready", "damaged", "too heavy", "well received", "in use"),
        "term": (
            "retention period", "gross margin", "cold start", "quorum", "net weight", "dead zone",
            "grace period", "backlog", "escrow", "turnaround", "churn", "load factor", "lien",
        ),
        "what": (
            "the share of orders that come back", "an account held for somebody else",
            "the number of members who must be present", "work that waits to be done",
            "the time for which records are kept", "what is left after costs",
            "a delay before anything can be served", "a right to keep goods until they are paid",
        ),
        "state": ("open", "paid", "shipped", "closed", "pending", "draft", "returned"),
    }
)  # fmt: skip
"""Words that no instruction asks for."""

MENTIONS = (
    "The contract was signed on {date}.", "Work on the {thing} began in {period}.",
    "{person} has led the team since {period}.", "The {thing} was delivered to {org} on {date}.",
    "According to {person}, the {thing} cost {money}.", "{org} paid {money} for the {thing}.",
    "The next inspection takes place on {date} at {time}.", "Doors open at {time}.",
    "{person} was born on {date} in {place}.", "For details write to {email} or call {phone}.",
    "The slides can be found at {url}.", "{person} moved from {place} to {place} in {period}.",
    "Sales rose by {percent} after {org} joined.", "About {percent} of visitors came from {place}.",
    "The tank holds {quantity} and weighs {quantity}.", "It took {duration} to repair the {thing}.",
    "{org} opened an office in {place}.", "The ticket {ref} was passed on to {person}.",
    "Please quote {ref} when you write to us.", "The order {ref} over {money} is {be}.",
    "On {date}, {person} and {person} met the {job} in {place}.", "{person} chaired the session.",
    "The photograph shows {person} in front of the {thing}.",
    "Between {date} and {date} the {thing} was {be}.",
    "A spokesperson for {org} declined to comment.", "The letter from {person} arrived on {date}.",
    "The host {ip} did not answer for {duration}.", "The settings are kept in {path}.",
    "Since {version} the {thing} is no longer needed.",
    "We upgraded from {version} to {version} on {date}.",
    "The hotline is {phone}.", "Anyone may apply through {url} until {date}.",
    "Contact {person} at {email}.", "Rent went up to {money} in {period}.",
    "The shuttle from {place} leaves at {time} and returns at {time}.",
    "The parcel of {quantity} was sent from {place}.", "In {place} the {thing} is {be}.",
    "{person} of {org} will give the keynote.", "The grant of {money} runs for {duration}.",
    "It rained {quantity} within {duration}.", "The copy in {path} is {be}.",
    "{person}, the {job}, thanked everybody.", "The deadline for {topic} is {date}.",
    "He was replaced by {person}.", "She told {person} about the {thing}.",
    "Her brother {person} works for {org}.", "Nobody but {person} had a key.",
    "The minutes were taken by {person}.", "An interview with {person} appeared in {period}.",
)  # fmt: skip

PLAIN = (
    "The {thing} was {be}, as everybody could see.", "Most of the afternoon went into {topic}.",
    "The {job} had little to say about {topic}.", "There was coffee and some cake afterwards.",
    "Nothing much has changed about {topic}.", "The {thing} stands next to the {thing}.",
    "It was a quiet week for the {job}.", "People spoke about {topic} for a long time.",
    "The {job} likes the new {thing} better than the old one.", "The rest of the page is blank.",
    "A good part of it had to do with {topic}.", "As usual, the {thing} came up as well.",
    "The {job} and the {job} share a room.", "Both sides see {topic} in the same light.",
    "The old {thing} is {be}, the new one is {be}.", "Visitors are welcome at any time.",
    "The building has three floors and a cellar.", "Some 14 chairs and 6 tables were left over.",
    "Room 12 is larger than room 7.", "The first 3 rows were empty.", "Monday mornings are slow.",
    "The team grew a little and then shrank again.", "All of this had been said before.",
    "For the {job} it was the usual routine.", "The weather was fine and the mood was good.",
)  # fmt: skip

ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "decision": (
            "It was decided to {do} the {thing}.",
            "The board agreed to {do} the {thing} in {period}.",
            "Decision: the {thing} will be kept.", "We resolved to spend {money} on the {thing}.",
            "The motion to {do} the {thing} was carried.", "The committee approved the {thing}.",
            "DECIDED: {topic} moves to {place}.", "After a vote, the members chose {org}.",
            "Everyone agreed that the {job} may {do} the {thing}.",
            "The proposal on {topic} was rejected.",
        ),
        "action": (
            "Action: {person} to {do} the {thing} by {date}.",
            "{person} will {do} the {thing} before {date}.",
            "TODO: {do} the {thing}.", "[ ] {do} the {thing} and tell the {job}",
            "{person} was asked to {do} the {thing}.", "Next step: {do} the {thing}.",
            "The {job} still has to {do} the {thing}.", "To do: {do} the {thing} with {person}.",
            "ACTION {person}: {do} the {thing}", "Please {do} the {thing} by {date}.",
        ),
        "question": (
            "Who is going to {do} the {thing}?", "Has the {thing} arrived in {place}?",
            "Why was the {thing} {be}?", "What does {person} think about {topic}?",
            "How much of the {money} is left?", "Could the {job} {do} the {thing}?",
            "When will {org} {do} the {thing}?", "Is the {thing} still {be}?",
            "Do we know where the {thing} is?", "What about {topic}?",
        ),
        "definition": (
            "A {term} is {what}.", "{term} means {what}.", "By {term} we understand {what}.",
            "The term {term} refers to {what}.", "{term}: {what}.",
            "In this document, \"{term}\" denotes {what}.", "The {term} is defined as {what}.",
            "{what}, that is what is called a {term}.",
        ),
        "caution": (
            "Warning: the {thing} is {be}.", "Caution: do not touch the {thing}.",
            "Beware of the {thing} when it is {be}.", "There is a risk that the {thing} is {be}.",
            "Danger: the {thing} may fall.", "Never {do} the {thing} alone.",
            "Attention: keep away from the {thing} for {duration}.",
        ),
        "complaint": (
            "I am very unhappy with the {thing}.",
            "The {thing} has been broken for {duration} and nobody cares.",
            "It is unacceptable that the {thing} is {be}.",
            "{person} complained about the {thing}.",
            "This is the worst {thing} we have ever had.", "I want my {money} back.",
        ),
        "praise": (
            "I am delighted with the {thing}.",
            "Many thanks to {person} for the excellent {thing}.",
            "The {job} did a wonderful job.", "This is the best {thing} in {place}.",
            "{person} praised the {thing}.", "We are very pleased with {org}.",
        ),
    }
)  # fmt: skip
"""What a sentence may be as a whole, and how it then reads."""

_PAIRS = (
    "Date: {date}", "From: {person}", "To: {email}", "Phone: {phone}", "Total: {money}",
    "Website: {url}", "Reference: {ref}", "Location: {place}", "Company: {org}", "Time: {time}",
    "Weight: {quantity}", "Discount: {percent}", "Contact: {person}", "Due: {date}", "Host: {ip}",
    "File: {path}", "Release: {version}", "Duration: {duration}", "Status: {state}",
    "Subject: {thing}", "Category: {topic}", "Author: {person}", "Fee: {money}",
    "Founded: {period}",
)  # fmt: skip
_COLUMNS = (
    "{date}", "{person}", "{place}", "{money}", "{email}", "{ref}", "{org}", "{quantity}",
    "{state}",
    "{percent}", "{phone}", "{thing}", "{job}", "{time}", "{version}",
)  # fmt: skip
_PAIR_STYLES = ("{}", "- {}", "* {}", "{}", "  {}")


def write(template: str, rng: random.Random) -> Marked:
    """A template of this page, filled; its first letter in upper case."""
    made = fill(template, rng, THINGS, WORDS)
    lower = made.text[:1].islower() and not any(mark.start == 0 for mark in made.marks)
    return Marked(made.text[:1].upper() + made.text[1:], made.marks) if lower else made


def mention(rng: random.Random) -> Marked:
    """A sentence that mentions things."""
    return write(rng.choice(MENTIONS), rng)


def plain(rng: random.Random) -> Marked:
    """A sentence that mentions nothing and is nothing of note."""
    return write(rng.choice(PLAIN), rng)


def role(kind: str, rng: random.Random) -> Marked:
    """A sentence that is, as a whole, of one of `ROLES`."""
    return write(rng.choice(ROLES[kind]), rng).whole(kind)


def key_values(rng: random.Random, count: int) -> list[Marked]:
    """Lines of a name and its value."""
    style = rng.choice(_PAIR_STYLES)
    swap = rng.choice((": ", " = ", ": ", ":\t"))
    lines = rng.sample(_PAIRS, min(count, len(_PAIRS)))
    return [write(line.replace(": ", swap, 1), rng).after(style.format("")) for line in lines]


def table(rng: random.Random, count: int) -> list[Marked]:
    """Rows of a table that all have the same columns, without a header."""
    columns = rng.sample(_COLUMNS, rng.randrange(3, 6))
    start, between, end = rng.choice(
        (("| ", " | ", " |"), ("", ",", ""), ("", "\t", ""), ("", "; ", ""))
    )
    row = start + between.join(columns) + end
    return [fill(row, rng, THINGS, WORDS) for _ in range(count)]


def spoken(rng: random.Random, count: int) -> list[Marked]:
    """Turns of a conversation, most of them of no note; the speakers are people too."""
    who = [THINGS["person"][1](rng) for _ in range(3)]
    turns = []
    for _ in range(count):
        name = rng.choice(who)
        said = rng.choice((plain, mention, plain))(rng).after(f"{name}: ")
        turns.append(Marked(said.text, (Mark("person", 0, len(name)), *said.marks)))
    return turns
