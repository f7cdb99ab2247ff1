/** Custom tools as agents have them. */
import type { Mesh, ServiceDb } from '@clawmesh/chassis'
import { openEnvOrNone } from '../cli-credentials/env.ts'
import type { CliEnv } from '../cli-credentials/types.ts'
import type { CustomTool as ToolRow, PrismaClient } from '../db/client/client.ts'
import { requirePorts } from '../tool/ports.ts'
import type { Tool } from '../tool/tool.ts'
import { argumentsSchema, shownParameters } from './parameters.ts'
import { customToolEnv, toCustomTool } from './rows.ts'
import { filled, readTemplate } from './template.ts'
import type { CustomTool } from './types.ts'

/** A tool, and whose it is. */
interface Owned {
  agentId: string | null
  tool: Tool
}
interface TenantTools {
  tools: readonly Owned[]
  /** Values of variables, for taking them out of answers. */
  secrets: readonly string[]
}

const cachedTenants = 10_000
const mostTools = 500
const longestSeconds = 600
/** Beside the command's own time, for placing it. */
const spareMs = 5_000

/** Undefined for one that an earlier version let in and that cannot be run any more. */
const toolOf = (row: CustomTool, env: CliEnv): Tool | undefined => {
  const { name, description, command, workingDir, timeoutSeconds } = row
  const template = readTemplate(command)
  const parameters = argumentsSchema(row.parameters)
  if (template === undefined || parameters === undefined) return undefined
  const timeoutMs = Math.min(timeoutSeconds, longestSeconds) * 1000
  return {
    name,
    description,
    parameters,
    jsonSchema: shownParameters(row.parameters),
    timeoutMs: timeoutMs + spareMs,
    run: (args, context) => {
      const { shell, signal } = requirePorts(name, context, ['shell'])
      return shell.run({
        command: filled(template, args),
        workingDir: workingDir === '' ? '.' : workingDir,
        signal,
        ofOperator: { env, timeoutMs },
      })
    },
  }
}

export const createCustomToolOffer = (
  mesh: Mesh,
  db: ServiceDb<PrismaClient>,
  isBuiltIn: (name: string) => boolean,
) => {
  const cache = mesh.cache<TenantTools>('custom_tools', cachedTenants)

  const envOf = ({ id, tenantId, encryptedEnv }: ToolRow): CliEnv =>
    openEnvOrNone(mesh, encryptedEnv, { column: customToolEnv, tenantId, rowId: id })
  const read = async (tenantId: string): Promise<TenantTools> => {
    const rows = await db.forTenant(tenantId).prisma.customTool.findMany({
      where: { tenantId, enabled: true },
      orderBy: { name: 'asc' },
      take: mostTools,
    })
    // A name may have become one of ours since.
    const opened = rows.filter(({ name }) => !isBuiltIn(name)).map((row) => ({ row, env: envOf(row) }))
    return {
      tools: opened.flatMap(({ row, env }) => {
        const tool = toolOf(toCustomTool(row), env)
        return tool === undefined ? [] : [{ agentId: row.agentId, tool }]
      }),
      secrets: opened.flatMap(({ env }) => Object.values(env)),
    }
  }
  const known = async (tenantId: string): Promise<TenantTools> =>
    (await cache.get(tenantId, 'tools', () => read(tenantId)))!

  return {
    /** The tools of an agent, its own before those of all. @param isFresh reads the rows, for who keeps the answer */
    toolsFor: async (tenantId: string, agentId: string, isFresh: boolean): Promise<Tool[]> => {
      const { tools } = isFresh ? await read(tenantId) : await known(tenantId)
      const own = tools.filter((each) => each.agentId === agentId && agentId !== '')
      const names = new Set(own.map(({ tool }) => tool.name))
      const shared = tools.filter((each) => each.agentId === null && !names.has(each.tool.name))
      return [...own, ...shared].map(({ tool }) => tool)
    },

    /** Values that no answer in the tenant may hold. */
    secretsOf: async (tenantId: string): Promise<readonly string[]> => (await known(tenantId)).secrets,
  }
}
