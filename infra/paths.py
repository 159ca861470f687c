"""Paths of the checkout."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
"""The directory of `Pulumi.yaml`. Pulumi runs the program in a folder of its own, so relative paths differ there."""
