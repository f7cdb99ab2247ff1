/**
 * What handlers work with, derived from the contract's schemas: the same fields in camelCase, times as dates where that
 * is handier, optional fields absent, null or empty. The translation itself is `translate.ts`.
 */
import type { HttpOperation, ParamsOf } from '@clawmesh/contracts'
import type { z } from 'zod'

/** `display_name` -> `displayName`; other names stay. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? Head extends ''
    ? S
    : `${Head}${Capitalize<CamelCase<Tail>>}`
  : S

type Flat<T> = { [K in keyof T]: T[K] }
/** Objects that may hold fields beyond the declared ones are somebody's JSON: passed on as they are. */
type IsOpen<Config> = Config extends { out: infer Out } ? (string extends keyof Out ? true : false) : false

type OptionalKeys<Shape> = {
  [K in keyof Shape]: Shape[K] extends z.ZodOptional | z.ZodDefault ? K : never
}[keyof Shape]

/** What a handler may answer where the contract says `S`. */
export type ResponseShape<S> =
  S extends z.ZodOptional<infer Inner>
    ? ResponseShape<Inner> | null | undefined
    : S extends z.ZodNullable<infer Inner>
      ? ResponseShape<Inner> | null
      : S extends z.ZodDefault<infer Inner>
        ? ResponseShape<Inner> | undefined
        : S extends z.ZodArray<infer Element>
          ? readonly ResponseShape<Element>[]
          : S extends z.ZodISODateTime
            ? Date | string
            : S extends z.ZodDiscriminatedUnion<infer Options>
              ? ResponseShape<Options[number]>
              : S extends z.ZodObject<infer Shape, infer Config>
                ? IsOpen<Config> extends true
                  ? z.input<S>
                  : Flat<
                      {
                        [K in Exclude<keyof Shape, OptionalKeys<Shape>> as CamelCase<K & string>]: ResponseShape<
                          Shape[K]
                        >
                      } & {
                        [K in OptionalKeys<Shape> as CamelCase<K & string>]?: ResponseShape<Shape[K]>
                      }
                    >
                : S extends z.ZodType
                  ? z.input<S>
                  : never

/** What a handler is given where the contract says `S`, once it is validated. */
export type RequestShape<S> =
  S extends z.ZodOptional<infer Inner>
    ? RequestShape<Inner> | undefined
    : S extends z.ZodNullable<infer Inner>
      ? RequestShape<Inner> | null
      : S extends z.ZodDefault<infer Inner> | z.ZodPrefault<infer Inner> | z.ZodCatch<infer Inner>
        ? RequestShape<Inner>
        : S extends z.ZodArray<infer Element>
          ? RequestShape<Element>[]
          : S extends z.ZodDiscriminatedUnion<infer Options>
            ? RequestShape<Options[number]>
            : S extends z.ZodObject<infer Shape, infer Config>
              ? IsOpen<Config> extends true
                ? z.output<S>
                : Flat<
                    {
                      [K in Exclude<keyof Shape, OmittableKeys<Shape>> as CamelCase<K & string>]: RequestShape<Shape[K]>
                    } & {
                      [K in OmittableKeys<Shape> as CamelCase<K & string>]?: RequestShape<Shape[K]>
                    }
                  >
              : S extends z.ZodType
                ? z.output<S>
                : never

type OmittableKeys<Shape> = {
  [K in keyof Shape]: Shape[K] extends z.ZodType ? (undefined extends z.output<Shape[K]> ? K : never) : never
}[keyof Shape]

type ShapeOf<S, Otherwise> = S extends z.ZodType ? RequestShape<S> : Otherwise
/** The parts of a request as handlers are given them. */
export type ParamsShape<O extends HttpOperation> = ShapeOf<O['params'], ParamsOf<O>>
export type QueryShape<O extends HttpOperation> = ShapeOf<O['query'], Record<never, never>>
export type BodyShape<O extends HttpOperation> = ShapeOf<O['body'], undefined>
