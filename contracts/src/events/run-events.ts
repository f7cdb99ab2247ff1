/** What a run tells while it goes on: fire and forget, never stored. */
import { z } from 'zod'
import { usageData } from './events.ts'

export const runSubject = (tenantId: string, runId: string): string => `mesh.runs.${tenantId}.${runId}`

/** Live events of a run, in order; never stored. */
const runBase = {
  runId: z.string(),
  agentId: z.string(),
  agentKey: z.string(),
  sessionKey: z.string(),
  userId: z.string(),
  channel: z.string(),
  /** Its number among the events of its run, from 1; the end of a lost run has none. */
  seq: z.number().int().optional(),
}
/** Long texts in them are cut. */
const toolArguments = z.record(z.string(), z.unknown())
export const runEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('run.started'), message: z.string().optional(), ...runBase }),
  z.object({ type: z.literal('chunk'), content: z.string(), ...runBase }),
  z.object({ type: z.literal('thinking'), content: z.string(), ...runBase }),
  z.object({
    type: z.literal('activity'),
    phase: z.string(),
    iteration: z.number().int(),
    tools: z.array(z.string()).optional(),
    content: z.string().optional(),
    ...runBase,
  }),
  z.object({ type: z.literal('tool.call'), id: z.string(), name: z.string(), arguments: toolArguments, ...runBase }),
  z.object({
    type: z.literal('tool.result'),
    id: z.string(),
    name: z.string(),
    arguments: toolArguments,
    result: z.string(),
    isError: z.boolean(),
    ...runBase,
  }),
  z.object({ type: z.literal('block.reply'), content: z.string(), ...runBase }),
  z.object({ type: z.literal('run.retrying'), attempt: z.number().int(), reason: z.string(), ...runBase }),
  z.object({
    type: z.literal('run.completed'),
    content: z.string(),
    usage: usageData,
    finishReason: z.enum(['stop', 'length', 'tool_calls']).optional(),
    /** Files that go with the answer. */
    media: z.array(z.object({ path: z.string(), contentType: z.string() })).optional(),
    ...runBase,
  }),
  // What was shown of the answer, where that is told.
  z.object({ type: z.literal('run.failed'), error: z.string(), content: z.string().optional(), ...runBase }),
  z.object({ type: z.literal('run.cancelled'), ...runBase }),
])
export type RunEvent = z.infer<typeof runEvent>

const runEnds: readonly string[] = ['run.completed', 'run.failed', 'run.cancelled'] satisfies RunEvent['type'][]
/** Whether an event is the last of its run. */
export const endsRun = ({ type }: { type: string }): boolean => runEnds.includes(type)
