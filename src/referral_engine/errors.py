"""The one tree of errors: each carries data and a stable `code`, and its message says how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration or an event, and where."""

    path: str
    code: str
    message: str

    def __str__(self) -> str:
        """The path, when there is one, and the message."""
        return f"{self.path}: {self.message}" if self.path else self.message


class ReferralEngineError(Exception):
    """Root of everything this library raises on purpose."""

    code: ClassVar[str] = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the data, so that the error crosses processes with its message as it is."""
        return _revive, (type(self), self.args, self.__dict__)


def _revive(kind: type[ReferralEngineError], args: tuple[Any, ...], data: dict[str, Any]) -> ReferralEngineError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(data)
    return error


class Invalid(ReferralEngineError):
    """A configuration or an event that does not validate; `problems` holds every defect found."""

    code = "invalid"
    subject: ClassVar[str] = "value"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = "; ".join(str(problem) for problem in self.problems)
        super().__init__(f"invalid {self.subject}: {lines}")

    @property
    def path(self) -> str:
        """Where the first problem is, such as `campaigns[0].rules[2].where.all[1]`."""
        return self.problems[0].path if self.problems else ""


class InvalidProgram(Invalid):
    """A program, or a part of one, that cannot be built."""

    code = "invalid_program"
    subject = "program"


class RuleError(InvalidProgram):
    """A rule, or a part of one, that cannot be built."""

    code = "invalid_rule"
    subject = "rule"


class InvalidEvent(Invalid):
    """An event that cannot be built."""

    code = "invalid_event"
    subject = "event"


class InvalidInput(ReferralEngineError):
    """A bad argument of a call; nothing was written."""

    code = "invalid_input"

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name}: {problem}")


class InsufficientBalance(ReferralEngineError):
    """A redemption of more than the member has available; nothing was written."""

    code = "insufficient_balance"

    def __init__(self, member: str, unit: str, wanted: int, available: int) -> None:
        self.member = member
        self.unit = unit
        self.wanted = wanted
        self.available = available
        super().__init__(
            f"member {member!r} has {available} {unit} available, {wanted} asked for; redeem at most what is available"
        )


class IdempotencyConflict(ReferralEngineError):
    """A key used again with other content; nothing was written."""

    code = "idempotency_conflict"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"key {key!r} was used before with other content; use a new key for a new operation")


class UnknownMember(ReferralEngineError):
    """A member nobody has seen."""

    code = "unknown_member"

    def __init__(self, member: str) -> None:
        self.member = member
        super().__init__(f"no member {member!r}; join it, or record an event of it, first")


class UnknownCode(ReferralEngineError):
    """A well-formed code that was never issued in this program."""

    code = "unknown_code"

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"no code {text!r} in this program; issue it first")


class CodeTaken(ReferralEngineError):
    """A code text that belongs to someone else."""

    code = "code_taken"

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(f"code {text!r} is taken; choose another")


class CodeSpaceExhausted(ReferralEngineError):
    """More codes were asked for than the spec can give without crowding its space."""

    code = "code_space_exhausted"

    def __init__(self, wanted: int, space: int) -> None:
        self.wanted = wanted
        self.space = space
        super().__init__(f"{wanted} codes do not fit in a space of {space}; use a longer CodeSpec")


class UndeclaredFact(ReferralEngineError):
    """A Python rule looked at a fact that it did not declare in `needs`."""

    code = "undeclared_fact"

    def __init__(self, fact: str) -> None:
        self.fact = fact
        super().__init__(f"fact {fact!r} was not declared; add it to the rule's needs=[...]")


class Conflict(ReferralEngineError):
    """Others kept changing the same records; nothing was written.

    `host_must_retry` is True when the transaction was the caller's own and cannot go on: the database has ended it, or
    it will never see what others wrote meanwhile, and only the caller can run it again. Where it is False, a
    transaction of the caller's is as it was before the call.
    """

    code = "conflict"

    def __init__(self, problem: str, *, host_must_retry: bool = False) -> None:
        self.problem = problem
        self.host_must_retry = host_must_retry
        mend = "roll back and run your transaction again" if host_must_retry else "try again"
        super().__init__(f"{problem}; {mend}")


class OutcomeUnknown(ReferralEngineError):
    """The reply to a commit was lost: it may have been carried out. The same ids and keys sent again are safe."""

    code = "outcome_unknown"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the answer to a commit was lost ({problem}); send the same events again, it is safe")


class StoreError(ReferralEngineError):
    """The database's own fault: unreachable, full, without schema. The driver's error is the cause."""

    code = "store_error"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class Overloaded(ReferralEngineError):
    """More events wait for a transaction than may; nothing of this one was written."""

    code = "overloaded"

    def __init__(self, waiting_max: int) -> None:
        self.waiting_max = waiting_max
        super().__init__(f"{waiting_max} events wait already, the most that may; send the event again later")
