/** Two tenants that know an agent of the same id, users of the same names and things of the same names: who finds what of whom. */
import { newId } from '@clawmesh/chassis'
import type { Caller } from '@clawmesh/contracts'
import type { MemoryHarness } from '../../../services/memory/test/support.ts'
import { createRandom } from '../../bench/memory/corpus.ts'
import { testCaller } from '../../support/service-harness.ts'

export interface TenantsOutcome {
  asked: number
  /** Rows that were answered. */
  rows: number
  /** Those among them that are the other tenant's. */
  foreign: number
}

const words = ['heron', 'stork', 'crane', 'egret', 'ibis', 'bittern', 'spoonbill', 'pelican', 'grebe', 'rail']
const users = ['', 'ann', 'ben', 'cem']
const documentsOfUser = 3
const things = 20
/** How many ask at a time. */
const atOnce = 8

interface Tenant {
  caller: Caller
  /** In all that it has. */
  mark: string
  entities: string[]
}

/** Asks at random: searches of chunks, of entities, and walks, also from what is the other tenant's. */
export const memoryTenants = async (harness: MemoryHarness, questions: number, seed = 5): Promise<TenantsOutcome> => {
  const random = createRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const agentId = newId()
  const base = `/v1/agents/${agentId}`
  const tenants = ['mineonly', 'theirsonly'].map((mark): Tenant => ({ caller: testCaller(), mark, entities: [] }))
  for (const { caller, mark, entities } of tenants) {
    harness.addAgent(caller, { id: agentId })
    for (const user_id of users)
      for (let at = 0; at < documentsOfUser; at++) {
        const content = Array.from({ length: 20 }, () => `${pick(words)} and ${pick(words)} ${mark}`).join('\n')
        await harness.request(caller, 'PUT', `${base}/memory/documents/notes-${at}.md`, { content, user_id })
      }
    for (let at = 0; at < things; at++) {
      const entity = {
        external_id: `thing-${at}`,
        name: `${words[at % words.length]} ${at}`,
        entity_type: 'concept',
        description: mark,
      }
      const { body } = await harness.request(caller, 'POST', `${base}/kg/entities`, entity)
      entities.push(String(body['id']))
    }
    const ends = entities.flatMap(() => Array.from({ length: 3 }, () => [pick(entities), pick(entities)] as const))
    await harness.database.pool.query(
      `INSERT INTO memory.kg_relations (id, tenant_id, agent_id, source_entity_id, relation_type, target_entity_id)
       SELECT gen_random_uuid(), $1, $2, a, 'related_to', b FROM unnest($3::uuid[], $4::uuid[]) AS r (a, b) ON CONFLICT DO NOTHING`,
      [caller.tenantId, agentId, ends.map(([from]) => from), ends.map(([, to]) => to)],
    )
  }

  const outcome = { asked: 0, rows: 0, foreign: 0 }
  const askOne = async (): Promise<void> => {
    const [me, other] = random() < 0.5 ? [tenants[0]!, tenants[1]!] : [tenants[1]!, tenants[0]!]
    const from = random() < 0.3 ? other : me
    const query = `${pick(words)} ${random() < 0.3 ? other.mark : pick(words)}`
    const user_id = pick(users)
    const ways = [
      () => harness.request<unknown>(me.caller, 'POST', `${base}/memory/search`, { query, user_id, max_results: 20 }),
      () => harness.request<unknown>(me.caller, 'GET', `${base}/kg/entities?q=${encodeURIComponent(query)}`),
      () =>
        harness.request<unknown>(me.caller, 'POST', `${base}/kg/traverse`, {
          entity_id: pick(from.entities),
          max_depth: 3,
        }),
      () => harness.request<unknown>(me.caller, 'GET', `${base}/kg/entities/${pick(from.entities)}`),
    ]
    const { status, body } = await pick(ways)()
    if (status !== 200 && status !== 404) throw new Error(`${status} ${JSON.stringify(body)}`)
    const text = status === 404 ? '' : JSON.stringify(body)
    outcome.asked += 1
    outcome.rows += text.split(me.mark).length - 1
    outcome.foreign += other.entities.filter((id) => text.includes(id)).length + text.split(other.mark).length - 1
  }
  const askOn = async (): Promise<void> => {
    while (outcome.asked + atOnce <= questions) await askOne()
  }
  await Promise.all(Array.from({ length: atOnce }, askOn))
  while (outcome.asked < questions) await askOne()
  return outcome
}
