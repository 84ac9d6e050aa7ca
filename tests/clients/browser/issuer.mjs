// An identity provider: the npm package `oidc-provider`, which is certified for OpenID Connect, with people of ours. It is a real
// one in all that a client of it sees; only what `on` is told to change arrives or leaves otherwise than it would.

import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

// Who can log in, with any password, and what the issuer says of them.
const PEOPLE = {
  ada: { preferred_username: 'ada', groups: ['sre', 'everyone'] },
  vera: { preferred_username: 'vera', groups: ['everyone'] },
  root: { email: 'root@example.com', groups: ['everyone', 'platform'] },
  guest: { preferred_username: 'guest', groups: ['guests'] },
  loner: { preferred_username: 'loner' },
}

const CLAIMS = { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] }

/** A key for signing as `oidc-provider` wants it. */
export const key = kid => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' })

/** One that is for something else, and of a kind that few know. */
const strangeKey = () => ({ ...generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' }), kid: 'strange', use: 'enc' })

/** People of the company are not asked whether its own console may know them. */
async function consents({ oidc: { provider, client, session } }) {
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope('openid profile email')
  await grant.save()
  return grant
}

async function changed(url, change, context) {
  const { searchParams } = url = new URL(url)
  await change?.(searchParams, context)
  return url.href
}

export class Issuer {
  constructor(url, secret, redirectUri) {
    this.url = url
    this.secret = secret
    this.redirectUri = redirectUri
    this.keys = [key('one')]
  }

  /** Comes up, or comes up anew. `options` go into the provider's configuration, `client` into our client's. */
  async start(options = {}, client = {}) {
    await this.stop()
    const common = { redirect_uris: [this.redirectUri], client_secret: this.secret }
    const provider = new Provider(this.url, {
      clients: [{ client_id: 'hubkeeper', ...common, ...client }, { client_id: 'another', ...common }],
      claims: CLAIMS,
      loadExistingGrant: consents,
      findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...PEOPLE[id] }) },
      jwks: { keys: [...this.keys, strangeKey()] },
      cookies: { keys: ['a key of the provider, for its own cookies'] },
      ...options,
      features: { encryption: { enabled: true }, ...options.features },
    })
    // By what passes: the query of a browser that comes, the query it is sent back with, what a code is traded for.
    this.on = { asked: null, back: null, traded: null }
    provider.use(async (context, next) => {
      if (context.path === '/auth') context.url = (await changed(`${this.url}${context.url}`, this.on.asked, context)).slice(this.url.length)
      await next()
      const back = context.response.get('location')
      if (back.startsWith(this.redirectUri)) context.response.set('location', await changed(back, this.on.back, context))
      if (context.oidc?.route === 'token' && context.body.id_token && this.on.traded) {
        context.body.id_token = await this.on.traded(provider, context)
      }
    })
    this.server = createServer(provider.callback())
    const { port } = new URL(this.url)
    await new Promise((resolve, reject) => this.server.on('error', reject).listen(Number(port), 'localhost', resolve))
  }

  /** Goes away as soon as it has answered. */
  stopAfter(context) {
    context.res.on('finish', () => this.stop())
  }

  async stop() {
    if (!this.server) return
    const { server } = this
    this.server = null
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
}

/** Another id token of the provider's own making, signed with its own key: for another client, of another time, … */
export async function another(provider, context, { clientId = 'hubkeeper', expiresIn = 3600 }) {
  const client = await provider.Client.find(clientId)
  const { account } = context.oidc
  const claims = await account.claims('id_token', 'openid', {}, [])
  const token = new provider.IdToken(claims, { ctx: context, client })
  token.scope = 'openid'
  token.set('nonce', context.oidc.entities.AuthorizationCode.nonce)
  return token.issue({ use: 'idtoken', expiresAt: Math.floor(Date.now() / 1000) + expiresIn })
}
