/** Runs the tool calls of one model answer, in parallel, their results in call order. */
import type { ToolCall } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import type { ToolContext } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { MeshError, toMeshError } from '@clawmesh/contracts'
import { cutText, isJsonDeeperThan, maxJsonDepth, type Call } from '@clawmesh/chassis'
import type { Json } from '../agents/types.ts'
import type { NewMessage, StoredToolCall } from '../sessions/types.ts'
import { guardedResult } from './input-guard.ts'
import { shownArguments, type LiveEvents } from './live-events.ts'
import type { LoopDetector } from './loop-detector.ts'
import { innerCallOf } from './inner-calls.ts'
import { mediaOfResult } from './media.ts'
import { createSlowTools } from './slow-tools.ts'
import type { RunTrace } from './spans.ts'

export type InvokeTool = (
  call: Call,
  request: { tool: string; argumentsJson: string; context: ToolContext },
) => Promise<{ output: string; isError: boolean; metadataJson?: string }>

interface ToolTurn {
  call: Call
  calls: readonly ToolCall[]
  context: ToolContext
  invoke: InvokeTool
  live: LiveEvents
  trace: RunTrace
  loops: LoopDetector
  iteration: number
  /** The answer with the calls was cut at its token limit. */
  isCut: boolean
  /** Results from outside that try to take over get a warning. */
  guardsResults: boolean
}

interface ToolTurnResult {
  results: NewMessage[]
  /** Some call had arguments that could not be read. */
  malformed: boolean
  /** The agent goes in circles: no more tools. */
  stop: boolean
  /** Some tool has found others, which can be called from now on. */
  foundTools: boolean
  /** Files that the tools have made for the answer. */
  made: string[]
}

const loopWarning =
  '\n\n[You are going in circles: the same calls, the same results, or only looking. Try something else, or answer.]'

/** Calls that can be stored, sent and run: arguments nested too deep for any of these count as unreadable. */
export const readableCalls = (calls: readonly ToolCall[], isCut: boolean): ToolCall[] =>
  calls.map((call, place) => {
    if (isJsonDeeperThan(call.argumentsJson))
      return { ...call, argumentsJson: '{}', parseError: `arguments are nested deeper than ${maxJsonDepth}` }
    // Arguments that were not even begun look like none.
    const isBare = isCut && place === calls.length - 1 && call.argumentsJson === '{}' && call.parseError === ''
    return isBare ? { ...call, parseError: 'arguments are missing' } : call
  })

/** Calls as they are stored. Ids that are missing or doubled get new ones, as a result must find its call. */
export const storedCalls = (calls: readonly ToolCall[], taken: Set<string>): StoredToolCall[] =>
  calls.map(({ id, name, argumentsJson, parseError }, index) => {
    const unique = id !== '' && !taken.has(id) ? id : `call_${taken.size}_${index}`
    taken.add(unique)
    return {
      id: unique,
      name,
      arguments: JSON.parse(argumentsJson) as Json,
      ...(parseError === '' ? {} : { parseError }),
    }
  })

/** Known to the process, for all runs. */
const slowTools = createSlowTools()

const unreadable = (parseError: string, isCut: boolean): string =>
  isCut
    ? `Your answer was cut at its token limit, and this call with it (${parseError}). Make it again with less in it, in several calls if need be.`
    : `The arguments of this call could not be read (${parseError}). Send them again as one JSON object.`

const runOne = async (turn: ToolTurn, tool: ToolCall) => {
  const { call, context, invoke, live, trace, iteration } = turn
  const shown = { id: tool.id, name: tool.name, arguments: shownArguments(tool.argumentsJson) }
  live.send({ type: 'tool.call', ...shown })
  const span = trace.toolCall(tool.name, tool.id, tool.argumentsJson)
  const watch = () =>
    slowTools.watch(call.caller.tenantId, tool.name, () =>
      live.send({ type: 'activity', phase: 'tool_slow', iteration, tools: [tool.name] }),
    )
  const result =
    tool.parseError === ''
      ? await invoke(call, { tool: tool.name, argumentsJson: tool.argumentsJson, context })
          .catch((thrown: unknown) => {
            call.signal.throwIfAborted()
            // A tool that cannot be reached is news for the model; a person who left is the end of the run.
            const error = toMeshError(thrown)
            if (error.code === 'CANCELLED') throw error
            return { output: error.message, isError: true, metadataJson: '' }
          })
          .finally(watch())
      : { output: unreadable(tool.parseError, turn.isCut), isError: true, metadataJson: '' }
  const inner = result.isError ? undefined : innerCallOf(tool.name, result.metadataJson)
  if (inner !== undefined) span.modelCall(inner)
  span.end({ output_preview: result.output, ...(result.isError ? { error: cutText(result.output, 200) } : {}) })
  live.send({ type: 'tool.result', ...shown, result: result.output, isError: result.isError })
  return result
}

/** Runs all calls of a turn. @throws CANCELLED when the requester has gone */
export const runToolTurn = async (turn: ToolTurn): Promise<ToolTurnResult> => {
  if (turn.call.signal.aborted) throw new MeshError('CANCELLED', 'error.cancelled')
  const outcomes = await Promise.all(turn.calls.map((tool) => runOne(turn, tool)))
  let stop = false
  const results = outcomes.map(({ output, isError }, index): NewMessage => {
    const tool = turn.calls[index]!
    const advice = turn.loops.seen(tool.name, tool.argumentsJson, output)
    stop ||= advice === 'stop'
    const guarded = turn.guardsResults ? guardedResult(tool.name, output) : output
    return {
      role: 'tool',
      content: advice === 'warn' ? guarded + loopWarning : guarded,
      extra: { toolCallId: tool.id, ...(isError ? { isError } : {}) },
    }
  })
  const made = outcomes.flatMap(({ output, isError, metadataJson = '' }, index) =>
    isError ? [] : mediaOfResult(turn.calls[index]!.name, output, metadataJson),
  )
  const foundTools = outcomes.some(({ metadataJson = '' }) => metadataJson.includes('"foundTools":true'))
  return { results, stop, made, foundTools, malformed: turn.calls.some(({ parseError }) => parseError !== '') }
}
