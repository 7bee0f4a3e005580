from tiny_model import make_champion

from infra.registry import Registry
from tasks.release.promote import promote


def test_without_a_canary_it_is_champion_at_once_and_the_record_says_so(settings, lake):
    make_champion(settings)
    release = make_champion(settings, seed=1)
    assert (release.promoted, release.previous_champion) == (True, 1)
    assert Registry(settings).champion().version == 2
    assert promote.fn(settings, release).promoted
    acts = lake.acts.open().to_table().to_pylist()
    assert [(entry["act"], entry["version"], entry["why"]) for entry in acts] == [
        ("promote", 1, "the first champion"),
        ("promote", 2, "without a canary"),
    ]
