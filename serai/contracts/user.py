"""Users on the wire, and what the user service tells others.

Sessions and keys are asked for by the chassis; see `chassis.app`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.chassis.errors import NotFound
from serai.chassis.http.page import Page
from serai.permissions import Permission, Role

#: Somebody has an account now; its mail may carry a link.
USER_REGISTERED = "user.registered"
#: The owner of an account wants a new link to prove the address with.
VERIFICATION_ASKED = "user.verification_asked"
#: Somebody wants to set a new password for an account; its mail carries a link.
PASSWORD_FORGOTTEN = "user.password_forgotten"  # noqa: S105 - the name of an event
#: Somebody tried to register an address that has an account; its owner is told.
ADDRESS_TAKEN = "user.address_taken"
PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - the name of an event

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=320, extra_json_schema={"format": "email"})]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
#: A password being set; the exact rule (8 to 256 characters, not a common one) is counted after normalising.
NewPassword = Annotated[str, msgspec.Meta(min_length=8, max_length=1024)]
#: A password being shown; any is taken, so that a refusal says nothing about the rules of another day.
AnyPassword = Annotated[str, msgspec.Meta(max_length=4096)]
#: What a link in a mail carries; one that cannot be ours is refused like one that works no more.
LinkToken = Annotated[str, msgspec.Meta(max_length=200)]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: NewPassword
    name: Name


class Registered(msgspec.Struct, frozen=True):
    """The same whether the address was free or taken."""

    email: str
    name: str


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=320)]
    password: AnyPassword


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current_password: AnyPassword
    new_password: NewPassword


class PasswordForgotten(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=320)]


class PasswordReset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: LinkToken
    password: NewPassword


class EmailVerification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: LinkToken


class ProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    role: Role | msgspec.UnsetType = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


class User(msgspec.Struct, frozen=True):
    """A user as they see themselves, with the permissions of their role."""

    id: UUID
    email: str
    name: str
    role: Role
    email_verified: bool
    created_at: datetime
    permissions: list[Permission]


class UserRecord(msgspec.Struct, frozen=True):
    """A user as administration sees them."""

    id: UUID
    email: str
    name: str
    role: Role
    email_verified: bool
    created_at: datetime
    disabled: bool


class UserPage(Page[UserRecord]):
    pass


class SignedIn(msgspec.Struct, frozen=True):
    """`expires_in` is seconds; the refresh token travels in a cookie."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    user: User


class Session(msgspec.Struct, frozen=True):
    """A sign-in that has not ended. `last_seen_at` is when it last got an access token."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    user_agent: str | None
    #: Whether it is the one that asks.
    current: bool


class SessionPage(Page[Session]):
    pass


class UserEvent(msgspec.Struct, frozen=True):
    """Payload of every user event; the subject is the user's id."""

    user_id: UUID


class UserFacts(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    name: str
    disabled: bool


class LinkGone(NotFound):
    """Nobody waits for this link any more: it was used, it is too old, or its user is disabled."""

    code, detail = "link_gone", "Nobody waits for this link any more."


class MintedLink(msgspec.Struct, frozen=True):
    """What opens a link, known to nobody but the mail it is put into."""

    token: str
    expires_at: datetime


class UserClient(ServiceClient):
    callee = "user"

    async def user(self, user_id: UUID) -> UserFacts:
        """Raises `NotFound`."""
        return await self._call("user", "GET", f"/internal/users/{user_id}", UserFacts, retryable=True)

    async def mint_link(self, link_id: UUID) -> MintedLink:
        """A token for the link of the event `link_id`, another each time. Raises `LinkGone`."""
        # Repeating it leaves a token that nobody has ever seen.
        return await self._call("mint_link", "POST", f"/internal/links/{link_id}", MintedLink, retryable=True)
