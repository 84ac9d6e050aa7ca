"""Associations v4, in both directions and not in the wrong one."""

from hubspot.crm.associations.v4 import (
    AssociationSpec,
    BatchInputPublicDefaultAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicDefaultAssociationMultiPost,
    PublicFetchAssociationsBatchRequest,
    PublicObjectId,
)

from portal import PortalTest, email, fresh, unique


class Associations(PortalTest):
    def setUp(self):
        super().setUp()
        self.v4 = self.crm.associations.v4
        self.contact = self.crm.contacts.basic_api.create(fresh({"email": email("assoc")})).id
        self.company = self.crm.companies.basic_api.create(fresh({"name": unique("Assoc Ltd ")})).id

    def types(self, source, source_id, target, target_id):
        page = self.v4.basic_api.get_page(source, source_id, target)
        rows = [row for row in page.results if str(row.to_object_id) == target_id]
        return sorted(kind.type_id for row in rows for kind in row.association_types)

    def test_default(self):
        answer, status, _ = self.v4.basic_api.create_default_with_http_info(
            "contacts", self.contact, "companies", self.company
        )
        self.assertEqual(status, 200)
        self.assertEqual(answer.status, "COMPLETE")
        self.assertIn(279, self.types("contacts", self.contact, "companies", self.company))
        self.assertIn(280, self.types("companies", self.company, "contacts", self.contact))

    def test_labelled_then_removed(self):
        primary = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)
        _, status, _ = self.v4.basic_api.create_with_http_info(
            "contacts", self.contact, "companies", self.company, [primary]
        )
        self.assertEqual(status, 201)
        self.assertEqual(self.types("contacts", self.contact, "companies", self.company), [1, 279])
        self.v4.basic_api.archive("contacts", self.contact, "companies", self.company)
        self.assertEqual(self.types("contacts", self.contact, "companies", self.company), [])

    def test_the_other_directions_id_is_refused(self):
        wrong = AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=280)
        self.assert_refused(
            lambda: self.v4.basic_api.create("contacts", self.contact, "companies", self.company, [wrong]), 400
        )
        self.assertEqual(self.types("contacts", self.contact, "companies", self.company), [])

    def test_batch(self):
        pair = PublicDefaultAssociationMultiPost(
            _from=PublicObjectId(id=self.company), to=PublicObjectId(id=self.contact)
        )
        self.v4.batch_api.create_default(
            "companies", "contacts", BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
        )
        read = self.v4.batch_api.get_page(
            "companies",
            "contacts",
            BatchInputPublicFetchAssociationsBatchRequest(inputs=[PublicFetchAssociationsBatchRequest(id=self.company)]),
        )
        [row] = read.results
        self.assertEqual([str(to.to_object_id) for to in row.to], [self.contact])

    def test_labels(self):
        found = {label.type_id for label in self.v4.schema.definitions_api.get_all("contacts", "companies").results}
        self.assertLessEqual({1, 279}, found)
