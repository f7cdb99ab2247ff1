/** Memory as tools see it: whose it is, and its documents as files. */
import type { Document } from '../files/document.ts'
import { requirePorts } from '../tool/ports.ts'
import { toolError } from '../tool/tool-error.ts'
import type { AgentFacts, ToolContext } from '../tool/tool.ts'

/** The user whose memory is meant; empty for the memory that all users share. */
export const memoryUserId = ({ shareMemory }: AgentFacts, userId: string): string => (shareMemory ? '' : userId)

/**
 * A memory document: the user's own, else the agent-wide one, else the team lead's.
 * @throws TOOL_ERROR without an agent or memory
 */
export const findMemoryDocument = async (
  context: ToolContext,
  path: string,
): Promise<{ content: string; scope: string } | undefined> => {
  const { agent, memory, userId } = requirePorts(path, context, ['agent', 'memory'])
  for (const agentId of [agent.id, ...(agent.leadId ? [agent.leadId] : [])]) {
    const { found, content, scope } = await memory.get({ agentId, userId: memoryUserId(agent, userId), path })
    if (found) return { content, scope }
  }
  return undefined
}

/** A memory document as a file. */
export const memoryDocument = (context: ToolContext, path: string): Document => {
  const put = async (content: string, append: boolean): Promise<void> => {
    const { agent, memory, userId } = requirePorts(path, context, ['agent', 'memory'])
    if (agent.leadId) throw toolError('team members read the memory of their lead; only the lead writes it')
    await memory.put({ agentId: agent.id, userId: memoryUserId(agent, userId), path, content, append })
  }
  return {
    read: async () => (await findMemoryDocument(context, path))?.content,
    write: (content) => put(content, false),
    append: (content) => put(content, true),
  }
}

/** Whether names that lead from a workspace to a file mean a memory document. */
export const isMemoryPath = (names: readonly string[]): boolean =>
  names.length === 1 ? names[0] === 'MEMORY.md' || names[0] === 'memory.md' : names[0] === 'memory'
