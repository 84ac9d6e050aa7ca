// One life of a record of every standard type: created, read, changed, listed, archived, gone, found in the bin.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertProperties, email, portal, RECORD_ID, refusal, unique } from '../portal.mjs'

const hubspot = portal()
const { crm } = hubspot
const noon = '2026-11-20T12:00:00Z'

const kinds = [
  {
    name: 'contacts',
    api: crm.contacts.basicApi,
    fresh: () => ({ email: email('ada'), firstname: 'Ada', lastname: 'Lovelace' }),
    change: { firstname: 'Augusta' },
  },
  {
    name: 'companies',
    api: crm.companies.basicApi,
    fresh: () => ({ name: unique('Analytical Engines '), domain: `${unique('engines')}.example.com` }),
    change: { name: 'Difference Engines' },
  },
  {
    name: 'deals',
    api: crm.deals.basicApi,
    fresh: () => ({ dealname: unique('Deal '), dealstage: 'qualifiedtobuy', pipeline: 'default', amount: '1500.5' }),
    change: { dealstage: 'closedwon' },
  },
  {
    name: 'tickets',
    api: crm.tickets.basicApi,
    fresh: () => ({ subject: unique('Ticket '), hs_pipeline: '0', hs_pipeline_stage: '1' }),
    change: { hs_pipeline_stage: '2' },
  },
  {
    name: 'products',
    api: crm.products.basicApi,
    fresh: () => ({ name: unique('Product '), price: '12.5', hs_sku: unique('SKU'), description: 'A card reader' }),
    change: { price: '13' },
  },
  {
    name: 'line items',
    api: crm.lineItems.basicApi,
    fresh: () => ({ name: unique('Line '), quantity: '2', price: '5' }),
    change: { quantity: '3' },
  },
  {
    name: 'notes',
    api: crm.objects.notes.basicApi,
    fresh: () => ({ hs_timestamp: noon, hs_note_body: unique('Note ') }),
    change: { hs_note_body: 'Changed' },
  },
  {
    name: 'tasks',
    api: crm.objects.tasks.basicApi,
    fresh: () => ({ hs_timestamp: noon, hs_task_subject: unique('Task '), hs_task_status: 'NOT_STARTED' }),
    change: { hs_task_status: 'COMPLETED' },
  },
  {
    name: 'calls',
    api: crm.objects.calls.basicApi,
    fresh: () => ({ hs_timestamp: noon, hs_call_title: unique('Call '), hs_call_body: 'Spoke' }),
    change: { hs_call_body: 'Spoke again' },
  },
  {
    name: 'emails',
    api: crm.objects.emails.basicApi,
    fresh: () => ({ hs_timestamp: noon, hs_email_direction: 'EMAIL', hs_email_subject: unique('Mail ') }),
    change: { hs_email_subject: 'Changed' },
    binned: false,
  },
  {
    name: 'meetings',
    api: crm.objects.meetings.basicApi,
    fresh: () => ({ hs_timestamp: noon, hs_meeting_title: unique('Meeting '), hs_meeting_body: 'Plan' }),
    change: { hs_meeting_body: 'Agreed' },
  },
]

for (const { name, api, fresh, change, binned: hasBin = true } of kinds) {
  describe(name, () => {
    test('are created, read, changed and archived', async () => {
      const properties = fresh()
      const wanted = Object.keys(properties)
      // HubSpot answers a moment in its own notation.
      const expected = Object.fromEntries(wanted.filter((key) => key !== 'hs_timestamp').map((key) => [key, properties[key]]))

      const created = await api.create({ properties, associations: [] })
      assert.match(created.id, RECORD_ID)
      assert.equal(created.archived, false)
      assert.ok(created.createdAt instanceof Date && !Number.isNaN(created.createdAt.getTime()))
      assertProperties(created, { ...expected, hs_object_id: created.id })

      const read = await api.getById(created.id, wanted)
      assert.equal(read.id, created.id)
      assertProperties(read, expected)
      assert.deepEqual(read.createdAt, created.createdAt)

      const changed = await api.update(created.id, { properties: change })
      assert.equal(changed.id, created.id)
      assertProperties(changed, change)
      assert.ok(changed.updatedAt >= created.updatedAt)
      assertProperties(await api.getById(created.id, wanted), { ...expected, ...change })

      assert.equal(await api.archive(created.id), undefined)
      await refusal(api.getById(created.id), 404)

      const inBin = api.getById(created.id, wanted, undefined, undefined, true)
      // Engagement emails are deleted for good; every other record waits in the bin.
      if (!hasBin) return void (await refusal(inBin, 404))
      const binned = await inBin
      assert.equal(binned.archived, true)
      assert.ok(binned.archivedAt instanceof Date)
      assertProperties(binned, { ...expected, ...change })
    })

    test('can be archived twice', { skip: hasBin ? false : 'gone at once' }, async () => {
      const created = await api.create({ properties: fresh(), associations: [] })
      await api.archive(created.id)
      await api.archive(created.id)
    })
  })
}

test('success codes are those of the specification', async () => {
  const created = await crm.contacts.basicApi.createWithHttpInfo({ properties: { email: email('code') }, associations: [] })
  assert.equal(created.httpStatusCode, 201)
  const id = created.data.id
  assert.equal((await crm.contacts.basicApi.getByIdWithHttpInfo(id)).httpStatusCode, 200)
  assert.equal((await crm.contacts.basicApi.updateWithHttpInfo(id, { properties: {} })).httpStatusCode, 200)
  assert.equal((await crm.contacts.basicApi.archiveWithHttpInfo(id)).httpStatusCode, 204)
})

test('no properties asked for means the default set, not everything', async () => {
  const created = await crm.contacts.basicApi.create({
    properties: { email: email('few'), firstname: 'Few', phone: '+4420' },
    associations: [],
  })
  const read = await crm.contacts.basicApi.getById(created.id)
  assertProperties(read, { firstname: 'Few', hs_object_id: created.id, email: created.properties.email })
  assert.equal('phone' in read.properties, false)
  for (const name of ['createdate', 'lastmodifieddate']) assert.ok(name in read.properties, name)
})

test('an empty string clears a property', async () => {
  const created = await crm.contacts.basicApi.create({ properties: { email: email('clear'), phone: '1' }, associations: [] })
  await crm.contacts.basicApi.update(created.id, { properties: { phone: '' } })
  const read = await crm.contacts.basicApi.getById(created.id, ['phone'])
  assert.ok([undefined, null, ''].includes(read.properties.phone), String(read.properties.phone))
})

test('a property remembers its past', async () => {
  const created = await crm.contacts.basicApi.create({ properties: { email: email('past'), jobtitle: 'Clerk' }, associations: [] })
  await crm.contacts.basicApi.update(created.id, { properties: { jobtitle: 'Engineer' } })
  const read = await crm.contacts.basicApi.getById(created.id, undefined, ['jobtitle'])
  const past = read.propertiesWithHistory.jobtitle
  assert.deepEqual(past.map((entry) => entry.value), ['Engineer', 'Clerk'])
  assert.ok(past[0].timestamp instanceof Date)
  assert.equal(typeof past[0].sourceType, 'string')
})

test('a type may be named by its id', async () => {
  const created = await crm.objects.basicApi.create('0-1', { properties: { email: email('typeid') }, associations: [] })
  const read = await crm.objects.basicApi.getById('contacts', created.id, ['email'])
  assert.equal(read.properties.email, created.properties.email)
})
