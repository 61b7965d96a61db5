"""Tables of runs say what the summary says, name what it lacks, and say how long each run was."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from mmreg.figures.ablations import (
    ablation_dots,
    ablation_table,
    group_table,
    sampling_error,
    sheets_side_by_side,
    skin_tone_frontier,
    with_and_without,
)
from mmreg.results import read_result


def run(name, top1, steps=600):
    moments = {"largest_mean": 0.3, "smallest_deviation": 0.8, "largest_deviation": 1.1}
    return {
        "name": name, "what": f"**{name}**", "stage": 2, "top1": top1, "top5": 0.8, "similarity": 0.6, "coefficient_auc": 0.98,
        "geometry_mm": 1.27, "shape": moments, "albedo": moments,
        "profile": {"name": f"short, {name}", "stage_one_steps": 500, "stage_two_steps": steps},
    }  # fmt: skip


@pytest.fixture
def summary():
    runs = [run("tuned", 0.6), run("no_loopback", 0.55), run("longer", 0.7, steps=5000)]
    return {
        "runs": runs,
        "baselines": {},
        "provenance": {"data": [{"name": "LFW, test.txt", "count": 2000}], "seed": 0},
    }


def test_a_row_has_the_numbers_and_the_length_of_its_run(summary):
    table = ablation_table(summary, ["tuned"])
    assert "| **tuned** | `short`, 500 + 600 | 0.60 | 0.80 |  | 0.60 |  | 0.980 | 1.27 |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_baselines_are_rows_of_the_same_table(summary):
    summary["runs"][0]["of_the_mean_face"] = {"top1": 0.01, "similarity": 0.02}
    summary["baselines"] = {
        "chance": {"top_1": 0.001, "top_1_no_source": 0.003},
        "mean_face": {"geometry_mm": 1.61, "geometry_deviation_mm": 0.3},
        "photo_against_photo": {"top1_no_source": 0.48, "same_person": 0.66},
    }
    table = ablation_table(summary, ["tuned"], baselines=True)
    assert "| chance |  | 0.00 |  | 0.00 |  |  |  |  |" in table
    assert "| the mean face |  | 0.01 |  |  | 0.02 |  |  | 1.61 |" in table
    assert "| another photograph of the person |  |  |  | 0.48 | 0.66 |  |  |  |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_run_that_is_missing_is_named_and_not_made_up(summary):
    assert "Not measured yet: `no_identity`" in ablation_table(summary, ["tuned", "no_identity"])
    assert "doesn't hold the run `no_identity` yet" in with_and_without(summary, "tuned", "no_identity")
    assert len(ablation_table(summary, moments=True).splitlines()) == 2 + 3


def test_a_difference_is_given_with_its_error(summary):
    table = with_and_without(summary, "tuned", "no_loopback")
    assert f"| recall, first | 0.60 | 0.55 | −0.05 ± {sampling_error(0.6, 0.55, 2000):.2f} |" in table
    assert "| albedo, largest mean | 0.30 | 0.30 | +0.00 |" in table
    assert "different lengths" not in table
    assert "different lengths" in with_and_without(summary, "tuned", "longer")


def test_the_error_is_twice_that_of_a_difference_of_two_samples():
    draws = np.random.default_rng(0).binomial(2000, [0.6, 0.55], (20_000, 2)) / 2000
    assert sampling_error(0.6, 0.55, 2000) == pytest.approx(2 * np.std(draws[:, 1] - draws[:, 0]), rel=0.03)


def test_the_project_s_own_summary_makes_a_table_and_a_figure():
    summary = read_result("results/training/summary.json")
    assert len(ablation_table(summary, moments=True).splitlines()) == 2 + len(summary["runs"])
    figure = ablation_dots(summary)
    assert len(figure.axes) == 4
    plt.close(figure)


def test_sheets_that_are_there_are_shown(tmp_path):
    assert sheets_side_by_side(tmp_path, {"a": "A", "b": "B"}) is None
    for name in "abc":
        Image.new("P", (50, 50)).save(tmp_path / f"{name}.png")
    for names, shown in (({"a": "A", "b": "B", "x": "X"}, 2), ({"a": "A", "b": "B", "c": "C"}, 3)):
        figure = sheets_side_by_side(tmp_path, names)
        assert sum(bool(axis.images) for axis in figure.axes) == shown
        plt.close(figure)


def test_errors_by_groups_are_shown_with_intervals_and_only_differences_that_chance_seldom_makes():
    def interval(value):
        return {"value": value, "low": value - 0.1, "high": value + 0.1}

    result = {
        "setting": {"set": "stand-in", "people": 8, "tests": 12, "measures": {"error_mm": "distance (mm)"}},
        "groups": {"gender": {"female": {"people": 5, "error_mm": interval(1.2)}, "male": {"people": 3, "error_mm": interval(1.5)}}},
        "differences": {"gender": {"error_mm": {"between": ["female", "male"], **interval(0.3), "p": 0.01}},
                        "age": {"error_mm": {"between": ["old", "young"], **interval(0.1), "p": 0.5}}},
        "provenance": {"data": [{"checksum": "abc"}], "seed": 0},
    }  # fmt: skip
    table = group_table(result, "abc")
    assert "| gender: male | 3 | 1.50 (1.40 to 1.60) |" in table
    assert "p = 0.010" in table
    assert "old" not in table
    assert "another regressor" not in table
    assert "another regressor" in group_table(result, "def")


def test_runs_stand_beside_what_light_allows():
    bound = {
        "mixtures": [{"own_share": share, "rho": 0.4 + share, "within_over_between": 0.2 + 2 * share} for share in (0.0, 0.1, 1.0)],
        "best_rho_blind_to_light": 0.7,
        "best_rho_at_a_third": 0.8,
        "readings": [{"own_share": share, "rho": 0.5 + share, "within_over_between": 0.3} for share in (0.0, 0.3, 0.5)],
    }  # fmt: skip
    figure = skin_tone_frontier(bound, {"ours": {"skin_tone_rho": 0.65, "skin_tone_within_over_between": 0.5}})
    (axis,) = figure.axes
    mixed, read, best = (line.get_xydata() for line in axis.lines)
    np.testing.assert_allclose(mixed, [[0.2, 0.4], [0.4, 0.5]])  # following the light altogether is off the picture
    np.testing.assert_allclose(read, [[0.3, 0.5], [0.3, 0.8]])
    np.testing.assert_allclose(best, [[0.0, 0.7], [1 / 3, 0.8]])
    np.testing.assert_allclose(axis.collections[0].get_offsets(), [[0.5, 0.65]])
    plt.close(figure)
