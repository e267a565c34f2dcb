"""Settings of your own Label Studio server: Label Studio's, for a database that several people write to at once."""

# ruff: noqa: E402, F403
SENTRY_DSN = ""  # this and the next import: Label Studio's own settings read them while they load

from core.settings.base import *
from label_studio.core.settings.label_studio import *
from label_studio.core.settings.label_studio import DATABASES

# Otherwise a request that meets another one's writing fails with "database is locked": at once if it has read before,
# else after 5 s.
DATABASES["default"]["OPTIONS"] = {"timeout": 60, "transaction_mode": "IMMEDIATE"}
