// The console of `hubkeeper demo`, in Chromium: what a person on call sees and presses.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { chromium } from 'playwright-core'

const CONSOLE = process.env.CONSOLE_URL

// A page keeps itself fresh every three seconds; a fault shows in the calls of the next ten.
const SEEN_MS_MAX = 120_000

let browser
let page
let complaints

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
})

after(() => browser?.close())

beforeEach(async () => {
  page = await browser.newPage()
  page.setDefaultTimeout(SEEN_MS_MAX)
  complaints = []
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
})

test('the first page says how it is, and keeps itself fresh', async () => {
  await page.goto(CONSOLE)
  await page.getByRole('status').filter({ hasText: 'Well' }).waitFor()
  for (const heading of ['Limits', 'Calls of the last 15 minutes', 'Degraded mode']) {
    await page.getByRole('heading', { name: heading }).waitFor()
  }
  // Left alone, the page counts on.
  const said = await page.getByRole('status').textContent()
  await page.waitForFunction(said => document.querySelector('[role=status]').textContent !== said, said)
  assert.deepEqual(complaints, [], 'nothing is blocked or broken')
})

test('a drill breaks HubSpot, the console says what fails, and mending ends it', async () => {
  await page.goto(CONSOLE)
  await page.getByRole('link', { name: 'Drill' }).click()
  const fault = page.getByRole('row').filter({ hasText: 'hubspot.partial' })
  await fault.getByRole('button', { name: 'Break' }).click()
  await page.getByRole('listitem').filter({ hasText: 'hubspot.partial' }).waitFor()
  await page.getByRole('link', { name: 'Now' }).click()
  await page.getByRole('status').filter({ hasText: 'search' }).waitFor()
  await page.getByRole('link', { name: 'Drill' }).click()
  await page.getByRole('button', { name: 'Mend everything' }).click()
  await page.getByText('Nothing. Break something below').waitFor()
  await page.getByRole('link', { name: 'Now' }).click()
  await page.getByRole('status').filter({ hasNotText: 'HubSpot fails for' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('degraded mode is switched on with a reason, and off again', async () => {
  await page.goto(CONSOLE)
  await page.getByLabel('Family').selectOption('owners')
  await page.getByLabel('Why').fill('a drill, <b>nothing</b> more')
  await page.getByRole('button', { name: 'Turn on' }).click()
  const row = page.getByRole('row').filter({ hasText: 'a drill, <b>nothing</b> more' })
  await row.waitFor()
  await row.getByRole('button', { name: 'Turn off' }).click()
  await row.waitFor({ state: 'detached' })
  assert.deepEqual(complaints, [])
})

test('an incident is found, taken, noted and ended', async () => {
  await page.goto(`${CONSOLE}/drill`)
  const fault = page.getByRole('row').filter({ hasText: 'auth.token_revoked' })
  await fault.getByRole('button', { name: 'Break' }).click()
  await page.getByRole('listitem').filter({ hasText: 'auth.token_revoked' }).waitFor()
  await page.getByRole('link', { name: 'Incidents' }).click()
  await page.getByRole('row').filter({ hasText: 'auth.token_revoked' }).getByRole('link').click()
  await page.getByRole('heading', { name: 'Cause' }).waitFor()
  const taking = page.locator('form[action$="/ack"]')
  await taking.getByLabel('Your name').fill('ada')
  await taking.getByRole('button', { name: 'Acknowledge' }).click()
  await page.getByRole('status').filter({ hasText: 'taken by ada' }).waitFor()
  const noting = page.locator('form[action$="/note"]')
  await noting.getByLabel('Your name').fill('ada')
  await noting.getByLabel('Note').fill('asked the <b>owner</b>')
  await noting.getByRole('button', { name: 'Add' }).click()
  await page.getByRole('cell', { name: 'note: asked the <b>owner</b>' }).waitFor()
  await page.locator('form[action$="/ack"]').getByLabel('Your name').fill('ada')
  await page.getByRole('button', { name: 'It is over' }).click()
  await page.getByRole('status').filter({ hasText: 'resolved' }).waitFor()
  await page.goto(`${CONSOLE}/drill`)
  await page.getByRole('button', { name: 'Mend everything' }).click()
  await page.getByText('Nothing. Break something below').waitFor()
  assert.deepEqual(complaints, [])
})

test('a page of another site cannot turn a switch', async () => {
  // A page that is not the console's, in the same browser; its form reaches the console with its own origin.
  await page.setContent(`<form method="post" action="${CONSOLE}/switches"><input name="turn" value="on"><input name="reason" value="evil"><button>go</button></form>`)
  const answered = page.waitForResponse(response => response.url().endsWith('/switches'))
  await page.getByRole('button', { name: 'go' }).click()
  assert.equal((await answered).status(), 403)
})
