/** Files that agents see in their workspace but that are kept elsewhere: memory and context files. */
import { isMemoryPath, memoryDocument } from '../memory/memory-document.ts'
import { requirePorts } from '../tool/ports.ts'
import { toolError } from '../tool/tool-error.ts'
import type { AgentFacts, ToolContext } from '../tool/tool.ts'
import type { Document } from './document.ts'

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

const refuseWrite = (agent: AgentFacts, name: string, content: string): string | undefined => {
  if (agent.type !== 'predefined') return undefined
  if (name === 'BOOTSTRAP.md' && content !== '')
    return 'BOOTSTRAP.md may only be emptied, which ends the first-run phase'
  const writable = [...predefinedWritable, ...(agent.selfEvolve ? ['SOUL.md'] : [])]
  return writable.includes(name) ? undefined : `${name} belongs to the agent's owner; tools may not change it`
}

const contextDocument = (context: ToolContext, name: string): Document => {
  const { agent, contextFiles: files } = requirePorts(name, context, ['agent', 'contextFiles'])
  const ofAgent = agentFiles.includes(name) || (agent.type === 'predefined' && !userFiles.includes(name))
  const key = { agentId: agent.id, userId: ofAgent ? '' : context.userId, fileName: name }
  const stored = async (): Promise<string | undefined> => {
    const { found, content } = await files.get(key)
    return found ? content : undefined
  }
  /** Whoever is getting to know the agent writes down who they are. */
  const isMeeting = async (): Promise<boolean> =>
    name === 'USER.md' && (await files.get({ ...key, userId: context.userId, fileName: 'BOOTSTRAP.md' })).found
  const check = async (content: string): Promise<void> => {
    const refusal = refuseWrite(agent, name, content)
    if (refusal !== undefined) throw toolError(refusal)
    if (!groupProtected.includes(name) || (await files.isWriter()) || (await isMeeting())) return
    throw toolError(`in this group you may not change ${name}; someone with file-writer permission has to`)
  }
  return {
    read: async () => {
      if (agent.type !== 'predefined' || predefinedReadable.includes(name)) return stored()
      throw toolError(`${name} is already part of your instructions and cannot be read with tools`)
    },
    write: async (content) => {
      await check(content)
      await files.set({ ...key, content })
    },
    append: async (content) => {
      await check(content)
      await files.set({ ...key, content: `${(await stored()) ?? ''}${content}` })
    },
  }
}

/** The document that a path of the agent's workspace stands for, if it stands for one. @throws TOOL_ERROR */
export const documentAt = (context: ToolContext, names: readonly string[]): Document | undefined => {
  if (isMemoryPath(names)) return memoryDocument(context, names.join('/'))
  const name = names.length === 1 ? names[0] : undefined
  return name !== undefined && contextFileNames.includes(name) ? contextDocument(context, name) : undefined
}
