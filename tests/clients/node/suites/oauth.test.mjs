// The token endpoint's errors have another shape than the rest of HubSpot: RFC 6749 first.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portal } from '../portal.mjs'

const { oauth } = portal()

test('a refresh token that is not good', async () => {
  const error = await oauth.tokensApi
    .create('refresh_token', undefined, undefined, 'client-id', 'client-secret', 'na1-0000-0000')
    .then(() => assert.fail('it was accepted'), (error) => error)
  assert.equal(error.code, 400)
  assert.equal(typeof error.body.error, 'string')
  assert.equal(typeof error.body.error_description, 'string')
  assert.match(error.body.status, /^BAD_/)
  assert.equal(typeof error.body.message, 'string')
})
