"""Wire types of the user service, its events and its client.

Sessions and public keys are requested by the chassis (`serai.chassis.auth`).
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

#: An account was created. The email about it may carry a link.
USER_REGISTERED = "user.registered"
#: The owner of an account requested a new link to verify the address.
VERIFICATION_REQUESTED = "user.verification_asked"
#: A password reset was requested for an account. The email about it carries a link.
PASSWORD_RESET_REQUESTED = "user.password_forgotten"  # noqa: S105 - the name of an event
#: Someone tried to register an address that already has an account. Its owner is told.
ADDRESS_TAKEN = "user.address_taken"
PASSWORD_CHANGED = "user.password_changed"  # noqa: S105 - the name of an event

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=320, extra_json_schema={"format": "email"})]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
#: A password to set. The exact rule (8 to 256 characters, not a common password) applies to its normalized form.
NewPassword = Annotated[str, msgspec.Meta(min_length=8, max_length=1024)]
#: A password to check. Its form is not validated, so that a refusal reveals nothing about the password rules.
Password = Annotated[str, msgspec.Meta(max_length=4096)]
#: The token of an emailed link. Its form is not validated: a malformed token is refused like an expired one.
LinkToken = Annotated[str, msgspec.Meta(max_length=200)]


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email
    password: NewPassword
    name: Name


class Registered(msgspec.Struct, frozen=True):
    """The same whether the address was free or taken."""

    email: str
    name: str


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=320)]
    password: Password


class ChangePassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current_password: Password
    new_password: NewPassword


class RequestPasswordReset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=320)]


class ResetPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: LinkToken
    password: NewPassword


class VerifyEmail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: LinkToken


class UpdateProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET


class UpdateUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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


class UserDetails(msgspec.Struct, frozen=True):
    """A user as admins see them."""

    id: UUID
    email: str
    name: str
    role: Role
    email_verified: bool
    created_at: datetime
    disabled: bool


class UserPage(Page[UserDetails]):
    pass


class SignedIn(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds. The refresh token is set as a cookie."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    user: User


class Session(msgspec.Struct, frozen=True):
    """An active session. `last_seen_at` is when it last received an access token."""

    id: UUID
    created_at: datetime
    last_seen_at: datetime
    user_agent: str | None
    #: Whether it is the session of this request.
    current: bool


class SessionPage(Page[Session]):
    pass


class UserEvent(msgspec.Struct, frozen=True):
    """Payload of every user event; the subject is the user's id."""

    user_id: UUID


class UserContact(msgspec.Struct, frozen=True):
    """A user for services that write to them."""

    id: UUID
    email: str
    name: str
    disabled: bool


class LinkExpired(NotFound):
    """The link was used or has expired, or its user is disabled."""

    code, detail = "link_gone", "This link was used or has expired."


class IssuedLink(msgspec.Struct, frozen=True):
    """A token for an emailed link. It is a secret: it must not be stored or logged."""

    token: str
    expires_at: datetime


class UserClient(ServiceClient):
    callee = "user"

    async def user(self, user_id: UUID) -> UserContact:
        """Raises `NotFound`."""
        return await self._call("user", "GET", f"/internal/users/{user_id}", UserContact, retryable=True)

    async def issue_link(self, link_id: UUID) -> IssuedLink:
        """A new token for the link of the event `link_id`. Raises `LinkExpired`."""
        # Retryable: a token whose response was lost is never used and expires.
        return await self._call("issue_link", "POST", f"/internal/links/{link_id}", IssuedLink, retryable=True)
