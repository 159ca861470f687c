"""The addresses of the stages at the one front door: `http://<stage>.localhost:PORT`, and none for `local`."""

from pathlib import Path
from typing import Final

DEFAULT_STAGE: Final = "local"
"""The stage that answers at the front door's own name."""
_SUFFIX: Final = ".localhost"


class StageRoutes:
    """The stages and the domains of their distributions, a file each in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, stage: str, domain: str) -> None:
        """Lead a stage's address to a distribution, by its domain."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / stage).write_text(domain, encoding="utf-8")

    def remove(self, stage: str) -> None:
        """Lead a stage's address nowhere any more."""
        (self._folder / stage).unlink(missing_ok=True)

    @property
    def stages(self) -> list[str]:
        """The stages that have an address."""
        return sorted(path.name for path in self._folder.glob("*"))

    def domain(self, host: str) -> str | None:
        """The domain for which a Host header stands; None if its stage is not there.

        Without a stage's name it is the default stage, or the only one there is.
        """
        name = host.lower().partition(":")[0]
        stages = self.stages
        if name.endswith(_SUFFIX):
            stage = name.removesuffix(_SUFFIX)
        else:
            stage = stages[0] if len(stages) == 1 else DEFAULT_STAGE
        return (self._folder / stage).read_text(encoding="utf-8").strip() if stage in stages else None
