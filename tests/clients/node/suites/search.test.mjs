// Search: every operator, paging by offset, order, and the walls.

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { email, ids, letSearchCatchUp, portal, refusal, sorted, unique } from '../portal.mjs'

const { contacts, deals } = portal().crm
// One word that only this suite's records carry keeps every search within them.
const tribe = unique('tribe')
const people = {}

before(async () => {
  const rows = {
    ann: { firstname: 'Ann', city: 'Oslo', numemployees: '1-5', jobtitle: 'Sales clerk' },
    bob: { firstname: 'Bob', city: 'Bergen', jobtitle: 'Engine driver' },
    cid: { firstname: 'Cid', city: 'Oslo', jobtitle: 'Engine maker' },
    dot: { firstname: 'Dot', jobtitle: 'Clerk' },
  }
  for (const [key, properties] of Object.entries(rows)) {
    people[key] = await contacts.basicApi.create({
      properties: { email: email(key), company: tribe, ...properties },
      associations: [],
    })
  }
  await letSearchCatchUp()
})

async function found(...filters) {
  const answer = await contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'company', operator: 'EQ', value: tribe }, ...filters] }],
    properties: ['firstname'],
    limit: 100,
  })
  assert.equal(answer.total, answer.results.length)
  return sorted(answer.results.map((record) => record.properties.firstname))
}

describe('operators', () => {
  const cases = [
    ['EQ', { propertyName: 'city', operator: 'EQ', value: 'Oslo' }, ['Ann', 'Cid']],
    ['EQ ignores case', { propertyName: 'city', operator: 'EQ', value: 'oSLO' }, ['Ann', 'Cid']],
    ['IN', { propertyName: 'city', operator: 'IN', values: ['oslo', 'bergen'] }, ['Ann', 'Bob', 'Cid']],
    ['NOT_IN', { propertyName: 'firstname', operator: 'NOT_IN', values: ['ann', 'bob'] }, ['Cid', 'Dot']],
    ['HAS_PROPERTY', { propertyName: 'city', operator: 'HAS_PROPERTY' }, ['Ann', 'Bob', 'Cid']],
    ['NOT_HAS_PROPERTY', { propertyName: 'city', operator: 'NOT_HAS_PROPERTY' }, ['Dot']],
    ['CONTAINS_TOKEN', { propertyName: 'jobtitle', operator: 'CONTAINS_TOKEN', value: 'engine' }, ['Bob', 'Cid']],
    ['CONTAINS_TOKEN with a star', { propertyName: 'jobtitle', operator: 'CONTAINS_TOKEN', value: 'cler*' }, ['Ann', 'Dot']],
    ['NOT_CONTAINS_TOKEN', { propertyName: 'jobtitle', operator: 'NOT_CONTAINS_TOKEN', value: 'engine' }, ['Ann', 'Dot']],
  ]
  for (const [name, filter, expected] of cases) {
    test(name, async () => assert.deepEqual(await found(filter), expected))
  }

  test('NEQ', async () => {
    const names = await found({ propertyName: 'firstname', operator: 'NEQ', value: 'Ann' })
    assert.deepEqual(names, ['Bob', 'Cid', 'Dot'])
  })

  test('numbers compare as numbers', async () => {
    const name = unique('Amounts ')
    for (const amount of ['9', '50', '100']) {
      await deals.basicApi.create({
        properties: { dealname: `${name} ${amount}`, description: tribe, pipeline: 'default', dealstage: 'qualifiedtobuy', amount },
        associations: [],
      })
    }
    await letSearchCatchUp()
    const amounts = async (filter) => {
      const answer = await deals.searchApi.doSearch({
        filterGroups: [{ filters: [{ propertyName: 'description', operator: 'EQ', value: tribe }, filter] }],
        properties: ['amount'],
      })
      return answer.results.map((deal) => Number(deal.properties.amount)).sort((a, b) => a - b)
    }
    assert.deepEqual(await amounts({ propertyName: 'amount', operator: 'GT', value: '50' }), [100])
    assert.deepEqual(await amounts({ propertyName: 'amount', operator: 'GTE', value: '50' }), [50, 100])
    assert.deepEqual(await amounts({ propertyName: 'amount', operator: 'LT', value: '50' }), [9])
    assert.deepEqual(await amounts({ propertyName: 'amount', operator: 'LTE', value: '50' }), [9, 50])
    assert.deepEqual(await amounts({ propertyName: 'amount', operator: 'BETWEEN', value: '9', highValue: '50' }), [9, 50])
  })
})

test('groups are alternatives, filters within one are conditions', async () => {
  const own = { propertyName: 'company', operator: 'EQ', value: tribe }
  const answer = await contacts.searchApi.doSearch({
    filterGroups: [
      { filters: [own, { propertyName: 'firstname', operator: 'EQ', value: 'Ann' }] },
      { filters: [own, { propertyName: 'firstname', operator: 'EQ', value: 'Dot' }] },
    ],
    properties: ['firstname'],
  })
  assert.deepEqual(sorted(ids(answer.results)), sorted([people.ann.id, people.dot.id]))
})

test('order and paging by offset', async () => {
  const page = (after) =>
    contacts.searchApi.doSearch({
      filterGroups: [{ filters: [{ propertyName: 'company', operator: 'EQ', value: tribe }] }],
      sorts: [{ propertyName: 'firstname', direction: 'DESCENDING' }],
      properties: ['firstname'],
      limit: 3,
      after,
    })
  const first = await page()
  assert.equal(first.total, 4)
  assert.deepEqual(first.results.map((record) => record.properties.firstname), ['Dot', 'Cid', 'Bob'])
  assert.equal(first.paging.next.after, '3')
  const second = await page(first.paging.next.after)
  assert.deepEqual(second.results.map((record) => record.properties.firstname), ['Ann'])
  assert.equal(second.paging, undefined)
})

test('free text looks into the default fields', async () => {
  const answer = await contacts.searchApi.doSearch({ query: tribe, limit: 10 })
  assert.deepEqual(sorted(ids(answer.results)), sorted(ids(Object.values(people))))
})

test('archived records never appear', async () => {
  const gone = await contacts.basicApi.create({ properties: { email: email('gone'), company: tribe, firstname: 'Gone' }, associations: [] })
  await contacts.basicApi.archive(gone.id)
  await letSearchCatchUp()
  assert.deepEqual(await found(), ['Ann', 'Bob', 'Cid', 'Dot'])
})

describe('the walls', () => {
  const filter = { propertyName: 'firstname', operator: 'EQ', value: 'x' }
  const cases = [
    ['more than 200 a page', { limit: 201 }],
    ['beyond the ten thousandth result', { limit: 100, after: '10000' }],
    ['more than six filters in a group', { filterGroups: [{ filters: Array(7).fill(filter) }] }],
    ['an unknown property', { filterGroups: [{ filters: [{ ...filter, propertyName: 'no_such_property' }] }] }],
    ['more than 3,000 characters', { query: 'x'.repeat(3001) }],
  ]
  for (const [name, request] of cases) {
    test(name, async () => {
      await refusal(contacts.searchApi.doSearch(request), 400)
    })
  }
})
