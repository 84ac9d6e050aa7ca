// Definitions: properties, their groups, and what HubSpot says of values that do not fit them.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertProperties, email, portal, refusal, unique } from '../portal.mjs'

const { properties, contacts } = portal().crm

const definition = (name, more = {}) => ({
  name,
  label: `Label of ${name}`,
  type: 'string',
  fieldType: 'text',
  groupName: 'contactinformation',
  ...more,
})

test('stock properties are there', async () => {
  const { results } = await properties.coreApi.getAll('contacts')
  const byName = new Map(results.map((property) => [property.name, property]))
  for (const name of ['email', 'firstname', 'lastname', 'phone', 'createdate', 'lastmodifieddate', 'hs_object_id']) {
    assert.ok(byName.has(name), name)
  }
  assert.equal(byName.get('email').type, 'string')
  assert.equal(byName.get('email').hubspotDefined, true)
})

test('a property is made, used, relabelled and removed', async () => {
  const name = unique('favourite_engine_')
  const made = await properties.coreApi.createWithHttpInfo('contacts', definition(name))
  assert.equal(made.httpStatusCode, 201)
  assert.equal(made.data.name, name)
  assert.equal(made.data.type, 'string')

  const created = await contacts.basicApi.create({ properties: { email: email('prop'), [name]: 'Analytical' }, associations: [] })
  assertProperties(await contacts.basicApi.getById(created.id, [name]), { [name]: 'Analytical' })

  const relabelled = await properties.coreApi.update('contacts', name, { label: 'Best engine' })
  assert.equal(relabelled.label, 'Best engine')
  assert.equal((await properties.coreApi.getByName('contacts', name)).label, 'Best engine')

  const removed = await properties.coreApi.archiveWithHttpInfo('contacts', name)
  assert.equal(removed.httpStatusCode, 204)
  await refusal(properties.coreApi.getByName('contacts', name), 404)
})

test('a name can be taken once', async () => {
  const name = unique('taken_')
  await properties.coreApi.create('contacts', definition(name))
  const error = await refusal(properties.coreApi.create('contacts', definition(name)), 409, 'OBJECT_ALREADY_EXISTS')
  assert.equal(error.body.subCategory, 'Properties.PROPERTY_WITH_NAME_EXISTS')
})

test('batches create, read and archive', async () => {
  const names = [unique('batch_'), unique('batch_')]
  const made = await properties.batchApi.create('contacts', { inputs: names.map((name) => definition(name)) })
  assert.deepEqual(made.results.map((property) => property.name).sort(), [...names].sort())
  const inputs = names.map((name) => ({ name }))
  const read = await properties.batchApi.read('contacts', { archived: false, inputs })
  assert.deepEqual(read.results.map((property) => property.name).sort(), [...names].sort())
  const removed = await properties.batchApi.archiveWithHttpInfo('contacts', { inputs })
  assert.equal(removed.httpStatusCode, 204)
  for (const name of names) await refusal(properties.coreApi.getByName('contacts', name), 404)
})

test('groups are made, renamed and removed', async () => {
  const name = unique('engines_')
  const made = await properties.groupsApi.createWithHttpInfo('contacts', { name, label: 'Engines', displayOrder: -1 })
  assert.equal(made.httpStatusCode, 201)
  assert.equal((await properties.groupsApi.update('contacts', name, { label: 'Motors' })).label, 'Motors')
  const { results } = await properties.groupsApi.getAll('contacts')
  assert.ok(results.some((group) => group.name === name && group.label === 'Motors'))
  assert.ok(results.some((group) => group.name === 'contactinformation'))
  assert.equal((await properties.groupsApi.archiveWithHttpInfo('contacts', name)).httpStatusCode, 204)
  await refusal(properties.groupsApi.getByName('contacts', name), 404)
})

describe('values that do not fit', () => {
  test('an unknown property', async () => {
    const error = await refusal(
      contacts.basicApi.create({ properties: { email: email('bad'), no_such_property: '1' }, associations: [] }),
      400,
      'VALIDATION_ERROR',
    )
    assert.ok(error.body.message.startsWith('Property values were not valid: '), error.body.message)
    assert.equal(error.body.errors[0].code, 'PROPERTY_DOESNT_EXIST')
    assert.deepEqual(error.body.errors[0].context.propertyName, ['no_such_property'])
  })

  test('words for a number', async () => {
    const name = unique('count_')
    await properties.coreApi.create('contacts', definition(name, { type: 'number', fieldType: 'number' }))
    const error = await refusal(
      contacts.basicApi.create({ properties: { email: email('bad'), [name]: 'many' }, associations: [] }),
      400,
      'VALIDATION_ERROR',
    )
    assert.deepEqual(error.body.errors[0].context.propertyName, [name])
    const created = await contacts.basicApi.create({ properties: { email: email('good'), [name]: '12' }, associations: [] })
    assertProperties(created, { [name]: '12' })
  })

  test('a choice that is not offered', async () => {
    const name = unique('colour_')
    const options = ['red', 'green'].map((value, displayOrder) => ({ label: value, value, displayOrder, hidden: false }))
    const made = await properties.coreApi.create(
      'contacts',
      definition(name, { type: 'enumeration', fieldType: 'select', options }),
    )
    assert.deepEqual(made.options.map((option) => option.value), ['red', 'green'])
    const error = await refusal(
      contacts.basicApi.create({ properties: { email: email('bad'), [name]: 'blue' }, associations: [] }),
      400,
      'VALIDATION_ERROR',
    )
    assert.deepEqual(error.body.errors[0].context.propertyName, [name])
  })
})

test('a unique property refuses a second holder, and serves as an id', async () => {
  const name = unique('ledger_no_')
  await properties.coreApi.create('contacts', definition(name, { hasUniqueValue: true }))
  const first = await contacts.basicApi.create({ properties: { email: email('uniq'), [name]: 'L-1' }, associations: [] })
  const error = await contacts.basicApi.create({ properties: { email: email('uniq'), [name]: 'L-1' }, associations: [] }).catch((e) => e)
  assert.ok(error.code === 400 || error.code === 409, `HTTP ${error.code}`)
  const read = await contacts.basicApi.getById('L-1', [name], undefined, undefined, false, name)
  assert.equal(read.id, first.id)
})
