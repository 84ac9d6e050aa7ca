"""One life of a record of the standard types, and what the client's own paging does with many."""

from hubspot.crm.contacts import PublicGdprDeleteInput, PublicMergeInput

from portal import PortalTest, change, email, fresh, ids, unique

NOON = "2026-11-20T12:00:00Z"


class Records(PortalTest):
    def live(self, api, properties, changes):
        """Created, read, changed, archived, gone, found in the bin."""
        expected = {name: value for name, value in properties.items() if name != "hs_timestamp"}
        created = api.create(fresh(properties))
        self.assertRegex(created.id, r"^[1-9][0-9]*$")
        self.assertFalse(created.archived)
        self.assert_properties(created, {**expected, "hs_object_id": created.id})

        read = api.get_by_id(created.id, properties=list(properties))
        self.assertEqual(read.id, created.id)
        self.assertEqual(read.created_at, created.created_at)
        self.assert_properties(read, expected)

        changed = api.update(created.id, change(changes))
        self.assert_properties(changed, changes)
        self.assertGreaterEqual(changed.updated_at, created.updated_at)

        self.assertIsNone(api.archive(created.id))
        self.assert_refused(lambda: api.get_by_id(created.id), 404)
        binned = api.get_by_id(created.id, properties=list(properties), archived=True)
        self.assertTrue(binned.archived)
        self.assert_properties(binned, {**expected, **changes})

    def test_contacts(self):
        self.live(self.crm.contacts.basic_api, {"email": email("ada"), "firstname": "Ada"}, {"firstname": "Augusta"})

    def test_companies(self):
        domain = f"{unique('engines')}.example.com"
        self.live(self.crm.companies.basic_api, {"name": "Engines", "domain": domain}, {"name": "Motors"})

    def test_deals(self):
        properties = {"dealname": unique("Deal "), "dealstage": "qualifiedtobuy", "pipeline": "default", "amount": "9"}
        self.live(self.crm.deals.basic_api, properties, {"dealstage": "closedwon"})

    def test_tickets(self):
        properties = {"subject": unique("Ticket "), "hs_pipeline": "0", "hs_pipeline_stage": "1"}
        self.live(self.crm.tickets.basic_api, properties, {"hs_pipeline_stage": "2"})

    def test_notes(self):
        properties = {"hs_timestamp": NOON, "hs_note_body": "Met"}
        self.live(self.crm.objects.notes.basic_api, properties, {"hs_note_body": "Met again"})

    def test_tasks(self):
        properties = {"hs_timestamp": NOON, "hs_task_subject": "Call", "hs_task_status": "NOT_STARTED"}
        self.live(self.crm.objects.tasks.basic_api, properties, {"hs_task_status": "COMPLETED"})

    def test_products(self):
        properties = {"name": unique("Product "), "price": "12.5", "hs_sku": unique("SKU"), "description": "A reader"}
        self.live(self.crm.products.basic_api, properties, {"price": "13"})

    def test_line_items(self):
        properties = {"name": unique("Line "), "quantity": "2", "price": "5"}
        self.live(self.crm.line_items.basic_api, properties, {"quantity": "3"})


class Contacts(PortalTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contacts = cls.crm.contacts.basic_api

    def test_an_address_may_belong_to_one_contact_only(self):
        address = email("twin")
        first = self.contacts.create(fresh({"email": address}))
        body = self.assert_refused(lambda: self.contacts.create(fresh({"email": address})), 409, "CONFLICT")
        self.assertEqual(body["message"], f"Contact already exists. Existing ID: {first.id}")

    def test_found_and_changed_by_address(self):
        address = email("byaddress")
        created = self.contacts.create(fresh({"email": address}))
        self.assertEqual(self.contacts.get_by_id(address, id_property="email").id, created.id)
        changed = self.contacts.update(address, change({"firstname": "By address"}), id_property="email")
        self.assertEqual(changed.id, created.id)

    def test_history(self):
        created = self.contacts.create(fresh({"email": email("past"), "jobtitle": "Clerk"}))
        self.contacts.update(created.id, change({"jobtitle": "Engineer"}))
        read = self.contacts.get_by_id(created.id, properties_with_history=["jobtitle"])
        self.assertEqual([entry.value for entry in read.properties_with_history["jobtitle"]], ["Engineer", "Clerk"])

    def test_merge(self):
        kept = self.contacts.create(fresh({"email": email("kept"), "firstname": "Kept"}))
        lost = self.contacts.create(fresh({"email": email("lost")}))
        merged = self.contacts.merge(PublicMergeInput(primary_object_id=kept.id, object_id_to_merge=lost.id))
        survivor = self.contacts.get_by_id(merged.id, properties=["firstname", "hs_merged_object_ids"])
        self.assert_properties(survivor, {"firstname": "Kept"})
        self.assertIn(lost.id, survivor.properties["hs_merged_object_ids"].split(";"))

    def test_gdpr_delete(self):
        created = self.contacts.create(fresh({"email": email("forget")}))
        self.assertIsNone(self.contacts.purge(PublicGdprDeleteInput(object_id=created.id)))
        self.assert_refused(lambda: self.contacts.get_by_id(created.id, archived=True), 404)


class Paging(PortalTest):
    def test_get_all_brings_every_record_once(self):
        inputs = [{"properties": {"email": email("page")}, "associations": []} for _ in range(100)]
        made = ids(self.crm.contacts.batch_api.create({"inputs": inputs}).results)
        made += [self.crm.contacts.basic_api.create(fresh({"email": email("page")})).id]
        everyone = ids(self.crm.contacts.get_all())
        self.assertEqual(len(everyone), len(set(everyone)))
        self.assertEqual(set(made) - set(everyone), set())

    def test_pages_meet_without_overlap(self):
        for _ in range(3):
            self.crm.contacts.basic_api.create(fresh({"email": email("page")}))
        first = self.crm.contacts.basic_api.get_page(limit=2)
        second = self.crm.contacts.basic_api.get_page(limit=2, after=first.paging.next.after)
        self.assertEqual(set(ids(first.results)) & set(ids(second.results)), set())
