// What every suite starts from: HubSpot's official SDK, unmodified, pointed at the target by its base path alone.
//
// scripts/clients starts the servers and says where they are. TARGET_URL is the gateway or, for the control run, the
// simulator itself; SIM_URL is always the simulator, for what only it can know.

import assert from 'node:assert/strict'
import { beforeEach } from 'node:test'
import hubspot from '@hubspot/api-client'

const SEARCH_AND_BURST_WINDOW_S = 11
const SEARCH_LAG_S_MAX = 60
let serial = 0

export const targetUrl = required('TARGET_URL')
export const simUrl = required('SIM_URL')
export const accessToken = required('ACCESS_TOKEN')
export const viaGateway = required('TARGET') === 'gateway'

// Nobody keeps the SDK within the limits in the control run: each test gets a fresh window there.
if (!viaGateway) beforeEach(() => advanceClock(SEARCH_AND_BURST_WINDOW_S))

/** The SDK as its README shows it, plus the base path. */
export function portal(options = {}) {
  return new hubspot.Client({ accessToken, basePath: targetUrl, ...options })
}

/** The error that a call must end in, as the SDK presents it, after checks that hold for every HubSpot error. */
export async function refusal(call, status, category) {
  const error = await call.then(
    () => assert.fail(`expected HTTP ${status} ${category ?? ''}, and the call succeeded`),
    (error) => error,
  )
  assert.equal(error.code, status, error.message)
  assert.equal(error.body.status, 'error')
  assert.match(error.body.correlationId, UUID)
  assert.equal(typeof error.body.message, 'string')
  if (category) assert.equal(error.body.category, category)
  return error
}

/** Properties picked by the names of `expected`, so that a whole set compares at once. */
export function assertProperties(record, expected) {
  const picked = Object.fromEntries(Object.keys(expected).map((name) => [name, record.properties[name]]))
  assert.deepEqual(picked, expected)
}

/** Search trails behind writes; move the portal's clock past that instead of waiting for it. */
export const letSearchCatchUp = () => advanceClock(SEARCH_LAG_S_MAX)

/** Different on every call, so that suites never meet each other's records. */
export function unique(prefix) {
  serial += 1
  return `${prefix}${process.pid}x${serial}`
}

export const email = (prefix) => `${unique(prefix)}@example.com`
export const ids = (records) => records.map((record) => record.id)
export const sorted = (values) => [...values].sort()

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const RECORD_ID = /^[1-9][0-9]*$/

async function advanceClock(seconds) {
  const response = await fetch(`${simUrl}/_sim/clock/advance`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ seconds }),
  })
  assert.equal(response.status, 200)
}

function required(name) {
  const value = process.env[name]
  assert.ok(value, `${name} is not set; run these suites through scripts/clients`)
  return value
}
