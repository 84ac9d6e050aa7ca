// What only contacts have, or have first: the unique address, merging, and being forgotten.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertProperties, email, portal, refusal } from '../portal.mjs'

const { contacts } = portal().crm

async function contact(properties) {
  return contacts.basicApi.create({ properties, associations: [] })
}

test('an address may belong to one contact only', async () => {
  const address = email('twin')
  const first = await contact({ email: address })
  const error = await refusal(contact({ email: address }), 409, 'CONFLICT')
  assert.equal(error.body.message, `Contact already exists. Existing ID: ${first.id}`)
})

test('a contact is found and changed by address', async () => {
  const address = email('byaddress')
  const created = await contact({ email: address, firstname: 'By' })
  const read = await contacts.basicApi.getById(address, ['firstname'], undefined, undefined, false, 'email')
  assert.equal(read.id, created.id)
  const changed = await contacts.basicApi.update(address, { properties: { firstname: 'Address' } }, 'email')
  assert.equal(changed.id, created.id)
  assertProperties(await contacts.basicApi.getById(created.id, ['firstname']), { firstname: 'Address' })
})

test('merging leaves one contact that answers to both ids', async () => {
  const kept = await contact({ email: email('kept'), firstname: 'Kept' })
  const lost = await contact({ email: email('lost'), jobtitle: 'Clerk' })
  const merged = await contacts.basicApi.merge({ primaryObjectId: kept.id, objectIdToMerge: lost.id })
  // HubSpot's guide lets the survivor have either id or a new one; it lists those it swallowed.
  const survivor = await contacts.basicApi.getById(merged.id, ['email', 'firstname', 'jobtitle', 'hs_merged_object_ids'])
  assertProperties(survivor, { email: kept.properties.email, firstname: 'Kept', jobtitle: 'Clerk' })
  assert.ok(survivor.properties.hs_merged_object_ids.split(';').includes(lost.id))

  const changed = await contacts.basicApi.update(lost.id, { properties: { firstname: 'Via old id' } })
  assert.equal(changed.id, merged.id)
})

test('merging a contact that is not there is refused', async () => {
  const kept = await contact({ email: email('alone') })
  const error = await contacts.basicApi.merge({ primaryObjectId: kept.id, objectIdToMerge: '999999999' }).catch((e) => e)
  assert.ok(error.code === 404 || error.code === 400, `HTTP ${error.code}`)
})

test('a forgotten contact is gone for good', async () => {
  const created = await contact({ email: email('forget') })
  const answer = await contacts.basicApi.purgeWithHttpInfo({ objectId: created.id })
  assert.equal(answer.httpStatusCode, 204)
  await refusal(contacts.basicApi.getById(created.id), 404)
  await refusal(contacts.basicApi.getById(created.id, undefined, undefined, undefined, true), 404)
})

test('forgetting an unknown address blocks it', async () => {
  const address = email('blocked')
  await contacts.basicApi.purge({ objectId: address, idProperty: 'email' })
  const error = await contact({ email: address }).catch((e) => e)
  assert.ok(error.code >= 400 && error.code < 500, 'a blocked address cannot be created')
})
