/** Rules for pools of ChatGPT accounts: who may own one and who may be in it (contract notes providers-mcp.md 6). */
import { MeshError } from '@clawmesh/contracts'
import type { Provider } from './types.ts'
import { listOf, objectOf } from '../chat/protocols/json.ts'

type Candidate = Pick<Provider, 'id' | 'name' | 'providerType' | 'enabled' | 'settings'>

const poolType = 'chatgpt_oauth'

type Settings = Candidate['settings']

export const poolSettingsOf = (settings: Settings) => objectOf(settings['codex_pool'])
const ownsPool = ({ settings }: Candidate): boolean => poolSettingsOf(settings) !== undefined
/** The other accounts of a pool, each once, in their order. */
export const membersOf = (settings: Settings): string[] => [
  ...new Set(
    listOf(poolSettingsOf(settings)?.['extra_provider_names'])
      .filter((name) => typeof name === 'string')
      .map((name) => name.trim())
      .filter(Boolean),
  ),
]

/** `reason` is one of the words of `contracts/src/messages/words.ts`, `parts` what it speaks of. */
const refuse = (reason: string, parts: Record<string, string> = {}): never => {
  throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
    ...parts,
    field: 'settings.codex_pool',
    type: poolType,
    reason,
  })
}

/** Checks the pools of a tenant as they would be with the candidate stored. @throws INVALID_REQUEST */
export const checkPools = (candidate: Candidate, others: readonly Candidate[]): void => {
  if (ownsPool(candidate) && candidate.providerType !== poolType) refuse('pool of another type')
  const accounts = [candidate, ...others.filter(({ id }) => id !== candidate.id)].filter(
    ({ providerType, enabled }) => providerType === poolType && enabled,
  )
  const byName = new Map(accounts.map((account) => [account.name, account]))
  const ownerOf = new Map<string, string>()
  for (const owner of accounts.filter(ownsPool)) {
    for (const name of membersOf(owner.settings)) {
      const member = byName.get(name)
      if (name === owner.name) refuse('pool member of itself', { name })
      else if (member === undefined) refuse('pool member unknown', { name })
      else if (ownsPool(member)) refuse('pool member owns a pool', { name })
      else if (ownerOf.has(name)) refuse('pool member taken', { name, owner: ownerOf.get(name)! })
      ownerOf.set(name, owner.name)
    }
  }
}
