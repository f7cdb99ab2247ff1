/** The name of a prompt cache with OpenAI: calls that share it go where their prompts are cached. */
import { sha256Hex } from '@clawmesh/chassis'
import type { Json } from './json.ts'
import type { ChatCall } from './protocol.ts'

const keyChars = 32

/** The field that names the cache of a call; it says nothing of whose it is. None for a call that nobody goes on with. */
export const cacheKeyFields = ({ routing }: Pick<ChatCall, 'routing'>): Json => {
  const name = routing?.cacheKey ?? routing?.affinity ?? ''
  return name === '' ? {} : { prompt_cache_key: sha256Hex(name).slice(0, keyChars) }
}
