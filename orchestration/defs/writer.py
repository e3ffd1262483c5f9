"""One writer: the warehouse lock, held from the first step of a run to its last, and the pool runs queue for.

A command line is refused while another process works; a run of Dagster's, which nobody watches, waits its turn.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg
from pydantic import Field

from ingestion.errors import LockHeld
from ingestion.lock import warehouse_lock
from orchestration.home import prepare
from orchestration.runs import process_tag

WRITER_POOL = "duckdb_writer"
QUEUE_SECONDS = 3600.0
"""How long a run of Dagster's waits for a command line that holds the warehouse; the pool orders only its own runs."""
RETRY = dg.RetryPolicy(max_retries=1, delay=10, backoff=dg.Backoff.EXPONENTIAL)


class WarehouseWriter(dg.ConfigurableResource):
    """Held by every step that writes. In-process steps share it, so the lock spans sync, build, checks and publish."""

    accept_shrink: bool = Field(
        False, description="Believe complete reads and tables that became far smaller since the last time, in this run."
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WarehouseWriter"]:
        prepare()
        if context.instance and context.run:
            context.instance.add_run_tags(context.run.run_id, process_tag(context.run.run_id))
        with ExitStack() as stack:
            try:
                # Nests: `qoh run` takes the lock before Dagster does, in the same process.
                stack.enter_context(warehouse_lock())
            except LockHeld as held:
                if context.log:
                    context.log.info(f"Waits for pid {held.pid}, started {held.since}, which holds the warehouse.")
                stack.enter_context(warehouse_lock(patience=QUEUE_SECONDS))
            yield self
