/** How the commands of an agent run apart: its `sandbox_config`, over what the installation says for all. */
import { z } from 'zod'

const amount = (most: number) =>
  z
    .number()
    .min(1)
    .transform((value) => Math.min(Math.trunc(value), most))

/** No limit goes above ours. */
export const sandboxFields = {
  workspace_access: z.enum(['none', 'ro', 'rw']),
  network_enabled: z.boolean(),
  memory_mb: amount(4096),
  pids_limit: amount(1024),
  timeout_sec: amount(600),
  tmpfs_size_mb: amount(1024),
  max_output_bytes: amount(1_048_576),
  env: z.record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), z.string().max(10_000)),
  /** Runs in the sandbox before each command of an agent. */
  setup_command: z.string().trim().min(1).max(10_000),
}
type FieldName = keyof typeof sandboxFields

/** What the installation says for agents that do not. */
export type SandboxDefaults = { [Name in FieldName]?: z.output<(typeof sandboxFields)[Name]> }

/** `sandbox_config` as clients of the contract write it: what cannot be read counts as absent. */
const ofAgentSchema = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((written): { mode: SandboxMode | undefined; said: SandboxDefaults } => ({
    mode: z.enum(['off', 'non-main', 'all']).optional().catch(undefined).parse(written['mode']),
    said: Object.fromEntries(
      (Object.keys(sandboxFields) as FieldName[]).flatMap((name) => {
        const { success, data } = sandboxFields[name].safeParse(written[name])
        return success ? [[name, data]] : []
      }),
    ),
  }))

const usual = { workspace_access: 'rw', network_enabled: false } as const

export type SandboxMode = 'off' | 'non-main' | 'all'
export type SandboxConfig = Omit<SandboxDefaults, 'env' | keyof typeof usual> &
  Required<Pick<SandboxDefaults, 'env' | keyof typeof usual>> & { mode: SandboxMode | undefined }

/**
 * @param json absent for an agent without one
 * @param installation what holds where the agent does not say; variables of both are given
 */
export const readSandboxConfig = (json = '{}', installation: SandboxDefaults = {}): SandboxConfig => {
  const { mode, said } = ofAgentSchema.parse(JSON.parse(json))
  return { ...usual, ...installation, ...said, env: { ...installation.env, ...said.env }, mode }
}

/** Whether the commands of an agent run in the sandbox. */
export const usesSandbox = (mode: SandboxMode, agentKey: string): boolean =>
  mode === 'all' || (mode === 'non-main' && agentKey !== 'main' && agentKey !== 'default')
