/** Runs one tool: the only way in for agents and for the invoke endpoint. */
import { cutText, isDeeperThan, maxJsonDepth } from '@clawmesh/chassis'
import { readableArguments } from './arguments.ts'
import { MeshError } from '@clawmesh/contracts'
import type { z } from 'zod'
import { unmetNeedsOf, type Lacking } from '../builtin-tools/catalogue.ts'
import { failureText } from './failure-text.ts'
import { allowedTools, calledTool, type PolicyInput } from '../policy/policy.ts'
import { scrub, scrubDeep, type ScrubOptions } from './scrub.ts'
import { fails, type Tool, type ToolContext, type ToolResult } from '../tool/tool.ts'

export interface InvokeDeps {
  /** The tools that exist and are enabled for the tenant: `availableTools`. */
  tools: readonly Tool[]
  policy: PolicyInput
  /** What the installation has not set up. */
  lacking?: Lacking | undefined
  /** Default 120 s. */
  timeoutMs?: number | undefined
  /** False where the operator switched scrubbing off. */
  scrub?: ScrubOptions | false | undefined
  /** Counts the call; false where the session has had as many as it may. Default: it may. */
  takeCall?: (() => boolean) | undefined
  /** Told of failures that were not worded for the model; for the log. */
  onUnexpected?: ((tool: string, thrown: unknown) => void) | undefined
}

export interface InvokeRequest {
  /** As called: an alias or the agent's tool-call prefix is understood. */
  tool: string
  args: unknown
  context: Omit<ToolContext, 'signal'>
  signal?: AbortSignal | undefined
}

/** The tools of `deps` that the policy leaves. */
export const offeredTools = ({ tools, policy }: Pick<InvokeDeps, 'tools' | 'policy'>): Tool[] => {
  const registry = tools.map(({ name }) => name)
  const allowed = new Set(allowedTools(registry, policy))
  return tools.filter(({ name }) => allowed.has(name))
}

const notFound = (called: string, name: string, lacking?: Lacking): MeshError => {
  const needs = unmetNeedsOf(name, lacking)
  const tool = cutText(called, 200)
  return needs === undefined
    ? new MeshError('NOT_FOUND', 'error.unknown_tool', { tool })
    : new MeshError('NOT_FOUND', 'error.tool_needs', { tool, needs: needs.join(', ') })
}

/**
 * The tool that a call means. One that does not exist, is disabled or is denied is unknown: the answer does not tell
 * which. One that nobody can run here says what it needs.
 * @throws NOT_FOUND error.unknown_tool, error.tool_needs
 */
export const findTool = (deps: Pick<InvokeDeps, 'tools' | 'policy' | 'lacking'>, called: string): Tool => {
  const prefix = deps.policy.agent?.toolCallPrefix ?? deps.policy.global?.toolCallPrefix
  const named = (name: string) => offeredTools({ ...deps, tools: deps.tools.filter((tool) => tool.name === name) })[0]
  const tool = named(calledTool(called, prefix)) ?? named(calledTool(called))
  if (!tool) throw notFound(called, calledTool(called, prefix), deps.lacking)
  return tool
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)

/** Of a list of thousands of wrong ones no more are told. */
const mostFaults = 10

/** Names fields that are wrong, and how. */
const argumentFault = (error: z.ZodError, args: unknown): string =>
  error.issues
    .slice(0, mostFaults)
    .map(({ path, message }) => {
      const field = path.join('.')
      if (field === '') return 'arguments must be an object'
      return valueAt(args, path) === undefined ? `${field} is required` : `${field}: ${message}`
    })
    .join('; ')

/** Settles when `work` does, or with the signal's reason when that fires first: a tool that ignores it is left behind. */
const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
    work.catch(() => {})
  }
}

/** A tool may take longer than others, never less long than the installation lets all of them. */
const timeoutOf = ({ tools, timeoutMs = 120_000 }: InvokeDeps, called: string): number =>
  Math.max(timeoutMs, tools.find(({ name }) => name === calledTool(called))?.timeoutMs ?? 0)

const run = async (deps: InvokeDeps, request: InvokeRequest): Promise<ToolResult> => {
  const { onUnexpected } = deps
  const timeoutMs = timeoutOf(deps, request.tool)
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
  // Inherits the ports, so that none is made before it is asked for.
  const context = Object.assign(Object.create(request.context) as typeof request.context, { signal })
  try {
    const tool = findTool(deps, request.tool)
    if (deps.takeCall?.() === false)
      return fails('rate limit reached: this session has called as many tools within an hour as it may')
    if (isDeeperThan(request.args)) return fails(`the arguments are nested deeper than ${maxJsonDepth}`)
    const args = readableArguments(tool, request.args ?? {})
    const parsed = tool.parameters.safeParse(args)
    if (!parsed.success) return fails(`invalid arguments for ${tool.name}: ${argumentFault(parsed.error, args)}`)
    signal.throwIfAborted()
    return await orAborted(tool.run(parsed.data, context), signal)
  } catch (thrown) {
    if (request.signal?.aborted) return fails('the call was cancelled', { code: 'CANCELLED' })
    if (timeout.aborted)
      return fails(`the tool did not finish within ${Math.ceil(timeoutMs / 1000)} seconds`, { code: 'TIMEOUT' })
    if (!(thrown instanceof MeshError) || thrown.code === 'INTERNAL') onUnexpected?.(request.tool, thrown)
    return fails(failureText(thrown, context))
  }
}

/**
 * Runs a tool and never throws: what goes wrong is a result with `isError`. Arguments are checked against the tool's
 * schema, the answer is scrubbed of secrets.
 */
export const invokeTool = async (deps: InvokeDeps, request: InvokeRequest): Promise<ToolResult> => {
  const result = await run(deps, request)
  if (deps.scrub === false) return result
  return {
    output: scrub(result.output, deps.scrub),
    isError: result.isError,
    forUser: scrub(result.forUser, deps.scrub),
    metadata: scrubDeep(result.metadata, deps.scrub) as Record<string, unknown>,
  }
}
