// A hundred records in one call, and the answers that are neither success nor failure.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProperties, email, ids, portal, refusal, sorted, unique } from '../portal.mjs'

const { contacts, companies } = portal().crm

async function people(count, extra = {}) {
  const inputs = Array.from({ length: count }, () => ({ properties: { email: email('batch'), ...extra }, associations: [] }))
  const created = await contacts.batchApi.createWithHttpInfo({ inputs })
  assert.equal(created.httpStatusCode, 201)
  assert.equal(created.data.status, 'COMPLETE')
  assert.equal(created.data.results.length, count)
  return created.data.results
}

test('a full batch of a hundred is created and read', async () => {
  const created = await people(100, { firstname: 'Hundred' })
  assert.equal(new Set(ids(created)).size, 100)
  const read = await contacts.batchApi.readWithHttpInfo({
    inputs: created.map(({ id }) => ({ id })),
    properties: ['email', 'firstname'],
    propertiesWithHistory: [],
  })
  assert.equal(read.httpStatusCode, 200)
  assert.deepEqual(sorted(ids(read.data.results)), sorted(ids(created)))
  const address = new Map(created.map((record) => [record.id, record.properties.email]))
  for (const record of read.data.results) {
    assertProperties(record, { email: address.get(record.id), firstname: 'Hundred' })
  }
})

test('one more than a hundred is refused', async () => {
  const inputs = Array.from({ length: 101 }, () => ({ properties: { email: email('over') }, associations: [] }))
  await refusal(contacts.batchApi.create({ inputs }), 400, 'VALIDATION_ERROR')
})

test('reading by address', async () => {
  const [one, two] = await people(2)
  const read = await contacts.batchApi.read({
    idProperty: 'email',
    inputs: [one, two].map((record) => ({ id: record.properties.email })),
    properties: ['email'],
    propertiesWithHistory: [],
  })
  assert.deepEqual(sorted(ids(read.results)), sorted([one.id, two.id]))
})

test('what is missing from a batch read is named', async () => {
  const [one] = await people(1)
  const read = await contacts.batchApi.readWithHttpInfo({
    inputs: [{ id: one.id }, { id: '999999999' }],
    properties: ['email'],
    propertiesWithHistory: [],
  })
  assert.equal(read.httpStatusCode, 207)
  assert.deepEqual(ids(read.data.results), [one.id])
  assert.equal(read.data.numErrors, 1)
  assert.equal(read.data.errors[0].category, 'OBJECT_NOT_FOUND')
  assert.deepEqual(read.data.errors[0].context.ids, ['999999999'])
})

test('a batch update changes every record', async () => {
  const created = await people(3)
  const inputs = created.map(({ id }, index) => ({ id, properties: { firstname: `Number ${index}` } }))
  const updated = await contacts.batchApi.updateWithHttpInfo({ inputs })
  assert.equal(updated.httpStatusCode, 200)
  assert.deepEqual(sorted(ids(updated.data.results)), sorted(ids(created)))
  for (const [index, { id }] of created.entries()) {
    assertProperties(await contacts.basicApi.getById(id, ['firstname']), { firstname: `Number ${index}` })
  }
})

test('trace ids tell which inputs of a create failed', async () => {
  const [taken] = await people(1)
  const good = unique('good')
  const bad = unique('bad')
  const created = await contacts.batchApi.createWithHttpInfo({
    inputs: [
      { objectWriteTraceId: good, properties: { email: email('traced') }, associations: [] },
      { objectWriteTraceId: bad, properties: { email: taken.properties.email }, associations: [] },
    ],
  })
  assert.equal(created.httpStatusCode, 207)
  assert.deepEqual(created.data.results.map((record) => record.objectWriteTraceId), [good])
  assert.equal(created.data.numErrors, 1)
  assert.equal(created.data.errors[0].category, 'CONFLICT')
  assert.deepEqual(created.data.errors[0].context.objectWriteTraceId, [bad])
})

test('without trace ids one bad input fails the whole create, and nothing is written', async () => {
  const [taken] = await people(1)
  const fresh = email('untraced')
  const error = await refusal(
    contacts.batchApi.create({
      inputs: [
        { properties: { email: fresh }, associations: [] },
        { properties: { email: taken.properties.email }, associations: [] },
      ],
    }),
    409,
    'CONFLICT',
  )
  assert.match(error.body.message, new RegExp(`Existing ID: ${taken.id}`))
  await refusal(contacts.basicApi.getById(fresh, undefined, undefined, undefined, false, 'email'), 404)
})

test('an upsert says which records are new', async () => {
  const [known] = await people(1)
  const fresh = email('upsert')
  const upserted = await contacts.batchApi.upsertWithHttpInfo({
    inputs: [
      { idProperty: 'email', id: known.properties.email, properties: { email: known.properties.email, firstname: 'Known' } },
      { idProperty: 'email', id: fresh, properties: { email: fresh, firstname: 'Fresh' } },
    ],
  })
  assert.equal(upserted.httpStatusCode, 200)
  const results = new Map(upserted.data.results.map((record) => [record.properties.email, record]))
  assert.equal(results.get(known.properties.email)._new, false)
  assert.equal(results.get(known.properties.email).id, known.id)
  assert.equal(results.get(fresh)._new, true)
  assertProperties(await contacts.basicApi.getById(known.id, ['firstname']), { firstname: 'Known' })
})

test('a batch archive empties the shelf', async () => {
  const created = await people(3)
  const archived = await contacts.batchApi.archiveWithHttpInfo({ inputs: created.map(({ id }) => ({ id })) })
  assert.equal(archived.httpStatusCode, 204)
  const read = await contacts.batchApi.readWithHttpInfo({
    inputs: created.map(({ id }) => ({ id })),
    properties: [],
    propertiesWithHistory: [],
  })
  assert.equal(read.httpStatusCode, 207)
  assert.deepEqual(read.data.results, [])
})

test('an unknown property fails a batch update by name', async () => {
  const created = await companies.basicApi.create({ properties: { name: unique('Batch Ltd ') }, associations: [] })
  const error = await refusal(
    companies.batchApi.update({ inputs: [{ id: created.id, properties: { no_such_property: '1' } }] }),
    400,
    'VALIDATION_ERROR',
  )
  assert.equal(error.body.errors[0].code, 'PROPERTY_DOESNT_EXIST')
})
