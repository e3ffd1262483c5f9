"""The words of the published tables are complete, and the page and the file say the same."""

from orchestration.dictionary import PAGE, dictionary, text


def test_the_page_is_what_the_dbt_project_says() -> None:
    assert PAGE.read_text() == text(), "run `python -m orchestration.dictionary` and commit docs/tables.md"


def test_every_published_column_has_a_type_and_a_meaning() -> None:
    missing = [
        f"{words.table}.{name}"
        for words in dictionary()
        for name, (kind, meaning) in words.columns.items()
        if not kind or not meaning
    ]
    assert not missing
