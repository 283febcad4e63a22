"""Question sets into windows on disk, through the shipped base; batches by number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cprs.critics.embedded_base import Base
from cprs.critics.prior import Prior
from cprs.errors import OptionError, TextError
from cprs.train.reason.batches import Schedule, prepare
from cprs.train.reason.dataset import Dataset, Joined
from cprs.train.reason.ragged import Ragged, RaggedWriter
from cprs.train.reason.recipe import Recipe
from cprs.train.sets.contexts import Context
from cprs.train.sets.data import Question

FACT = "Maria Alvarez took the chair."
LURE = "Nobody else wanted the chair of the meeting."
TEXT = (
    "A remark about nothing in particular was made by a guest. " * 60
    + FACT
    + " It rained. " * 100
    + LURE
    + " Somebody brought a cake to the office." * 120
)
AT = TEXT.index(FACT)


def ask() -> Context:
    question = Question("Who took the chair?", ((AT, AT + len(FACT)),))
    return Context("set", "en", TEXT, (question, Question("Who baked a pie?", ())))


@pytest.fixture(scope="module")
def base() -> Base:
    return Base.load()


@pytest.fixture(scope="module")
def data(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    recipe = Recipe(hard_windows=2, random_windows=1, most_weight=3.0, instructed=1.0)
    return prepare([ask()], base, Prior.load(), recipe, tmp_path_factory.mktemp("data"))


def test_evidence_lures_and_a_few_of_the_rest(data: Dataset, base: Base) -> None:
    assert [len(question) for question in data.questions] == [4, 3]
    asked = [data[number] for number in data.questions[0]]
    assert [int(sample.target.sum()) for sample in asked] == [1, 0, 0, 0]
    assert [float(sample.weight.max()) for sample in asked] == [1, 1, 1, 3]
    assert asked[1].given.odds.max() >= asked[2].given.odds.max() >= asked[3].given.odds.max()
    tags = "".join("BIOE"[tag] for tag in asked[0].tags)
    assert tags.strip("O") == "BIIIIE"  # maria alvarez took the chair .
    assert (asked[0].called > 0).tolist() == [tag != "O" for tag in tags]
    assert all(sample.given.labels.shape == (1, base.width) for sample in asked)


def test_what_is_read_back_fits_together(data: Dataset, base: Base) -> None:
    for number in range(len(data)):
        given, sample = data[number].given, data[number]
        tokens, passages = len(given.states), len(given.units)
        assert given.states.shape == (tokens, base.width)
        assert len(given.tokens) == len(sample.tags) == tokens == given.units[-1, 1]
        assert passages == len(given.odds) == len(sample.target) == len(sample.weight)
        assert given.passages.shape == (passages, data.passage_features)
        assert len(given.prompt) == len(given.prompt_tokens) > 0


def test_a_window_two_questions_share_is_read_once(base: Base, tmp_path: Path) -> None:
    recipe = Recipe(hard_windows=50, random_windows=0, instructed=0.0)
    data = prepare([ask()], base, Prior.load(), recipe, tmp_path)
    windows = len(Ragged(tmp_path, "scales", "float32"))
    assert windows < len(data) == sum(len(question) for question in data.questions)
    assert windows <= max(len(question) for question in data.questions)


def test_joined_sets_are_one_set(data: Dataset, base: Base, tmp_path: Path) -> None:
    empty = prepare([], base, Prior.load(), Recipe(), tmp_path)
    both = Joined([data, empty, data])
    assert len(both) == 2 * len(data)
    shifted = [[number + len(data) for number in question] for question in data.questions]
    assert both.questions == [*data.questions, *shifted]
    for number in range(len(data)):
        one, other = both[number], both[len(data) + number]
        assert one.given.states.tobytes() == other.given.states.tobytes()
        assert one.question == data[number].question == other.question - len(data.questions)


def test_nothing_to_train_on(base: Base, tmp_path: Path) -> None:
    nothing = prepare([], base, Prior.load(), Recipe(), tmp_path / "none")
    with pytest.raises(OptionError, match="nothing to train on"):
        Joined([])
    assert len(nothing) == len(Joined([nothing])) == 0
    with pytest.raises(TextError, match="no prepared data"):
        Dataset(tmp_path)


def test_every_epoch_asks_every_question_once_in_another_order() -> None:
    schedule = Schedule([[0, 1], [2], [3, 4], [5]], per_step=2, seed=0)
    assert schedule.per_epoch == 2
    epochs = [schedule[2 * epoch] + schedule[2 * epoch + 1] for epoch in range(6)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4, 5] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    again = Schedule([[0, 1], [2], [3, 4], [5]], per_step=2, seed=0)
    assert list(again.steps(3, 5)) == [(3, schedule[3]), (4, schedule[4])]


def test_ragged_arrays_come_back_and_cut_ones_are_refused(tmp_path: Path) -> None:
    arrays = [np.ones((n, 2), np.float16) * n for n in (3, 0, 1)]
    with RaggedWriter(tmp_path, "x", "float16", (2,)) as writer:
        assert [writer.append(array) for array in arrays] == [0, 1, 2]
        with pytest.raises(ValueError, match="expected"):
            writer.append(np.zeros((2, 3)))
    back = Ragged(tmp_path, "x", "float16", (2,))
    assert len(back) == 3
    assert all(np.array_equal(back[i], array) for i, array in enumerate(arrays))
    with RaggedWriter(tmp_path, "none", "int8") as writer:
        pass
    assert len(Ragged(tmp_path, "none", "int8")) == 0
    raw = (tmp_path / "x.bin").read_bytes()
    (tmp_path / "x.bin").write_bytes(raw[:-4])
    with pytest.raises(TextError, match="cut short"):
        Ragged(tmp_path, "x", "float16", (2,))
