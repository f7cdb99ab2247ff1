/** What a turn costs whose primary refuses at once, beside one whose primary answers. */
import { apiOf } from '../support/mesh-api.ts'
import { startAll } from '../support/mesh-all.ts'
import { addBenchProvider } from './provider.ts'
import { printTurns } from './percentile.ts'
import { refusedModel } from './refused-model.ts'

interface Parts {
  databaseUrl: string
  upstreamOrigin: string
  env: Record<string, string>
}

const turnsEach = 60
const warmUps = 20
const token = 'the gateway token of the benchmark'

/**
 * Measures over one process, in turns. A refusal rests the model that refused, and the next turn would not ask it: so
 * each turn is the first of an agent of its own, whose model nobody asked before, in both kinds.
 */
export const failoverBench = async ({ databaseUrl, upstreamOrigin, env }: Parts): Promise<void> => {
  const all = await startAll({ env: { ...env, DATABASE_URL: databaseUrl, GOCLAW_GATEWAY_TOKEN: token } })
  try {
    const api = apiOf({ url: all.url, token, userId: 'system' })
    await addBenchProvider(api, upstreamOrigin)
    const kinds = new Map([
      ['the primary answers', 'bench'],
      ['the primary refuses, the next one answers', refusedModel],
    ])
    const times = new Map<string, number[]>([...kinds.keys()].map((kind) => [kind, []]))
    for (let at = 0; at < warmUps + turnsEach; at++)
      for (const [kind, model] of kinds) {
        const agent = `${model}-${at}`
        await api.need('POST', '/v1/agents', {
          agent_key: agent,
          provider: 'bench',
          model: agent,
          other_config: { fallbacks: [{ provider: 'bench', model: 'bench' }] },
        })
        const startedAt = performance.now()
        await api.need('POST', `/v1/agents/${agent}/wake`, {
          message: 'And then?',
          session_key: `agent:${agent}:bench`,
        })
        if (at >= warmUps) times.get(kind)!.push(performance.now() - startedAt)
      }
    printTurns(`the first turn of an agent, 1 at a time, ${turnsEach} each`, times)
  } finally {
    await all.stop()
  }
}
