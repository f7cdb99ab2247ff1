/** The credentials of programs as commands are given them, from a cache that changes evict. */
import { cutText, type Mesh, type SecretColumn, type ServiceDb } from '@clawmesh/chassis'
import { uuid } from '@clawmesh/contracts'
import type { PrismaClient } from '../db/client/client.ts'
import { binaryEnv, openEnvOrNone, userEnv } from './env.ts'
import { toCredential } from './rows.ts'
import type { CliCredential, CliEnv } from './types.ts'

/** A program of a tenant, with the variables that a user's commands are given. */
export interface GivenProgram extends CliCredential {
  /** The user's own over the program's. */
  env: CliEnv
}

interface CliAccess {
  programs: readonly GivenProgram[]
  /** Every value that is known here, for taking them out of answers. */
  secrets: readonly string[]
}

const cachedUsers = 10_000
const mostTold = 20
const mostToldText = 400

/** The row that holds for an agent: its own before the one of all agents. */
export const programFor = <P extends Pick<CliCredential, 'binaryName' | 'agentId' | 'enabled'>>(
  programs: readonly P[],
  name: string,
  agentId: string,
): P | undefined => {
  const named = programs.filter((program) => program.enabled && program.binaryName === name)
  return named.find((program) => program.agentId === agentId) ?? named.find((program) => program.agentId === null)
}

const toldOf = ({ binaryName, description, denyArgs, denyVerbose, tips }: CliCredential): string => {
  const blocked = [...denyArgs, ...denyVerbose]
  const parts = [description, blocked.length > 0 ? `blocked: ${blocked.join(', ')}` : '', tips]
  return `- ${binaryName}: ${cutText(parts.filter((part) => part !== '').join('; '), mostToldText)}`
}

export const createCliAccess = (mesh: Mesh, db: ServiceDb<PrismaClient>) => {
  const cache = mesh.cache<CliAccess>('secure_cli', cachedUsers)

  const read = async (tenantId: string, userId: string): Promise<CliAccess> => {
    const { prisma } = db.forTenant(tenantId)
    const [binaries, own] = await Promise.all([
      prisma.secureCliBinary.findMany({ where: { tenantId } }),
      userId === '' ? [] : prisma.secureCliUserCredential.findMany({ where: { tenantId, userId } }),
    ])
    const opened = (column: SecretColumn, { id, encryptedEnv }: { id: string; encryptedEnv: string | null }): CliEnv =>
      openEnvOrNone(mesh, encryptedEnv, { column, tenantId, rowId: id })
    const users = new Map(own.map((row) => [row.binaryId, opened(userEnv, row)]))
    const bases = binaries.map((row) => opened(binaryEnv, row))
    return {
      programs: binaries.map((row, at) => ({ ...toCredential(row), env: { ...bases[at], ...users.get(row.id) } })),
      secrets: [...new Set([...bases, ...users.values()].flatMap((env) => Object.values(env)))],
    }
  }
  const accessOf = async (tenantId: string, userId: string): Promise<CliAccess> =>
    (await cache.get(tenantId, userId, () => read(tenantId, userId)))!

  return {
    /** What a command that begins with a program's name is run with; undefined where that is no such program. */
    programOf: async (
      { tenantId, userId, agentId }: { tenantId: string; userId: string; agentId: string },
      name: string,
    ): Promise<GivenProgram | undefined> => programFor((await accessOf(tenantId, userId)).programs, name, agentId),

    /** Values that no answer may hold. */
    secretsOf: async (tenantId: string, userId: string): Promise<readonly string[]> =>
      (await accessOf(tenantId, userId)).secrets,

    /** What an agent is told of the programs, read from the rows; empty where there are none. */
    notesFor: async (tenantId: string, agentId: string): Promise<string> => {
      const own = uuid.safeParse(agentId).success ? [{ agentId }] : []
      const rows = await db.forTenant(tenantId).prisma.secureCliBinary.findMany({
        where: { tenantId, enabled: true, OR: [{ agentId: null }, ...own] },
        orderBy: { binaryName: 'asc' },
      })
      const names = [...new Set(rows.map(({ binaryName }) => binaryName))]
      const lines = names.slice(0, mostTold).map((name) => toldOf(programFor(rows, name, agentId)!))
      return lines.length === 0
        ? ''
        : `These programs have credentials here. Run each alone, as the whole command, without pipes, redirections or other commands:\n${lines.join('\n')}`
    },
  }
}
