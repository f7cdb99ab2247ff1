/** The first chat of a user with an agent: what is written for it, how long it lasts, and what the agent is reminded of. */
import type { Logger } from '@clawmesh/chassis'
import type { Agent } from '../agents/types.ts'
import { firstChatFiles } from '../context-files/templates.ts'
import { meetingFile, type ContextFile } from '../context-files/types.ts'
import type { ContextFileUseCases } from '../context-files/use-cases.ts'
import { unattended } from './prompt-sections.ts'
import { promptModeOf } from './prompt.ts'
import type { RunRequest } from './types.ts'

/** Turns after which they know each other, whatever was written. */
const mostTurns = 3
/** Without it the agent could write nothing down. */
const writer = 'write_file'
/** What a group is shown of an agent only where a file writer talks; an empty text stands in place of any other. */
const writersOnly = ['SOUL.md', 'AGENTS.md']
const blankName = /^[ \t]*(?:[-*][ \t]+)?(?:\*\*Name:\*\*|\*\*Name\*\*:|Name:)[ \t]*$/m

interface Meeting<T> {
  files: ContextFile[]
  /** The tools that the agent has now. */
  tools: T[]
  isFirstMeeting: boolean
  reminders: readonly string[]
}

type Request = Pick<RunRequest, 'agent' | 'userId' | 'origin' | 'sessionKey'>

/** Whether a person talks with the agent alone. */
const isDirectChat = ({ origin: { channel, peerKind }, userId, sessionKey }: Request): boolean =>
  userId !== '' &&
  peerKind === 'direct' &&
  !unattended.includes(channel) &&
  promptModeOf({ channel, sessionKey }) === 'full' &&
  !/^agent:[^:]*:team:/.test(sessionKey ?? '')

const nothingWritten =
  'Nothing of what you learned is written down yet: write USER.md with write_file, then empty BOOTSTRAP.md.'
const nameUnknown = 'You do not know what this person is called. Once they say it, write it into USER.md.'

interface Parts {
  files: Pick<ContextFileUseCases, 'forRun' | 'seed' | 'countMeeting' | 'endMeeting'>
  /** Whether somebody may change who the agent is from where they talk with it. */
  isFileWriter: (
    tenantId: string,
    agentId: string,
    who: { userId: string; channel: string; chatId: string; peerKind: string },
  ) => Promise<boolean>
  log: Logger
}

/** What a turn is shown of its agent and user. Whatever goes wrong with the first chat is no reason to have no turn. */
export type Meet = <T extends { name: string }>(request: Request, tools: Promise<readonly T[]>) => Promise<Meeting<T>>

export const createMeet = ({ files: contextFiles, isFileWriter, log }: Parts): Meet => {
  const seededFor = (agent: Agent, userId: string, shared: readonly ContextFile[]): ContextFile[] =>
    Object.entries(firstChatFiles[agent.agentType] ?? {}).map(([name, template]) => {
      // What the owner has written for all users is where each of them begins.
      const own = shared.find((file) => file.name === name)?.content
      return { userId, name, content: own ?? template }
    })

  const tolerant = (agent: Agent, work: Promise<void>): Promise<void> =>
    work.catch((err: unknown) => log.warn({ err, agent: agent.agentKey }, 'the first chat of a user could not be kept'))

  /** The number of the turn in the first meeting; undefined when there is none, or no more. */
  const turnOf = async (agent: Agent, userId: string, own: readonly ContextFile[]): Promise<number | undefined> => {
    if (!own.some(({ name }) => name === meetingFile)) return undefined
    const turn = await contextFiles.countMeeting(agent, userId).catch((err: unknown) => {
      log.warn({ err, agent: agent.agentKey }, 'the turns of a first chat could not be counted')
      return 1
    })
    if (turn >= 1 && turn <= mostTurns) return turn
    if (turn > mostTurns) await tolerant(agent, contextFiles.endMeeting(agent, userId))
    return undefined
  }

  return async (request, listed) => {
    const { agent, userId } = request
    const [stored, tools, isWriter] = await Promise.all([
      contextFiles.forRun(agent, userId),
      listed,
      isFileWriter(agent.tenantId, agent.id, { userId, ...request.origin }),
    ])
    let files = isWriter ? stored : [...stored, ...writersOnly.map((name) => ({ userId, name, content: '' }))]
    const known = { files, tools: [...tools], isFirstMeeting: false, reminders: [] }
    if (!isDirectChat(request) || !tools.some(({ name }) => name === writer)) return known
    const shared = files.filter((file) => file.userId === '')
    if (files.length === shared.length) {
      const seeded = seededFor(agent, userId, shared)
      await tolerant(agent, contextFiles.seed(agent, seeded))
      files = [...files, ...seeded]
    }
    const own = files.filter((file) => file.userId === userId)
    const turn = await turnOf(agent, userId, own)
    const person = own.find(({ name }) => name === 'USER.md')?.content
    const isNameUnknown = person !== undefined && blankName.test(person)
    if (turn === undefined) return { ...known, files, reminders: isNameUnknown ? [nameUnknown] : [] }
    const isUnwritten = person === seededFor(agent, userId, shared).find(({ name }) => name === 'USER.md')?.content
    return {
      files,
      // An open agent is nobody yet: it gets to know the person, and writes that down.
      tools: agent.agentType === 'open' ? tools.filter(({ name }) => name === writer) : [...tools],
      isFirstMeeting: true,
      reminders: turn > 1 && isUnwritten ? [nothingWritten] : [],
    }
  }
}
