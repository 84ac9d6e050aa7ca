// Objects of the account's own making.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProperties, letSearchCatchUp, portal, refusal, unique } from '../portal.mjs'

const { crm } = portal()
const { coreApi } = crm.schemas

function engine(name) {
  const text = (property, more = {}) => ({ name: property, label: property, type: 'string', fieldType: 'text', ...more })
  return {
    name,
    labels: { singular: 'Engine', plural: 'Engines' },
    requiredProperties: ['serial'],
    searchableProperties: ['serial'],
    primaryDisplayProperty: 'serial',
    associatedObjects: ['CONTACT'],
    properties: [text('serial', { hasUniqueValue: true }), text('maker')],
  }
}

test('a schema is made, its records live, and it goes when they are gone', async () => {
  const name = unique('engine_')
  const made = await coreApi.createWithHttpInfo(engine(name))
  assert.equal(made.httpStatusCode, 201)
  const { objectTypeId } = made.data
  assert.match(objectTypeId, /^2-[0-9]+$/)
  assert.equal(made.data.name, name)
  assert.ok((await coreApi.getAll()).results.some((schema) => schema.objectTypeId === objectTypeId))
  assert.equal((await coreApi.getById(objectTypeId)).primaryDisplayProperty, 'serial')

  const records = crm.objects.basicApi
  const created = await records.create(objectTypeId, { properties: { serial: 'E-1', maker: 'Babbage' }, associations: [] })
  assertProperties(await records.getById(objectTypeId, created.id, ['serial', 'maker']), { serial: 'E-1', maker: 'Babbage' })
  const byserial = await records.getById(objectTypeId, 'E-1', ['maker'], undefined, undefined, false, 'serial')
  assert.equal(byserial.id, created.id)
  await records.update(objectTypeId, created.id, { properties: { maker: 'Scheutz' } })
  await refusal(records.create(objectTypeId, { properties: { maker: 'No serial' }, associations: [] }), 400, 'VALIDATION_ERROR')

  await letSearchCatchUp()
  const found = await crm.objects.searchApi.doSearch(objectTypeId, {
    filterGroups: [{ filters: [{ propertyName: 'maker', operator: 'EQ', value: 'Scheutz' }] }],
    properties: ['serial'],
  })
  assert.deepEqual(found.results.map((record) => record.properties.serial), ['E-1'])

  await records.archive(objectTypeId, created.id)
  assert.equal((await coreApi.archiveWithHttpInfo(objectTypeId)).httpStatusCode, 204)
  await refusal(coreApi.getById(objectTypeId), 404)
})
