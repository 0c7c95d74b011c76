"""Rate limits: their notation, and the token buckets that Envoy gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.gateway.rate_limits import RateLimit, parse_limit


@pytest.mark.parametrize("text", ["", "0", "-1", "60/0", "60/", "1.5", "60 per minute", "99999999"])
def test_refuses_a_malformed_limit(text: str) -> None:
    with pytest.raises(ValueError, match="requests per minute"):
        parse_limit(text)


@given(st.integers(1, 9_999_999), st.integers(1, 9_999_999))
def test_a_token_bucket_does_not_exceed_the_limit_in_the_long_run(per_minute: int, burst: int) -> None:
    bucket = RateLimit(per_minute, burst).token_bucket()
    fill_s = float(str(bucket["fill_interval"]).removesuffix("s"))
    rate = int(str(bucket["tokens_per_fill"])) / fill_s * 60
    assert fill_s >= 0.05
    # The interval is whole milliseconds and a fill at least one whole token, so the rate is rounded.
    assert rate <= per_minute * 1.02 or bucket["tokens_per_fill"] == 1
    assert rate >= per_minute * 0.49
    assert int(str(bucket["max_tokens"])) >= burst
