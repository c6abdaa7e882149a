"""Gitea takes two labels of one name: one whose making was not answered must be looked for before it is made again."""

from dataclasses import dataclass

import pytest
from starlette.requests import Request
from starlette.responses import Response

from caloron_actors.ports.errors import Unavailable
from tests.adapters.github.test_gitea_dialect import Gitea, Json, client, told


@dataclass
class Forgetful(Gitea):
    """Makes the first label it is asked for, and answers that it failed."""

    failed: bool = False

    def _new_label(self, request: Request, body: Json) -> Response:
        answer = super()._new_label(request, body)
        if self.failed:
            return answer
        self.failed = True
        return told({"message": "no"}, 500)


async def test_a_label_whose_making_was_not_answered_is_not_made_twice() -> None:
    gitea = Forgetful(labels={1: "a"})
    async with client(gitea) as forge:
        with pytest.raises(Unavailable) as lost:
            await forge.add_labels(1, ["a", "b"])
        assert lost.value.ambiguous
        await forge.add_labels(1, ["a", "b"])
    assert gitea.labels == {1: "a", 2: "b"}
    assert gitea.on_issue == [1, 2]
