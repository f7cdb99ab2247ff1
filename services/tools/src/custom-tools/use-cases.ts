/** Commands that a tenant makes tools of its agents. */
import { MeshError, type Caller } from '@clawmesh/contracts'
import { actorOf, newId, type Actor, type Call } from '@clawmesh/chassis'
import { mask, unmasked } from '../cli-credentials/env.ts'
import type { CliEnv } from '../cli-credentials/types.ts'
import { argumentsSchema } from './parameters.ts'
import { readTemplate } from './template.ts'
import type { CustomTool, CustomToolChanges, CustomToolFields, CustomToolQuery, NewCustomTool } from './types.ts'

/** The custom tools of one tenant. */
export interface CustomToolRows {
  page: (query: CustomToolQuery) => Promise<{ tools: CustomTool[]; total: number }>
  find: (id: string) => Promise<CustomTool | undefined>
  /** @throws ALREADY_EXISTS */
  insert: (
    tool: CustomToolFields & Pick<CustomTool, 'id' | 'createdBy'>,
    env: CliEnv,
    actor: Actor,
  ) => Promise<CustomTool>
  /** False when there is none. @param envOf what the variables become; undefined leaves them @throws ALREADY_EXISTS */
  update: (
    id: string,
    fields: Partial<CustomToolFields>,
    envOf: ((stored: () => CliEnv) => CliEnv) | undefined,
    actor: Actor,
  ) => Promise<boolean>
  /** Fine when there is none. */
  remove: (id: string, actor: Actor) => Promise<void>
  removeOfAgent: (agentId: string) => Promise<void>
}

interface Parts {
  rowsOf: (tenantId: string) => CustomToolRows
  findAgentId: (call: Call, agent: string) => Promise<string | undefined>
  checkEnv: (env: CliEnv | undefined) => void
  /** Whether a tool of that name is built in. */
  isBuiltIn: (name: string) => boolean
}

const defaultSeconds = 60

const toolNotFound = (id: string) => new MeshError('NOT_FOUND', 'error.not_found', { kind: 'tool', id })

export const createCustomToolUseCases = ({ rowsOf, findAgentId, checkEnv, isBuiltIn }: Parts) => {
  /** @throws INVALID_REQUEST, NOT_FOUND for an unknown agent, ALREADY_EXISTS for a name of a built-in tool */
  const check = async (call: Call, { name, command, parameters, agentId, env }: CustomToolChanges): Promise<void> => {
    if (name !== undefined && isBuiltIn(name))
      throw new MeshError('ALREADY_EXISTS', 'error.already_exists', { kind: 'tool name', id: name })
    if (command !== undefined && readTemplate(command) === undefined)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'command',
        reason: 'cannot be read, or has a placeholder where no word can stand',
      })
    if (parameters !== undefined && argumentsSchema(parameters) === undefined)
      throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
        field: 'parameters',
        reason: 'no JSON Schema of an object',
      })
    checkEnv(env)
    if (agentId && (await findAgentId(call, agentId)) === undefined)
      throw new MeshError('NOT_FOUND', 'error.not_found', { kind: 'agent', id: agentId })
  }
  const secondsOf = (seconds: number): number => (seconds > 0 ? seconds : defaultSeconds)

  return {
    page: ({ tenantId }: Caller, query: CustomToolQuery) => rowsOf(tenantId).page(query),

    /** @throws NOT_FOUND */
    get: async ({ tenantId }: Caller, id: string): Promise<CustomTool> => {
      const found = await rowsOf(tenantId).find(id)
      if (found === undefined) throw toolNotFound(id)
      return found
    },

    /** @throws INVALID_REQUEST, NOT_FOUND, ALREADY_EXISTS */
    create: async (call: Call, { env = {}, ...asked }: NewCustomTool): Promise<CustomTool> => {
      await check(call, { ...asked, env })
      return rowsOf(call.caller.tenantId).insert(
        {
          ...asked,
          id: newId(),
          createdBy: call.caller.userId,
          agentId: asked.agentId ?? null,
          timeoutSeconds: secondsOf(asked.timeoutSeconds),
        },
        unmasked(env, {}),
        actorOf(call),
      )
    },

    /** @throws INVALID_REQUEST, NOT_FOUND, ALREADY_EXISTS */
    update: async (call: Call, id: string, { env, ...changes }: CustomToolChanges): Promise<void> => {
      await check(call, { ...changes, env })
      const { timeoutSeconds } = changes
      const found = await rowsOf(call.caller.tenantId).update(
        id,
        { ...changes, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds: secondsOf(timeoutSeconds) }) },
        env && ((stored) => unmasked(env, Object.values(env).includes(mask) ? stored() : {})),
        actorOf(call),
      )
      if (!found) throw toolNotFound(id)
    },

    /** Fine when there is none. */
    remove: (call: Call, id: string): Promise<void> => rowsOf(call.caller.tenantId).remove(id, actorOf(call)),

    forgetAgent: (tenantId: string, agentId: string): Promise<void> => rowsOf(tenantId).removeOfAgent(agentId),
  }
}

export type CustomToolUseCases = ReturnType<typeof createCustomToolUseCases>
