import numpy as np

from varemix.evaluation.recognition import Recognition, nearest, num_recognised


def test_the_nearest_kept_query_is_the_one_at_the_least_distance() -> None:
    kept = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 10.0]])
    queries = np.array([[2.0, 0.0], [1.0, 1.0], [-50.0, 9.0], [0.0, 6.0]])
    assert nearest(queries, kept).tolist() == [1, 0, 2, 2]


def test_each_kept_query_is_nearest_to_itself() -> None:
    kept = np.random.default_rng(0).standard_normal((11, 16)).astype(np.float32)
    assert nearest(kept, kept).tolist() == list(range(11))


def test_pictures_taken_for_what_they_show_are_counted() -> None:
    pairs = [("flute", "flute"), ("tuba", "flute"), ("tuba", "tuba")]
    found = [Recognition(picture="1.jpg", instrument=shown, taken_for=taken) for shown, taken in pairs]
    assert num_recognised(found) == 2
