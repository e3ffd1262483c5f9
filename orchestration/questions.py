"""How many possible links wait for a person: what `qoh links review` would list."""

from __future__ import annotations

from ingestion.privacy import Vault
from ingestion.settings import settings
from orchestration.warehouse import tables, warehouse

LINKS = "canonical.person_links"


def n_open_questions() -> int:
    """Questions of the vault about people whom the last build linked to nobody; the caller holds the lock."""
    current = settings()
    if not (current.vault_file.exists() and current.warehouse_file.exists()):
        return 0
    with Vault(current.vault_file) as vault:
        asked = vault.connection.execute(
            "select candidate_connection_id, candidate_id, employee_connection_id, employee_id from review_queue"
        ).fetchall()
    linked = _linked() if asked else set()
    return sum(not {tuple(row[:2]), tuple(row[2:])} & linked for row in asked)


def _linked() -> set[tuple[str, str]]:
    if LINKS not in tables(["canonical"]):
        return set()
    with warehouse() as connection:
        rows = connection.execute(
            "select candidate_connection_id, candidate_id, employee_connection_id, employee_id "
            f"from {LINKS} where candidate_id is not null and employee_id is not null"
        ).fetchall()
    return {row[:2] for row in rows} | {row[2:] for row in rows}
