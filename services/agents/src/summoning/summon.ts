/** Summons an agent: a model writes who it is. */
import { setTimeout as sleep } from 'node:timers/promises'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { cutText, type JobAttempt, type Logger } from '@clawmesh/chassis'
import { identityOf } from '../chat/identity-file.ts'
import { contextTemplates } from '../context-files/templates.ts'
import { descriptionOf } from '../agents/description.ts'
import type { Agent } from '../agents/types.ts'
import { isNothing, readAnswer, summonedFiles, type SummonedFile, type Written } from './answer.ts'
import { changedFilesQuestion, newFilesQuestion, type Question } from './questions.ts'
import type { Summoned, Summoning } from './types.ts'

/** What the work needs of the rows of one tenant. */
export interface SummonWorkRows {
  /** Undefined when it has ended or another one has begun. */
  find: (agentId: string, id: string) => Promise<Summoning | undefined>
  isOn: (agentId: string, id: string) => Promise<boolean>
  tellStarted: (agent: Pick<Agent, 'id' | 'ownerId'>) => Promise<void>
  /** False, and nothing is written, when the summoning is not on any more. */
  complete: (agentId: string, id: string, summoned: Summoned) => Promise<boolean>
  fail: (agentId: string, id: string, error: string) => Promise<boolean>
}

/** Asks the agent's model. @throws the provider's error, AGENT_TIMEOUT when it takes too long */
export type AskForFiles = (summoning: Summoning, question: Question, signal: AbortSignal) => Promise<string>

interface Parts {
  rowsOf: (tenantId: string) => SummonWorkRows
  ask: AskForFiles
  log: Logger
  /** All of it, milliseconds. */
  withinMs: number
  /** How often it is looked whether somebody has cancelled it, milliseconds. */
  watchMs: number
}

const errorChars = 300
const shortDescription = 200
const mostNameChars = 100

/** The files that nobody has written yet. */
const untouched = ({ files }: Pick<Summoning, 'files'>): SummonedFile[] =>
  summonedFiles.filter((name) => files[name] === undefined || files[name] === contextTemplates[name])

const unreadable = (): MeshError => new MeshError('UNAVAILABLE', 'error.summoning_unreadable')

export const createSummon = ({ rowsOf, ask, log, withinMs, watchMs }: Parts) => {
  /** In one answer; where the model is too slow for that, in two shorter ones. */
  const writeNew = async (summoning: Summoning, signal: AbortSignal): Promise<Written> => {
    const description = descriptionOf(summoning.agent)
    const names = untouched(summoning)
    const written = Object.fromEntries(
      Object.entries(summoning.files).filter(([name]) => !names.includes(name as SummonedFile)),
    )
    const askFor = async (some: readonly SummonedFile[], known: Written['files']): Promise<Written> =>
      some.length === 0
        ? { frontmatter: undefined, files: {} }
        : readAnswer(await ask(summoning, newFilesQuestion(description, some, known), signal))
    try {
      return await askFor(names, written)
    } catch (thrown) {
      if (toMeshError(thrown).code !== 'AGENT_TIMEOUT' || signal.aborted) throw thrown
    }
    const soul = await askFor(
      names.filter((name) => name === 'SOUL.md'),
      written,
    )
    const rest = await askFor(
      names.filter((name) => name !== 'SOUL.md'),
      { ...written, ...soul.files },
    )
    return { frontmatter: soul.frontmatter ?? rest.frontmatter, files: { ...soul.files, ...rest.files } }
  }

  const summonNew = async (summoning: Summoning, signal: AbortSignal): Promise<Summoned> => {
    const description = descriptionOf(summoning.agent)
    const names = untouched(summoning)
    const { frontmatter, files } = await writeNew(summoning, signal)
    const kept = Object.fromEntries(Object.entries(files).filter(([name]) => names.includes(name as SummonedFile)))
    if (names.length > 0 && isNothing({ frontmatter, files: kept })) throw unreadable()
    const short = cutText(description, shortDescription)
    return {
      files: {
        'USER_PREDEFINED.md': summoning.files['USER_PREDEFINED.md'] ?? contextTemplates['USER_PREDEFINED.md'],
        ...kept,
      },
      frontmatter: frontmatter ?? (short === description ? description : `${short}…`),
    }
  }

  const regenerate = async (summoning: Summoning, prompt: string, signal: AbortSignal): Promise<Summoned> => {
    const written = readAnswer(await ask(summoning, changedFilesQuestion(prompt, summoning.files), signal))
    if (isNothing(written)) throw unreadable()
    const { frontmatter, files } = written
    return { files, ...(frontmatter === undefined ? {} : { frontmatter }) }
  }

  const named = (summoned: Summoned): Summoned => {
    const { name } = identityOf(summoned.files['IDENTITY.md'] ?? '')
    return name === undefined ? summoned : { ...summoned, displayName: cutText(name, mostNameChars) }
  }

  /** Aborts `stop` once the summoning is not on any more. */
  const watch = async (tenantId: string, agentId: string, id: string, stop: AbortController): Promise<void> => {
    while (!stop.signal.aborted) {
      await sleep(watchMs, undefined, { signal: stop.signal }).catch(() => undefined)
      const isOn =
        stop.signal.aborted ||
        (await rowsOf(tenantId)
          .isOn(agentId, id)
          .catch(() => true))
      if (!isOn) stop.abort(new MeshError('CANCELLED', 'error.cancelled'))
    }
  }

  return async ({
    tenantId,
    data: { agentId, summoningId },
    call,
    isLast,
  }: JobAttempt<{ agentId: string; summoningId: string }>): Promise<void> => {
    const rows = rowsOf(tenantId)
    const summoning = await rows.find(agentId, summoningId)
    if (summoning === undefined) return
    const stop = new AbortController()
    const watching = watch(tenantId, agentId, summoningId, stop)
    const signal = AbortSignal.any([call.signal, stop.signal, AbortSignal.timeout(withinMs)])
    try {
      await rows.tellStarted(summoning.agent)
      const { prompt } = summoning
      const summoned = await (prompt === null ? summonNew(summoning, signal) : regenerate(summoning, prompt, signal))
      await rows.complete(agentId, summoningId, named(summoned))
    } catch (thrown) {
      // Another replica begins again what this one leaves behind.
      if (call.signal.aborted && !isLast) throw thrown
      const error = toMeshError(thrown)
      log.warn({ err: error, tenantId, agentId }, 'an agent could not be summoned')
      await rows.fail(agentId, summoningId, cutText(error.message, errorChars))
    } finally {
      stop.abort()
      await watching
    }
  }
}
