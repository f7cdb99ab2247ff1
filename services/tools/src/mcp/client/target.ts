/** How a server is reached for somebody: its stored fields, its secrets, and those of the user. */
import { toolError } from '../../tool/tool-error.ts'
import type { McpSecrets } from '../secrets.ts'
import type { Challenge } from '../oauth/types.ts'
import type { McpServer, McpTransport } from '../servers/types.ts'

/** The token that requests carry. */
export interface TargetAuth {
  /** @throws SignInNeeded, OauthFault */
  token: () => Promise<string>
  /** A token was refused. Resolves once another try makes sense. @throws SignInNeeded, OauthFault */
  refused: (challenge: Challenge, token: string | undefined) => Promise<void>
}

/** Where a program runs. */
export interface ProgramPlace {
  /** Names of the folder that is the program's own, one in the other; undefined for one that is gone with it. */
  folder: readonly string[] | undefined
  network: boolean
}

export interface McpTarget {
  transport: McpTransport
  command: string
  args: readonly string[]
  url: string
  headers: Record<string, string>
  env: Record<string, string>
  /** Of a program; where it is not said, it has a folder that is gone with it, and the network. */
  place?: ProgramPlace | undefined
  /** Set where the user signs in to the server; there is no other Authorization header then. */
  auth?: TargetAuth | undefined
}

type Reached = Pick<McpServer, 'transport' | 'command' | 'args' | 'url'>

const fromEnvironment = 'env:'

/** Header names are the same whatever their case. */
const withHeader = (headers: Record<string, string>, name: string, value: string): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(headers).filter(([other]) => other.toLowerCase() !== name.toLowerCase())),
  [name]: value,
})

/** The same, with tokens of the user instead of any other authorization. */
export const signedIn = (target: McpTarget, auth: TargetAuth): McpTarget => ({
  ...target,
  headers: Object.fromEntries(
    Object.entries(target.headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  ),
  auth,
})

const has = (headers: Record<string, string>, name: string): boolean =>
  Object.keys(headers).some((other) => other.toLowerCase() === name.toLowerCase())

/**
 * A user's own secrets go over the server's. A header `env:NAME` is that variable of ours, where the operator opened it.
 * @param open names of variables that headers may name
 * @throws TOOL_ERROR for a header that names another
 */
export const targetOf = (
  { transport, command, args, url }: Reached,
  secrets: McpSecrets,
  own: McpSecrets | undefined,
  open: readonly string[],
): McpTarget => {
  const resolved = Object.entries(secrets.headers).map(([name, value]): [string, string] => {
    if (!value.startsWith(fromEnvironment)) return [name, value]
    const variable = value.slice(fromEnvironment.length)
    if (!open.includes(variable)) throw toolError(`the header ${name} names a variable that is not open to MCP servers`)
    return [name, process.env[variable] ?? '']
  })
  let headers: Record<string, string> = Object.fromEntries(resolved)
  if (secrets.apiKey !== '' && !has(headers, 'authorization')) headers['Authorization'] = `Bearer ${secrets.apiKey}`
  if (own !== undefined) {
    if (own.apiKey !== '') headers = withHeader(headers, 'Authorization', `Bearer ${own.apiKey}`)
    for (const [name, value] of Object.entries(own.headers)) headers = withHeader(headers, name, value)
  }
  return { transport, command, args, url, headers, env: { ...secrets.env, ...own?.env } }
}
