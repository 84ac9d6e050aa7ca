// HubSpot's own Node SDK with its own limiter, straight at a portal: what a program gets that asks as often as it may.
//
//   SIM_URL=… ACCESS_TOKEN=… node sdk.mjs CALLERS SECONDS

import hubspot from '@hubspot/api-client'

const [callers, seconds] = process.argv.slice(2).map(Number)
const { SIM_URL, ACCESS_TOKEN } = process.env
const limiterOptions = hubspot.DEFAULT_LIMITER_OPTIONS
const client = new hubspot.Client({ accessToken: ACCESS_TOKEN, basePath: SIM_URL, limiterOptions })

const counts = { ok: 0, refused: 0, failed: 0, limiter: limiterOptions }
setTimeout(() => {
  console.log(JSON.stringify(counts))
  process.exit(0)
}, seconds * 1000)
for (let caller = 0; caller < callers; caller += 1) askAgainAndAgain()

async function askAgainAndAgain() {
  for (;;) {
    try {
      await client.crm.contacts.basicApi.getPage(1)
      counts.ok += 1
    } catch (error) {
      if (error.code === 429) counts.refused += 1
      else counts.failed += 1
    }
  }
}
