/** The programs that agents of a tenant run with credentials, as admins set them. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { mask, maySet, unmasked } from './env.ts'
import { isPattern, matchedPattern } from './patterns.ts'
import { cliPresets } from './presets.ts'
import type {
  CliChanges,
  CliCredential,
  CliEnv,
  CliFields,
  CliUserCredential,
  CliWrite,
  NewCliCredential,
} from './types.ts'

/** The programs of one tenant. */
export interface CliRows {
  /** By the name of the program, those of an agent before the one of all. */
  list: () => Promise<CliCredential[]>
  find: (id: string) => Promise<CliCredential | undefined>
  /** @throws ALREADY_EXISTS */
  insert: (
    credential: CliFields & Pick<CliCredential, 'id' | 'createdBy'>,
    env: CliEnv,
    actor: Actor,
  ) => Promise<CliCredential>
  /** Writes what `change` makes of the stored one. False when there is none. @throws ALREADY_EXISTS; what `change` throws */
  update: (id: string, actor: Actor, change: (stored: CliCredential, env: () => CliEnv) => CliWrite) => Promise<boolean>
  /** Fine when there is none. */
  remove: (id: string, actor: Actor) => Promise<void>
  removeOfAgent: (agentId: string) => Promise<void>

  /** Oldest first. */
  listUsers: (id: string) => Promise<CliUserCredential[]>
  /** Which there are, and that somebody has looked; undefined when there are none. */
  readUser: (id: string, userId: string, actor: Actor) => Promise<CliUserCredential | undefined>
  /** Writes what `change` makes of the stored ones. @throws NOT_FOUND for an unknown program */
  putUser: (id: string, userId: string, actor: Actor, change: (stored: () => CliEnv) => CliEnv) => Promise<void>
  /** Fine when there are none. */
  removeUser: (id: string, userId: string, actor: Actor) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => CliRows
  findAgentId: (call: Call, agent: string) => Promise<string | undefined>
}

const defaultSeconds = 30

export const credentialNotFound = (id: string): MeshError =>
  new MeshError('NOT_FOUND', 'error.not_found', { kind: 'credential', id })
const required = (field: string) => new MeshError('INVALID_REQUEST', 'error.required', { field })

const checkPatterns = (field: string, patterns: readonly string[] = []): void => {
  if (!patterns.every(isPattern))
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', { field, reason: 'no pattern that can be read' })
}
/** @throws INVALID_REQUEST for a variable that may not be set */
export const checkEnv = (env: CliEnv = {}): void => {
  const wrong = Object.keys(env).find((name) => !maySet(name))
  if (wrong !== undefined)
    throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
      field: `env.${wrong}`,
      reason: 'names a variable that may not be set',
    })
}

const presetOf = (name = '') => {
  if (name === '') return undefined
  if (Object.hasOwn(cliPresets, name)) return cliPresets[name]
  throw new MeshError('INVALID_REQUEST', 'error.unknown_preset', { preset: name })
}

export const createCliUseCases = ({ rowsOf, findAgentId }: Parts) => {
  const checkAgent = async (call: Call, agentId: string | null | undefined): Promise<void> => {
    if (agentId && (await findAgentId(call, agentId)) === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agentId })
  }

  const get = async ({ tenantId }: Caller, id: string): Promise<CliCredential> => {
    const found = await rowsOf(tenantId).find(id)
    if (found === undefined) throw credentialNotFound(id)
    return found
  }

  return {
    list: ({ tenantId }: Caller) => rowsOf(tenantId).list(),

    /** @throws NOT_FOUND */
    get,

    /** @throws INVALID_REQUEST, NOT_FOUND for an unknown agent, ALREADY_EXISTS */
    create: async (call: Call, asked: NewCliCredential): Promise<CliCredential> => {
      const preset = presetOf(asked.preset)
      const binaryName = asked.binaryName || preset?.binaryName
      if (binaryName === undefined) throw required('binary_name')
      const env = unmasked(asked.env, {})
      if (Object.keys(env).length === 0) throw required('env')
      const denyArgs = asked.denyArgs?.length ? asked.denyArgs : [...(preset?.denyArgs ?? [])]
      const denyVerbose = asked.denyVerbose?.length ? asked.denyVerbose : [...(preset?.denyVerbose ?? [])]
      const seconds = asked.timeoutSeconds ?? preset?.timeout ?? 0
      checkEnv(env)
      checkPatterns('deny_args', denyArgs)
      checkPatterns('deny_verbose', denyVerbose)
      await checkAgent(call, asked.agentId)
      const { caller } = call
      return rowsOf(caller.tenantId).insert(
        {
          id: newId(),
          createdBy: caller.userId,
          binaryName,
          binaryPath: asked.binaryPath || null,
          description: asked.description || (preset?.description ?? ''),
          denyArgs,
          denyVerbose,
          timeoutSeconds: seconds > 0 ? seconds : (preset?.timeout ?? defaultSeconds),
          tips: asked.tips || (preset?.tips ?? ''),
          agentId: asked.agentId ?? null,
          enabled: asked.enabled,
        },
        env,
        actorOf(call),
      )
    },

    /** @throws INVALID_REQUEST, NOT_FOUND, ALREADY_EXISTS */
    update: async (call: Call, id: string, { env, ...changes }: CliChanges): Promise<void> => {
      checkEnv(env)
      checkPatterns('deny_args', changes.denyArgs)
      checkPatterns('deny_verbose', changes.denyVerbose)
      await checkAgent(call, changes.agentId)
      const { timeoutSeconds, binaryPath } = changes
      const fields = {
        ...changes,
        ...(timeoutSeconds === undefined
          ? {}
          : { timeoutSeconds: timeoutSeconds > 0 ? timeoutSeconds : defaultSeconds }),
        ...(binaryPath === undefined ? {} : { binaryPath: binaryPath || null }),
      }
      const found = await rowsOf(call.caller.tenantId).update(id, actorOf(call), (stored, storedEnv) => {
        const moves = fields.binaryName !== undefined && fields.binaryName !== stored.binaryName
        const kept = (): CliEnv => (moves ? {} : storedEnv())
        const after = env === undefined ? (moves ? {} : undefined) : unmasked(env, kept())
        return { fields, env: after, dropsUsers: moves }
      })
      if (!found) throw credentialNotFound(id)
    },

    /** Fine when there is none. */
    remove: (call: Call, id: string): Promise<void> => rowsOf(call.caller.tenantId).remove(id, actorOf(call)),

    forgetAgent: (tenantId: string, agentId: string): Promise<void> => rowsOf(tenantId).removeOfAgent(agentId),

    /** Which commands would be refused for their arguments. Nothing is run. @throws NOT_FOUND */
    test: async (caller: Caller, id: string, commands: readonly string[]) => {
      const credential = await get(caller, id)
      const start = `${credential.binaryName} `
      return commands.map((command) => {
        const rest = command.startsWith(start) ? command.slice(start.length) : command
        const matchedDeny = matchedPattern(credential, rest) ?? null
        return { command, allowed: matchedDeny === null, matchedDeny }
      })
    },

    /** @throws NOT_FOUND */
    listUsers: async (caller: Caller, id: string): Promise<CliUserCredential[]> => {
      await get(caller, id)
      return rowsOf(caller.tenantId).listUsers(id)
    },

    /** The variables of a user, masked; null where none are stored. @throws NOT_FOUND */
    getUser: async (call: Call, id: string, userId: string) => {
      const found = await rowsOf(call.caller.tenantId).readUser(id, userId, actorOf(call))
      if (found === undefined) throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'credential', id: userId })
      const env = Object.fromEntries(found.envKeys.map((name) => [name, mask]))
      return { userId, env: found.envKeys.length === 0 ? null : env }
    },

    /** @throws INVALID_REQUEST, NOT_FOUND */
    setUser: async (call: Call, id: string, userId: string, env: CliEnv): Promise<void> => {
      checkEnv(env)
      await rowsOf(call.caller.tenantId).putUser(id, userId, actorOf(call), (stored) =>
        unmasked(env, Object.values(env).includes(mask) ? stored() : {}),
      )
    },

    /** Fine when there are none. @throws NOT_FOUND for an unknown program */
    removeUser: async (call: Call, id: string, userId: string): Promise<void> => {
      await get(call.caller, id)
      await rowsOf(call.caller.tenantId).removeUser(id, userId, actorOf(call))
    },
  }
}

export type CliUseCases = ReturnType<typeof createCliUseCases>
