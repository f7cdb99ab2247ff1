/** The records of an archive, under the names that they have there. */
import { http, timestamp, uuid } from '@clawmesh/contracts'
import { z } from 'zod'
import { checkedSchedule, type Schedule } from '../cron/schedule.ts'

const userId = z.string().max(255)
const properties = z.record(z.string().max(255), z.string().max(10_000))
const confidence = z.number().min(0).max(1).default(1)
const loose = z.looseObject({})
const text = (max: number) => z.string().max(max).default('')

const { body: agentBody } = http.agents.operations.createAgent
/** What an agent is, in the fields of the contract. */
export const agentFields = agentBody.pick({
  display_name: true,
  frontmatter: true,
  provider: true,
  model: true,
  context_window: true,
  max_tool_iterations: true,
  agent_type: true,
  tools_config: true,
  sandbox_config: true,
  subagents_config: true,
  memory_config: true,
  compaction_config: true,
  context_pruning: true,
  other_config: true,
})

const cronJob = z.object({
  name: z.string().max(255),
  user_id: userId.default(''),
  schedule_kind: z.enum(['at', 'every', 'cron']),
  cron_expression: z.string().max(100).nullish(),
  interval_ms: z.number().nullish(),
  run_at: timestamp.nullish(),
  timezone: z.string().max(50).nullish(),
  payload: z.looseObject({ message: z.string().max(100_000).default('') }),
  delete_after_run: z.boolean().default(false),
  stateless: z.boolean().default(false),
  deliver: z.boolean().default(false),
  deliver_channel: text(100),
  deliver_to: text(255),
  wake_heartbeat: z.boolean().default(false),
})

/** The schedule of an archived job. @throws INVALID_REQUEST */
export const scheduleOf = (job: z.output<typeof cronJob>): Schedule =>
  checkedSchedule(
    {
      kind: job.schedule_kind,
      expr: job.cron_expression ?? undefined,
      everyMs: job.interval_ms ?? undefined,
      atMs: job.run_at == null ? undefined : Date.parse(job.run_at),
      tz: job.timezone ?? undefined,
    },
    'UTC',
  )

const isReadable = (job: z.output<typeof cronJob>): boolean => {
  try {
    return scheduleOf(job).kind === job.schedule_kind
  } catch {
    return false
  }
}

/** The kinds of records by their names; what a schema does not name is dropped. */
export const records = {
  agent: agentFields.extend({ agent_key: z.string().max(255).optional() }),
  manifest: z.looseObject({
    version: z.literal(1),
    format: z.literal('goclaw-agent-export'),
    exported_at: timestamp,
    exported_by: z.string().max(255),
    agent_key: z.string().max(255),
    agent_id: uuid,
    sections: loose,
  }),
  document: z.object({ path: z.string().min(1).max(500), content: z.string(), user_id: userId.optional() }),
  entity: z.object({
    external_id: z.string().min(1).max(255),
    user_id: userId.default(''),
    name: z.string().min(1).max(10_000),
    entity_type: z.string().max(100),
    description: text(100_000),
    properties: properties.default({}),
    confidence,
  }),
  relation: z.object({
    source_external_id: z.string().min(1).max(255),
    target_external_id: z.string().min(1).max(255),
    user_id: userId.default(''),
    relation_type: z.string().min(1).max(200),
    confidence,
    properties: properties.default({}),
  }),
  /** A session is followed by its messages. */
  sessionLine: z.union([
    z.object({
      session: z.object({
        session_key: z.string().min(1).max(500),
        user_id: userId.default(''),
        summary: z.string().default(''),
        model: text(200),
        provider: text(50),
        channel: text(50),
        input_tokens: z.number().int().min(0).default(0),
        output_tokens: z.number().int().min(0).default(0),
        compaction_count: z.number().int().min(0).max(2_147_483_647).default(0),
        /** How many of its messages the summary tells of. */
        summarised: z.number().int().min(0).max(2_147_483_647).default(0),
        label: text(500),
        metadata: loose.default({}),
        created_at: timestamp.optional(),
        updated_at: timestamp.optional(),
      }),
    }),
    z.object({
      message: z.object({
        role: z.enum(['user', 'assistant', 'tool']),
        content: z.string(),
        extra: loose.nullish(),
        created_at: timestamp.optional(),
      }),
    }),
  ]),
  cronJob: cronJob.refine(isReadable, 'no schedule'),
  share: z.object({ user_id: userId.min(1), role: z.string().max(20).default('user') }),
  permission: z.object({
    scope: z.string().max(255),
    config_type: z.string().max(50),
    user_id: userId,
    permission: z.enum(['allow', 'deny']),
    metadata: loose.default({}),
  }),
  profile: z.object({
    user_id: userId.min(1),
    metadata: loose.default({}),
    first_seen_at: timestamp.optional(),
    last_seen_at: timestamp.optional(),
  }),
} satisfies Record<string, z.ZodType>

type Records = typeof records
export type RecordName = keyof Records
export type RecordOf<K extends RecordName> = z.output<Records[K]>

export interface ContextFileRecord {
  /** Empty for a file of the agent itself. */
  userId: string
  name: string
  content: string
}

export interface FileRecord {
  /** Relative to the workspace. */
  path: string
  size: number
  content: AsyncIterable<Buffer>
}

/** One thing that is read out of an archive; the bytes of a file are gone when the next one is asked for. */
export type ArchiveItem =
  | { [K in RecordName]: { kind: K; value: RecordOf<K> } }[RecordName]
  | { kind: 'contextFile'; value: ContextFileRecord }
  | { kind: 'file'; value: FileRecord }
