"""What is kept never takes more than it may."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from serai.product.bounded_cache import OVERHEAD_BYTES, BoundedCache
from serai.product.response_cache import CachedResponse

MOST = 10_000

keys = st.integers(0, 30)
steps = st.lists(st.one_of(st.tuples(keys, st.integers(0, MOST)), keys), max_size=80)


def entry(size: int) -> CachedResponse:
    return CachedResponse(b"x" * size, b'W/"1"')


@given(steps)
def test_never_takes_more_and_gives_what_was_kept_last(taken: list[tuple[int, int] | int]) -> None:
    cache: BoundedCache[int] = BoundedCache(MOST)
    latest: dict[int, CachedResponse] = {}
    for step in taken:
        match step:
            case (key, size):
                latest[key] = entry(size)
                cache.keep(key, latest[key])
            case key:
                cache.drop(key)
                latest.pop(key, None)
        kept = {key: found for key in range(31) if (found := cache.get(key)) is not None}
        assert sum(len(one.body) + OVERHEAD_BYTES for one in kept.values()) <= MOST
        assert all(latest.get(key) is one for key, one in kept.items())


def test_makes_room_only_where_it_must() -> None:
    cache: BoundedCache[int] = BoundedCache(10 * (100 + OVERHEAD_BYTES))
    for key in range(10):
        assert cache.has_room
        cache.keep(key, entry(100))
    assert not cache.has_room
    assert all(cache.get(key) for key in range(10))
    while cache.get(10) is None:
        cache.keep(10, entry(100))
    assert sum(cache.get(key) is not None for key in range(10)) == 9


def test_a_share_stays_when_more_is_asked_for_in_turns_than_fits() -> None:
    cache: BoundedCache[int] = BoundedCache(50 * (100 + OVERHEAD_BYTES))
    hits = 0
    for turn in range(10):
        for key in range(100):
            hits += turn > 0 and cache.get(key) is not None
            if cache.get(key) is None:
                cache.keep(key, entry(100))
    assert hits > 250


def test_what_does_not_fit_at_all_is_not_kept() -> None:
    cache: BoundedCache[int] = BoundedCache(MOST)
    cache.keep(1, entry(MOST))
    assert cache.get(1) is None
    cache.clear()
    cache.keep(1, entry(1))
    assert cache.get(1)
