"""The GraphQL queries, and what they cost.

GitHub counts a query in points: the requests that its lists need, divided by 100. A page of 100
commits with their parents is 1 + 100 lists, so 1 point; line counts are plain fields and cost
nothing. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

import re
from collections.abc import Sequence

PAGE = 100
"""The most that GitHub gives at once."""

PARENTS = 100

_COMMIT = """
fragment fields on Commit {
  oid
  message
  authoredDate
  committedDate
  additions @include(if: $counts)
  deletions @include(if: $counts)
  changedFilesIfAvailable @include(if: $counts)
  author { name email user { login } }
  committer { name email user { login } }
  parents(first: 100) { totalCount nodes { oid } }
}
"""

HISTORY = f"""
query History($owner: String!, $name: String!, $tip: GitObjectID!, $first: Int!, $after: String,
              $since: GitTimestamp, $until: GitTimestamp, $counts: Boolean!) {{
  rateLimit {{ cost }}
  repository(owner: $owner, name: $name, followRenames: true) {{
    object(oid: $tip) {{
      ... on Commit {{
        history(first: $first, after: $after, since: $since, until: $until) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ ...fields }}
        }}
      }}
    }}
  }}
}}
{_COMMIT}"""

COUNT = """
query Count($owner: String!, $name: String!, $tip: GitObjectID!, $since: GitTimestamp,
            $until: GitTimestamp) {
  rateLimit { cost }
  repository(owner: $owner, name: $name, followRenames: true) {
    object(oid: $tip) {
      ... on Commit { history(first: 1, since: $since, until: $until) { totalCount } }
    }
  }
}
"""

_HASH = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?$")


def by_id(commits: Sequence[str]) -> str:
    """Return the query for single commits; the answer calls them c0, c1 and so on.

    Raises:
        ValueError: one is not a full hash.
    """
    if not all(_HASH.match(commit) for commit in commits):
        raise ValueError("not a full hash")
    objects = "\n".join(
        f'    c{n}: object(oid: "{commit}") {{ ...fields }}' for n, commit in enumerate(commits)
    )
    return f"""
query Commits($owner: String!, $name: String!, $counts: Boolean!) {{
  rateLimit {{ cost }}
  repository(owner: $owner, name: $name, followRenames: true) {{
{objects}
  }}
}}
{_COMMIT}"""


def points(commits: int) -> int:
    """Return what the history of so many commits costs."""
    return -(-commits // PAGE)
