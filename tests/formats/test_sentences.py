"""Golden sentences, and what appended text may change."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cprs.formats.sentences import sentences

# Each sample is written with | where a sentence ends; the mark is not part of the text.
GOLDEN = [
    "He left. |She stayed! |Why? |Nobody knows.",
    "Mr. and Mrs. Smith met Dr. No, Prof. Li and St. Peter. |They talked.",
    "J. K. Rowling wrote it. |W. E. B. Du Bois did not. |So did I. |The end.",
    "The U.S. Army left the U.S. |The war ended at 5 p.m. |He knew.",
    "Costs rose, e.g. for brass, i.e. by 3.5 % (approx. five). |Good.",
    "Acme Inc. Boston sells. |He works at Acme Inc. |The firm is old.",
    "See fig. 3 and No. 5, pp. 3-7, Jan. 5. |No. |That is all.",
    "Ada (b. 1815) wrote it. |It ran.",
    "It costs $3.50 or 1.000,5. |Visit www.example.com. |Use file.py, v1.2.3 too.",
    '"Stop!" he said. |"Why?" she asked. |"Go." |Then he went.',
    "He said “No.” |She left. |(They agreed.) |[Really?] |Yes.",
    "«Oui. » |Puis il part. |Wait... and see. |Well... |Then go.",
    "It is true.[3] |So is this.[12][13] |End.",
    "1. First item. |Still first.\n|2. Second item.\n|3. Third",
    "In 1998. |The war ended. |Am 3. Oktober war es. |z. B. hier.",
    "no capitals here. |none there either. |approx. five of them.",
    "这是第一句。|第二句！|真的吗？！|是的；|他说：“你好。”|然后走了……|我不知道。",
    "「そうです。」と言った。|「いい！」|彼は去った。|はい．|次。",
    "你好!|我来了.|你好吗?|好。",
    "क्या है। |बस। |مرحبا؟ |نعم. |کیا ہے۔ |Տուն։ |Ու։",
    "Title Without Stop\n|The text begins here and goes on.",
    "A paragraph\n\n|Another one\n\n\n|And a third.",
    "  Indented.\n|  Second line.\n|\tThird.",
    "- one bullet\n|- two bullets. |More.\n|* three\n|• four",
    "Dear Sir,\n|short line\n|another short line",
    "a.\r\n|B.\r\n\r\n|C\r|D\u2028|E",
    "The committee met in London and decided that the\n"
    "Treaty of Rome should be signed by all members of\n"
    "the union before the end of the year. |Nobody was\nsurprised by this.",
    "This line of prose is wrapped by hand at a width of some\n"
    "sixty columns, and it goes on to the next line, because\n"
    "there was no room. |The paragraph ends here.\n|SECTION TWO\n|It begins.",
    "A first line that is as long as wrapped prose may be here:\n|  - a bullet\n|  - another",
    "x" * 130 + "\n|" + "y" * 130,
    "Stop. . . |Go.",
    "The space is lost.|The next came.[1] |Use numpy.Array and os.Path. |`` Tokens . '' |He said .",
    "line one: the register content of it is 42\n|line two: the register content of it is 13\n",
    '"a key of some length or other": "a value",\n|"a key of some length or more": "a value",\n',
    "...",
    " \n ",
]


def parts(text: str) -> list[str]:
    bounds = sentences(text).tolist()
    return [text[a:b] for a, b in pairwise(bounds)]


@pytest.mark.parametrize("marked", GOLDEN)
def test_golden(marked: str) -> None:
    assert parts(marked.replace("|", "")) == marked.split("|")


def test_rows_of_a_table_are_not_wrapped_prose() -> None:
    rows = ["Billy Bingham of Everton | fifteen thousand,\n", "October of some year | a fine sum"]
    assert parts("".join(rows)) == rows


def test_no_text_no_sentence() -> None:
    assert sentences("").tolist() == [0]


PIECES = st.sampled_from(
    [
        "One two three. ",
        "Mr. ",
        "word ",
        "\n",
        "\n\n",
        "! ",
        "他说：",
        "。",
        "”",
        "x" * 45,
        " a" * 25,
        "1. ",
    ]
)


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=20).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_appended_text_moves_nothing_far_before(text: str, more: str) -> None:
    """A bound depends on three lines after it at most."""
    here, there = sentences(text).tolist(), sentences(text + more).tolist()
    lines = [i for i, ch in enumerate(text) if ch == "\n"]
    # Blank lines do not count, and the text's last full lines may read on.
    full = [i for i, a in enumerate(lines) if text[a - 1 : a].strip()]
    safe = lines[full[-4]] if len(full) >= 4 else 0
    assert [b for b in here if b <= safe] == [b for b in there if b <= safe]
