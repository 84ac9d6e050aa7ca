// The account itself: owners, details, daily usage, what a token is. Calls the SDK has no method for go by apiRequest.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accessToken, portal, refusal } from '../portal.mjs'

const hubspot = portal()
const { ownersApi } = hubspot.crm.owners

async function get(path) {
  const response = await hubspot.apiRequest({ path })
  assert.equal(response.status, 200, path)
  return { body: await response.json(), headers: response.headers }
}

describe('owners', () => {
  test('are listed and found by id, user id and address', async () => {
    const { results } = await ownersApi.getPage()
    assert.ok(results.length > 0)
    const [owner] = results
    assert.equal(owner.archived, false)
    assert.equal(owner.type, 'PERSON')
    assert.equal((await ownersApi.getById(owner.id)).email, owner.email)
    assert.equal((await ownersApi.getById(owner.userId, 'userId')).id, owner.id)
    assert.deepEqual((await ownersApi.getPage(owner.email)).results.map((found) => found.id), [owner.id])
  })

  test('an unknown one is not found', async () => {
    await refusal(ownersApi.getById(999999999), 404)
  })
})

for (const version of ['v3', '2026-03', '2026-09']) {
  test(`account details, ${version}`, async () => {
    const { body } = await get(`/account-info/${version}/details`)
    assert.equal(typeof body.portalId, 'number')
    assert.match(body.timeZone, /^[A-Z]\w+\/\w+|^UTC$/)
    assert.equal(typeof body.utcOffsetMilliseconds, 'number')
    assert.match(body.dataHostingLocation, /^[a-z]{2}[0-9]$/)
  })

  test(`daily usage, ${version}`, async () => {
    const { body } = await get(`/account-info/${version}/api-usage/daily/private-apps`)
    const usage = body.results.find((row) => row.name === 'private-apps-api-calls-daily')
    assert.equal(usage.fetchStatus, 'SUCCESS')
    assert.ok(usage.usageLimit > 0)
    assert.ok(usage.currentUsage >= 0 && usage.currentUsage <= usage.usageLimit)
    assert.ok(new Date(usage.resetsAt) > new Date(usage.collectedAt))
  })
}

test('the limit headers arrive', async () => {
  const { headers } = await get('/crm/v3/objects/contacts?limit=1')
  const number = (name) => Number(headers.get(name))
  assert.equal(number('x-hubspot-ratelimit-interval-milliseconds'), 10_000)
  assert.ok(number('x-hubspot-ratelimit-max') >= 100)
  assert.ok(number('x-hubspot-ratelimit-remaining') < number('x-hubspot-ratelimit-max'))
  assert.ok(number('x-hubspot-ratelimit-daily-remaining') < number('x-hubspot-ratelimit-daily'))
})

test('search sends no limit headers', async () => {
  const response = await hubspot.apiRequest({ method: 'POST', path: '/crm/v3/objects/contacts/search', body: { limit: 1 } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('x-hubspot-ratelimit-remaining'), null)
})

test('a private app can look at its own token', async () => {
  const response = await hubspot.apiRequest({
    method: 'POST',
    path: '/oauth/v2/private-apps/get/access-token-info',
    body: { tokenKey: accessToken },
  })
  assert.equal(response.status, 200)
  const body = await response.json()
  assert.equal(typeof body.hubId, 'number')
  assert.ok(body.scopes.includes('crm.objects.contacts.read'))
})
