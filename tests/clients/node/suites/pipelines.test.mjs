// Pipelines and their stages, and the guard that keeps a stage in use from being deleted.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { portal, refusal, unique } from '../portal.mjs'

const { pipelines, deals } = portal().crm
const { pipelinesApi, pipelineStagesApi } = pipelines

const stage = (label, displayOrder, probability = '0.5') => ({ label, displayOrder, metadata: { probability } })
const labels = (items) => items.map((item) => item.label)

test('a stock account has a sales and a support pipeline', async () => {
  const sales = await pipelinesApi.getById('deals', 'default')
  const stages = sales.stages.map((found) => found.id)
  for (const id of ['appointmentscheduled', 'qualifiedtobuy', 'contractsent', 'closedwon', 'closedlost']) {
    assert.ok(stages.includes(id), id)
  }
  const won = sales.stages.find((found) => found.id === 'closedwon')
  assert.equal(won.metadata.isClosed, 'true')
  assert.equal(won.metadata.probability, '1.0')

  const support = await pipelinesApi.getById('tickets', '0')
  assert.deepEqual(support.stages.map((found) => found.id), ['1', '2', '3', '4'])
  assert.equal(support.stages[3].metadata.ticketState, 'CLOSED')
})

test('a pipeline is made, changed, replaced and removed', async () => {
  const label = unique('Leasing ')
  const made = await pipelinesApi.createWithHttpInfo('deals', {
    label,
    displayOrder: 3,
    stages: [stage('In', 0, '0.1'), stage('Done', 1, '1.0')],
  })
  assert.equal(made.httpStatusCode, 201)
  assert.equal(made.data.label, label)
  assert.deepEqual(labels(made.data.stages), ['In', 'Done'])
  const { id } = made.data

  assert.ok(labels((await pipelinesApi.getAll('deals')).results).includes(label))
  assert.equal((await pipelinesApi.update('deals', id, { label: `${label}!` })).label, `${label}!`)
  const replaced = await pipelinesApi.replace('deals', id, { label, displayOrder: 4, stages: [stage('Only', 0)] })
  assert.deepEqual(labels(replaced.stages), ['Only'])

  assert.equal((await pipelinesApi.archiveWithHttpInfo('deals', id)).httpStatusCode, 204)
  await refusal(pipelinesApi.getById('deals', id), 404)
})

test('a stage is made, changed and removed', async () => {
  const made = await pipelinesApi.create('deals', { label: unique('Stages '), displayOrder: 5, stages: [stage('First', 0)] })
  const second = await pipelineStagesApi.createWithHttpInfo('deals', made.id, stage('Second', 1, '0.8'))
  assert.equal(second.httpStatusCode, 201)
  assert.equal(second.data.metadata.probability, '0.8')

  const changed = await pipelineStagesApi.update('deals', made.id, second.data.id, { label: '2nd', metadata: { probability: '0.9' } })
  assert.equal(changed.label, '2nd')
  const { results } = await pipelineStagesApi.getAll('deals', made.id)
  assert.deepEqual(labels(results).sort(), ['2nd', 'First'])

  assert.equal((await pipelineStagesApi.archiveWithHttpInfo('deals', made.id, second.data.id)).httpStatusCode, 204)
  await refusal(pipelineStagesApi.getById('deals', made.id, second.data.id), 404)
})

test('with the guard on, a pipeline in use is not deleted', async () => {
  const made = await pipelinesApi.create('deals', { label: unique('Guarded '), displayOrder: 6, stages: [stage('Busy', 0)] })
  const busy = made.stages[0].id
  await deals.basicApi.create({ properties: { dealname: unique('Deal '), pipeline: made.id, dealstage: busy }, associations: [] })
  const error = await refusal(pipelinesApi.archive('deals', made.id, true), 400, 'VALIDATION_ERROR')
  assert.equal(error.body.subCategory, 'PipelineError.STAGE_ID_IN_USE')
  assert.ok(error.body.context.stageIds[0].includes(busy))
})

test('a deal cannot enter a stage that is not there', async () => {
  await refusal(
    deals.basicApi.create({
      properties: { dealname: unique('Deal '), pipeline: 'default', dealstage: 'no_such_stage' },
      associations: [],
    }),
    400,
    'VALIDATION_ERROR',
  )
})
