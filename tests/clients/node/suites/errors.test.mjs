// Errors as the SDK shows them: an ApiException with HubSpot's body, whoever in between made it.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { portal, refusal, targetUrl, UUID } from '../portal.mjs'

const hubspot = portal()

describe('who are you', () => {
  test('a token nobody issued', async () => {
    const stranger = portal({ accessToken: 'pat-na1-00000000-0000-0000-0000-000000000000' })
    await refusal(stranger.crm.contacts.basicApi.getPage(1), 401)
  })

  test('no token at all', async () => {
    const response = await fetch(`${targetUrl}/crm/v3/objects/contacts`)
    assert.equal(response.status, 401)
    const body = await response.json()
    assert.equal(body.category, 'INVALID_AUTHENTICATION')
    assert.ok(body.message.startsWith('Authentication credentials not found.'), body.message)
    assert.match(body.correlationId, UUID)
  })
})

describe('what is not there', () => {
  test('a record', async () => {
    await refusal(hubspot.crm.contacts.basicApi.getById('999999999'), 404, 'OBJECT_NOT_FOUND')
  })

  test('an object type', async () => {
    const error = await hubspot.crm.objects.basicApi.getPage('2-999999', 1).catch((error) => error)
    assert.ok(error.code === 400 || error.code === 404, `HTTP ${error.code}`)
    assert.equal(error.body.status, 'error')
  })

  test('a path', async () => {
    const response = await hubspot.apiRequest({ path: '/crm/v3/no-such-thing' })
    assert.equal(response.status, 404)
  })
})

describe('what does not parse', () => {
  const post = (body) =>
    hubspot.apiRequest({
      method: 'POST',
      path: '/crm/v3/objects/contacts',
      body,
      defaultJson: false,
      headers: { 'content-type': 'application/json' },
    })

  test('JSON that is not', async () => {
    const response = await post('{"properties":')
    assert.equal(response.status, 400)
    const body = await response.json()
    assert.ok(body.message.startsWith('Invalid input JSON on line '), body.message)
    assert.match(body.correlationId, UUID)
  })
})

test('apiRequest resolves with the plain response, errors included', async () => {
  const response = await hubspot.apiRequest({ path: '/crm/v3/objects/contacts/999999999' })
  assert.equal(response.status, 404)
  assert.equal((await response.json()).category, 'OBJECT_NOT_FOUND')
})

test('a limit out of range', async () => {
  await refusal(hubspot.crm.contacts.basicApi.getPage(101), 400, 'VALIDATION_ERROR')
})
