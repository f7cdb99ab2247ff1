/** What the `claude` program says of its account. */
import { toMeshError } from '@clawmesh/contracts'
import { toProviderError } from '../chat/protocols/failure.ts'
import { objectOf, parseJson, textOf } from '../chat/protocols/json.ts'
import type { CallOptions } from '../chat/protocols/options.ts'
import { programLines } from './program.ts'

const withinMs = 10_000
const limitBytes = 65_536

interface AuthStatus {
  loggedIn: boolean
  inDocker: boolean
  email?: string
  subscriptionType?: string
  error?: string
}

/** @param named the program of a provider, empty for the usual one */
export const claudeAuthStatus = async (
  named: string,
  { programs, inContainer = false, signal }: CallOptions,
): Promise<AuthStatus> => {
  const failed = (error: string): AuthStatus => ({ loggedIn: false, inDocker: inContainer, error })
  if (programs === undefined) return failed('providers on this machine are switched off')
  const within = AbortSignal.timeout(withinMs)
  try {
    let written = ''
    const lines = programLines({
      program: named || 'claude',
      args: ['auth', 'status', '--json'],
      cwd: programs.dir,
      input: '',
      signal: signal === undefined ? within : AbortSignal.any([signal, within]),
      firstLineMs: withinMs,
      idleMs: withinMs,
      limitBytes,
    })
    for await (const line of lines) written += line
    const said = objectOf(parseJson(written))
    if (typeof said?.['loggedIn'] !== 'boolean') return failed('the program answered something else')
    return {
      loggedIn: said['loggedIn'],
      inDocker: inContainer,
      email: textOf(said['email']),
      subscriptionType: textOf(said['subscriptionType']),
    }
  } catch (thrown) {
    return failed(toMeshError(toProviderError(thrown, 'claude', [])).message)
  }
}
