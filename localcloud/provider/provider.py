"""Pulumi's provider interface on the handlers: check, diff, create, read, update, delete and invoke.

Both engines drive the emulated AWS through this class: the embedded one calls it, Pulumi's own calls it through
`localcloud.pulumi_engine.server`. Values are plain (see `values`); `old` ones may be as a stack state keeps them.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.provider import HANDLERS, INVOKES
from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, is_missing, tag
from localcloud.provider.drift_detection import RecordingCloud, changed_values
from localcloud.provider.values import (
    Path_,
    comparable,
    differing,
    has_unknown,
    is_asset,
    path_text,
    storable,
)


class ProviderError(Exception):
    """A resource or function that the local cloud cannot provide; the message names it."""


class InitializationError(Exception):
    """The resource exists, under `id`, but could not be completed. It has to be remembered and updated again."""

    def __init__(self, id_: str, outputs: Outputs, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.id = id_
        self.outputs = outputs


@dataclass(frozen=True)
class Difference:
    """The paths of inputs that differ, and what that takes."""

    paths: tuple[Path_, ...] = ()
    replaces: frozenset[str] = frozenset()
    """Keys that cannot change in place."""
    delete_before_replace: bool = False

    def __bool__(self) -> bool:
        return bool(self.paths)

    @property
    def keys(self) -> tuple[str, ...]:
        """The inputs that differ."""
        return tuple(sorted({str(path[0]) for path in self.paths}))

    @property
    def detailed(self) -> tuple[str, ...]:
        """The paths as Pulumi writes them."""
        return tuple(path_text(path) for path in self.paths)


NO_DIFFERENCE = Difference()


class Provider:
    """The AWS provider of the local cloud. Usable from every thread."""

    def __init__(self, cloud: Cloud, default_tags: Mapping[str, str]) -> None:
        self.cloud = cloud
        self.default_tags = dict(default_tags)

    def handler(self, type_: str, name: str = "") -> Handler:
        """The handler of a type. Raises `ProviderError`."""
        handler = HANDLERS.get(type_)
        if handler is None:
            raise ProviderError(
                f"{name!r} is of type {type_}, which the local cloud does not know; add it to localcloud/provider"
            )
        return handler

    def check(self, type_: str, name: str, inputs: Inputs, old: Inputs | None, *, seed: bytes) -> dict[str, Any]:
        """The inputs with the provider's own: a generated name, the default tags.

        Args:
            old: the resource's inputs so far; a generated name stays. None at first and for a replacement.
            seed: what a generated name is made from.

        Raises:
            ProviderError: the type is unknown, or the resource is to be in another region.
        """
        handler = self.handler(type_, name)
        checked = dict(inputs)
        region = checked.get("region")
        if region and region != self.cloud.region:
            raise ProviderError(f"{name!r} is in region {region}; the local cloud has {self.cloud.region} only")
        if handler.autoname and not checked.get(handler.autoname):
            kept = (old or {}).get(handler.autoname)
            checked[handler.autoname] = kept or f"{name}-{hashlib.sha256(seed).hexdigest()[:7]}"
        if handler.taggable:
            checked["tags"] = {**self.default_tags, **(checked.get("tags") or {})}
        return dict(handler.prepare(self.cloud, checked))

    def diff(self, type_: str, name: str, old: Inputs, new: Inputs) -> Difference:
        """The differences between two sets of checked inputs."""
        handler = self.handler(type_, name)
        before, after = storable(old), storable(new)
        paths = tuple(differing(before, after))
        replaces = frozenset(str(path[0]) for path in paths) & handler.replace_on
        return Difference(paths, replaces, self._same_place(handler, name, before, after))

    def _same_place(self, handler: Handler, name: str, old: Inputs, new: Inputs) -> bool:
        """True if a replacement cannot stand beside what it replaces."""
        if handler.delete_first:
            return True
        generated = re.fullmatch(re.escape(name) + "-[0-9a-f]{7}", str(new.get(handler.autoname or "", "")))
        if generated and old.get(handler.autoname) == new.get(handler.autoname):
            return False  # a replacement gets a new name
        place = self.identify(handler, new)
        return place is not None and place == self.identify(handler, old)

    def identify(self, handler: Handler, inputs: Inputs) -> str | None:
        """The id that the inputs alone decide; None if they do not, or are not known yet."""
        if has_unknown(dict(inputs)):
            known = {key: value for key, value in inputs.items() if not has_unknown(value)}
            try:
                return handler.identify(self.cloud, known)
            except (KeyError, TypeError):
                return None
        return handler.identify(self.cloud, inputs)

    def create(self, type_: str, name: str, inputs: Inputs) -> tuple[str, Outputs]:
        """Make it. Returns its id and outputs. Raises `InitializationError` where it exists but is not complete."""
        id_ = self.handler(type_, name).create(self.cloud, inputs)
        return id_, self._complete(type_, name, id_, inputs, {})

    def update(self, type_: str, name: str, id_: str, new: Inputs, old: Inputs) -> Outputs:
        """Bring it from the `old` inputs to `new`. Returns its outputs."""
        handler = self.handler(type_, name)
        before, after = storable(old), storable(new)
        if {**before, "tags": None} != {**after, "tags": None}:
            handler.update(self.cloud, id_, new, comparable(before, new))
        return self._complete(type_, name, id_, new, before.get("tags") or {})

    def _complete(self, type_: str, name: str, id_: str, inputs: Inputs, old_tags: Mapping[str, str]) -> Outputs:
        """Tag it and read its outputs."""
        handler = self.handler(type_, name)
        outputs = {key: storable(value) for key, value in inputs.items() if not is_asset(value)}
        try:
            outputs |= handler.read(self.cloud, id_, inputs)
            if handler.taggable:
                outputs["tagsAll"] = dict(inputs["tags"])
                if inputs["tags"] != old_tags:
                    tag(self.cloud, str(outputs["arn"]), inputs["tags"], old_tags)
        except Exception as error:
            raise InitializationError(id_, outputs, error) from error
        return outputs

    def adopt(self, type_: str, name: str, inputs: Inputs) -> tuple[str, Outputs] | None:
        """Take over what an interrupted run made under the name that the inputs give; None if there is no such name."""
        handler = self.handler(type_, name)
        id_ = self.identify(handler, inputs)
        if id_ is None:
            return None
        handler.update(self.cloud, id_, inputs, inputs)
        return id_, self._complete(type_, name, id_, inputs, {})

    def find(self, type_: str, name: str, inputs: Inputs) -> list[str] | None:
        """The ids of what is there as the inputs call it; None if it cannot be looked up. Nothing is changed."""
        handler = self.handler(type_, name)
        id_ = self.identify(handler, inputs)
        if id_ is None:
            return handler.find(self.cloud, inputs)
        return [] if self.read(type_, name, id_, inputs) is None else [id_]

    def read(self, type_: str, name: str, id_: str, inputs: Inputs) -> tuple[dict[str, Any], Outputs] | None:
        """Inputs and outputs as they are on AWS now; None if it is gone. Nothing is changed.

        Live values replace the inputs of the same name, so that a changed value is seen as drift.
        """
        handler, watched = self.handler(type_, name), RecordingCloud(self.cloud)
        try:
            live = handler.read(watched, id_, inputs)
        except Exception as error:
            if is_missing(error):
                return None
            raise
        seen = changed_values(handler, inputs, watched.answers)
        declared = {**handler.defaults, **inputs}
        known = handler.drift & live.keys() & declared.keys()
        seen |= {key: live[key] for key in known if live[key] != declared[key]}
        outputs = {key: storable(value) for key, value in inputs.items() if not is_asset(value)} | live
        if handler.taggable:
            outputs["tagsAll"] = dict(inputs.get("tags") or {})
        return {**inputs, **seen}, outputs

    def delete(self, type_: str, name: str, id_: str, inputs: Inputs) -> None:
        """Remove it; what is gone already is fine."""
        try:
            self.handler(type_, name).delete(self.cloud, id_, inputs)
        except Exception as error:
            if not is_missing(error):
                raise

    def invoke(self, token: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function. Raises `ProviderError` for an unknown one, `NotFoundError` where it finds nothing."""
        function = INVOKES.get(token)
        if function is None:
            raise ProviderError(f"the local cloud has no function {token}; add it to localcloud/provider/invokes.py")
        return function(self.cloud, args)
