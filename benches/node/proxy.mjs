// http-proxy as its users run it, with the keep-alive agent that it does not bring itself.
//
//   node proxy.mjs LISTEN_PORT UPSTREAM_PORT

import http from 'node:http'
import httpProxy from 'http-proxy'

const [listenPort, upstreamPort] = process.argv.slice(2).map(Number)
const agent = new http.Agent({ keepAlive: true })
const proxy = httpProxy.createProxyServer({ target: { host: '127.0.0.1', port: upstreamPort }, agent })
proxy.on('error', (error, request, response) => {
  console.error(error)
  response.writeHead(502).end()
})
http.createServer((request, response) => proxy.web(request, response)).listen(listenPort, '127.0.0.1')
