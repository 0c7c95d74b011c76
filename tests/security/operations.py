"""All public operations, from the OpenAPI documents that the gateway routes by."""

from __future__ import annotations

from typing import Any, NamedTuple

from serai import topology
from serai.gateway.openapi_documents import read_documents

METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENTS = read_documents(service.name for service in topology.SERVICES if service.public)


class Operation(NamedTuple):
    service: str
    method: str
    template: str
    policy: str
    #: The permission without which a user is refused.
    needs: str | None
    described: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.method.upper()} {self.template}"

    @property
    def takes_id(self) -> bool:
        return "{" in self.template

    def path(self, value: str) -> str:
        """The path with `value` for all its parameters."""
        return "/".join(value if part.startswith("{") else part for part in self.template.split("/"))


OPERATIONS = [
    Operation(service, method, template, item[method]["x-policy"], item[method].get("x-needs"), item[method])
    for service, document in DOCUMENTS.items()
    for template, item in document["paths"].items()
    for method in METHODS
    if method in item
]
