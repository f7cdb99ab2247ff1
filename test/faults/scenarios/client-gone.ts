/** Clients that hang up at the tenth token of a streamed answer, and what becomes of the call upstream and of its usage. */
import pg from 'pg'
import { fakeOpenAi } from '../../fakes/openai.ts'
import type { AllInOne, TestTenant } from '../../support/all-in-one.ts'
import { eventually } from '../../support/eventually.ts'

const readTokens = 10
/** Twice as many as are read: half of them come, then the provider is silent. */
const answer = { text: 'word '.repeat(2 * readTokens).trim(), chunks: 2 * readTokens, fault: 'stall' } as const

interface Wanted {
  clients: number
  atOnce: number
}

export interface Gone {
  /** Calls whose connection upstream was closed. */
  closed: number
  /** The longest time from hanging up until that, ms. */
  slowestMs: number
  /** Connections upstream that are still open. */
  sockets: number
  /** Calls whose usage was recorded, as estimated. */
  recorded: number
}

/** Reads an answer up to its tenth token. @returns hangs up */
const readSome = async (mesh: AllInOne, headers: Record<string, string>): Promise<() => void> => {
  const client = new AbortController()
  const response = await fetch(`${mesh.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'goclaw:left', messages: [{ role: 'user', content: 'go' }], stream: true }),
    signal: client.signal,
  })
  let text = ''
  const pieces = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  while (text.split('word"').length <= readTokens) {
    const { done, value } = await pieces.read()
    if (done) throw new Error(`the answer has ended: ${response.status} ${text}`)
    text += value
  }
  // What is still read fails once the client has hung up.
  pieces.closed.catch(() => undefined)
  return () => client.abort()
}

/** Marks of usage that nobody has counted, by their tenant's calls. */
const countRecorded = async (databaseUrl: string, tenantId: string, provider: string): Promise<number> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM traces.spans WHERE tenant_id = $1 AND span_type = 'llm_call' AND provider = $2
       AND metadata->>'usage_estimated' = 'true' AND input_tokens > 0 AND output_tokens > 0`,
      [tenantId, provider],
    )
    return rows[0]!.count
  } finally {
    await client.end()
  }
}

export const leaveClients = async (mesh: AllInOne, tenant: TestTenant, { clients, atOnce }: Wanted): Promise<Gone> => {
  const headers = tenant.as('admin')
  const upstream = await fakeOpenAi()
  upstream.rule = () => answer
  const make = async (path: string, body: object): Promise<void> => {
    const { status, text } = await mesh.request('POST', path, { headers, body })
    if (status !== 201) throw new Error(`${path}: ${status} ${text}`)
  }
  try {
    const vendor = { name: 'left', provider_type: 'openai_compat', api_base: upstream.base, api_key: 'sk-test' }
    await make('/v1/providers', vendor)
    await make('/v1/agents', { agent_key: 'left', provider: 'left', model: 'test-model' })
    let slowestMs = 0
    for (let left = 0; left < clients;) {
      const now = Math.min(atOnce, clients - left)
      const hangUps = await Promise.all(Array.from({ length: now }, () => readSome(mesh, headers)))
      left += now
      const began = performance.now()
      for (const hangUp of hangUps) hangUp()
      await eventually('their calls are closed upstream', async () => upstream.aborted >= left)
      slowestMs = Math.max(slowestMs, performance.now() - began)
    }
    const { common } = mesh.databaseUrls
    const recorded = () => countRecorded(common, tenant.id, 'left')
    await eventually('all usage is recorded', async () => (await recorded()) >= clients)
    return { closed: upstream.aborted, slowestMs, sockets: upstream.sockets, recorded: await recorded() }
  } finally {
    await upstream.close()
  }
}
