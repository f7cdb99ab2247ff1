/** `sandbox_config` of an agent, as clients of the contract write it. */
import { z } from 'zod'

const amount = (most: number) =>
  z
    .number()
    .min(1)
    .transform((value) => Math.min(Math.trunc(value), most))
    .optional()
    .catch(undefined)

/** What cannot be read counts as absent, and no limit goes above ours. */
const sandboxConfigSchema = z.object({
  mode: z.enum(['off', 'non-main', 'all']).optional().catch(undefined),
  workspace_access: z.enum(['none', 'ro', 'rw']).default('rw').catch('rw'),
  network_enabled: z.boolean().default(false).catch(false),
  memory_mb: amount(4096),
  pids_limit: amount(1024),
  timeout_sec: amount(600),
  tmpfs_size_mb: amount(1024),
  max_output_bytes: amount(1_048_576),
  env: z
    .record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), z.string().max(10_000))
    .default({})
    .catch({}),
})

export type SandboxConfig = z.output<typeof sandboxConfigSchema>

/** @param json absent for an agent without one */
export const readSandboxConfig = (json = '{}'): SandboxConfig => {
  const parsed = sandboxConfigSchema.safeParse(JSON.parse(json))
  return parsed.success ? parsed.data : sandboxConfigSchema.parse({})
}

export type SandboxMode = NonNullable<SandboxConfig['mode']>

/** Whether the commands of an agent run in the sandbox. */
export const usesSandbox = (mode: SandboxMode, agentKey: string): boolean =>
  mode === 'all' || (mode === 'non-main' && agentKey !== 'main' && agentKey !== 'default')
