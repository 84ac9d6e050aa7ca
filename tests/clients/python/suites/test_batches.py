"""Many records in one call, and the answers that are neither success nor failure."""

from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectBatchInputUpsert,
    SimplePublicObjectId,
)

from portal import PortalTest, email, ids, unique


class Batches(PortalTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.batch = cls.crm.contacts.batch_api

    def people(self, count):
        inputs = [
            SimplePublicObjectBatchInputForCreate(properties={"email": email("batch")}, associations=[])
            for _ in range(count)
        ]
        created = self.batch.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs))
        self.assertEqual(created.status, "COMPLETE")
        self.assertEqual(len(created.results), count)
        return created.results

    def read(self, record_ids):
        inputs = [SimplePublicObjectId(id=record_id) for record_id in record_ids]
        return self.batch.read_with_http_info(
            BatchReadInputSimplePublicObjectId(inputs=inputs, properties=["firstname"], properties_with_history=[])
        )

    def test_create_read_update_archive(self):
        created = self.people(100)
        answer, status, _ = self.read(ids(created))
        self.assertEqual(status, 200)
        self.assertEqual(sorted(ids(answer.results)), sorted(ids(created)))

        inputs = [SimplePublicObjectBatchInput(id=record.id, properties={"firstname": "All"}) for record in created]
        _, status, _ = self.batch.update_with_http_info(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
        self.assertEqual(status, 200)
        answer, _, _ = self.read(ids(created))
        self.assertEqual({record.properties["firstname"] for record in answer.results}, {"All"})

        inputs = [SimplePublicObjectId(id=record.id) for record in created]
        _, status, _ = self.batch.archive_with_http_info(BatchInputSimplePublicObjectId(inputs=inputs))
        self.assertEqual(status, 204)
        answer, status, _ = self.read(ids(created)[:2])
        self.assertEqual(status, 207)
        self.assertEqual(answer.results, [])

    def test_what_is_missing_is_named(self):
        [known] = self.people(1)
        answer, status, _ = self.read([known.id, "999999999"])
        self.assertEqual(status, 207)
        self.assertEqual(ids(answer.results), [known.id])
        self.assertEqual(answer.num_errors, 1)
        self.assertEqual(answer.errors[0].category, "OBJECT_NOT_FOUND")
        self.assertEqual(answer.errors[0].context["ids"], ["999999999"])

    def test_trace_ids_tell_which_input_failed(self):
        [taken] = self.people(1)
        good, bad = unique("good"), unique("bad")
        inputs = [
            SimplePublicObjectBatchInputForCreate(
                properties={"email": address}, associations=[], object_write_trace_id=trace
            )
            for trace, address in [(good, email("traced")), (bad, taken.properties["email"])]
        ]
        answer, status, _ = self.batch.create_with_http_info(
            BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
        )
        self.assertEqual(status, 207)
        self.assertEqual([record.object_write_trace_id for record in answer.results], [good])
        self.assertEqual(answer.errors[0].category, "CONFLICT")
        self.assertEqual(answer.errors[0].context["objectWriteTraceId"], [bad])

    def test_upsert_says_which_are_new(self):
        [known] = self.people(1)
        addresses = [known.properties["email"], email("upsert")]
        inputs = [
            SimplePublicObjectBatchInputUpsert(id=address, id_property="email", properties={"email": address})
            for address in addresses
        ]
        answer, status, _ = self.batch.upsert_with_http_info(BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))
        self.assertEqual(status, 200)
        self.assertEqual({record.properties["email"]: record.new for record in answer.results}, dict(zip(addresses, [False, True])))

    def test_more_than_a_hundred_is_refused(self):
        inputs = [SimplePublicObjectBatchInputForCreate(properties={}, associations=[]) for _ in range(101)]
        self.assert_refused(
            lambda: self.batch.create(BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)),
            400,
            "VALIDATION_ERROR",
        )
