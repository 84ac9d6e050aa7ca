// HubSpot goes down and comes back: what a program sees meanwhile, and that it is served again without anybody's help.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { portal, simUrl, UUID, viaGateway } from '../portal.mjs'

const RECOVERY_MS_MAX = 30_000
const { crm } = portal()

async function control(method, path, body) {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${simUrl}/_sim/${path}`, { method, headers, body: body && JSON.stringify(body) })
  assert.ok(response.ok, `${method} ${path}: HTTP ${response.status}`)
  return response.status === 204 ? undefined : response.json()
}

after(() => control('DELETE', 'faults'))

// A search is never answered from memory.
const search = () => crm.contacts.searchApi.doSearch({ filterGroups: [], limit: 1 })

test('an outage is an ApiException like any other, and ends by itself', { timeout: 120_000 }, async () => {
  await search()
  assert.equal((await crm.owners.ownersApi.getPage()).results.length > 0, true)
  const fault = await control('POST', 'faults', { kind: 'hubspot.outage_unlisted' })

  const ownRefusals = []
  for (let call = 0; call < 8; call += 1) {
    const error = await search().then(() => assert.fail('HubSpot is down'), (error) => error)
    assert.ok(error.code >= 500 && error.code <= 504, `HTTP ${error.code}`)
    if (error.body.category?.startsWith('HUBKEEPER_')) ownRefusals.push(error.body)
  }
  // Soon the gateway leaves HubSpot alone, and says so in HubSpot's own error shape.
  assert.equal(ownRefusals.length > 0, viaGateway)
  for (const body of ownRefusals) {
    assert.equal(body.status, 'error')
    assert.equal(body.category, 'HUBKEEPER_BREAKER_OPEN')
    assert.match(body.correlationId, UUID)
  }
  // What was read before is still there.
  if (viaGateway) assert.equal((await crm.owners.ownersApi.getPage()).results.length > 0, true)

  await control('DELETE', `faults/${fault.id}`)
  const healedAt = performance.now()
  while (!(await search().catch(() => undefined))) {
    assert.ok(performance.now() - healedAt < RECOVERY_MS_MAX, 'served again within 30 s')
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
})
