"""Prompts as people and programs write them, each with what in it asks and what is asked about.

A prompt is a list of parts: "q" asks (never compressed), "d" is a document, "-" may be either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from prompt_documents import (
    CHINESE,
    CODE,
    CONTRACT,
    CSV,
    EMAIL,
    FAQ,
    GERMAN,
    JSON,
    LOG,
    MARKDOWN,
    PASSAGES,
    REPORT,
    STORY,
    TRANSCRIPT,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """`query`: words that the query must hold; `not_query`: words that it must not."""

    name: str
    parts: tuple[tuple[str, str], ...]
    task: str | None = "question"
    query: tuple[str, ...] = ()
    not_query: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(text for _, text in self.parts)

    def ranges(self, kind: str) -> list[tuple[int, int]]:
        """Where the parts of a kind stand."""
        found, at = [], 0
        for each, text in self.parts:
            if each == kind:
                found.append((at, at + len(text)))
            at += len(text)
        return found


def q(text: str) -> tuple[str, str]:
    return ("q", text)


def d(text: str) -> tuple[str, str]:
    return ("d", text)


def x(text: str) -> tuple[str, str]:
    return ("-", text)


def prompt(
    name: str,
    *parts: tuple[str, str],
    task: str | None = "question",
    query: str = "",
    without: str = "",
) -> Prompt:
    return Prompt(name, parts, task, tuple(query.split()), tuple(without.split()))


NUMBERED = "\n\n".join(f"[{i}] {text}" for i, text in enumerate(PASSAGES, 1))
TAGGED = "\n".join(
    f'<document index="{i}">\n{text}\n</document>' for i, text in enumerate(PASSAGES, 1)
)
QUOTED = "\n".join(f"> {line}" for line in EMAIL.splitlines())

DATA = json.dumps([{"pump": n, "pressure": 3.5, "state": "running"} for n in range(60)])
DICTATED = "and so they walked along the quay and the rain fell and nobody spoke " * 40

PROMPTS = (
    # A document before the question.
    prompt(
        "report, then question",
        d(REPORT),
        x("\n\n"),
        q("Who moved to repair the breakwater?"),
        query="repair breakwater?",
        without="Adeyemi",
    ),
    prompt("one line break between", d(LOG), x("\n"), q("Which database refused the connection?")),
    prompt(
        "no line break at all",
        d(STORY.replace("\n", " ")),
        x(" "),
        q("What was wrong with the barometer?"),
        query="barometer?",
        without="spring",
    ),
    prompt(
        "two sentences of question",
        d(REPORT),
        x("\n\n"),
        q("I have to brief the board tomorrow. How much did maintenance cost, and why?"),
        query="maintenance cost,",
    ),
    prompt(
        "a question and how to answer it",
        d(CONTRACT),
        x("\n\n"),
        q("What is the notice period?\n\nAnswer in one sentence. Do not explain."),
        query="notice period?",
        without="sentence.",
    ),
    prompt(
        "labels",
        x("Context:\n"),
        d(REPORT),
        x("\n\n"),
        q("Question: When was the crane taken into service?\nAnswer:"),
        query="crane",
        without="Question: Answer:",
    ),
    prompt(
        "labels in bold",
        x("**Context:**\n\n"),
        d(STORY),
        q("\n\n**Question:** Who is Ilse?\n\n**Answer:**"),
        query="Ilse?",
    ),
    prompt(
        "headings",
        x("## Document\n\n"),
        d(TRANSCRIPT),
        q("\n\n## Question\n\nHow many alerts still point to the old channel?\n\n## Answer\n"),
        query="alerts channel?",
    ),
    prompt(
        "several choices",
        d(REPORT),
        q(
            "\n\nWhat did the straddle carrier run into?\n\nA) a crane\nB) a lamp post\n"
            "C) a ship\nD) a docker\n\nAnswer with the letter only."
        ),
        query="straddle",
    ),
    prompt(
        "a rule before the question",
        d(GERMAN),
        x("\n\n---\n\n"),
        q("How was the vote on the swimming pool?"),
        query="swimming",
    ),
    prompt(
        "a polite order",
        d(EMAIL),
        x("\n\n"),
        q("Please list everything that Jonas has to do, with dates. Thanks!"),
        query="Jonas",
    ),
    prompt(
        "an order without a full stop",
        d(CONTRACT),
        x("\n\n"),
        q("find all the numbers that have to do with payment"),
        query="payment",
    ),
    prompt(
        "the question mark is missing",
        d(REPORT),
        x("\n\n"),
        q("based on the report above, who abstained and on which motion"),
        query="abstained",
    ),
    prompt(
        "a document that ends with a question",
        q("Who was on call when the certificate ran out?\n\n"),
        d(TRANSCRIPT),
        query="certificate",
    ),
    # On the document's own last line, with no stop between.
    prompt(
        "data on one line",
        d(DATA),
        x(" "),
        q("Which pump has a fault?"),
        query="pump fault?",
        without="pressure",
    ),
    prompt("data on one line, a label", d(DATA), x(" "), q("Q: Who owns pump 17?"), query="owns"),
    prompt(
        "data on one line, two questions",
        d(DATA),
        x(" "),
        q("Which pump has a fault? Who owns it?"),
        query="pump fault? owns",
    ),
    prompt(
        "data on one line, Chinese", d(DATA), x(" "), q("哪台泵有故障？"), query="哪台泵有故障？"
    ),
    prompt(
        "data on one line, no word that asks", d(DATA), x(" "), q("In which unit?"), query="unit?"
    ),
    prompt(
        "markup on one line",
        d("<ul>" + "".join(f"<li>Row {i} of the table</li>" for i in range(90)) + "</ul>"),
        x(" "),
        q("How many rows are there?"),
        query="rows",
        without="<li>Row",
    ),
    prompt("no stop anywhere", d(DICTATED), x(" "), q("Where did they go in May?"), query="May?"),
    prompt(
        "no stop and no capital",
        d(DICTATED),
        x(" "),
        q("so where did they go in may?"),
        query="where may?",
    ),
    prompt(
        "an order behind a row",
        d(CSV),
        x(" "),
        q("Please list all orders that were refunded."),
        query="refunded.",
    ),
    prompt(
        "an order behind an entry of a log",
        d(LOG),
        x(" "),
        q("Explain why the connection was refused."),
        query="refused.",
    ),
    # A question before the document.
    prompt(
        "question, then story",
        q("Why did the woman come to the lighthouse?"),
        x("\n\n"),
        d(STORY),
        query="woman lighthouse?",
        without="gulls",
    ),
    prompt(
        "question and lead",
        q("How are late payments punished? Here is the contract:"),
        x("\n\n"),
        d(CONTRACT),
        query="payments",
    ),
    prompt(
        "lead, question, document",
        q("Hi! Below is a log of last night.\n\nWhich worker took the longest for a batch?"),
        x("\n\n"),
        d(LOG),
        query="longest",
    ),
    prompt(
        "a colon on one line",
        q("Extract every date from the following text:"),
        x(" "),
        d(REPORT.replace("\n", " ")),
        query="date",
    ),
    prompt(
        "question label first",
        q("Question: Which regions are available?\n\n"),
        x("Context:\n"),
        d(MARKDOWN + "\n\nRegions are Frankfurt, Oregon and Osaka."),
        query="regions",
        without="Context:",
    ),
    prompt(
        "a persona, then a question",
        q(
            "You are an experienced lawyer.\n\nIdentify the clauses that favour the supplier "
            "in the agreement below.\n\n"
        ),
        d(CONTRACT),
        query="clauses supplier",
        without="experienced",
    ),
    # On both sides.
    prompt(
        "the same on both sides",
        q("Based on the text below, when did Kerlo's mill burn down?\n\n"),
        d("\n\n".join(PASSAGES)),
        q("\n\nBased on the text above, when did Kerlo's mill burn down?"),
        query="mill burn",
    ),
    prompt(
        "an instruction before, a question behind",
        q("Use the following pieces of context to answer the question at the end.\n\n"),
        d("\n\n".join(PASSAGES)),
        q("\n\nQuestion: Who carved the model of the wheel?\nHelpful Answer:"),
        query="carved wheel?",
        without="pieces Helpful",
    ),
    prompt(
        "answer from the context only",
        q(
            "Answer the question using only the context. If the answer is not there, say "
            '"unknown".\n\n'
        ),
        x("Context: "),
        d(REPORT),
        q("\n\nQuestion: What does electricity cost from November?"),
        query="electricity",
        without="unknown",
    ),
    prompt(
        "a question told before, asked behind",
        q("My nightly job fails since Tuesday, and I can't see why. Here's the log:\n\n"),
        d(LOG),
        q("\n\nAny idea?"),
        query="nightly idea?",
    ),
    prompt(
        "an order between document and label",
        q("Read the following text and answer briefly.\n\n"),
        d(STORY),
        q(
            "\n\nNow, answer the following question based on the above text, only give me the "
            "answer.\n\nQuestion: What did the woman bring?\nAnswer:"
        ),
        query="woman bring?",
        without="Now,",
    ),
    prompt(
        "rules around the context",
        x("Context information is below.\n---------------------\n"),
        d(REPORT),
        x("\n---------------------\n"),
        q(
            "Given the context information and not prior knowledge, answer the query.\n"
            "Query: Which quay has a new crane?\nAnswer: "
        ),
        query="quay crane?",
        without="prior",
    ),
    prompt(
        "three questions in a list",
        d(REPORT),
        x("\n\n"),
        q("1. Who abstained?\n2. How many accidents were there?\n3. What does dredging cost?"),
        query="abstained? accidents dredging",
    ),
    prompt(
        "an order to write",
        d(EMAIL),
        x("\n\n"),
        q("Write a reply in which I confirm Thursday and say that the floor was checked."),
        query="Thursday floor",
    ),
    # Set apart by marks.
    prompt(
        "a prompt in a tag, with its document",
        x("<prompt>\n<doc>\n"),
        d(REPORT),
        x("\n</doc>\n"),
        q("When is the tender due?"),
        x("\n</prompt>"),
        query="tender",
    ),
    prompt(
        "document tag",
        x("<document>\n"),
        d(REPORT),
        x("\n</document>\n\n"),
        q("Which quay has a new crane?"),
        query="crane?",
    ),
    prompt(
        "document and question tags",
        x("<context>"),
        d(CONTRACT),
        x("</context>\n<question>"),
        q("Which courts have jurisdiction?"),
        x("</question>"),
        query="courts jurisdiction?",
    ),
    prompt(
        "question tag before",
        x("<instructions>"),
        q("Find the person who wrote the list of alerts."),
        x("</instructions>\n<transcript>\n"),
        d(TRANSCRIPT),
        x("\n</transcript>"),
        query="alerts.",
    ),
    prompt(
        "many documents in tags",
        x("<documents>\n"),
        d(TAGGED),
        x("\n</documents>\n\n"),
        q("What burned down in 1788?"),
        query="1788?",
    ),
    prompt(
        "tags of their own",
        x("<harbour_report>\n"),
        d(REPORT),
        x("\n</harbour_report>\n"),
        q("Is the works council mentioned?"),
        query="council",
    ),
    prompt(
        "fenced code, question behind",
        x("```python\n"),
        d(CODE),
        x("\n```\n\n"),
        q("Why does allow() return True twice in a row?"),
        query="allow()",
    ),
    prompt(
        "fenced code, question before",
        q("Is this thread-safe? Explain what could go wrong.\n\n"),
        x("```python\n"),
        d(CODE),
        x("\n```"),
        query="thread-safe?",
    ),
    prompt(
        "fenced JSON, questions on both sides",
        q("Here is what the API returned:\n"),
        x("```json\n"),
        d(JSON),
        x("\n```\n"),
        q("Which pump has a fault?"),
        query="pump fault?",
    ),
    prompt(
        "three quotes",
        q("What did Priya ask Jonas to check?\n\n"),
        x('"""\n'),
        d(EMAIL),
        x('\n"""'),
        query="Priya",
    ),
    prompt(
        "a quoted mail",
        q("When do the lathes arrive?\n\n"),
        d(QUOTED),
        query="lathes",
    ),
    # Code, data and lists without marks.
    prompt(
        "bare code",
        d(CODE),
        x("\n\n"),
        q("How often does retry call the function at most?"),
        query="retry",
        without="async",
    ),
    prompt("bare JSON", d(JSON), x("\n\n"), q("What is the pressure of pump-7?"), query="pump-7?"),
    prompt("bare CSV", d(CSV), x("\n"), q("Which order was refunded?"), query="refunded?"),
    prompt(
        "CSV behind the question",
        q("Which customers from Graz paid more than 500?\n"),
        d(CSV),
        query="Graz",
    ),
    prompt(
        "markdown with a fence inside",
        d(MARKDOWN),
        x("\n\n"),
        q("What does code 31 mean?"),
        query="31",
    ),
    prompt(
        "numbered passages",
        d(NUMBERED),
        x("\n\n"),
        q("Question: How wide is the model of the mill wheel?\nAnswer:"),
        query="wide wheel?",
    ),
    prompt(
        "passages by word, question first",
        q("Answer the question from the passages. Question: Which oil froze?\n\n"),
        d("\n\n".join(f"Passage {i}:\n{text}" for i, text in enumerate(PASSAGES, 1))),
        query="froze?",
    ),
    prompt(
        "an FAQ is no question",
        d(FAQ),
        x("\n\n"),
        q("How long do new owners have to accept?"),
        query="owners",
        without="Parquet. password?",
    ),
    prompt("a contract of numbered clauses", d(CONTRACT), x("\n\n"), q("What are the fees?")),
    # Other languages.
    prompt(
        "Chinese", d(CHINESE), x("\n\n"), q("董事会会议由谁主持？"), query="董事会会议由谁主持？"
    ),
    prompt(
        "Chinese, question first",
        q("请根据下面的文章回答：第二工厂建在哪里？\n\n"),
        d(CHINESE),
        query="第二工厂建在哪里？",
    ),
    prompt(
        "Chinese label",
        x("上下文：\n"),
        d(CHINESE),
        q("\n\n问题：毛利率是多少？\n回答："),
        query="毛利率是多少？",
    ),
    prompt(
        "German",
        d(GERMAN),
        x("\n\n"),
        q("Wie oft soll der neue Bus fahren?"),
        query="Bus",
    ),
    prompt(
        "Spanish about German",
        q("¿Quién propuso vestuarios sin barreras?\n\n"),
        d(GERMAN),
        query="vestuarios",
    ),
    # Tasks that need everything, and tasks that do not.
    prompt("summary", q("Summarise the following report:\n\n"), d(REPORT), task="overview"),
    prompt("summary behind", d(STORY), q("\n\nTL;DR in three sentences please"), task="overview"),
    prompt("give me a summary", d(TRANSCRIPT), q("\n\nGive me a short summary."), task="overview"),
    prompt(
        "main points",
        d(REPORT),
        q("\n\nWhat are the main points of this report?"),
        task="overview",
    ),
    prompt("Chinese summary", q("请总结以下文章：\n\n"), d(CHINESE), task="overview"),
    prompt(
        "a narrow summary",
        d(TRANSCRIPT),
        q("\n\nSummarise what was said about the certificate."),
        query="certificate.",
    ),
    prompt("translation", q("Translate this into French.\n\n"), d(STORY), task="whole"),
    prompt(
        "translation, one line",
        q("Please translate the following text to Polish:"),
        x(" "),
        d(REPORT.replace("\n", " ")),
        task="whole",
    ),
    prompt(
        "translation, tag",
        x("<text>"),
        d(GERMAN),
        x("</text>\n"),
        q("Translate to English."),
        task="whole",
    ),
    prompt("Chinese translation", q("把下面的内容翻译成英文：\n\n"), d(CHINESE), task="whole"),
    prompt(
        "proofreading",
        q("Can you proofread my report and correct the grammar?\n\n"),
        d(REPORT),
        task="whole",
    ),
    prompt(
        "an answer in French is no translation",
        d(REPORT),
        q("\n\nWho abstained? Translate your answer into French."),
        query="abstained?",
    ),
    # Nothing asked.
    prompt("a report alone", d(REPORT), task=None),
    prompt("a log alone", d(LOG), task=None),
    prompt("a table alone", d(CSV), task=None),
    prompt("JSON alone", d(JSON), task=None),
    prompt("data on one line alone", d(DATA), task=None),
    prompt(
        "a text without stops alone", d(DICTATED + "and they found the list of names"), task=None
    ),
    prompt("a row that names an order", d(CSV.rstrip() + " Please Find Ltd"), task=None),
    prompt(
        "a question alone",
        q("Who was the first person to sail around the world alone?"),
        query="sail",
    ),
)
