/** How much a run would show its model at first. */
import type { Call } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import type { NewMessage } from '../sessions/types.ts'
import { charsPerToken } from './context-settings.ts'
import { promptFiles } from './prompt-files.ts'
import { promptModeOf, systemPrompt } from './prompt.ts'
import { storedChars, sumOf, toolChars } from './sizes.ts'
import type { ClientTools, ListTools, RunOrigin } from './types.ts'

interface Shown {
  agent: Agent
  origin: RunOrigin
  requestSystem: string
  clientTools: ClientTools | undefined
  messages: readonly NewMessage[]
  /** Of the images and files in the messages. */
  mediaTokens: number
}

/** About how many tokens a run of the caller would take, prompt and tools of the agent included, but not what a
 * first chat has besides; nothing is started. */
export type PromptTokens = (call: Call, shown: Shown) => Promise<number>

interface Parts {
  contextFiles: ContextFileUseCases['forRun']
  listTools: ListTools
}

export const createPromptTokens =
  ({ contextFiles, listTools }: Parts): PromptTokens =>
  async (call, { agent, origin, requestSystem, clientTools, messages, mediaTokens }) => {
    const { userId } = call.caller
    const [files, own] = await Promise.all([contextFiles(agent, userId), listTools(call, agent, userId)])
    const theirs = clientTools?.tools ?? []
    const names = new Set(theirs.map(({ name }) => name))
    const offered = [...own.filter(({ name }) => !names.has(name)), ...theirs]
    const toolNames = offered.map(({ name }) => name)
    const prompt = systemPrompt(
      {
        agent,
        files: promptFiles(agent, files),
        toolNames,
        origin,
        userId,
        requestSystem,
        now: new Date(),
        isFirstMeeting: false,
        reminders: [],
      },
      promptModeOf(origin),
    )
    const chars = prompt.length + sumOf(offered, toolChars) + sumOf(messages, storedChars)
    return Math.ceil(chars / charsPerToken) + mediaTokens
  }
