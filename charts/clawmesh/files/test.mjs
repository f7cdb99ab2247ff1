/* global AbortSignal, fetch */
const paths = {
  gateway: '/health',
  identity: '/v1/tenants',
  agents: '/v1/agents',
  providers: '/v1/providers',
  memory: '/v1/memory/documents',
  tools: '/v1/tools/builtin',
  channels: '/v1/channels/instances',
  packages: '/v1/packages/runtimes',
  traces: '/v1/traces',
}
const headers = {
  authorization: `Bearer ${process.env.GOCLAW_GATEWAY_TOKEN}`,
  'x-goclaw-user-id': 'system',
}
const ask = async (path) => {
  try {
    const answer = await fetch(process.env.EDGE + path, { headers, signal: AbortSignal.timeout(10_000) })
    return answer.status === 200 ? undefined : `${answer.status} ${(await answer.text()).slice(0, 200)}`
  } catch (error) {
    return String(error.cause ?? error)
  }
}
const askOften = async (path) => {
  for (let tries = 1; ; tries++) {
    const fault = await ask(path)
    if (fault === undefined || tries === 15) return fault
    await new Promise((resolve) => setTimeout(resolve, 2_000))
  }
}
const found = await Promise.all(Object.entries(paths).map(async ([name, path]) => [name, path, await askOften(path)]))
for (const [name, path, fault] of found) console.log(fault === undefined ? 'ok   ' : 'WRONG', name, path, fault ?? '')
process.exit(found.every(([, , fault]) => fault === undefined) ? 0 : 1)
