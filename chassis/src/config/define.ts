/** Configuration as data: each value is declared once, with its names, schema, default and meaning. */
import { homedir } from 'node:os'
import { z } from 'zod'

export interface Setting<T extends z.ZodType = z.ZodType> {
  /** Environment variable names, the first that is set wins. */
  env: readonly [string, ...string[]]
  /**
   * Its key in the configuration file, dots between the levels; default `<module>.<name in snake case>`. Several keys make
   * one object, whose fields have their last parts as names. False where the file has no say.
   */
  file?: string | readonly string[] | false
  /** Takes the value as JSON has it, undefined when it is set nowhere. The text of a variable is turned into that. */
  schema: T
  about: string
  /** Masked wherever configuration is shown. */
  secret?: true
  /** Follows the configuration file while the process runs. */
  live?: true
}

export interface ConfigDefinition<S extends Record<string, Setting> = Record<string, Setting>> {
  /** The module it configures, as shown in the documentation. */
  name: string
  settings: S
}

/** A value that may change while the process runs: it is asked for where it is used, and never kept. */
export type Live<T> = () => T

export type ConfigOf<D extends ConfigDefinition> = {
  readonly [K in keyof D['settings']]: D['settings'][K] extends { live: true }
    ? Live<z.output<D['settings'][K]['schema']>>
    : z.output<D['settings'][K]['schema']>
}

/** Declares the configuration of one module. */
export const defineConfig = <const S extends Record<string, Setting>>(
  name: string,
  settings: S,
): ConfigDefinition<S> => ({
  name,
  settings,
})

/** What is computed from a live value, anew only when that has changed. */
export const derived = <T, R>(live: Live<T>, compute: (value: T) => R): Live<R> => {
  let from = live()
  let result = compute(from)
  return () => {
    const value = live()
    if (value !== from) [from, result] = [value, compute(value)]
    return result
  }
}

/** A whole number. */
export const integer = (fallback: number, min = 0, max = 2_147_483_647) => z.int().min(min).max(max).default(fallback)
/** In a variable `true`, `1`, `yes` or `on`, and their opposites. */
export const flag = (fallback: boolean) => z.boolean().default(fallback)
export const text = (fallback: string) => z.string().default(fallback)
/** A folder; `~/` at its beginning is the user's own. */
export const folder = (fallback: string) => text(fallback).transform((path) => path.replace(/^~(?=\/|$)/, homedir))
/** Texts, trimmed, empty ones dropped; in a variable between commas. */
export const list = z
  .array(z.string())
  .default([])
  .transform((parts) => parts.map((part) => part.trim()).filter(Boolean))
