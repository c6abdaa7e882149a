"""Why a goal of the runtime benchmark is not reached: what the row's parts cost, as measured in the same run."""

import textwrap

from runtime_parts import Parts
from runtime_table import Row


def why(row: Row, parts: Parts) -> str:
    """The limit that the row runs into, in nanoseconds of this run, or nothing when none is known."""
    own = row.best("ours") or 0.0
    each = 1e9 / own if own else 0.0
    p = parts
    reasons = {
        "tell, drained": f"{each:,.0f} ns each: tell {p.enqueue:,.0f}, the message's own coroutine {p.call:,.0f}, the rest "
        "mailbox and count. In a burst pykka switches threads every 5 ms, not for each message.",
        "ask, alone": f"{each:,.0f} ns each: two turns of the loop, for the driver and the asker, {2 * p.turn:,.0f} "
        f"with nothing in them; the actor's activation {p.handle:,.0f}, the future {p.future:,.0f}, the rest its record and "
        f"deadline. A bare future with its wake-up: {p.wake:,.0f}. pykka: two switches of threads, {p.thread:,.0f} bare.",
        "ask, alone, uvloop": f"{each:,.0f} ns each, the actor's activation {p.handle:,.0f}; the rest as on the stock loop.",
        "ask, 64 at once": f"{each:,.0f} ns each: activation in the actor's context {p.step:,.0f}, mailbox and reply "
        f"{max(0.0, p.handle - p.step):,.0f}, the future {p.future:,.0f}, ask's coroutine {p.call:,.0f}; the rest its "
        "record, its deadline and the asker's step. pykka's 64 in flight share a switch of threads.",
        "ring of 1,000": f"{each:,.0f} ns a hop, none of it the loop's: activation in the actor's context "
        f"{p.step:,.0f}, the message's coroutine {p.call:,.0f}, tell {p.enqueue:,.0f}, the rest the new message, mailbox "
        "and count.",
        "fan-out to 10,000": f"{each:,.0f} ns each: tell {p.enqueue:,.0f}, activation {p.step:,.0f}, coroutine "
        f"{p.call:,.0f}, the rest a first queue for each mailbox and memory that is in no cache.",
        "spawn to ready": f"{each:,.0f} ns each: the collector {p.collected:.0%}, the incarnation {p.life:,.0f}, activation "
        f"in a context {p.step:,.0f}; the rest place, specification, address, two paths, a report and a future.",
        "crash to running us": f"{own * 1e3:,.0f} ns: two turns of the loop {2 * p.turn:,.0f}, the exception "
        f"{p.raised:,.0f}, a new incarnation {p.life:,.0f}, three activations {3 * p.step:,.0f}; the rest five reports as "
        "values, the restart window and the records of place and address.",
        "   E: 100 x 100 s": f"{own * 1e5:,.0f} ns a crash, of which the exception and the new incarnation are "
        f"{p.raised + p.life:,.0f}; the rest as for one crash, without the turns of the loop.",
    }
    sizes = ", ".join(f"{name} {size}" for name, size in p.objects)
    if row.name.startswith("idle actor"):
        return f"in bytes: {sizes}; the rest entries of tables. Each survives what another does not."
    return reasons.get(row.name, "")


def print_missed(rows: list[Row], parts: Parts) -> None:
    """One line for each row with a goal that is not reached."""
    told = [(row, row.missed()) for row in rows]
    total = sum(row.reached(goal) is not None for row in rows for goal in row.goals)
    short = sum(len(missed) for _, missed in told)
    print(f"{total - short} of {total} goals reached; those marked ! are not, and this is what limits them:")
    said = set()
    for row, missed in told:
        if missed and (reason := why(row, parts)) not in said:
            said.add(reason)
            text = f"{row.name.strip()}: {reason}"
            print(textwrap.fill(text, 122, initial_indent="  ", subsequent_indent="    "))
