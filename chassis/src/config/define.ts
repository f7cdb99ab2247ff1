/** Configuration as data: each value is declared once, with its variable names, schema, default and meaning. */
import { z } from 'zod'

export interface Setting<T extends z.ZodType = z.ZodType> {
  /** Environment variable names, the first that is set wins. */
  env: readonly [string, ...string[]]
  /** Takes the text of the variable (undefined when unset) to the value. */
  schema: T
  about: string
  /** Masked wherever configuration is shown. */
  secret?: true
}

export interface ConfigDefinition<S extends Record<string, Setting> = Record<string, Setting>> {
  /** The room it configures, as shown in the documentation. */
  name: string
  settings: S
}

export type ConfigOf<D extends ConfigDefinition> = {
  readonly [K in keyof D['settings']]: z.output<D['settings'][K]['schema']>
}

/** Declares the configuration of one room. */
export const defineConfig = <const S extends Record<string, Setting>>(
  name: string,
  settings: S,
): ConfigDefinition<S> => ({
  name,
  settings,
})

/** A whole number given as text. */
export const integer = (fallback: number, min = 0, max = 2_147_483_647) =>
  z.coerce.number().int().min(min).max(max).default(fallback)
/** `true`, `1`, `yes` or `on`, and their opposites. */
export const flag = (fallback: boolean) => z.stringbool().default(fallback)
export const text = (fallback: string) => z.string().default(fallback)
/** Parts between commas, trimmed, empty ones dropped. */
export const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
