"""The files of pictures."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.product.deps import Deps
from serai.product.media.pictures import FILE_PATTERN
from serai.product.response_cache import as_response


@get("/media/{file:str}", policy="public", produces="image/webp", path_patterns={"file": f"^{FILE_PATTERN}$"})
async def get_picture(request: Request, deps: NamedDependency[Deps], file: FromPath[str]) -> Response[bytes]:
    """One file of a picture; it never changes."""
    return as_response(await deps.files.file(request.scope, file))


ROUTES = [get_picture]
