"""Says what a preview means, for the reviewer of a pull request; see `summary`."""

from infra.review.steps import parse
from infra.review.summary import FAILED, comment, exit_code

__all__ = ["FAILED", "comment", "exit_code", "parse"]
