// Four programs, one limit: four processes of HubSpot's unmodified Node SDK, 150 calls each, all at once, on one portal
// that allows 100 calls in any 10 seconds.
//
//   node herd.mjs gateway   must lose nothing, meet no 429, and take at most 1.05 × the ideal
//   node herd.mjs direct    the control, without the gateway: must lose calls and meet 429s, or the test tests nothing
//
// The ideal is what no client can beat: 600 calls are six windows of 100, the first leaves at once, the last five windows
// later, and one answer (the quickest of the run) is waited for at the end. That leaves no room for a 601st call: a gateway
// that meets the token for the first time must not spend one of its own in between.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import hubspot from '@hubspot/api-client'

const MEMBERS = 4
const CALLS_EACH = 150
const LIMIT = 100
const WINDOW_MS = 10_000
const WALL_OVER_IDEAL_MAX = 1.05

const { TARGET_URL, SIM_URL, ACCESS_TOKEN } = process.env

const [mode, number] = process.argv.slice(2)
if (mode === 'member') await member(number)
else await herd(mode)

/** One program: waits for the word, fires everything at once as `Promise.all` does, and tells how it went. */
async function member(number) {
  // Without the gateway the SDK gets all the help it offers: three attempts.
  const client = new hubspot.Client({ accessToken: ACCESS_TOKEN, basePath: TARGET_URL, numberOfApiCallRetries: 3 })
  console.log('ready')
  await nextLine(process.stdin)
  const outcomes = await Promise.all(
    Array.from({ length: CALLS_EACH }, async (_, index) => {
      const started = performance.now()
      try {
        const properties = { email: `herd-${number}-${index}@example.com` }
        const { id } = await client.crm.contacts.basicApi.create({ properties, associations: [] })
        return { id, ms: performance.now() - started }
      } catch (error) {
        return { status: error.code ?? String(error) }
      }
    }),
  )
  console.log(JSON.stringify(outcomes))
}

async function herd(mode) {
  assert.ok(['gateway', 'direct'].includes(mode), 'use: node herd.mjs gateway|direct')
  const members = Array.from({ length: MEMBERS }, (_, number) => startMember(number))
  await Promise.all(members.map((member) => member.ready))
  const before = await ask('/_sim/stats')

  const started = performance.now()
  for (const { process } of members) process.stdin.end('go\n')
  const outcomes = (await Promise.all(members.map((member) => member.outcomes))).flat()
  const wallMs = performance.now() - started

  const done = outcomes.filter((outcome) => outcome.id)
  const stats = await ask('/_sim/stats')
  const created = (await ask('/_sim/log')).applied.filter((entry) => entry.action === 'create' && entry.object_type === 'contacts')
  const idealMs = (Math.ceil(outcomes.length / LIMIT) - 1) * WINDOW_MS + Math.min(...done.map((outcome) => outcome.ms))
  const report = {
    mode,
    calls: outcomes.length,
    lost: outcomes.length - done.length,
    refused_429: stats.statuses['429'] ?? 0,
    applied: created.length,
    calls_counted: stats.calls - before.calls,
    wall_s: seconds(wallMs),
    ideal_s: seconds(idealMs),
    wall_over_ideal: Number((wallMs / idealMs).toFixed(3)),
    worst_window: stats.budgets.burst.worst_window,
  }
  console.log(JSON.stringify(report))

  assert.equal(report.calls, MEMBERS * CALLS_EACH)
  if (mode === 'gateway') {
    assert.equal(report.lost, 0, 'no call may be lost')
    assert.equal(report.refused_429, 0, 'the portal may refuse nothing')
    assert.equal(members.reduce((sum, member) => sum + member.retries429, 0), 0, 'no client may see a 429')
    assert.equal(report.applied, report.calls, 'every write is applied once')
    assert.equal(report.calls_counted, report.calls, 'the gateway adds no call of its own')
    assert.equal(new Set(done.map((outcome) => outcome.id)).size, report.calls, 'every answer is of another record')
    assert.ok(report.worst_window <= LIMIT, 'no rolling window may hold more than the limit')
    assert.ok(report.wall_over_ideal <= WALL_OVER_IDEAL_MAX, `at most ${WALL_OVER_IDEAL_MAX} × ideal`)
  } else {
    assert.ok(report.lost > 0, 'without the gateway calls are lost, or this test proves nothing')
    assert.ok(report.refused_429 > 0, 'without the gateway the portal refuses, or this test proves nothing')
  }
}

function startMember(number) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), 'member', String(number)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const member = { process: child, retries429: 0 }
  // The SDK tells of each retry on stderr.
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.includes('status code [429]')) member.retries429 += 1
    else console.error(`member ${number}: ${line}`)
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    assert.ok(!done, `member ${number} ended early`)
    return value
  }
  member.ready = next()
  member.outcomes = member.ready.then(next).then(JSON.parse)
  return member
}

async function ask(path) {
  const response = await fetch(`${SIM_URL}${path}`)
  assert.equal(response.status, 200, path)
  return response.json()
}

async function nextLine(input) {
  for await (const line of createInterface({ input })) return line
}

function seconds(ms) {
  return Number((ms / 1000).toFixed(2))
}
