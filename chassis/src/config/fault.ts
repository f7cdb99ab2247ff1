export interface ConfigFault {
  /** The variable, or the file and the key in it. */
  where: string
  reason: string
}

/** Thrown with every fault of the configuration at once. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  constructor(faults: readonly ConfigFault[]) {
    super(['configuration is invalid:', ...faults.map(({ where, reason }) => `  ${where}: ${reason}`)].join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}
