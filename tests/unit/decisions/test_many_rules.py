"""What one event gives by several rules, and what rules written in Python may answer."""

from __future__ import annotations

from typing import Any

import pytest

from referral_engine import Board, rule
from referral_engine.decisions.judging import ANSWERS_MAX
from referral_engine.decisions.refused import Refused
from referral_engine.outcomes import Reason
from tests.contract.stage import Stage, pays, program_of


def test_each_grant_of_an_event_is_scored_once():
    stage = Stage(
        program_of(
            pays(10, id="a"), pays(20, id="b"), pays(40, id="c"), boards=[Board("got", "granted.points", "lifetime")]
        )
    )
    stage.buy("bob")
    assert [(one.member, one.score) for one in stage.engine.board("got").top(5)] == [("bob", 70)]


def test_a_rule_sees_the_marks_of_a_member_who_is_there_already():
    stage = Stage(program_of(pays(where="referee.tag.gold == true and referee.role.leader == true")))
    stage.engine.join("bob", tags=["gold"], roles=["leader"])
    assert len(stage.buy("bob").grants) == 1
    assert len(stage.buy("carol").grants) == 0


def answers(*given: Any) -> Any:
    """What becomes of an event about which a rule in Python says this."""

    @rule("purchase", "1")
    def says(ctx: Any) -> Any:
        """Says what it is told to."""
        yield from (ctx.because(one) if isinstance(one, str) else one for one in given)

    return Stage(program_of(says)).buy("bob")


def test_a_rule_in_python_may_answer_so_often_and_no_more():
    assert answers(*["a word"] * ANSWERS_MAX).status == "accepted"
    outcome = answers(*["a word"] * (ANSWERS_MAX + 1))
    assert outcome.status == "rejected"
    (reason,) = outcome.reasons
    assert (reason.code, reason.values["error"]) == ("rule_error", "ValueError")
    assert str(ANSWERS_MAX) in reason.values["message"]


@pytest.mark.parametrize(("answer", "kind"), [(5, "int"), (None, "NoneType"), (("points", 5), "tuple")])
def test_what_a_rule_in_python_may_not_answer_is_named_with_what_it_may(answer, kind):
    (reason,) = answers(answer).reasons
    assert (reason.code, reason.values["error"]) == ("rule_error", "TypeError")
    assert kind in reason.values["message"]
    assert "ctx.award" in reason.values["message"]


def test_a_refusal_reads_as_its_reason():
    refused = Refused(Reason.of("unknown_event", of="p-1"))
    assert str(refused) == "unknown_event"
