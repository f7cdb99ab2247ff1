/** The edge without anything that makes it an edge: a server that passes every request on. Prints its port. */
import { listen } from '@clawmesh/chassis'
import { createProxy } from '../../gateway/src/proxy/proxy.ts'

const proxy = createProxy([new URL(process.argv[2]!)])
const { port } = await listen(
  (request, response) =>
    proxy.forward(request, response, { identity: '', fail: () => void response.writeHead(502).end() }),
  '127.0.0.1',
  0,
)
console.log(port)
