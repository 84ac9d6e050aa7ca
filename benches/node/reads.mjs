// One program that reads contacts one by one with HubSpot's unmodified Node SDK, so many at once, and checks each answer.
//
//   TARGET_URL=… ACCESS_TOKEN=… node reads.mjs IN_FLIGHT < records.json
//
// The first line of its input is what it shall read, [[id, email], …]; the second is the word to begin.

import { createInterface } from 'node:readline'
import hubspot from '@hubspot/api-client'

const inFlight = Number(process.argv[2])
const { TARGET_URL, ACCESS_TOKEN } = process.env
const client = new hubspot.Client({ accessToken: ACCESS_TOKEN, basePath: TARGET_URL })

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const records = JSON.parse((await lines.next()).value)
console.log('ready')
await lines.next()

const told = { right: 0, wrong: 0, failed: {}, began: Date.now() }
let next = 0
await Promise.all(Array.from({ length: Math.min(inFlight, records.length) }, readAgainAndAgain))
told.ended = Date.now()
console.log(JSON.stringify(told))
process.exit(0)

async function readAgainAndAgain() {
  while (next < records.length) {
    const [id, email] = records[next++]
    try {
      const record = await client.crm.contacts.basicApi.getById(id, ['email', 'firstname'])
      const right = record.id === id && record.properties.email === email && 'firstname' in record.properties
      told[right ? 'right' : 'wrong'] += 1
    } catch (error) {
      const why = String(error.code ?? error)
      told.failed[why] = (told.failed[why] ?? 0) + 1
    }
  }
}
