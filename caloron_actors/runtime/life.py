"""The steps of an actor's life, each one activation: begin, serve, and leave. Each names the one that follows it."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from .actor import Actor, Ctx
from .errors import Stashed
from .exits import Crashed, Exit, Killed, crashed
from .mailbox import Call, Own
from .messages import Down

if TYPE_CHECKING:
    from .incarnation import Incarnation

BATCH = 64
"""Messages handled in one activation, before other actors get their turn."""

NO_SNAPSHOT = Actor[Any, Any].snapshot
NO_TERMINATE = Actor[Any, Any].terminate


async def begin(one: "Incarnation") -> None:
    """Make the actor and run its init; served from then on, if that went well."""
    if one.stopping is not None:
        _leave_with(one, one.killed)
        return
    ctx = one.ctx = Ctx(one)
    try:
        actor = one.spec.actor()
        await actor.init(ctx, one.spec.arg, one.saved)
    except BaseException as error:
        one.saved = None  # it may be what init choked on
        _leave_with(one, _judged(one, error))
        return
    one.end_limit()
    if one.over:
        return
    one.actor = actor
    one.during = "message"
    if one.cut:
        _leave_with(one, one.killed)
        return
    one.saves = type(actor).snapshot is not NO_SNAPSHOT
    one.turn = serve
    one.kernel.started += 1
    one.acknowledged.set(None)
    one.owner.heard(one)
    _go_on(one)


async def serve(one: "Incarnation") -> None:
    """Handle what is in the mailbox, at most a batch of it."""
    actor, ctx, mailbox, saves = one.actor, one.ctx, one.cell.mailbox, one.saves
    queue, left = mailbox.queue, BATCH
    if actor is None or ctx is None:
        raise RuntimeError("served before its init")
    try:
        while queue and left and one.stopping is None:
            left -= 1
            one.doing = entry = queue.popleft()
            one.serial += 1
            if isinstance(entry, Own):
                mailbox.own -= 1
                await _handle_own(one, actor, ctx, entry)
            else:
                if mailbox.room:
                    mailbox.grant_room()
                if isinstance(entry, Call):
                    _reply(one, entry, await entry.msg.run(actor, ctx))
                else:
                    await entry.run(actor, ctx)
            if saves:
                _save(one, actor)
    except Stashed:
        one.stash.put(one.doing)
    except BaseException as error:
        _leave_with(one, _judged(one, error))
        return
    one.doing = None
    if queue or one.stopping is not None or one.over:
        _go_on(one)
    else:
        mailbox.reader = one


def _reply(one: "Incarnation", call: Call, value: object) -> None:
    if one.stopping is not None:
        one.held = (call, value)  # as in OTP, the reply follows terminate
    else:
        call.answer(value)


async def leave(one: "Incarnation") -> None:
    """End what runs beside it, terminate, and be over. Begun anew by another driver when this one is cancelled."""
    one.due = False
    one.report_own_crash()
    try:
        if one.has_side_tasks:
            await one.end_side_tasks()
        if one.actor is not None and not one.hard and not one.terminated:
            one.terminated = True
            one.during = "terminate"
            if type(one.actor).terminate is not NO_TERMINATE:
                await _terminate(one, one.actor)
            _reply_at_last(one)
        if one.has_side_tasks and not _is_cancelled(one):
            await one.end_side_tasks()
    except BaseException as error:
        _judged(one, error)
    if one.has_side_tasks and not one.over:
        one.kernel.scheduler.push_change(one)
    else:
        one.finish(one.killed if one.cut else one.reason)


async def _terminate(one: "Incarnation", actor: Actor[Any, Any]) -> None:
    try:
        await actor.terminate(one.killed if one.cut else one.reason)
    except BaseException as error:
        if not (one.overdue and isinstance(error, asyncio.CancelledError)):
            one.reason = _judged(one, error)
    one.end_limit()


def _reply_at_last(one: "Incarnation") -> None:
    if one.overdue:
        one.reason = Killed("terminate took too long")
    elif one.held is not None and not isinstance(one.reason, Crashed):
        call, value = one.held
        call.answer(value)


async def _handle_own(one: "Incarnation", actor: Actor[Any, Any], ctx: Ctx[Any], entry: Own) -> None:
    if entry.incarnation != one.number:
        return
    if isinstance(entry.msg, Down):
        await actor.on_down(ctx, entry.msg)
    else:
        await entry.msg.run(actor, ctx)


def _save(one: "Incarnation", actor: Actor[Any, Any]) -> None:
    try:
        one.saved = actor.snapshot()
    except Exception as error:
        one.report_crash(crashed(error), "snapshot")


def _go_on(one: "Incarnation") -> None:
    """Nothing is in work now: stop, go on with the mailbox, or wait for the next entry."""
    if one.over:
        return
    mailbox = one.cell.mailbox
    if one.stopping is not None:
        _leave_with(one, one.stopping)
    elif mailbox.queue:
        one.push(one)
    else:
        mailbox.reader = one


def _leave_with(one: "Incarnation", reason: Exit) -> None:
    """The rest is for another activation, by a driver that is not cancelled."""
    if one.over:
        return
    one.end_limit()
    one.reason = reason
    one.turn = leave
    one.kernel.scheduler.push_change(one)


def _judged(one: "Incarnation", error: BaseException) -> Exit:
    """What escaped user code, as the reason to end. Raises what is not the actor's: Ctrl-C, and a closing loop."""
    foreign: BaseException | None = None
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if one.cut:
            return one.killed
        if task is None or task.cancelling():
            foreign = error
    elif _is_interrupt(error):
        foreign = KeyboardInterrupt()
    elif not _is_crash(error):
        foreign = error
    reason = crashed(error)
    if foreign is not None:
        one.finish(reason)
        raise foreign from (None if foreign is error else error)
    if not one.cut:
        one.crash = reason
    return reason


def _is_crash(error: BaseException) -> bool:
    return isinstance(error, Exception | SystemExit | BaseExceptionGroup)


def _is_interrupt(error: BaseException) -> bool:
    group = cast("BaseExceptionGroup[BaseException]", error)
    return isinstance(error, BaseExceptionGroup) and group.subgroup(KeyboardInterrupt) is not None


def _is_cancelled(one: "Incarnation") -> bool:
    return one.driver is not None and one.driver.scope.cancel_called
