// What the gateway adds, which is little: three headers, and its own errors in HubSpot's shape.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { email, portal, viaGateway } from '../portal.mjs'

const hubspot = portal()

describe('through the gateway', { skip: viaGateway ? false : 'the simulator stands alone' }, () => {
  test('an answer says where it came from and what it took', async () => {
    const response = await hubspot.apiRequest({ path: '/crm/v3/objects/contacts?limit=1' })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-hubkeeper-source'), 'live')
    assert.equal(response.headers.get('x-hubkeeper-attempts'), '1')
    assert.match(response.headers.get('x-hubkeeper-wait-ms'), /^[0-9]+$/)
    assert.equal(response.headers.get('age'), null)
  })

  test('Location leads back to the gateway', async () => {
    const response = await hubspot.apiRequest({
      method: 'POST',
      path: '/crm/v3/objects/contacts',
      body: { properties: { email: email('location') } },
    })
    assert.equal(response.status, 201)
    const location = response.headers.get('location')
    if (location !== null) assert.equal(new URL(location, response.url).origin, new URL(response.url).origin)
  })
})
