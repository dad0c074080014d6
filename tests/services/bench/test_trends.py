from datetime import UTC, datetime

from troupe.services.bench.results import Report, Row
from troupe.services.bench.trends import trends, trends_page


def report(day: int, *rows: Row) -> Report:
    return Report.of("micro", datetime(2026, 1, day, tzinfo=UTC), rows={"runtime": list(rows)})


def row(value: float, floor: float | None = None, what: str = "ask") -> Row:
    return Row(what=what, value=value, unit="µs", floor=floor, floor_name="queue" if floor else "")


def test_rows_are_followed_by_words_unit_and_floor() -> None:
    reports = [report(1, row(2.0, 1.0)), report(2, row(3.0, 1.0), row(9.0)), report(3, row(4.0, 1.0))]
    found = trends(reports)["runtime"]
    assert [(moment.run, moment.row.value) for moment in found["ask", "µs", "queue"]] == [(1, 2.0), (2, 3.0), (3, 4.0)]
    assert [moment.run for moment in found["ask", "µs", ""]] == [2]
    assert found["ask", "µs", "queue"][0].when.startswith("2026-01-01 00:00, ")


def test_the_page_plots_ratios_where_there_are_floors() -> None:
    html = trends_page(
        [report(1, row(2.0, 1.0), row(5.0, what="<tell>")), report(2, row(9.0, 3.0), row(7.0, what="<tell>"))]
    )
    assert html.count("<svg") == 2
    assert "2026-01-02 00:00" in html
    assert "x queue" in html
    assert ": 3</title>" in html, "the ratio, not the value"
    assert ": 7</title>" in html
    assert "<tell>" not in html
    assert "Nothing has been measured" in trends_page([])
    assert "<svg" not in trends_page([report(1, row(2.0, 1.0))])
