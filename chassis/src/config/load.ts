import type { ConfigDefinition, ConfigOf, Setting } from './define.ts'

export interface ConfigFault {
  variable: string
  reason: string
}

/** Thrown with every fault of the configuration at once. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    super(['configuration is invalid:', ...faults.map((fault) => `  ${fault.variable}: ${fault.reason}`)].join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

export interface Resolved {
  variable: string
  value: unknown
  source: 'environment' | 'default'
  fault: string | undefined
}

/** One setting's value, where it came from, and what is wrong with it. An empty variable counts as unset. */
export const resolveSetting = (setting: Setting, env: NodeJS.ProcessEnv): Resolved => {
  const variable = setting.env.find((name) => env[name] !== undefined && env[name] !== '')
  const parsed = setting.schema.safeParse(variable === undefined ? undefined : env[variable])
  return {
    variable: variable ?? setting.env[0],
    value: parsed.data,
    source: variable === undefined ? 'default' : 'environment',
    fault: parsed.success ? undefined : parsed.error.issues.map((issue) => issue.message).join('; '),
  }
}

/**
 * Reads the configuration of several rooms from an environment.
 * @throws ConfigError naming every faulty variable
 */
export const loadConfigs = <const D extends Record<string, ConfigDefinition>>(
  definitions: D,
  env: NodeJS.ProcessEnv,
): { readonly [K in keyof D]: ConfigOf<D[K]> } => {
  const faults: ConfigFault[] = []
  const values = Object.entries(definitions).map(([room, definition]) => [
    room,
    Object.fromEntries(
      Object.entries(definition.settings).map(([key, setting]) => {
        const resolved = resolveSetting(setting, env)
        if (resolved.fault !== undefined) faults.push({ variable: resolved.variable, reason: resolved.fault })
        return [key, resolved.value]
      }),
    ),
  ])
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.fromEntries(values) as { readonly [K in keyof D]: ConfigOf<D[K]> }
}
