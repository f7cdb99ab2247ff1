/** The accounts of a pool that are asked for a call, in their order. */
import type { PoolRouting } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { Logger } from '@clawmesh/chassis'
import { MeshError } from '@clawmesh/contracts'
import { LRUCache } from 'lru-cache'
import type { ProviderConnection } from '../providers/connection.ts'
import type { ProviderSelection } from '../providers/selection.ts'
import { isRouted, orderOf, poolOf, turned, type Eligibility, type Pool } from './pool.ts'

/** Conversations whose account is remembered: their prompts are cached there. */
const mostConversations = 10_000

interface Parts {
  selection: Pick<ProviderSelection, 'named'>
  eligibility: (connection: ProviderConnection) => Promise<Eligibility>
  nextTurn: (tenantId: string, ownerId: string) => Promise<number>
  log: Logger
}

export interface Pooled {
  accountPool: Pool
  connections: ProviderConnection[]
}

export const createPoolSelection = ({ selection, eligibility, nextTurn, log }: Parts) => {
  const accountOf = new LRUCache<string, string>({ max: mostConversations })

  /** Accounts that are there and signed in, the owner first. */
  const accountsOf = async (owner: ProviderConnection, { members }: Pool): Promise<ProviderConnection[]> => {
    const named = async (name: string) => (name === owner.name ? owner : selection.named(owner.account!.tenantId, name))
    const found = await Promise.all(members.map(named))
    return found
      .filter((one) => one !== undefined)
      .filter(({ account, apiKey }) => account !== undefined && apiKey !== '')
  }

  /** Where a turn cannot be counted, one by chance is fair enough. */
  const turnOf = (owner: ProviderConnection): Promise<number> =>
    nextTurn(owner.account!.tenantId, owner.id!).catch((err: unknown) => {
      log.warn({ err, provider: owner.name }, 'the turn of a pool could not be counted')
      return Math.floor(Math.random() * 1_000)
    })

  return {
    accountsOf,

    /**
     * Undefined where the provider is no account, or its own account alone is asked.
     * @throws FAILED_PRECONDITION where none is signed in, or none can serve
     */
    pooled: async (
      owner: ProviderConnection,
      wished: PoolRouting | undefined,
      affinity: string,
    ): Promise<Pooled | undefined> => {
      if (owner.account === undefined || owner.id === undefined) return undefined
      const pool = poolOf(owner, wished)
      if (!isRouted(pool)) return undefined
      const accounts = await accountsOf(owner, pool)
      if (accounts.length === 0) throw new MeshError('FAILED_PRECONDITION', 'error.pool_not_signed_in')
      const rated = await Promise.all(
        accounts.map(async (connection) => ({ connection, eligibility: await eligibility(connection) })),
      )
      const { order, turning } = orderOf(pool.strategy, rated)
      if (order.length === 0)
        throw new MeshError('FAILED_PRECONDITION', 'error.pool_not_eligible', {
          accounts: rated.map(({ connection: { name }, eligibility: { reason } }) => `${name}:${reason}`).join(', '),
        })
      const connections = order.map(({ connection }) => connection)
      if (turning < 2) return { accountPool: pool, connections }
      const conversation = `${owner.id} ${affinity}`
      const stays = connections.findIndex(({ id }, at) => at < turning && id === accountOf.get(conversation))
      const first = affinity !== '' && stays >= 0 ? stays : (await turnOf(owner)) % turning
      if (affinity !== '') accountOf.set(conversation, connections[first]!.id)
      return { accountPool: pool, connections: turned(connections, turning, first) }
    },
  }
}

export type PoolSelection = ReturnType<typeof createPoolSelection>
