"""Reactions to a change, one after another in turns of an event loop."""

import pytest
from psygnal import Signal

pytest.importorskip("napari")
from napari_parsimony.gui.turns import Turns, finish

pytestmark = pytest.mark.gui


class Speaker:
    said = Signal(int)


class Ear:
    def __init__(self):
        self.heard = []

    def all(self, number):
        self.heard.append(number)

    def that(self, *_):
        self.heard.append("that")


def waiting(turns, *calls):
    with turns.spread():
        for call in calls:
            turns.do(call)


def test_what_nothing_waits_for_is_done_at_once():
    turns, done = Turns(), []
    turns.do(done.append, 1)
    assert done == [1]
    assert not turns


def test_nothing_overtakes_what_waits(monkeypatch):
    monkeypatch.setattr("napari_parsimony.gui.turns.TURN", 0)
    turns, done = Turns(), []
    begun = []
    turns.begun.connect(lambda: begun.append(True))
    with turns.spread():
        turns.do(done.append, 1)
        turns.do(done.append, 2)
    assert begun
    turns.do(done.append, 3)
    assert done == []
    for _ in range(3):
        turns.turn()
    assert done == [1, 2, 3]
    assert not turns


def test_what_follows_from_a_reaction_waits_too(monkeypatch):
    monkeypatch.setattr("napari_parsimony.gui.turns.TURN", 0)
    turns, done = Turns(), []

    def first():
        turns.do(done.append, "from the first")
        done.append("first")

    waiting(turns, first, lambda: done.append("second"))
    turns.turn()
    assert done == ["first"]
    turns.flush()
    assert done == ["first", "second", "from the first"]


def test_a_call_without_arguments_waits_once():
    turns, done = Turns(), []

    def look():
        done.append("look")

    with turns.spread():
        for number in range(3):
            turns.do(look)
            turns.do(done.append, number)
    turns.flush()
    assert done == ["look", 0, 1, 2]


def test_each_part_of_a_generator_has_a_turn(monkeypatch):
    monkeypatch.setattr("napari_parsimony.gui.turns.TURN", 0)
    turns, done = Turns(), []

    def parts():
        done.append(1)
        yield
        done.append(2)

    waiting(turns, parts, lambda: done.append("after"))
    turns.turn()
    assert done == [1]
    turns.flush()
    assert done == [1, 2, "after"]
    turns.do(parts)
    finish(parts())
    assert done[3:] == [1, 2, 1, 2]


def test_an_error_stops_nobody_else():
    turns, done = Turns(), []

    def broken():
        raise ZeroDivisionError

    waiting(turns, broken, lambda: done.append("after"))
    with pytest.raises(ZeroDivisionError):
        turns.flush()
    turns.flush()
    assert done == ["after"]


def test_a_signal_is_heard_in_its_turn_until_the_end():
    turns, speaker, ear = Turns(), Speaker(), Ear()
    end = turns.connect(speaker.said, ear.all)
    turns.connect(speaker.said, ear.that)
    speaker.said.emit(1)
    assert ear.heard == [1, "that"]
    with turns.spread():
        speaker.said.emit(2)
        speaker.said.emit(3)
        assert ear.heard == [1, "that"]
        end()
    turns.flush()
    assert ear.heard == [1, "that", "that"]


def test_who_is_gone_hears_nothing():
    turns, speaker, ear = Turns(), Speaker(), Ear()
    heard = ear.heard
    turns.connect(speaker.said, ear.all)
    with turns.spread():
        speaker.said.emit(1)
        del ear
    turns.flush()
    assert heard == []
