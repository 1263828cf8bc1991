"""The progress bar says the newest numbers when it ends, and nothing where nobody watches."""

from infoplane.training.progress import Progress


def rows(value):
    return [{"copy": -1, "family": "exact", "estimator": "binned", "label": "y", "layer": "fc", "units": "bits",
             "i_xt": value, "i_ty": value / 2}]  # fmt: skip


def test_the_last_rows_are_shown_at_the_end(capsys):
    with Progress(3, shown=True) as bar:
        for step in range(4):
            bar.advance(step, rows(float(step)) if step < 3 else None)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "exact I(X;T) I(T;Y) in bits:  fc 2.00 1.00" in shown


def test_nothing_is_shown_to_nobody(capsys):
    for shown in (False, None):
        with Progress(3, shown=shown) as bar:
            bar.advance(0, rows(0.0))
    assert capsys.readouterr() == ("", "")


def test_a_number_that_was_not_computed_is_a_dash(capsys):
    with Progress(1, shown=True) as bar:
        bar.advance(1, [row | {"i_xt": None} for row in rows(1.0)])
    assert "fc - 0.50" in capsys.readouterr().err
