"""An analyst's process: open the published file, look, close, again, until a file says stop. Prints a line a look.

`python reader.py LINK STOP`. A look compares what the file says of itself with what is in it (never torn).
"""

import json
import sys
import time
from pathlib import Path

import duckdb


def look(link: Path, stop: Path) -> None:
    """Look until the file `stop` exists."""
    while not stop.exists():
        try:
            with duckdb.connect(str(link.resolve(strict=True)), read_only=True) as connection:
                said = connection.execute("select version, table_name, n_rows from meta.published").fetchall()
                torn = [
                    table
                    for _, table, n_rows in said
                    if connection.execute(f"select count(*) from {table}").fetchall() != [(n_rows,)]
                ]
                print(json.dumps({"versions": sorted({version for version, _, _ in said}), "torn": torn}), flush=True)
        except Exception as error:  # whatever it is, it is what an analyst would have seen
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        time.sleep(0.3)


if __name__ == "__main__":
    look(Path(sys.argv[1]), Path(sys.argv[2]))
