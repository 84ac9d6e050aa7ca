"""What every suite starts from: HubSpot's official Python client, unmodified, pointed at the target by its host alone.

scripts/clients starts the servers and says where they are. TARGET_URL is the gateway or, for the control run, the
simulator itself; SIM_URL is always the simulator, for what only it can know.
"""

import itertools
import json
import os
import re
import unittest
import urllib.request

from hubspot import HubSpot
from hubspot.crm.contacts import SimplePublicObjectInput, SimplePublicObjectInputForCreate

TARGET_URL = os.environ["TARGET_URL"]
SIM_URL = os.environ["SIM_URL"]
ACCESS_TOKEN = os.environ["ACCESS_TOKEN"]

SEARCH_AND_BURST_WINDOW_S = 11
SEARCH_LAG_S_MAX = 60

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

_serial = itertools.count(1)


def portal(access_token=ACCESS_TOKEN):
    """The client as its README shows it, plus where to call: typed methods read `host`, `api_request` `base_url`."""
    return HubSpot(access_token=access_token, host=TARGET_URL, base_url=TARGET_URL)


def unique(prefix):
    """Different on every call, so that suites never meet each other's records."""
    return f"{prefix}py{os.getpid()}x{next(_serial)}"


def email(prefix):
    return f"{unique(prefix)}@example.com"


def fresh(properties, associations=()):
    return SimplePublicObjectInputForCreate(properties=properties, associations=list(associations))


def change(properties):
    return SimplePublicObjectInput(properties=properties)


def ids(records):
    return [record.id for record in records]


def let_search_catch_up():
    """Search trails behind writes; move the portal's clock past that instead of waiting for it."""
    _advance_clock(SEARCH_LAG_S_MAX)


def _advance_clock(seconds):
    request = urllib.request.Request(
        f"{SIM_URL}/_sim/clock/advance",
        data=json.dumps({"seconds": seconds}).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


class PortalTest(unittest.TestCase):
    """A test with a client at hand, and the checks that hold for every HubSpot error."""

    @classmethod
    def setUpClass(cls):
        cls.hubspot = portal()
        cls.crm = cls.hubspot.crm

    def setUp(self):
        # Nobody keeps the client within the limits in the control run: each test gets a fresh window there.
        if os.environ["TARGET"] == "sim":
            _advance_clock(SEARCH_AND_BURST_WINDOW_S)

    def assert_refused(self, call, status, category=None):
        """The call must end in the client's ApiException; gives back HubSpot's body."""
        try:
            call()
        except Exception as error:  # Every API module of the client has an ApiException of its own.
            if type(error).__name__ not in API_EXCEPTIONS:
                raise
            self.assertEqual(error.status, status, error.body)
            body = json.loads(error.body)
            self.assertEqual(body["status"], "error")
            self.assertRegex(body["correlationId"], UUID)
            if category:
                self.assertEqual(body["category"], category)
            return body
        self.fail(f"expected HTTP {status}, and the call succeeded")

    def assert_properties(self, record, expected):
        self.assertEqual({name: record.properties.get(name) for name in expected}, expected)


API_EXCEPTIONS = {"ApiException", "NotFoundException", "UnauthorizedException", "ForbiddenException", "ServiceException"}
