// HubSpot's own Node SDK as a nightly job has it: as many creates and reads at once as it likes, all in lane `bulk`.
//
//   GATEWAY_URL=… ACCESS_TOKEN=… RECORD=… START_AT_MS=… node flood.mjs NAME AT_ONCE SECONDS

import hubspot from '@hubspot/api-client'

const [name, ...numbers] = process.argv.slice(2)
const [atOnce, seconds] = numbers.map(Number)
const { GATEWAY_URL, ACCESS_TOKEN, RECORD, START_AT_MS } = process.env
const defaultHeaders = { 'X-Hubkeeper-Lane': 'bulk' }
const client = new hubspot.Client({ accessToken: ACCESS_TOKEN, basePath: GATEWAY_URL, defaultHeaders })
const contacts = client.crm.contacts.basicApi

const counts = { ok: 0, refused: 0, failed: 0, why: '' }
const startInMs = Number(START_AT_MS) - Date.now()
setTimeout(flood, startInMs)
setTimeout(() => {
  console.log(JSON.stringify(counts))
  process.exit(0)
}, startInMs + seconds * 1000)

async function flood() {
  for (let round = 0; ; round += 1) {
    await Promise.all(Array.from({ length: atOnce }, (_, each) => counted(() => ask(`${round}-${each}`, each % 2))))
  }
}

function ask(number, reads) {
  if (reads) return contacts.getById(RECORD)
  return contacts.create({ properties: { email: `${name}-${number}@example.com` }, associations: [] })
}

async function counted(call) {
  try {
    await call()
    counts.ok += 1
  } catch (error) {
    if (error.code === 429) counts.refused += 1
    else {
      counts.failed += 1
      counts.why = String(error.message).slice(0, 200)
    }
  }
}
