"""Properties, pipelines, owners, schemas and the account."""

from hubspot.crm.pipelines import PipelineInput, PipelineStageInput
from hubspot.crm.properties import PropertyCreate, PropertyGroupCreate, PropertyUpdate
from hubspot.crm.schemas import ObjectSchemaEgg, ObjectTypeDefinitionLabels, ObjectTypePropertyCreate

from portal import PortalTest, fresh, unique


class Properties(PortalTest):
    def test_made_relabelled_removed(self):
        api, name = self.crm.properties.core_api, unique("engine_")
        made = api.create(
            "contacts",
            PropertyCreate(
                name=name, label="Engine", type="string", field_type="text", group_name="contactinformation"
            ),
        )
        self.assertEqual((made.name, made.type, made.field_type), (name, "string", "text"))
        self.assertEqual(api.update("contacts", name, PropertyUpdate(label="Motor")).label, "Motor")
        self.assertIn(name, [found.name for found in api.get_all("contacts").results])
        api.archive("contacts", name)
        self.assert_refused(lambda: api.get_by_name("contacts", name), 404)

    def test_groups(self):
        api, name = self.crm.properties.groups_api, unique("group_")
        api.create("contacts", PropertyGroupCreate(name=name, label="Group", display_order=-1))
        self.assertEqual(api.get_by_name("contacts", name).label, "Group")
        api.archive("contacts", name)
        self.assertNotIn(name, [group.name for group in api.get_all("contacts").results])

    def test_an_unknown_property_is_named(self):
        body = self.assert_refused(
            lambda: self.crm.contacts.basic_api.create(fresh({"no_such_property": "1"})), 400, "VALIDATION_ERROR"
        )
        self.assertEqual(body["errors"][0]["code"], "PROPERTY_DOESNT_EXIST")
        self.assertEqual(body["errors"][0]["context"]["propertyName"], ["no_such_property"])


class Pipelines(PortalTest):
    def test_made_and_removed(self):
        api, label = self.crm.pipelines.pipelines_api, unique("Leasing ")
        stages = [PipelineStageInput(label="In", display_order=0, metadata={"probability": "0.1"})]
        made = api.create("deals", PipelineInput(label=label, display_order=1, stages=stages))
        self.assertEqual([stage.label for stage in made.stages], ["In"])
        self.assertEqual(api.get_by_id("deals", made.id).label, label)
        api.archive("deals", made.id)
        self.assert_refused(lambda: api.get_by_id("deals", made.id), 404)

    def test_stages(self):
        pipelines, stages = self.crm.pipelines.pipelines_api, self.crm.pipelines.pipeline_stages_api
        first = PipelineStageInput(label="First", display_order=0, metadata={"probability": "0.1"})
        made = pipelines.create("deals", PipelineInput(label=unique("Stages "), display_order=2, stages=[first]))
        second = PipelineStageInput(label="Second", display_order=1, metadata={"probability": "0.9"})
        added = stages.create("deals", made.id, second)
        self.assertEqual(sorted(stage.label for stage in stages.get_all("deals", made.id).results), ["First", "Second"])
        stages.archive("deals", made.id, added.id)
        self.assertEqual([stage.label for stage in stages.get_all("deals", made.id).results], ["First"])


class Owners(PortalTest):
    def test_listed_and_found(self):
        api = self.crm.owners.owners_api
        [owner, *_] = api.get_page().results
        self.assertEqual(api.get_by_id(int(owner.id)).email, owner.email)
        self.assertEqual([found.id for found in api.get_page(email=owner.email).results], [owner.id])


class Schemas(PortalTest):
    def test_made_used_removed(self):
        api, name = self.crm.schemas.core_api, unique("engine_")
        serial = ObjectTypePropertyCreate(name="serial", label="Serial", type="string", field_type="text")
        made = api.create(
            ObjectSchemaEgg(
                name=name,
                labels=ObjectTypeDefinitionLabels(singular="Engine", plural="Engines"),
                required_properties=["serial"],
                primary_display_property="serial",
                associated_objects=["CONTACT"],
                properties=[serial],
            )
        )
        kind = made.object_type_id
        self.assertRegex(kind, r"^2-[0-9]+$")
        created = self.crm.objects.basic_api.create(kind, fresh({"serial": "E-1"}))
        read = self.crm.objects.basic_api.get_by_id(kind, created.id, properties=["serial"])
        self.assert_properties(read, {"serial": "E-1"})
        self.crm.objects.basic_api.archive(kind, created.id)
        api.archive(kind)
        self.assert_refused(lambda: api.get_by_id(kind), 404)


class Account(PortalTest):
    def get(self, path):
        answer = self.hubspot.api_request({"path": path})
        self.assertEqual(answer.status_code, 200)
        return answer.json()

    def test_details(self):
        details = self.get("/account-info/v3/details")
        self.assertIsInstance(details["portalId"], int)
        self.assertIsInstance(details["timeZone"], str)

    def test_daily_usage(self):
        [usage, *_] = self.get("/account-info/v3/api-usage/daily/private-apps")["results"]
        self.assertEqual(usage["name"], "private-apps-api-calls-daily")
        self.assertLessEqual(usage["currentUsage"], usage["usageLimit"])
