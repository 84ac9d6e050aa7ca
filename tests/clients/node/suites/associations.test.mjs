// Associations v4. Direction is part of an id's meaning, which is what people get wrong most.

import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import hubspot from '@hubspot/api-client'
import { email, ids, portal, refusal, sorted, unique } from '../portal.mjs'

const { AssociationTypes } = hubspot
const { crm } = portal()
const { basicApi, batchApi, schema } = crm.associations.v4
const defined = (associationTypeId) => ({ associationCategory: 'HUBSPOT_DEFINED', associationTypeId })

const contact = () => crm.contacts.basicApi.create({ properties: { email: email('assoc') }, associations: [] })
const company = () => crm.companies.basicApi.create({ properties: { name: unique('Assoc Ltd ') }, associations: [] })
const deal = () =>
  crm.deals.basicApi.create({
    properties: { dealname: unique('Assoc deal '), pipeline: 'default', dealstage: 'qualifiedtobuy' },
    associations: [],
  })

/** Type ids between two records, as the list call shows them. */
async function typesBetween(from, fromId, to, toId) {
  const page = await basicApi.getPage(from, fromId, to)
  const row = page.results.find((row) => String(row.toObjectId) === toId)
  return row ? row.associationTypes.map((type) => type.typeId).sort((a, b) => a - b) : []
}

describe('one pair', () => {
  let someone, somewhere, something
  before(async () => {
    ;[someone, somewhere, something] = await Promise.all([contact(), company(), deal()])
  })

  test('default, seen from both ends', async () => {
    const answer = await basicApi.createDefaultWithHttpInfo('contacts', someone.id, 'companies', somewhere.id)
    assert.equal(answer.httpStatusCode, 200)
    assert.equal(answer.data.status, 'COMPLETE')
    assert.ok((await typesBetween('contacts', someone.id, 'companies', somewhere.id)).includes(279))
    assert.ok((await typesBetween('companies', somewhere.id, 'contacts', someone.id)).includes(280))
  })

  test('labelled, and a primary type implies the plain one', async () => {
    const other = await company()
    const answer = await basicApi.createWithHttpInfo('contacts', someone.id, 'companies', other.id, [
      defined(AssociationTypes.primaryContactToCompany),
    ])
    assert.equal(answer.httpStatusCode, 201)
    assert.equal(answer.data.fromObjectTypeId, '0-1')
    assert.equal(answer.data.toObjectTypeId, '0-2')
    assert.equal(String(answer.data.fromObjectId), someone.id)
    assert.equal(String(answer.data.toObjectId), other.id)
    assert.deepEqual(await typesBetween('contacts', someone.id, 'companies', other.id), [1, 279])
    assert.deepEqual(await typesBetween('companies', other.id, 'contacts', someone.id), [2, 280])
  })

  test("the other direction's id is refused", async () => {
    // 3 is deal to contact; contact to deal is 4.
    assert.equal(AssociationTypes.contactToDeal, 4)
    await refusal(
      basicApi.create('contacts', someone.id, 'deals', something.id, [defined(AssociationTypes.dealToContact)]),
      400,
    )
    assert.deepEqual(await typesBetween('contacts', someone.id, 'deals', something.id), [])

    await basicApi.create('contacts', someone.id, 'deals', something.id, [defined(AssociationTypes.contactToDeal)])
    assert.deepEqual(await typesBetween('contacts', someone.id, 'deals', something.id), [4])
    assert.deepEqual(await typesBetween('deals', something.id, 'contacts', someone.id), [3])
  })

  test('removing takes every label', async () => {
    const removed = await basicApi.archiveWithHttpInfo('contacts', someone.id, 'deals', something.id)
    assert.equal(removed.httpStatusCode, 204)
    assert.deepEqual(await typesBetween('contacts', someone.id, 'deals', something.id), [])
    assert.deepEqual(await typesBetween('deals', something.id, 'contacts', someone.id), [])
  })
})

test('an association can come with the record', async () => {
  const place = await company()
  const created = await crm.contacts.basicApi.create({
    properties: { email: email('born') },
    associations: [{ to: { id: place.id }, types: [defined(AssociationTypes.contactToCompany)] }],
  })
  const read = await crm.contacts.basicApi.getById(created.id, undefined, undefined, ['companies'])
  const seen = read.associations.companies.results
  assert.deepEqual([...new Set(ids(seen))], [place.id])
  assert.ok(seen.every((entry) => entry.type.startsWith('contact_to_company')))
})

test('the wrong id at birth is refused and nothing is born', async () => {
  const place = await company()
  const address = email('stillborn')
  await refusal(
    crm.contacts.basicApi.create({
      properties: { email: address },
      associations: [{ to: { id: place.id }, types: [defined(AssociationTypes.companyToContact)] }],
    }),
    400,
  )
  await refusal(crm.contacts.basicApi.getById(address, undefined, undefined, undefined, false, 'email'), 404)
})

describe('in batches', () => {
  test('default, read, and archived', async () => {
    const [place, one, two] = await Promise.all([company(), contact(), contact()])
    const pairs = [one, two].map((person) => ({ _from: { id: person.id }, to: { id: place.id } }))
    const made = await batchApi.createDefaultWithHttpInfo('contacts', 'companies', { inputs: pairs })
    assert.equal(made.httpStatusCode, 200)

    const read = await batchApi.getPageWithHttpInfo('companies', 'contacts', { inputs: [{ id: place.id }] })
    assert.equal(read.httpStatusCode, 200)
    assert.equal(read.data.results.length, 1)
    assert.equal(String(read.data.results[0]._from.id), place.id)
    assert.deepEqual(sorted(read.data.results[0].to.map((to) => String(to.toObjectId))), sorted([one.id, two.id]))

    const archived = await batchApi.archiveWithHttpInfo('companies', 'contacts', {
      inputs: [{ _from: { id: place.id }, to: [{ id: one.id }] }],
    })
    assert.equal(archived.httpStatusCode, 204)
    const left = await basicApi.getPage('companies', place.id, 'contacts')
    assert.deepEqual(left.results.map((row) => String(row.toObjectId)), [two.id])
  })

  test('labelled, then one label taken away', async () => {
    const [place, person] = await Promise.all([company(), contact()])
    const input = { _from: { id: person.id }, to: { id: place.id }, types: [defined(1)] }
    const made = await batchApi.createWithHttpInfo('contacts', 'companies', { inputs: [input] })
    assert.equal(made.httpStatusCode, 201)
    assert.deepEqual(await typesBetween('contacts', person.id, 'companies', place.id), [1, 279])

    const taken = await batchApi.archiveLabelsWithHttpInfo('contacts', 'companies', { inputs: [input] })
    assert.equal(taken.httpStatusCode, 204)
    assert.deepEqual(await typesBetween('contacts', person.id, 'companies', place.id), [279])
  })
})

describe('labels', () => {
  test('the stock ones are listed', async () => {
    const { results } = await schema.definitionsApi.getAll('contacts', 'companies')
    const plain = results.find((label) => label.typeId === 279)
    assert.equal(plain.category, 'HUBSPOT_DEFINED')
    assert.ok(results.some((label) => label.typeId === 1))
  })

  test('a label of our own is made, used and removed', async () => {
    const name = unique('billing_contact_')
    const made = await schema.definitionsApi.create('contacts', 'companies', { label: name, name })
    const own = made.results.find((label) => label.label === name)
    assert.equal(own.category, 'USER_DEFINED')

    const [person, place] = await Promise.all([contact(), company()])
    const answer = await basicApi.create('contacts', person.id, 'companies', place.id, [
      { associationCategory: 'USER_DEFINED', associationTypeId: own.typeId },
    ])
    assert.deepEqual(answer.labels, [name])
    const [row] = (await basicApi.getPage('contacts', person.id, 'companies')).results
    // A type id means something only together with its category.
    assert.ok(row.associationTypes.some((type) => type.category === 'USER_DEFINED' && type.typeId === own.typeId))

    await schema.definitionsApi.remove('contacts', 'companies', own.typeId)
    const after = await schema.definitionsApi.getAll('contacts', 'companies')
    assert.equal(after.results.some((label) => label.label === name), false)
  })
})
