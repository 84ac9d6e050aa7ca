// Logging in to the console by a real identity provider, in Chromium. The provider is at `localhost` and the console at
// 127.0.0.1: for a browser these are two sites, as they are in a company.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { chromium } from 'playwright-core'
import { Issuer, another, key } from '../issuer.mjs'

const CONSOLE = process.env.CONSOLE_URL
const issuer = new Issuer(process.env.ISSUER_URL, process.env.OIDC_SECRET, `${CONSOLE}/login/callback`)

const SEEN_MS_MAX = 30_000

let browser

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      // The provider's pages would fetch a font.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
  })
})

beforeEach(() => issuer.start())

after(async () => {
  await issuer.stop()
  await browser?.close()
})

/** A browser of its own, which has never been anywhere. */
async function newPage() {
  const page = await (await browser.newContext()).newPage()
  page.setDefaultTimeout(SEEN_MS_MAX)
  return page
}

/** At the provider's page: who it is. */
async function say(page, login) {
  await page.getByPlaceholder('Enter any login').fill(login)
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
}

/** The whole way, from the login page. */
async function logIn(page, login) {
  await page.goto(`${CONSOLE}/login`)
  await page.getByRole('link', { name: 'Log in with localhost' }).click()
  await say(page, login)
}

async function isIn(page, name, role) {
  const out = page.locator('form[action="/logout"]')
  await out.waitFor()
  assert.equal((await out.textContent()).trim(), `Log out ${name} ${role}`)
}

/** What the login page says of why not; nobody is logged in. */
async function isRefused(page, why) {
  const said = await page.getByRole('alert').textContent()
  assert.match(said, why)
  const cookies = await page.context().cookies(CONSOLE)
  assert.equal(cookies.find(cookie => cookie.name === 'hubkeeper_session'), undefined, said)
}

test('a person logs in from a deep link, with their role, and out', async () => {
  const page = await newPage()
  const complaints = []
  page.on('console', message => message.type() === 'error' && message.location().url.startsWith(CONSOLE) && complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  await page.goto(`${CONSOLE}/incidents`)
  await page.getByRole('link', { name: 'Log in with localhost' }).click()
  await say(page, 'ada')
  await isIn(page, 'ada', 'operator')
  assert.equal(new URL(page.url()).pathname, '/incidents', 'where they wanted to go')
  const [session] = (await page.context().cookies(CONSOLE)).filter(cookie => cookie.name === 'hubkeeper_session')
  assert.deepEqual([session.httpOnly, session.sameSite], [true, 'Strict'])
  await page.getByRole('button', { name: 'Log out ada' }).click()
  await page.getByRole('link', { name: 'Log in with localhost' }).waitFor()
  await page.context().addCookies([session])
  await page.goto(CONSOLE)
  assert.equal(new URL(page.url()).pathname, '/login', 'the session is over, and not only forgotten by the browser')
  assert.deepEqual(complaints, [], 'nothing is blocked or broken')
})

test('groups give the role, and who is in none gets nowhere', async () => {
  for (const [login, name, role] of [['vera', 'vera', 'viewer'], ['root', 'root@example.com', 'admin']]) {
    const page = await newPage()
    await logIn(page, login)
    await isIn(page, name, role)
  }
  for (const [login, why] of [['guest', /none of the groups/], ['loner', /does not tell the claim `groups`/]]) {
    const page = await newPage()
    await logIn(page, login)
    await isRefused(page, why)
  }
})

test('groups in the id token itself, and a client that is set to post its secret', async () => {
  await issuer.start({ conformIdTokenClaims: false, features: { userinfo: { enabled: false } } }, { token_endpoint_auth_method: 'client_secret_post' })
  const page = await newPage()
  await logIn(page, 'ada')
  await isIn(page, 'ada', 'operator')
})

for (const [what, on, why] of [
  ['with another state', { back: query => query.set('state', query.get('state').replace(/.$/, last => last === 'A' ? 'B' : 'A')) }, /not begun in this browser/],
  ['with a nonce of another journey', { asked: query => query.set('nonce', 'of-another-journey') }, /another journey/],
  ['from another issuer', { back: query => query.set('iss', 'https://login.example.com') }, /another issuer/],
  ['with a code that nobody gave', { back: query => query.set('code', `${query.get('code')}x`) }, /invalid_grant/],
  ['with a code for another application', { asked: query => query.set('client_id', 'another') }, /invalid_grant/],
  ['with another verifier', { asked: query => query.set('code_challenge', 'A'.repeat(43)) }, /invalid_grant/],
  ['with a token for another application', { traded: (...at) => another(...at, { clientId: 'another' }) }, /another application/],
  ['with a token from long ago', { traded: (...at) => another(...at, { expiresIn: -3600 }) }, /expired/],
  ['with what the provider gave (the control)', { traded: (...at) => another(...at, {}) }, null],
]) {
  test(`who comes back ${what} is ${why ? 'not ' : ''}let in`, async () => {
    Object.assign(issuer.on, on)
    const page = await newPage()
    await logIn(page, 'ada')
    await (why ? isRefused(page, why) : isIn(page, 'ada', 'operator'))
  })
}

test('a person who will not is told so', async () => {
  const page = await newPage()
  await page.goto(`${CONSOLE}/login/oidc`)
  await page.getByRole('link', { name: '[ Cancel ]' }).click()
  await isRefused(page, /access_denied/)
})

test('the provider changes its keys, goes away, and comes back', async () => {
  const page = await newPage()
  await logIn(page, 'ada')
  await isIn(page, 'ada', 'operator')
  issuer.keys = [key('two')]
  await issuer.start()
  const second = await newPage()
  await logIn(second, 'ada')
  await isIn(second, 'ada', 'operator')

  const third = await newPage()
  issuer.on.back = (_, context) => issuer.stopAfter(context)
  await logIn(third, 'ada')
  await isRefused(third, /cannot be asked/)
  await page.reload()
  await isIn(page, 'ada', 'operator')
  await issuer.start()
  const fourth = await newPage()
  await logIn(fourth, 'ada')
  await isIn(fourth, 'ada', 'operator')
})
