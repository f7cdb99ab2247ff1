/** Files that agents see in their workspace but that are kept elsewhere: memory and context files. */
import { toolError } from '../tool/tool-error.ts'
import type { AgentFacts, ToolContext } from '../tool/tool.ts'

/** A text that file tools read and change like a file. */
export interface Document {
  /** Undefined when there is none. @throws TOOL_ERROR when tools may not read it */
  read: () => Promise<string | undefined>
  /** Replaces the text; empty may remove it. @throws TOOL_ERROR when tools may not write it */
  write: (content: string) => Promise<void>
  /** @throws TOOL_ERROR when tools may not write it */
  append: (content: string) => Promise<void>
}

const contextFileNames = [
  'AGENTS.md',
  'SOUL.md',
  'IDENTITY.md',
  'USER.md',
  'USER_PREDEFINED.md',
  'BOOTSTRAP.md',
  'HEARTBEAT.md',
  'TOOLS.md',
]
/** Of a predefined agent only these belong to the user who is talking. */
const userFiles = ['USER.md', 'BOOTSTRAP.md']
/** Kept once for the agent, whatever its type. */
const agentFiles = ['HEARTBEAT.md']
/** What a tool may read of a predefined agent: the rest is in the prompt already, and shared by all its users. */
const predefinedReadable = ['USER.md', 'BOOTSTRAP.md', 'HEARTBEAT.md']
const predefinedWritable = ['USER.md', 'BOOTSTRAP.md', 'HEARTBEAT.md']
/** What makes the agent who it is; in a group only file writers change it. */
const groupProtected = ['SOUL.md', 'IDENTITY.md', 'AGENTS.md', 'USER.md', 'USER_PREDEFINED.md']

const needAgent = (context: ToolContext): AgentFacts => {
  if (!context.agent) throw toolError('this needs an agent, and the call names none')
  return context.agent
}

/** The user whose memory is meant; empty for the memory that all users share. */
export const memoryUserId = (context: ToolContext): string => (needAgent(context).shareMemory ? '' : context.userId)

/**
 * A memory document: the user's own, else the agent-wide one, else the team lead's.
 * @throws TOOL_ERROR without an agent or memory
 */
export const findMemoryDocument = async (
  context: ToolContext,
  path: string,
): Promise<{ content: string; scope: string } | undefined> => {
  const { id, leadId } = needAgent(context)
  if (!context.memory) throw toolError('memory is not available')
  for (const agentId of [id, ...(leadId ? [leadId] : [])]) {
    const { found, content, scope } = await context.memory.get({ agentId, userId: memoryUserId(context), path })
    if (found) return { content, scope }
  }
  return undefined
}

const memoryDocument = (context: ToolContext, path: string): Document => {
  const put = async (content: string, append: boolean): Promise<void> => {
    const agent = needAgent(context)
    if (!context.memory) throw toolError('memory is not available')
    if (agent.leadId) throw toolError('team members read the memory of their lead; only the lead writes it')
    await context.memory.put({ agentId: agent.id, userId: memoryUserId(context), path, content, append })
  }
  return {
    read: async () => (await findMemoryDocument(context, path))?.content,
    write: (content) => put(content, false),
    append: (content) => put(content, true),
  }
}

const refuseWrite = (context: ToolContext, agent: AgentFacts, name: string, content: string): string | undefined => {
  if (context.peerKind === 'group' && context.fileWriter === false && groupProtected.includes(name)) {
    return `in this group you may not change ${name}; someone with file-writer permission has to`
  }
  if (agent.type !== 'predefined') return undefined
  if (name === 'BOOTSTRAP.md' && content !== '')
    return 'BOOTSTRAP.md may only be emptied, which ends the first-run phase'
  const writable = [...predefinedWritable, ...(agent.selfEvolve ? ['SOUL.md'] : [])]
  return writable.includes(name) ? undefined : `${name} belongs to the agent's owner; tools may not change it`
}

const contextDocument = (context: ToolContext, name: string): Document => {
  const agent = needAgent(context)
  const files = context.contextFiles
  if (!files) throw toolError('context files are not available')
  const ofAgent = agentFiles.includes(name) || (agent.type === 'predefined' && !userFiles.includes(name))
  const key = { agentId: agent.id, userId: ofAgent ? '' : context.userId, fileName: name }
  const stored = async (): Promise<string | undefined> => {
    const { found, content } = await files.get(key)
    return found ? content : undefined
  }
  const check = (content: string): void => {
    const refusal = refuseWrite(context, agent, name, content)
    if (refusal !== undefined) throw toolError(refusal)
  }
  return {
    read: async () => {
      if (agent.type !== 'predefined' || predefinedReadable.includes(name)) return stored()
      throw toolError(`${name} is already part of your instructions and cannot be read with tools`)
    },
    write: async (content) => {
      check(content)
      await files.set({ ...key, content })
    },
    append: async (content) => {
      check(content)
      await files.set({ ...key, content: `${(await stored()) ?? ''}${content}` })
    },
  }
}

const isMemoryPath = (names: readonly string[]): boolean =>
  names.length === 1 ? names[0] === 'MEMORY.md' || names[0] === 'memory.md' : names[0] === 'memory'

/** The document that a path of the agent's workspace stands for, if it stands for one. @throws TOOL_ERROR */
export const documentAt = (context: ToolContext, names: readonly string[]): Document | undefined => {
  if (isMemoryPath(names)) return memoryDocument(context, names.join('/'))
  const name = names.length === 1 ? names[0] : undefined
  return name !== undefined && contextFileNames.includes(name) ? contextDocument(context, name) : undefined
}
