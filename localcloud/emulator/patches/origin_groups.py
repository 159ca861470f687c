# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Origin groups of CloudFront.

MiniStack 1.5.33 ignores them: a behaviour whose target is a group has no origin.

Report: a distribution whose default behaviour targets an origin group: every request fails.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.services import cloudfront  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's functions."""
    cloudfront.parse_distribution_dataplane_config = _with_origin_groups(cloudfront.parse_distribution_dataplane_config)
    cloudfront._fetch_from_origin = _failing_over(cloudfront._fetch_from_origin)


def _with_origin_groups(parse: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """An origin group becomes its first member, which knows the second one and the statuses that lead there."""

    def parse_with_groups(distribution: dict[str, Any]) -> dict[str, Any]:
        parsed = parse(distribution)
        for group in cloudfront._dist_config_el(distribution).iter():
            if cloudfront._local_tag_name(group) == "OriginGroup":
                texts = [(cloudfront._local_tag_name(part), part.text) for part in group.iter()]
                first, second = (parsed["origins"][text] for tag, text in texts if tag == "OriginId")
                statuses = frozenset(int(text) for tag, text in texts if tag == "StatusCode")
                parsed["origins"][cloudfront._text(group, "Id")] = {**first, "failover": (statuses, second)}
        return parsed

    return parse_with_groups


def _failing_over(fetch: Callable[..., Awaitable[tuple[Any, ...]]]) -> Callable[..., Awaitable[tuple[Any, ...]]]:
    async def fetch_or_fail_over(origin: Mapping[str, Any], method: str, *rest: Any) -> tuple[Any, ...]:
        answer = await fetch(origin, method, *rest)
        statuses, second = origin.get("failover", (frozenset(), None))
        return await fetch(second, method, *rest) if answer[0] in statuses else answer

    return fetch_or_fail_over
