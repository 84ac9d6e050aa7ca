"""Search as the client's README shows it: filters, order, paging, and a wall."""

from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

from portal import PortalTest, email, fresh, let_search_catch_up, unique


class Search(PortalTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tribe = unique("tribe")
        for name, city in [("Ann", "Oslo"), ("Bob", "Bergen"), ("Cid", "Oslo"), ("Dot", None)]:
            properties = {"email": email(name.lower()), "company": cls.tribe, "firstname": name}
            if city:
                properties["city"] = city
            cls.crm.contacts.basic_api.create(fresh(properties))
        let_search_catch_up()

    def search(self, *filters, **more):
        own = Filter(property_name="company", operator="EQ", value=self.tribe)
        return self.crm.contacts.search_api.do_search(
            PublicObjectSearchRequest(
                filter_groups=[FilterGroup(filters=[own, *filters])], properties=["firstname"], **more
            )
        )

    def names(self, *filters):
        return sorted(record.properties["firstname"] for record in self.search(*filters).results)

    def test_operators(self):
        cases = [
            (Filter(property_name="city", operator="EQ", value="Oslo"), ["Ann", "Cid"]),
            (Filter(property_name="firstname", operator="NEQ", value="Ann"), ["Bob", "Cid", "Dot"]),
            (Filter(property_name="city", operator="IN", values=["oslo", "bergen"]), ["Ann", "Bob", "Cid"]),
            (Filter(property_name="city", operator="HAS_PROPERTY"), ["Ann", "Bob", "Cid"]),
            (Filter(property_name="city", operator="NOT_HAS_PROPERTY"), ["Dot"]),
        ]
        for condition, expected in cases:
            with self.subTest(operator=condition.operator):
                self.assertEqual(self.names(condition), expected)

    def test_order_and_paging(self):
        order = [{"propertyName": "firstname", "direction": "DESCENDING"}]
        first = self.search(sorts=order, limit=3)
        self.assertEqual(first.total, 4)
        self.assertEqual([record.properties["firstname"] for record in first.results], ["Dot", "Cid", "Bob"])
        second = self.search(sorts=order, limit=3, after=first.paging.next.after)
        self.assertEqual([record.properties["firstname"] for record in second.results], ["Ann"])
        self.assertIsNone(second.paging)

    def test_the_ten_thousand_wall(self):
        self.assert_refused(lambda: self.search(limit=100, after="10000"), 400)
