"""What a tree is made of, as values: child, supervisor and factory specifications and their checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeGuard, TypeVar

import msgspec

from .actor import Actor
from .budgets import Backoff, Budget, check_pace, check_reachable

if TYPE_CHECKING:
    from .factories import Factory

A = TypeVar("A")
Arg = TypeVar("Arg")
S = TypeVar("S")
A_co = TypeVar("A_co", covariant=True)
Arg_contra = TypeVar("Arg_contra", contravariant=True)

Restart = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "rest_for_one", "one_for_all"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
Limit = float | Literal["kill"] | None
"""How long a stop may take: seconds, None for no limit, or kill without asking."""


class StartedWith(Protocol[Arg_contra, A_co]):
    """An actor class, seen as what makes an A from a start argument."""

    def starts_with(self, arg: Arg_contra) -> A_co: ...


class ChildSpec(msgspec.Struct, frozen=True):
    """One actor. Made by `child`, which checks the start argument's type."""

    id: str
    actor: type[Actor[Any, Any]]
    arg: Any
    restart: Restart = "permanent"
    shutdown: Limit = 5.0
    init_timeout: float = 10.0
    significant: bool = False
    name: str | None = None
    backoff: Backoff | None = None
    budget: Budget | None = None


class SupervisorSpec(msgspec.Struct, frozen=True):
    """A supervisor of a fixed list of children, in start order."""

    id: str
    children: tuple[ChildSpec | SupervisorSpec | FactorySpec[Any, Any], ...]
    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    restart: Restart = "permanent"
    auto_shutdown: AutoShutdown = "never"
    significant: bool = False
    backoff: Backoff | None = None
    budget: Budget | None = None


class FactorySpec(msgspec.Struct, Generic[Arg, A], frozen=True):
    """A supervisor of like children that come and go by key. Made by `factory`."""

    id: str
    actor: type[Actor[Any, Any]]
    restart: Restart = "transient"
    shutdown: Limit = 5.0
    init_timeout: float = 10.0
    intensity: int = 1
    period: float = 5.0
    max_children: int | None = None
    rebuilt: Callable[[Factory[Arg, A]], Awaitable[None]] | None = None
    own_restart: Restart = "permanent"
    significant: bool = False
    child_backoff: Backoff | None = None
    child_budget: Budget | None = None
    backoff: Backoff | None = None
    budget: Budget | None = None

    def child(self, key: str, arg: Arg) -> ChildSpec:
        """The specification of one of its children."""
        return ChildSpec(
            key,
            self.actor,
            arg,
            self.restart,
            self.shutdown,
            self.init_timeout,
            False,  # noqa: FBT003  significant
            None,
            self.child_backoff,
            self.child_budget,
        )


AnySpec = ChildSpec | SupervisorSpec | FactorySpec[Any, Any]


def child(
    actor: type[Actor[Arg, S]],
    arg: Arg,
    *,
    id: str,  # noqa: A002  OTP's word
    restart: Restart = "permanent",
    shutdown: Limit = 5.0,
    init_timeout: float = 10.0,
    significant: bool = False,
    name: str | None = None,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> ChildSpec:
    """An actor and its start argument. `name` replaces its path as the address. Limits are in seconds.

    Raises ValueError for a specification that makes no sense.
    """
    _check_id(id)
    _check_limits(shutdown, init_timeout)
    _check_significance(id, restart, significant=significant)
    check_pace(id, backoff, budget)
    return ChildSpec(id, actor, arg, restart, shutdown, init_timeout, significant, name, backoff, budget)


def supervisor(
    *children: ChildSpec | SupervisorSpec | FactorySpec[Any, Any],
    id: str,  # noqa: A002
    strategy: Strategy = "one_for_one",
    intensity: int = 1,
    period: float = 5.0,
    restart: Restart = "permanent",
    auto_shutdown: AutoShutdown = "never",
    significant: bool = False,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> SupervisorSpec:
    """Children in start order. More than `intensity` restarts within `period` seconds and it gives up.

    Raises ValueError for duplicate ids and for combinations that OTP refuses.
    """
    _check_id(id)
    _check_budget(id, intensity, period)
    ids = [spec.id for spec in children]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{id}: two children have the same id: {sorted(ids)}")
    _check_significance(id, restart, significant=significant)
    check_pace(id, backoff, budget)
    spec = SupervisorSpec(
        id,
        children,
        strategy,
        intensity,
        period,
        restart,
        auto_shutdown,
        significant,
        backoff,
        budget,
    )
    for inner in children:
        check_child_of(spec, inner)
    return spec


def factory(
    actor: StartedWith[Arg, A],
    *,
    id: str,  # noqa: A002
    restart: Restart = "transient",
    shutdown: Limit = 5.0,
    init_timeout: float = 10.0,
    intensity: int = 1,
    period: float = 5.0,
    max_children: int | None = None,
    rebuilt: Callable[[Factory[Arg, A]], Awaitable[None]] | None = None,
    own_restart: Restart = "permanent",
    significant: bool = False,
    child_backoff: Backoff | None = None,
    child_budget: Budget | None = None,
    backoff: Backoff | None = None,
    budget: Budget | None = None,
) -> FactorySpec[Arg, A]:
    """Dynamic children of one class. `restart` and what begins with `child_` is theirs, the rest the factory's own.

    `rebuilt` runs beside the factory after each of its starts, because it always comes back empty; when it raises,
    the factory crashes.
    """
    _check_id(id)
    _check_budget(id, intensity, period)
    _check_limits(shutdown, init_timeout)
    _check_significance(id, own_restart, significant=significant)
    check_pace(id, child_backoff, child_budget)
    check_pace(id, backoff, budget)
    if child_backoff is not None and child_budget is None:
        check_reachable(id, child_backoff, intensity, period)
    return FactorySpec(
        id,
        _actor_class(actor),
        restart,
        shutdown,
        init_timeout,
        intensity,
        period,
        max_children,
        rebuilt,
        own_restart,
        significant,
        child_backoff,
        child_budget,
        backoff,
        budget,
    )


def check_child_of(parent: SupervisorSpec, spec: AnySpec) -> None:
    """Refuse a child that this supervisor cannot have. Raises ValueError."""
    if spec.significant and parent.auto_shutdown == "never":
        raise ValueError(f"{parent.id}: a significant child needs auto_shutdown")
    if spec.backoff is not None and spec.budget is None:
        check_reachable(spec.id, spec.backoff, parent.intensity, parent.period)


def _check_significance(id_: str, restart: Restart, *, significant: bool) -> None:
    if significant and restart == "permanent":
        raise ValueError(f"{id_}: a permanent child cannot be significant")


def _check_id(id_: str) -> None:
    if not id_ or "/" in id_:
        raise ValueError(f"an id is not empty and has no slash: {id_!r}")


def _check_budget(id_: str, intensity: int, period: float) -> None:
    if intensity < 0 or period <= 0:
        raise ValueError(f"{id_}: intensity must be at least 0 and period above 0")


def _check_limits(shutdown: Limit, init_timeout: float) -> None:
    if (isinstance(shutdown, float | int) and shutdown < 0) or init_timeout <= 0:
        raise ValueError("shutdown must be at least 0 and init_timeout above 0")


def _actor_class(made: object) -> type[Actor[Any, Any]]:
    if not _is_actor_class(made):
        raise TypeError(f"{made!r} is not an actor class")
    return made


def _is_actor_class(made: object) -> TypeGuard[type[Actor[Any, Any]]]:
    return isinstance(made, type) and issubclass(made, Actor)
