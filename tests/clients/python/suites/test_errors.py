"""Errors as the client shows them, whoever in between made them."""

import json

from hubspot.oauth import ApiException as OAuthException

from portal import PortalTest, portal


class Errors(PortalTest):
    def test_a_token_nobody_issued(self):
        stranger = portal("pat-na1-00000000-0000-0000-0000-000000000000")
        self.assert_refused(lambda: stranger.crm.contacts.basic_api.get_page(limit=1), 401)

    def test_a_record_that_is_not_there(self):
        self.assert_refused(lambda: self.crm.contacts.basic_api.get_by_id("999999999"), 404, "OBJECT_NOT_FOUND")

    def test_a_limit_out_of_range(self):
        self.assert_refused(lambda: self.crm.contacts.basic_api.get_page(limit=101), 400, "VALIDATION_ERROR")

    def test_the_token_endpoint_has_a_shape_of_its_own(self):
        with self.assertRaises(OAuthException) as refused:
            self.hubspot.oauth.tokens_api.create(
                grant_type="refresh_token", client_id="id", client_secret="secret", refresh_token="na1-0000"
            )
        self.assertEqual(refused.exception.status, 400)
        body = json.loads(refused.exception.body)
        self.assertEqual(set(body) >= {"error", "error_description", "status", "message"}, True)
        self.assertRegex(body["status"], "^BAD_")
