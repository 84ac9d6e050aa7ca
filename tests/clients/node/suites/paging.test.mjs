// Lists longer than a page: the SDK's own getAll, and the link for those who follow links.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { accessToken, email, ids, portal, RECORD_ID, targetUrl } from '../portal.mjs'

const { contacts } = portal().crm
const made = new Set()

before(async () => {
  for (let batch = 0; batch < 3; batch += 1) {
    const inputs = Array.from({ length: 85 }, () => ({ properties: { email: email('page') }, associations: [] }))
    for (const record of (await contacts.batchApi.create({ inputs })).results) made.add(record.id)
  }
})

test('getAll brings every record once', async () => {
  const all = ids(await contacts.getAll())
  assert.equal(new Set(all).size, all.length)
  for (const id of made) assert.ok(all.includes(id), id)
})

test('a page says where the next begins', async () => {
  const page = await contacts.basicApi.getPage(10)
  assert.equal(page.results.length, 10)
  assert.match(page.paging.next.after, RECORD_ID)
  const next = await contacts.basicApi.getPage(10, page.paging.next.after)
  assert.equal(ids(next.results).some((id) => ids(page.results).includes(id)), false)
})

test('following the links stays on the same host and meets every record once', async () => {
  const seen = []
  let url = `${targetUrl}/crm/v3/objects/contacts?limit=100`
  while (url) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } })
    assert.equal(response.status, 200)
    const page = await response.json()
    seen.push(...ids(page.results))
    url = page.paging?.next.link
    if (url) assert.equal(new URL(url).origin, new URL(targetUrl).origin)
  }
  assert.equal(new Set(seen).size, seen.length)
  for (const id of made) assert.ok(seen.includes(id), id)
})

test('ten is the page when nobody says', async () => {
  assert.equal((await contacts.basicApi.getPage()).results.length, 10)
})

test('the last page has no paging', async () => {
  const page = await contacts.basicApi.getPage(100, String(Math.max(...[...made].map(Number))))
  assert.equal(page.paging, undefined)
})
