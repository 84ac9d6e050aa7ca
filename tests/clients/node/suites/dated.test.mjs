// Date versions: the version moves to the middle of the path, the records are the same ones.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { email, portal, unique } from '../portal.mjs'

const hubspot = portal()

async function call(method, path, body) {
  const response = await hubspot.apiRequest({ method, path, body })
  const text = await response.text()
  return { status: response.status, body: text ? JSON.parse(text) : undefined }
}

for (const version of ['2026-03', '2026-09']) {
  describe(version, () => {
    test('a contact made in one version is read in the other', async () => {
      const address = email('dated')
      const created = await call('POST', `/crm/objects/${version}/contacts`, { properties: { email: address } })
      assert.equal(created.status, 201)
      assert.equal(created.body.properties.email, address)
      const old = await hubspot.crm.contacts.basicApi.getById(created.body.id, ['email'])
      assert.equal(old.properties.email, address)
      const read = await call('GET', `/crm/objects/${version}/contacts/${created.body.id}?properties=email`)
      assert.equal(read.status, 200)
      assert.equal(read.body.properties.email, address)
      const archived = await call('DELETE', `/crm/objects/${version}/contacts/${created.body.id}`)
      assert.equal(archived.status, 204)
    })

    test('definitions', async () => {
      const properties = await call('GET', `/crm/properties/${version}/contacts`)
      assert.equal(properties.status, 200)
      assert.ok(properties.body.results.some((property) => property.name === 'email'))
      const pipelines = await call('GET', `/crm/pipelines/${version}/deals`)
      assert.ok(pipelines.body.results.some((pipeline) => pipeline.id === 'default'))
      const owners = await call('GET', `/crm/owners/${version}`)
      assert.equal(owners.status, 200)
      assert.ok(owners.body.results.length > 0)
    })

    test('associations answer a batch archive with a body, unlike v4', async () => {
      const contact = await call('POST', `/crm/objects/${version}/contacts`, { properties: { email: email('dated') } })
      const company = await call('POST', `/crm/objects/${version}/companies`, { properties: { name: unique('Dated Ltd ') } })
      const pair = `${contact.body.id}/associations/default/companies/${company.body.id}`
      const made = await call('PUT', `/crm/objects/${version}/contacts/${pair}`)
      assert.equal(made.status, 200)
      const archived = await call('POST', `/crm/associations/${version}/contacts/companies/batch/archive`, {
        inputs: [{ from: { id: contact.body.id }, to: [{ id: company.body.id }] }],
      })
      assert.equal(archived.status, 200)
      assert.equal(archived.body.status, 'COMPLETE')
      const left = await call('GET', `/crm/objects/${version}/contacts/${contact.body.id}/associations/companies`)
      assert.deepEqual(left.body.results, [])
    })
  })
}
