import { MeshError, type Locale } from '@clawmesh/contracts'
import { z } from 'zod'

const localeErrors = { en: z.locales.en(), vi: z.locales.vi(), zh: z.locales.zhCN() }

/** One fault is told; of a list with thousands of them no more are looked for. zod's types do not name the option. */
const firstFault = { abortEarly: true }

/** Parses a value with a schema. @throws INVALID_REQUEST naming the first faulty field, in the reader's language */
export const validate = <T extends z.ZodType>(schema: T, value: unknown, locale: Locale): z.output<T> => {
  const parsed = schema.safeParse(value, { ...firstFault, error: localeErrors[locale].localeError })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new MeshError('INVALID_REQUEST', 'error.invalid_request', {
    field: issue.path.join('.') || 'body',
    reason: issue.message,
  })
}
