/** Pieces that several contract tables share. */
import { z } from 'zod'

/** Any UUID form, whatever its version says; ids are compared in lower case. */
export const uuid = z.guid().toLowerCase()
export const timestamp = z.iso.datetime({ offset: true })
export const epochMs = z.number().int()
export const json = z.looseObject({})
/** Lower-case letters, digits and inner hyphens. */
export const slugPattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/
export const slug = (max: number) => z.string().min(1).max(max).regex(slugPattern)
export const userId = z.string().max(255)
/** The `user` of an OpenAI request, which names a user where no header does; under the header's rules. */
export const openAiUser = userId.refine((id) => !/\p{Cc}/u.test(id), 'control characters')

export const idParams = z.object({ id: uuid.describe('Id of the resource') })

/**
 * A page position, for HTTP and WebSocket alike. A limit above the cap is the cap; zero, a negative or an unreadable one
 * is refused. An offset that makes no sense is 0.
 */
export const page = (defaultLimit: number, max: number) => ({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .overwrite((limit) => Math.min(limit, max))
    .default(defaultLimit)
    .describe(`Entries on a page, at most ${max}`),
  offset: z.coerce.number().int().min(0).catch(0).default(0).describe('Entries to skip'),
})
/** An optional query value that is dropped instead of refused when unreadable. */
export const lenient = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)

export const okString = z.object({ ok: z.literal('true') })
export const okBool = z.object({ ok: z.literal(true) })
export const statusIs = <const S extends string>(status: S) => z.object({ status: z.literal(status) })

export const usage = z
  .object({
    prompt_tokens: z.number().int(),
    completion_tokens: z.number().int(),
    total_tokens: z.number().int(),
    prompt_tokens_details: z
      .object({ cached_tokens: z.number().int() })
      .optional()
      .meta({ description: 'Those of the prompt that a cache gave back' }),
  })
  .meta({ id: 'Usage', description: 'Tokens of a turn' })
